"""How commands are carried, checked against the shell that Android ships."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from droidrack.adapters.adb_script import (
    SERVICE_LIMIT,
    V1_PREFIX,
    V2_PREFIX,
    Carriage,
    carry_v1,
    carry_v2,
    split_marked,
)
from droidrack.adapters.adb_wire import Kind, packet

MARK = b"d3adb33f"
MKSH = shutil.which("mksh")
needs_mksh = [
    pytest.mark.mksh,
    pytest.mark.skipif(MKSH is None, reason="mksh, Android's shell, is not installed"),
]


def run_v1(carriage: Carriage) -> tuple[bytes, int] | None:
    """What a v1 phone's shell makes of it."""
    assert MKSH is not None
    argv = [MKSH] if carriage.opening else [MKSH, "-c", carriage.service.removeprefix(V1_PREFIX)]
    ran = subprocess.run(argv, input=carriage.opening, capture_output=True, timeout=30, check=False)
    return split_marked(ran.stdout, carriage.mark)


def test_carry_v2_short_command_is_the_service_itself():
    """The phone's process list shows what was asked, and stdin is ended at once."""
    assert Carriage(b"shell,v2,raw:id", packet(Kind.CLOSE_STDIN)) == carry_v2(b"id", b"")


@pytest.mark.parametrize("carry", [carry_v2, lambda c, s: carry_v1(c, s, MARK)])
@pytest.mark.parametrize("size", [SERVICE_LIMIT - len(V2_PREFIX) + 1, 70_000])
def test_carry_long_command_never_names_a_long_service(carry, size):
    """A service longer than the phone's payload would abort the adb server."""
    carriage = carry(b"echo " + b"x" * (size - 5), b"")
    assert carriage.service in (V2_PREFIX + b"sh", V1_PREFIX + b"sh")
    assert b"x" * 1000 in carriage.opening


def test_carry_v2_command_at_the_limit_is_not_a_script():
    """The limit counts the prefix."""
    command = b"x" * (SERVICE_LIMIT - len(V2_PREFIX))
    assert V2_PREFIX + command == carry_v2(command, b"").service


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"\n" + MARK + b":0\n", (b"", 0)),
        (b"a\n\n" + MARK + b":255\n", (b"a\n", 255)),
        (b"a\r\r\n" + MARK + b":1\r\n", (b"a\r", 1)),
        (b"a\r\nb\r\n\r\n" + MARK + b":1\r\n", (b"a\nb\n", 1)),
        (b"a\r\n" + MARK + b":0\n", (b"a\r", 0)),
        (b"a" + MARK + b":0\n", None),
        (b"a\n" + MARK + b":0", None),
        (b"a\n" + MARK + b":$code\n", None),
        (b"a\n" + MARK + b":0\nmore\n", None),
        (b"", None),
    ],
)
def test_split_marked_only_the_whole_last_line_ends_a_command(output, expected):
    """Anything less than the marked line is no end, and nothing of the output is lost."""
    assert expected == split_marked(output, MARK)


class TestRealShell:
    """The same through mksh."""

    pytestmark = needs_mksh

    @settings(max_examples=40)
    @given(stdin=st.binary(max_size=300))
    def test_carry_v1_any_input_arrives_byte_for_byte(self, stdin):
        """NULs, quotes, backslashes and broken UTF-8 reach the command as they are."""
        assert (stdin, 0) == run_v1(carry_v1(b"cat", stdin, MARK))

    @pytest.mark.parametrize(
        ("command", "expected"),
        [
            (b"exit 3", (b"", 3)),
            (b"echo a # comment", (b"a\n", 0)),
            (b"printf a; false", (b"a", 1)),
            (b"cat", (b"", 0)),
            (b"echo a | cat; nosuchcommand 2>/dev/null", (b"a\n", 127)),
            (b"x=1\necho $x", (b"1\n", 0)),
            (b"echo 'no end", None),
        ],
    )
    def test_carry_v1_any_command_keeps_its_meaning(self, command, expected):
        """The wrapping changes neither output nor exit code; what has no end gets none."""
        assert expected == run_v1(carry_v1(command, b"", MARK))

    @pytest.mark.parametrize("size", [5_000, 100_000])
    def test_carry_v1_long_script_runs_whole(self, size):
        """A long command and its input arrive over the stdin of `sh`."""
        word, stdin = b"w" * size, b"in\0" * size
        command = b"printf '%s' " + word + b"; wc -c"
        seen = run_v1(carry_v1(command, stdin, MARK))
        assert (word + b"%d" % len(stdin), 0) == (seen and (seen[0].replace(b" ", b"").strip(), 0))

    def test_carry_v2_long_script_keeps_input_and_exit_code(self):
        """The script's own stdin is not what the command reads."""
        assert MKSH is not None
        carriage = carry_v2(b"cat; exit 9 #" + b"x" * 5_000, b"line'1\n\0\\")
        script, wire = b"", carriage.opening
        while wire[0] == Kind.STDIN:
            size = int.from_bytes(wire[1:5], "little")
            script, wire = script + wire[5 : 5 + size], wire[5 + size :]
        ran = subprocess.run([MKSH], input=script, capture_output=True, timeout=30, check=False)
        assert (b"line'1\n\0\\", 9) == (ran.stdout, ran.returncode)
