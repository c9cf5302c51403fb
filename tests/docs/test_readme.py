"""What README tells a reader to type exists."""

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from droidrack.faces.cli.main import main

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"

_BLOCK = re.compile(r"^```(?:sh|shell|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#\s]+)")


def typed() -> Iterator[list[str]]:
    """The command lines of README's shell blocks, as words; comments and prompts removed."""
    for block in _BLOCK.findall(README.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if words:
                yield words


def test_readme_shows_the_first_two_commands() -> None:
    """A newcomer meets the demonstration and the tests."""
    shown = {words[0].removeprefix("./") for words in typed()}

    assert {"scripts/demo", "scripts/test"} <= shown


def test_readme_scripts_exist_and_run() -> None:
    """Every script that README names is there and may be executed."""
    scripts = {
        words[0].removeprefix("./")
        for words in typed()
        if words[0].removeprefix("./").startswith(("scripts/", ".ci/"))
    }

    assert [] == [name for name in sorted(scripts) if not os.access(ROOT / name, os.X_OK)]


def test_readme_commands_are_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `droidrack …` line names a command, options and values that exist."""
    shutil.copy(ROOT / "devices.example.toml", tmp_path / "devices.toml")
    monkeypatch.chdir(tmp_path)
    lines = [words for words in typed() if Path(words[0]).name == "droidrack"]
    assert lines, "README shows no droidrack command"

    for words in lines:
        try:
            _understand(main, words[1:])
        except click.UsageError as error:
            pytest.fail(f"README: `{shlex.join(words)}`: {error.format_message()}")


def test_readme_links_lead_to_files() -> None:
    """Every link into the project leads somewhere."""
    links = _LINK.findall(README.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (ROOT / link).exists()]


def _understand(group: click.Group, words: list[str]) -> None:
    """Parse a line as the program would, down to the last command, without running it."""
    command: click.Command | None = group
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        command = command.get_command(click.Context(command), name)
        if command is None:
            raise click.UsageError(f"there is no command {name!r}")
    assert command is not None
    try:
        command.make_context(command.name, list(words)).close()
    except click.exceptions.Exit:
        return  # `--help` and `--version` end the parsing.
