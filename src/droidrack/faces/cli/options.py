"""Options and small forms that several commands share."""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError, RackError

if TYPE_CHECKING:
    from droidrack.core.settings import PhoneSettings, Settings

DEFAULT_CONFIG = "devices.toml"

config_option = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    show_default=True,
    envvar="DROIDRACK_CONFIG",
    help="The rack's configuration.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


def print_json(value: object) -> None:
    """One JSON document on stdout; text stays readable."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


PIPE_WIDTH = 240
"""Columns of a table that goes to a file or another program: one line per row, so that it greps."""


def plain(text: str) -> str:
    """A text that others wrote, on one line and without what a terminal would obey."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def note(event: str, /, **facts: object) -> None:
    """A `Tell` for commands that keep no log: one line on stderr. `Masked` facts stay masked."""
    told = ", ".join(f"{name} {plain(str(fact))}" for name, fact in facts.items())
    click.echo(f"Note: {event}{f' ({told})' if told else ''}", err=True)


def show_error(error: RackError) -> None:
    """Print an error to stderr for a person."""
    click.echo(f"Error [{error.code}]: {error.message}", err=True)
    for mistake in error.mistakes if isinstance(error, ConfigError) else ():
        click.echo(f"  - {mistake}", err=True)
    if error.hint:
        click.echo(f"Hint: {error.hint}", err=True)


def error_json(error: RackError) -> dict[str, str]:
    """An error in a command's JSON."""
    return {"code": error.code, "message": error.message, "hint": error.hint}


def phone_named(settings: "Settings", name: str) -> "PhoneSettings":
    """The configured phone of this name, or ConfigError with the names there are."""
    for phone in settings.phones:
        if phone.name == name:
            return phone
    names = ", ".join(phone.name for phone in settings.phones)
    raise ConfigError(f"no phone is called {plain(name)!r}", hint=f"the configuration has: {names}")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """A table on stdout; a column in which no row has anything is left out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    cells = [["" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    used = [any(row[i] for row in cells) or not cells for i in range(len(columns))]
    for column in compress(columns, used):
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, compress(row, used)))
    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


Command = Callable[..., Any]
