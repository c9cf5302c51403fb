"""`droidrack messages` and `droidrack why`: what the journal holds, while a controller runs too."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.errors import RackError
from droidrack.core.message import MessageState
from droidrack.core.report import from_bench
from droidrack.core.selection import Selection
from droidrack.faces.cli.options import (
    config_option,
    json_option,
    plain,
    print_json,
    print_table,
)
from droidrack.faces.cli.selectors import chosen, filter_options

if TYPE_CHECKING:
    from droidrack.app.audit_views import Said
    from droidrack.app.views import Shown
    from droidrack.core.ids import DeviceUuid
    from droidrack.core.settings import Settings
    from droidrack.ports import HoldRecord, Life

Names = dict["DeviceUuid", str]

reveal_option = click.option(
    "--reveal", is_flag=True, help="Show numbers and texts; without it numbers are masked."
)


@click.command()
@config_option
@filter_options
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in MessageState]),
    help="Only messages in this state; may be given several times.",
)
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="At most so many, the newest.",
)
@reveal_option
@json_option
def messages(
    config: Path,
    selection: Selection,
    states: tuple[str, ...],
    limit: int,
    reveal: bool,
    as_json: bool,
) -> None:
    """List the journal's messages, the newest first.

    Works while a controller runs. For example, what went wrong on one phone:

        droidrack messages --phone bay-1 --state failed --state unknown
    """
    from droidrack import compose
    from droidrack.app import views

    settings = compose.load_settings(config)
    wanted = tuple(MessageState(state) for state in states)
    lives, names = asyncio.run(_messages(settings, selection, wanted, limit))
    rows = [views.summary(life, names, reveal=reveal) for life in lives]
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("No such messages.")
    else:
        _print_rows(rows, reveal=reveal)


def _print_rows(rows: list["Shown"], *, reveal: bool) -> None:
    columns = [key for key in rows[0] if key != "text" or reveal]
    short = [{**row, "received_at": str(row["received_at"])[:19]} for row in rows]
    print_table(
        "Messages (UTC)",
        columns,
        [[row[key] for key in columns] for row in short],
        whole=("phone", "state", "uid"),
        worth=("received_at", "code", "told", "to", "attempts", "slot", "segments"),
    )


async def _messages(
    settings: "Settings", selection: Selection, states: tuple[MessageState, ...], limit: int
) -> tuple[tuple["Life", ...], Names]:
    from droidrack import compose_journal
    from droidrack.app import views

    async with compose_journal.observe_journal(settings) as journal:
        records = await journal.phones()
        names = views.phone_names(records)
        if not selection:
            return await journal.messages(states=states, limit=limit), names
        lives: list[Life] = []
        for phone in _named(settings, selection, set(names.values())):
            device = views.device_of(records, phone)
            if device is not None:  # A phone of the file that never worked has none.
                lives += await journal.messages(device=device, states=states, limit=limit)
        lives.sort(key=lambda life: life.message.received_at, reverse=True)
        return tuple(lives[:limit]), names


def _named(settings: "Settings", selection: Selection, known: set[str]) -> Sequence[str]:
    """The chosen phones' names; one that left the file and is in the journal may be named, too."""
    by_name = selection.phones and not (selection.groups or selection.labels)
    if by_name and known.union(p.name for p in settings.phones).issuperset(selection.phones):
        return selection.phones
    return [phone.name for phone in chosen(settings, selection)]


@click.command()
@click.argument("uid")
@config_option
@reveal_option
@json_option
def why(uid: str, config: Path, reveal: bool, as_json: bool) -> None:
    """Tell the whole life of message UID, with its proof: states, attempts, witnesses, reports.

    UID is the panel's; `droidrack messages` lists them. Works while a controller runs. For example:

        droidrack why 7f3a9c21
    """
    from droidrack import compose
    from droidrack.app import views

    settings = compose.load_settings(config)
    life, names, holds, said = asyncio.run(_life(settings, uid))
    if as_json:
        print_json(views.whole(life, names, reveal=reveal, holds=holds, said=said))
    else:
        print_life(life, names, reveal=reveal, holds=holds, said=said)


async def _life(
    settings: "Settings", uid: str
) -> tuple["Life", Names, tuple["HoldRecord", ...], tuple["Said", ...]]:
    from droidrack import compose_journal
    from droidrack.app import views
    from droidrack.app.audit_views import said_of
    from droidrack.core.ids import MessageUid

    async with compose_journal.observe_journal(settings) as journal:
        life = await journal.life(MessageUid(uid))
        if life is None:
            raise RackError(
                f"the journal holds no message {plain(uid)}",
                hint="the panel never offered it to this rack, or it is older than the journal "
                "keeps; `droidrack messages` lists what is there",
            )
        names = views.phone_names(await journal.phones())
        return life, names, await journal.usage.holds(), await said_of(journal.audit, life)


def print_life(
    life: "Life",
    names: Names,
    *,
    reveal: bool,
    holds: tuple["HoldRecord", ...] = (),
    said: tuple["Said", ...] = (),
) -> None:
    """A message's life as text. `holds`: the SIM rows that are held; `said`: what the door said."""
    from droidrack.app import views

    facts = views.whole(life, names, reveal=reveal, holds=holds, said=said)
    click.secho(f"{plain(life.message.uid)}: {life.state.value} {life.code}".rstrip(), bold=True)
    if facts["meaning"]:
        click.echo(f"  {facts['meaning']} ({facts['code_kind']})")
        click.echo(f"  What to do: {facts['remedy']}")
    waits = facts["waits_for"]
    if isinstance(waits, dict):
        since = str(waits["since"])[:16].replace("T", " ")
        click.echo(f"  It waits: {waits['code']}: {plain(str(waits['detail']))} (since {since}Z)")
        click.echo(f"  What to do: {waits['remedy']}")
    for key in ("phone", "device", "sim", "to", "text", "priority", "received_at", "valid_until"):
        if facts[key] is not None:
            click.echo(f"  {key.replace('_', ' '):<12} {plain(str(facts[key]))}")
    click.echo("Life")
    for entry in views.timeline(life, reveal=reveal, said=said):
        at = entry.at.isoformat(" ", "milliseconds")[:23]
        click.echo(f"  {at}Z  {entry.kind:<8}  {plain(entry.text)}")
    click.echo("Reports to the panel")
    none = "none: it was sent from a bench" if from_bench(life.message.uid) else "none is owed yet"
    for line in views.report_lines(life) or (none,):
        click.echo(f"  {plain(line)}")
