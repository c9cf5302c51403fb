"""The real mksh behind virtual phones: quoting, streams and what is left behind."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from live_rack import LiveRack, StartRack, quick

from droidrack.core.card_check import MOVED, only_if, same_answer
from droidrack.core.shell import command_line, quote
from droidrack.virtual import shell_mksh
from droidrack.virtual.console import Console
from droidrack.virtual.shell_mksh import MkshShell, Relay, mksh_path

pytestmark = [
    pytest.mark.mksh,
    pytest.mark.skipif(
        mksh_path() is None,
        reason="mksh (Debian package `mksh`), Android's own shell, is not installed",
    ),
]

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80)
NASTY = (
    "it's",
    '"$(reboot)" `id` $HOME \\ \\\\',
    "line\nline\r\n\ttab ",
    "  blanks  ",
    "שלום \u200f עולם 🎉👨‍👩‍👧",
    "-n",
    "*?[a-z]{a,b}~",
    "",
    "#;&|<>!",
    "\u2028\ufeff\x7f\x01",
)


class Witness:
    """A tool `spy` on the first phone that keeps its arguments."""

    def __init__(self, rack: LiveRack) -> None:
        self.rack = rack
        self.calls: list[tuple[str, ...]] = []
        rack.phones[0].handset.toolbox.add("spy", self._spy)

    async def _spy(self, argv: Sequence[str], console: Console) -> int:
        self.calls.append(tuple(argv[1:]))
        return 0

    def heard(self, command: str, stdin: bytes = b"") -> tuple[str, ...]:
        """The arguments of the one `spy` that `command` runs."""
        self.calls.clear()
        done = self.rack.adb("shell", command, phone=self.rack.phones[0], stdin=stdin)
        assert done.returncode == 0, done.stderr
        (call,) = self.calls
        return call


@pytest.fixture
def witness(start_rack: StartRack) -> Witness:
    """A rack with a real shell and a witness in it."""
    return Witness(start_rack([quick(0, api=34)], shell="mksh"))


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(body=TEXTS)
def test_quoted_text_arrives_byte_for_byte(witness: Witness, body: str) -> None:
    """Any text, quoted once, reaches the model through the real shell unchanged."""
    assert (body, "end") == witness.heard(command_line(["spy", body, "end"]))


@pytest.mark.parametrize("body", NASTY)
def test_nasty_text_arrives_on_a_script_too(witness: Witness, body: str) -> None:
    """The same on the standard input of `sh`, as long texts travel."""
    script = command_line(["spy", body]).encode() + b"\n"
    assert (body,) == witness.heard("sh", script)


ANSWERS = (
    "Result: Parcel(00000000 00000002   '........')",
    "Result: Parcel(\n  0x00000000: 00000000 00000001 00000002 00000003 '................'\n"
    "  0x00000010: 00270024                            '$.\".'            )",
)


@pytest.mark.parametrize("answer", ANSWERS, ids=["one line", "a dump"])
def test_call_behind_a_check_is_made_on_the_same_answer_only(witness: Witness, answer: str) -> None:
    """The real shell compares what a slot answers; another answer runs nothing."""
    call = command_line(["spy", "it's", "$HOME"])
    printed = f"{command_line(['echo', answer])} && echo >&2 'WARNING: linker: unused DT entry'"
    question = f"eval {quote(printed)}"
    assert ("it's", "$HOME") == witness.heard(only_if(question, same_answer(f"{answer}\n"), call))
    witness.calls.clear()
    other = answer.replace("00000002", "00000003")
    phone = witness.rack.phones[0]
    done = witness.rack.adb("shell", only_if(question, other, call), phone=phone)
    assert (f"{MOVED}\n".encode(), []) == (done.stdout, witness.calls)


def test_hundred_kilobytes_arrive_in_a_script(witness: Witness) -> None:
    """A body far beyond the wire's limit for one command arrives whole."""
    body = "it's a 'long' text\n" * 5000
    assert (body,) == witness.heard("sh", command_line(["spy", body]).encode() + b"\n")


def test_wrong_quoting_is_not_forgiven(witness: Witness) -> None:
    """Naive double quotes lose what a real shell expands: the profile would catch it."""
    body = 'say "$HOME"'
    assert (body,) != witness.heard(f'spy "{body}"')


def test_tool_reads_standard_input_only_when_it_asks(witness: Witness) -> None:
    """A tool that reads nothing leaves the next line to the shell."""
    done = witness.rack.adb(
        "shell",
        'read -r a; spy; read -r b; echo "$b$a"; cat',
        phone=witness.rack.phones[0],
        stdin=b"1\n2\nrest",
    )
    assert done.stdout == b"21\nrest"


def test_files_are_the_phones_not_the_hosts(witness: Witness) -> None:
    """`cat`, built into mksh, is hidden: the phone has no /etc/passwd."""
    done = witness.rack.adb("shell", "cat /etc/passwd", phone=witness.rack.phones[0])
    assert done.returncode == 1
    assert b"No such file" in done.stderr


def test_model_answers_through_the_real_shell(witness: Witness) -> None:
    """Pipes and substitution work over the model's tools."""
    command = 'x=$(getprop ro.build.version.sdk); echo "api $x" | grep -c 34'
    assert witness.rack.adb("shell", command, phone=witness.rack.phones[0]).stdout == b"1\n"


def test_unknown_command_exits_127(witness: Witness) -> None:
    """The host's own programs are not on the phone's PATH."""
    done = witness.rack.adb("shell", "python3 -V", phone=witness.rack.phones[0])
    assert done.returncode == 127


def test_nothing_is_left_behind(start_rack: StartRack) -> None:
    """Closing a rack ends every shell and relay, even of commands still running."""
    rack = start_rack([quick(0, api=34)], shell="mksh")
    phone = rack.phones[0]
    rack.call(_begin_and_leave(rack))
    shell = phone.handset.shell
    assert isinstance(shell, MkshShell)
    assert shell.home is not None
    home = shell.home
    rack.call(rack.rack.__aexit__(None, None, None))
    assert not home.exists()
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and _uses(pid, home)]


async def _begin_and_leave(rack: LiveRack) -> None:
    """Start a long command and see that it has begun."""
    process = await asyncio.create_subprocess_exec(
        *rack.adb_words(rack.phones[0], "shell", "echo begun; sleep 60"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={"HOME": str(rack.home)},
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"begun\n"
    process.kill()
    await process.communicate()


def _uses(pid: str, home: Path) -> bool:
    """Whether a process has the shell's private directory in its environment."""
    try:
        return str(home).encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def test_python_relay_stands_in_without_a_compiler(
    start_rack: StartRack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no compiler is, the script relay carries arguments and streams just as well."""
    monkeypatch.setattr(shell_mksh, "compiler_path", lambda: None)
    relay: Relay = asyncio.run(shell_mksh.build_relay(tmp_path))
    rack = start_rack([quick(0, api=34)], shell="mksh", relay=relay)
    witness = Witness(rack)
    assert (NASTY[1], NASTY[2]) == witness.heard(command_line(["spy", NASTY[1], NASTY[2]]))
    done = rack.adb("shell", "cat; exit 3", phone=rack.phones[0], stdin=b"in")
    assert (3, b"in") == (done.returncode, done.stdout)
