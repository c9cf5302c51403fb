"""Quoting holds for every text."""

import shlex
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from droidrack.core.shell import command_line

MKSH = shutil.which("mksh")
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(TEXT, min_size=1))
def test_command_line_split_by_posix_rules_gives_argv_back(argv: list[str]) -> None:
    """Any POSIX word splitting returns the arguments."""
    assert argv == shlex.split(command_line(argv))


@pytest.mark.mksh
@pytest.mark.skipif(MKSH is None, reason="mksh, Android's shell, is not installed here")
@settings(max_examples=25)
@given(st.lists(TEXT, min_size=1, max_size=20))
def test_command_line_in_real_mksh_gives_argv_back(argv: list[str]) -> None:
    """Android's own shell sees the same arguments, byte for byte."""
    assert MKSH is not None
    line = command_line(("printf", "%s\\0", *argv))
    done = subprocess.run([MKSH, "-c", line], capture_output=True, check=True)
    assert "".join(f"{argument}\0" for argument in argv).encode() == done.stdout
