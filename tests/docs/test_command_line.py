"""The command line explains itself, and `--help` costs nothing."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from droidrack.faces.cli.main import main

HEAVY = (
    "adbutils",
    "alembic",
    "asyncio",
    "cryptography",
    "httpx",
    "pydantic",
    "rich",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uiautomator2",
    "uvicorn",
)


def commands(
    group: click.Command = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its path, groups included."""
    yield path, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None, f"`{name}` is listed but does not exist"
            yield from commands(command, (*path, name))


def test_help_every_command_explains_itself() -> None:
    """Each command has a sentence, each option and argument says what it is for."""
    silent = []
    for path, command in commands():
        if not (command.help or "").strip():
            silent.append(" ".join(path))
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help:
                silent.append(f"{' '.join(path)} {parameter.opts[0]}")

    assert [] == silent


def test_help_every_command_prints_it() -> None:
    """`--help` of every command works and names the command."""
    for path, command in commands():
        name = " ".join(("droidrack", *path))
        with click.Context(command, info_name=name) as context:
            assert command.get_help(context).startswith(f"Usage: {name}")


def test_help_list_agrees_with_the_commands() -> None:
    """The list that `droidrack --help` prints without importing names every command."""
    with click.Context(main, info_name="droidrack") as context:
        shown = main.get_help(context)

    for path, _ in commands():
        if path:
            assert path[0] in shown


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """The light commands import none of the libraries that only a running rack needs."""
    probe = (
        "import sys\n"
        "from droidrack.faces.cli.main import main\n"
        f"sys.argv = ['droidrack', *{arguments!r}]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        f"print('loaded:', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False
    )

    assert (0, "") == (answer.returncode, answer.stderr)
    assert "loaded: []" == answer.stdout.splitlines()[-1]
