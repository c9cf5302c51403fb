"""Options and small forms that several commands share."""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import click

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


def print_table(title: str, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """A table on stdout; a column in which no row has anything is left out."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    used = [any(row[i] for row in cells) or not cells for i in range(len(columns))]
    for column in compress(columns, used):
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*compress(row, used))
    Console().print(table)


Command = Callable[..., Any]
