"""`droidrack inbox`: the texts that arrived, while a controller runs too."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.ids import DeviceUuid
from droidrack.faces.cli.ledger import reveal_option
from droidrack.faces.cli.options import (
    Moment,
    config_option,
    json_option,
    phone_named,
    plain,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from droidrack.app.inbox_views import Wanted
    from droidrack.app.views import Shown
    from droidrack.core.settings import Settings
    from droidrack.ports import Journal

NOBODY = DeviceUuid("")
"""A phone that is configured and was never seen."""

FOLLOW_S = 1.0
"""How often `--follow` looks."""

_COLUMNS = ("received_at", "phone", "slot", "from", "text", "forwarded", "id")


@click.command()
@config_option
@click.option("--phone", default="", help="Only this phone's, by its name in devices.toml.")
@click.option("--sim", default="", help="Only to this card: its ICCID, or its last digits.")
@click.option(
    "--since",
    type=Moment(utc=True),
    help="Only texts seen since then: 30m, 2h, 7d, or a date in UTC such as 2030-01-31T08:00.",
)
@click.option(
    "--limit",
    default=50,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="At most so many, the newest.",
)
@click.option("--follow", is_flag=True, help="Go on with what arrives, until Ctrl-C.")
@reveal_option
@json_option
def inbox(
    config: Path,
    phone: str,
    sim: str,
    since: datetime | None,
    limit: int,
    follow: bool,
    reveal: bool,
    as_json: bool,
) -> None:
    """List the texts that arrived on the phones, the newest last.

    Works while a controller runs; it is the controller that reads the phones. Says on stderr which
    phones keep their texts from it. With --follow, --json prints one object per line. For example:

        droidrack inbox --phone bay-1 --since 2026-05-01 --reveal
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    if phone:
        phone_named(settings, phone)  # A name that is nobody's is the operator's mistake.
    asked = _Asked(phone, sim, since, limit)
    if follow:
        asyncio.run(_follow(settings, asked, reveal=reveal, as_json=as_json))
        return
    rows = asyncio.run(_rows(settings, asked, reveal=reveal))
    if as_json:
        print_json(list(rows))
    elif not rows:
        click.echo("No such texts.")
    else:
        columns = [name for name in _COLUMNS if name != "text" or reveal]
        print_table("Inbox (UTC)", columns, [_cells(row, columns) for row in rows])


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for."""

    phone: str
    sim: str
    since: datetime | None
    limit: int


async def _rows(settings: "Settings", asked: _Asked, *, reveal: bool) -> "tuple[Shown, ...]":
    from droidrack import compose_journal
    from droidrack.app import inbox_views

    async with compose_journal.observe_journal(settings) as journal:
        wanted = await _wanted(journal, settings, asked)
        return (await inbox_views.page(journal, wanted, reveal=reveal)).rows


async def _follow(settings: "Settings", asked: _Asked, *, reveal: bool, as_json: bool) -> None:
    from droidrack import compose_journal
    from droidrack.app import inbox_views

    columns = [name for name in _COLUMNS if name != "text" or reveal]
    async with compose_journal.observe_journal(settings) as journal:
        wanted = await _wanted(journal, settings, asked)
        last = 0
        while True:
            page = await inbox_views.page(journal, wanted, after=last, reveal=reveal)
            for row in page.rows:
                line = "  ".join(cell for cell in _cells(row, columns) if cell)
                click.echo(json.dumps(row, ensure_ascii=False) if as_json else plain(line))
            last = page.last
            await asyncio.sleep(FOLLOW_S)


async def _wanted(journal: "Journal", settings: "Settings", asked: _Asked) -> "Wanted":
    """The question in the journal's words. Says on stderr whose texts nobody sees."""
    from droidrack.app import inbox_views, views

    for name, reason in (await inbox_views.unread_phones(journal)).items():
        click.echo(f"{plain(name)}: inbound texts not available: {plain(reason)}", err=True)
    device = None
    if asked.phone:
        device = views.device_of(await journal.phones(), asked.phone) or NOBODY
    iccid = await inbox_views.card_named(journal, asked.sim) if asked.sim else None
    return inbox_views.Wanted(device, iccid, asked.since, asked.limit)


def _cells(row: "Shown", columns: Sequence[str]) -> list[str]:
    return [_cell(name, row[name]) for name in columns]


def _cell(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{endpoint}: {state}" for endpoint, state in value.items())
    text = "" if value is None else str(value)
    return text[:19] if name.endswith("_at") else text
