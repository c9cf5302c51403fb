"""Options and small forms that several commands share."""

import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

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


def the_one_of(options: str, *given: bool) -> None:
    """Refuse a command line that gives none, or several, of options that exclude each other."""
    if sum(given) > 1:
        raise click.UsageError(f"only one of {options} may be given")
    if not any(given):
        raise click.UsageError(f"one of {options} is needed")


def print_json(value: object) -> None:
    """One JSON document on stdout; text stays readable."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


YEARS = range(2000, 3000)
"""Of moments that are asked about: no record is older, and nothing overflows on either side."""


_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def foreseen(moment: datetime) -> str | None:
    """What is wrong with a moment's year; None for one that can be reckoned with."""
    if moment.year in YEARS:
        return None
    return f"expected a year from {YEARS[0]} to {YEARS[-1]}, seen {moment.year}"


class Moment(click.ParamType[datetime]):
    """A moment: an ISO date, with or without a time, or an age such as 2h."""

    name = "moment"

    def __init__(self, *, utc: bool = False) -> None:
        """`utc`: of a date without a zone; it is this host's otherwise."""
        self._utc = utc

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value)
        if ago := _AGO.fullmatch(text):
            age = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            now = datetime.now(UTC)
            if age > now - datetime(YEARS[0], 1, 1, tzinfo=UTC):
                self.fail(f"{text!r} goes back beyond {YEARS[0]}: give a shorter age", param, ctx)
            return now - age
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is neither a date nor an age such as 30m, 2h or 7d", param, ctx)
        if wrong := foreseen(moment):
            self.fail(wrong, param, ctx)
        if moment.tzinfo:
            return moment
        return moment.replace(tzinfo=UTC) if self._utc else moment.astimezone()


class Country(click.ParamType[str]):
    """A country in which numbers are read; small letters do as well."""

    name = "country"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from droidrack.core.numbering import country_fault

        country = str(value).upper()
        if country and (wrong := country_fault(plain(country))):
            self.fail(wrong, param, ctx)
        return country


def unwritable(path: Path, error: OSError) -> ConfigError:
    """A place of the command line that takes no file, as the operator's mistake."""
    return ConfigError(
        f"{path}: {(error.strerror or 'cannot be written').lower()}",
        hint="name a place that exists and that you may write",
    )


def open_private(path: Path) -> TextIO:
    """Open a text file to write, for its owner's eyes only, also if it was there before.

    Raises:
        OSError: it cannot be written.
    """
    stream = os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", -1, "utf-8"
    )
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):  # A device keeps the mode that all rely on.
        os.fchmod(stream.fileno(), 0o600)
    return stream


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder for what a command writes, or see that the one that is there takes files.

    Raises:
        ConfigError: it cannot be made or written.
    """
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as exc:
        raise unwritable(path, exc) from exc
    if not os.access(path, os.W_OK | os.X_OK):
        raise unwritable(path, PermissionError(13, "Permission denied"))


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


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Iterable[object]],
    *,
    whole: Sequence[str] = (),
    worth: Sequence[str] = (),
) -> None:
    """A table on stdout; a column in which no row has anything is left out.

    `whole`: columns that are never broken over lines, however narrow the terminal is. `worth`:
    columns that stand where they have room, those first that say most.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    cells = [["" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    used = [any(row[i] for row in cells) or not cells for i in range(len(columns))]
    wide = {
        column: max(len(column), *(Text(row[i]).cell_len for row in cells), 0)
        for i, column in enumerate(columns)
        if used[i]
    }
    shown = _with_room(wide, whole, worth, console.width)
    if whole:  # Where even they have no room the terminal breaks the lines, and no cell.
        console.width = max(console.width, _table_width(shown.values()))
    table = Table(title=title, title_justify="left")
    for column in wide:
        if column in shown:
            table.add_column(column, overflow="fold", no_wrap=column in whole)
    for row in cells:
        table.add_row(*map(Text, compress(row, [column in shown for column in columns])))
    console.print(table)
    if left := [column for column in wide if column not in shown]:
        click.echo(f"Too narrow for {', '.join(left)}: --json has them.")


LEAST = 16
"""Columns that a long text gets, over several lines, before others stand beside it."""


def _with_room(
    wide: Mapping[str, int], whole: Sequence[str], worth: Sequence[str], width: int
) -> dict[str, int]:
    """The columns that a table of this width shows, with what each needs at least."""
    taken = {
        column: size if column in whole else min(size, LEAST)
        for column, size in wide.items()
        if column not in worth
    }
    for column in worth:
        if column in wide and _table_width([*taken.values(), wide[column]]) <= width:
            taken[column] = wide[column]
    return taken


def _table_width(columns: Iterable[int]) -> int:
    """Of a table with columns of these widths: each has two blanks and a line."""
    return 1 + sum(size + 3 for size in columns)


Command = Callable[..., Any]
