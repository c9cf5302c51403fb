"""`droidrack optout`: who asked for no more messages, while a controller runs too."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.errors import ConfigError
from droidrack.core.words import counted
from droidrack.faces.cli.ledger import reveal_option
from droidrack.faces.cli.options import (
    Country,
    config_option,
    json_option,
    note,
    open_private,
    print_json,
    print_table,
    unwritable,
)

if TYPE_CHECKING:
    from droidrack.core.ids import Msisdn
    from droidrack.core.optout import OptOut
    from droidrack.core.settings import Settings
    from droidrack.ports.optouts import OptOuts

PAGE = 500
"""Entries read at a time."""

MISTAKES_SHOWN = 20
"""Of a file that is not taken."""

country_option = click.option(
    "--country",
    default="",
    type=Country(),
    metavar="XX",
    help="What numbers without + are read in: ISO 3166, two capitals.",
)


@click.group()
def optout() -> None:
    """The opt-out list: numbers that get no more messages, on no SIM of the site.

    A running controller asks it before every call, so a change counts at once. A recipient's own
    STOP is added by the controller.
    """


@optout.command()
@click.argument("numbers", nargs=-1, required=True)
@config_option
@country_option
@click.option("--note", default="", help="Why, for whoever reads the list later.")
def add(numbers: tuple[str, ...], config: Path, country: str, note: str) -> None:
    """Put NUMBERS on the list.

    The process list of this host shows them; `droidrack optout import -` reads them from stdin.
    For example:

        droidrack optout add +15550100001 --note "asked by phone"
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    added = asyncio.run(_add(settings, [_read(number, country) for number in numbers], note))
    click.echo(f"{added} added, {len(numbers) - added} on the list already.")


async def _add(settings: "Settings", numbers: list["Msisdn"], note: str) -> int:
    from droidrack import compose, compose_journal
    from droidrack.core.optout import OptOut, OptOutSource

    added = 0
    for number in numbers:
        async with (
            compose_journal.audited(settings, "optout add", number=number) as act,
            compose_journal.open_optouts(settings) as optouts,
        ):
            entry = OptOut(number, compose.host_clock().now(), OptOutSource.OPERATOR, note)
            new = await optouts.add([entry])
            act.detail = "" if new else "it was on the list already"
        added += new
    return added


@optout.command()
@click.argument("numbers", nargs=-1, required=True)
@config_option
@country_option
def remove(numbers: tuple[str, ...], config: Path, country: str) -> None:
    """Take NUMBERS off the list: only when their owners ask for messages again.

    For example:

        droidrack optout remove +15550100001
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    gone = asyncio.run(_remove(settings, [_read(number, country) for number in numbers]))
    click.echo(f"{gone} removed, {len(numbers) - gone} not on the list.")


async def _remove(settings: "Settings", numbers: list["Msisdn"]) -> int:
    from droidrack import compose_journal

    gone = 0
    for number in numbers:
        async with (
            compose_journal.audited(settings, "optout remove", number=number) as act,
            compose_journal.open_optouts(settings) as optouts,
        ):
            listed = await optouts.remove(number)
            act.detail = "" if listed else "it was not on the list"
        gone += listed
    return gone


@optout.command("list")
@config_option
@reveal_option
@json_option
def list_(config: Path, reveal: bool, as_json: bool) -> None:
    """List the numbers, since when, by whom and why.

    For example:

        droidrack optout list --reveal
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    rows = [_row(entry, reveal=reveal) for entry in asyncio.run(_all(settings))]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("Nobody is on the list.")
    else:
        print_table(f"Opt-outs: {len(rows)} (UTC)", list(rows[0]), [row.values() for row in rows])


def _row(entry: "OptOut", *, reveal: bool) -> dict[str, str]:
    return {
        "number": entry.number.reveal() if reveal else entry.number.masked(),
        "since": entry.since.isoformat(timespec="seconds"),
        "source": entry.source.value,
        "note": entry.note,
        "confirmed by": entry.confirmation or "",
    }


@optout.command("import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@config_option
@country_option
def import_(file: Path, config: Path, country: str) -> None:
    """Put the numbers of FILE (`-`: stdin) on the list; all of them, or none if one is wrong.

    One number per line, or comma-separated `number,since,source,note` as `export` writes it. What
    is on the list already stays as it is. For example:

        droidrack optout import do-not-text.csv --country DE
    """
    from droidrack import compose
    from droidrack.core.optout_file import parse_listing

    settings = compose.load_settings(config)
    found = parse_listing(_text_of(file), country, compose.host_clock().now())
    if found.mistakes:
        raise ConfigError(
            f"{file}: {counted(len(found.mistakes), 'mistake')}; nothing was added",
            mistakes=found.mistakes[:MISTAKES_SHOWN],
            hint="correct them; numbers without + need --country",
        )
    added = asyncio.run(_import(settings, file, found.entries))
    click.echo(f"{added} added, {len(found.entries) - added} on the list already.")


async def _import(settings: "Settings", file: Path, entries: tuple["OptOut", ...]) -> int:
    from droidrack import compose_journal

    async with (
        compose_journal.audited(settings, "optout import", subject=file.name) as act,
        compose_journal.open_optouts(settings) as optouts,
    ):
        added = await optouts.add(entries)
        act.detail = f"{added} of {len(entries)} numbers added"
    return added


@optout.command()
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File to write, for your eyes only; `-`: stdout. The numbers stand in it as they are.",
)
@config_option
def export(output: Path, config: Path) -> None:
    """Write the list as comma-separated values, as `import` reads them.

    For example:

        droidrack optout export --output do-not-text.csv
    """
    from droidrack import compose
    from droidrack.core.optout_file import COLUMNS, written

    settings = compose.load_settings(config)
    entries = asyncio.run(_all(settings))
    text = ",".join(COLUMNS) + "\n" + written(entries)
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        with open_private(output) as stream:
            stream.write(text)
    except OSError as exc:
        raise unwritable(output, exc) from exc
    click.echo(f"{counted(len(entries), 'number')} written to {output}.")


async def _all(settings: "Settings") -> tuple["OptOut", ...]:
    from droidrack import compose_journal

    if not compose_journal.has_journal(settings):
        note("there is no journal yet: is it the right state_dir?", state_dir=settings.state_dir)
        return ()
    async with compose_journal.observe_journal(settings) as journal:
        return tuple([entry async for entry in _entries(journal.optouts)])


async def _entries(optouts: "OptOuts") -> AsyncIterator["OptOut"]:
    after: Msisdn | None = None
    while page := await optouts.entries(after=after, limit=PAGE):
        for entry in page:
            yield entry
        after = page[-1].number


def _read(number: str, country: str) -> "Msisdn":
    """A number of the command line as the list knows it."""
    from droidrack.core.ids import Msisdn
    from droidrack.core.numbering import Unreadable, read_number

    reading = read_number(Msisdn(number), country)
    if isinstance(reading, Unreadable):
        masked = Msisdn(number).masked()
        hint = "write it with + and country code, or as it is dialled within --country"
        raise ConfigError(f"{masked}: {reading.code}: {reading.detail}", hint=hint)
    return reading.canonical


def _text_of(file: Path) -> str:
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return content.decode("utf-8")
    except OSError as exc:
        raise ConfigError(f"{file}: {(exc.strerror or 'cannot be read').lower()}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{file}: not UTF-8", hint="save it as UTF-8") from exc
