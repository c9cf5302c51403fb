"""Quoting for the phone's shell."""

import shutil
import subprocess

import pytest

from droidrack.core.shell import command_line, quote

MKSH = shutil.which("mksh")

NASTY = (
    "",
    " ",
    "it's",
    "''",
    '"$HOME" `id` $(id)',
    "a\nb\tc\r",
    "\\n \\' \\",
    "-h",
    "# not a comment",
    "* ? [a] {b,c} ~ !x ; & | > <",
    "\N{ZERO WIDTH JOINER}\N{RIGHT-TO-LEFT MARK}\N{PILE OF POO}é",
    "\x01\x1b[31m\x7f",
    "trailing \n\n",
)


def test_quote_of_plain_word_is_the_word() -> None:
    """Words without special characters stay readable."""
    assert "isms" == quote("isms")


def test_quote_of_apostrophe_closes_and_reopens() -> None:
    """An apostrophe is set in double quotes between two single-quoted pieces."""
    assert "'it'\"'\"'s'" == quote("it's")


def test_quote_of_empty_string_is_a_word() -> None:
    """An empty argument does not disappear."""
    assert "''" == quote("")


def test_quote_of_nul_is_refused() -> None:
    """NUL would cut the argument silently."""
    with pytest.raises(ValueError, match="NUL"):
        quote("a\0b")


def test_command_line_of_nothing_is_refused() -> None:
    """An empty line would start an interactive shell."""
    with pytest.raises(ValueError, match="command"):
        command_line(())


@pytest.mark.mksh
@pytest.mark.skipif(MKSH is None, reason="mksh, Android's shell, is not installed here")
@pytest.mark.parametrize("text", NASTY)
def test_quote_in_real_mksh_arrives_unchanged(text: str) -> None:
    """Android's own shell hands the exact text to the command."""
    assert MKSH is not None
    line = command_line(("printf", "%s", text))
    done = subprocess.run([MKSH, "-c", line], capture_output=True, check=True)
    assert text.encode() == done.stdout
