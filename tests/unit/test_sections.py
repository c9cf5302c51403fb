"""Several questions in one round trip: what each command printed comes back as it was."""

import asyncio
import random
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from droidrack.core.sections import Section, script, split
from droidrack.core.shell import command_line
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.console import CapturedConsole, Console
from droidrack.virtual.handset import Handset
from droidrack.virtual.phone import VirtualPhone

MARK = "droidrack00c0ffee"
NOON = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)
MKSH = shutil.which("mksh")

Said = Mapping[str, tuple[str, int]]
"""Section name → what its command prints, and its exit code."""

SAYINGS: list[Said] = [
    {"one": ("whole line\n", 0)},
    {"one": ("no line end", 0)},
    {"one": ("", 3)},
    {"one": ("\n", 0), "two": ("\n\n", 1), "three": ("", 0)},
    {"a.b_c1": ("first\nsecond", 255), "z": ("third\n", 0)},
    {"one": (f"{MARK}\n", 0), "two": (f"{MARK}:\n{MARK}:two\n{MARK}:two:x:\n", 0)},
    {"one": (f"text {MARK}:one:0: in the middle of a line\n", 7), "two": ("2", 0)},
    {"one": ("another00c0ffee:one:0:\n", 0)},
    {"one": ("bidi שלום 🚚 $(id) `id` ' \" \\ \t\r\n", 0)},
]


def expected(said: Said) -> dict[str, Section]:
    """The sections that a faithful answer has."""
    return {name: Section(text, code) for name, (text, code) in said.items()}


@pytest.mark.parametrize("said", SAYINGS)
def test_sections_through_the_built_in_shell_come_back(said: Said) -> None:
    """Text and exit code of every command, unfinished lines and look-alikes of marks included."""
    commands = {name: f"say {name}" for name in said}
    assert expected(said) == split(in_process(script(commands, MARK), said), MARK)


@pytest.mark.mksh
@pytest.mark.skipif(MKSH is None, reason="mksh, Android's shell, is not installed here")
@pytest.mark.parametrize("said", SAYINGS)
def test_sections_through_real_mksh_come_back(said: Said) -> None:
    """The same in Android's own shell."""
    assert MKSH is not None
    commands = {
        name: command_line([MKSH, "-c", f"{command_line(['printf', '%s', text])}; exit {code}"])
        for name, (text, code) in said.items()
    }
    answer = in_mksh(MKSH, script(commands, MARK))
    assert b"" == answer.stderr
    assert expected(said) == split(answer.stdout.decode(), MARK)


@pytest.mark.mksh
@pytest.mark.skipif(MKSH is None, reason="mksh, Android's shell, is not installed here")
def test_sections_hold_standard_error_and_spare_standard_input() -> None:
    """A refusal on stderr is part of its section; no command eats the rest of the script."""
    assert MKSH is not None
    commands = {"deaf": "cat", "unknown": "no-such-tool", "last": "echo here"}
    answer = in_mksh(MKSH, script(commands, MARK))
    found = split(answer.stdout.decode(), MARK)
    assert Section("", 0) == found["deaf"]
    assert 127 == found["unknown"].exit_code
    assert "no-such-tool" in found["unknown"].text
    assert Section("here\n", 0) == found["last"]


def test_cut_answer_keeps_the_sections_before_the_cut() -> None:
    """Wherever an answer ends, what is returned is whole and what is not whole is absent."""
    said: Said = {"one": ("first\n", 0), "two": ("second\n", 1)}
    whole = in_process(script({name: f"say {name}" for name in said}, MARK), said)
    for length in range(len(whole) + 1):
        found = split(whole[:length], MARK)
        assert found.items() <= expected(said).items()
    assert {} == split("", MARK)


def test_answer_with_another_mark_has_no_sections() -> None:
    """A stale answer to an earlier script is nobody's."""
    said: Said = {"one": ("first\n", 0)}
    whole = in_process(script({"one": "say one"}, MARK), said)
    assert {} == split(whole, "droidrack0badcafe")


def in_process(text: str, said: Said) -> str:
    """What the built-in shell prints for a script whose tool `say` prints what was said."""
    model = VirtualPhone(make_spec(13), wall=lambda: NOON, dice=random.Random(1))
    handset = Handset(model)

    async def say(argv: list[str], console: Console) -> int:
        words, code = said[argv[1]]
        await console.stdout(words.encode())
        return code

    handset.toolbox.add("say", say)

    async def main() -> str:
        console = CapturedConsole(b"")
        try:
            await handset.shell.run(text.encode(), console)
        finally:
            await handset.close()
        return bytes(console.out).decode()

    return asyncio.run(main())


def in_mksh(mksh: str, text: str) -> "subprocess.CompletedProcess[bytes]":
    """Feed a script to the real shell, as to a phone's."""
    return subprocess.run([mksh], input=text.encode(), capture_output=True, check=False)
