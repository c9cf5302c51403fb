"""`droidrack events`: what happened to the rack, from the journal."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.selection import Selection
from droidrack.faces.cli.options import (
    Moment,
    config_option,
    json_option,
    note,
    plain,
    print_json,
)
from droidrack.faces.cli.selectors import chosen, filter_options

if TYPE_CHECKING:
    from droidrack.core.settings import Settings
    from droidrack.ports import Event, Journal

FOLLOW_S = 1.0
"""How often a follower asks: one short read of the journal."""

AT_ONCE = 1000


@click.command()
@config_option
@filter_options
@click.option(
    "--since",
    type=Moment(),
    help="Not older than this: 30m, 2h, 7d, or a date such as 2030-01-31T08:00.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new events until interrupted.")
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="At most so many, the newest.",
)
@json_option
def events(
    config: Path,
    selection: Selection,
    since: datetime | None,
    follow: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List events: changes of state, alarms, acts of people. The newest stand last.

    Works while a controller runs, and without one. With `--follow` JSON comes as one line per
    event. Events are kept as long as messages are (`retention_days`).

        droidrack events --phone bay-1 --since 2h
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    names = [phone.name for phone in chosen(settings, selection)] if selection else []
    asyncio.run(_events(settings, names, since, limit=limit, follow=follow, as_json=as_json))


async def _events(
    settings: "Settings",
    phones: Sequence[str],
    since: datetime | None,
    *,
    limit: int,
    follow: bool,
    as_json: bool,
) -> None:
    from droidrack import compose_journal

    if not compose_journal.has_journal(settings) and not follow:
        note("there is no journal yet: is it the right state_dir?", state_dir=settings.state_dir)
        _print((), as_json=as_json, follow=False)
        return
    async with compose_journal.observe_journal(settings) as journal:
        found = await _named(journal, await journal.events(limit=limit, phones=phones, since=since))
        _print(found, as_json=as_json, follow=follow)
        if follow:
            await _follow(journal, phones, found[-1].id if found else 0, as_json=as_json)


async def _follow(journal: "Journal", phones: Sequence[str], after: int, *, as_json: bool) -> None:
    while True:
        await asyncio.sleep(FOLLOW_S)
        found = await journal.events(limit=AT_ONCE, phones=phones, after=after)
        if found:
            after = found[0].id
            _print(await _named(journal, found), as_json=as_json, follow=True)


async def _named(journal: "Journal", found: "tuple[Event, ...]") -> "tuple[Event, ...]":
    """The events, oldest first; one that knows its device only gets the phone's name."""
    from dataclasses import replace

    names = {record.device: record.name for record in await journal.phones()}
    return tuple(
        replace(event, phone=event.phone or (names.get(event.device, "") if event.device else ""))
        for event in reversed(found)
    )


def _print(found: "tuple[Event, ...]", *, as_json: bool, follow: bool) -> None:
    if as_json and not follow:
        print_json([_json(event) for event in found])
        return
    for event in found:
        click.echo(json.dumps(_json(event), ensure_ascii=False) if as_json else _line(event))


def _json(event: "Event") -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at.isoformat(),
        "phone": event.phone or None,
        "device": event.device,
        "kind": event.kind,
        "text": event.text,
    }


def _line(event: "Event") -> str:
    at = event.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{at}  {event.phone or '-':<16} {event.kind:<14} {plain(event.text)}"
