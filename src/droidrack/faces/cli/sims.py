"""`droidrack sims`: the panel's SIM rows, the cards they mean, and where the two drifted apart."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.codes import CODES
from droidrack.core.errors import BridgeDown, JournalBusy, RackError
from droidrack.core.selection import Selection
from droidrack.faces.cli import sim_changes
from droidrack.faces.cli.options import (
    config_option,
    json_option,
    note,
    phone_named,
    print_json,
    print_table,
)
from droidrack.faces.cli.selectors import chosen, selection_options
from droidrack.faces.cli.session import session_of
from droidrack.faces.cli.sim_changes import phone_option, row_of, row_options, said_of
from droidrack.faces.cli.sim_sync import sync

if TYPE_CHECKING:
    from droidrack.app.finding import Found
    from droidrack.app.handset import Handset
    from droidrack.app.sim_rows import SimLine
    from droidrack.app.world import World
    from droidrack.core.settings import PhoneSettings, Settings
    from droidrack.ports import HoldRecord

BRIEF_S = 2.0
"""How long `list` looks for phones: a list must come soon, an absent phone is shown as absent."""


@click.group()
def sims() -> None:
    """List, sync, create, update, delete and bind the panel's SIM rows.

    A row is the panel's record of a SIM slot. When it is first seen with a card in its slot it is
    bound to that card; from then on its messages leave on this card or not at all.
    """


# --- list -------------------------------------------------------------------------------------


@sims.command("list")
@config_option
@selection_options
@json_option
def list_(config: Path, selection: Selection, as_json: bool) -> None:
    """Compare the panel's rows, the cards they are bound to, and the cards in the phones.

    Works beside a running controller. For example:

        droidrack sims list --phone bay-1
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    phones = chosen(settings, selection, without="all")
    rows = asyncio.run(_list(settings, list(phones)))
    if as_json:
        print_json(rows)
        return
    print_table("SIM rows", list(rows[0]), [row.values() for row in rows])


async def _list(settings: "Settings", phones: list["PhoneSettings"]) -> list[dict[str, Any]]:
    from droidrack import compose
    from droidrack.app.finding import find

    async with compose.open_world(settings, note) as world:
        try:
            async with compose.open_buses(settings, note) as buses:
                found = await find(buses, phones, deadline_s=BRIEF_S)
                shown = [_phone_rows(world, phone, found[phone.name]) for phone in phones]
                return [row for rows in await asyncio.gather(*shown) for row in rows]
        except BridgeDown as error:
            note("no adb server answers: no card was looked at", why=error.message)
            error = BridgeDown("not asked: no adb server answers")
            shown = [_phone_rows(world, phone, error) for phone in phones]
            return [row for rows in await asyncio.gather(*shown) for row in rows]


async def _phone_rows(
    world: "World", phone: "PhoneSettings", found: "Found | RackError"
) -> list[dict[str, Any]]:
    """The lines of one phone; the first one says what kept it from being compared whole."""
    from droidrack import compose_journal
    from droidrack.app.finding import stored_session
    from droidrack.app.sim_rows import compare

    handset, troubles = await _met(world, found)
    known = stored_session(world.vault, await compose_journal.known_phones(world.settings), phone)
    device = handset.device if handset else known[0] if known else None
    session = world.vault.load(device) if device else None
    if session is None:
        troubles.append(f"not paired: `droidrack pair --phone {phone.name}`")
    held = await compose_journal.held_rows(world.settings, device) if device else {}
    lines = compare(
        session.sims if session else None,
        await compose_journal.bound_sims(world.settings, device) if device else None,
        handset.sims if handset else None,
    )
    if not lines and not troubles:
        troubles.append("no card and no row")
    head = {**dict.fromkeys(_KEYS), "phone": phone.name}
    first = [{**head, "drift": "; ".join(troubles)}] if troubles else []
    return [*first, *(_shown(phone, line, held.get(line.sim_uid)) for line in lines)]


async def _met(world: "World", found: "Found | RackError") -> tuple["Handset | None", list[str]]:
    from droidrack.app.handset import Handset

    if isinstance(found, RackError):
        return None, [found.message]
    try:
        return await Handset.meet(world, found), []
    except RackError as error:
        return None, [error.message]


_KEYS = ("phone", "slot", "row", "label", "active", "bound", "card", "held", "drift", "remedy")


def _shown(phone: "PhoneSettings", line: "SimLine", held: "HoldRecord | None") -> dict[str, Any]:
    return {
        "phone": phone.name,
        "slot": line.slot,
        "row": line.sim_uid or None,
        "label": line.label or None,
        "active": line.active,
        "bound": line.bound.masked() if line.bound else None,
        "card": line.card.masked() if line.card else None,
        "held": f"{held.code}: {held.detail}" if held else None,
        "drift": line.drift or None,
        "remedy": line.remedy or (CODES[held.code].remedy if held else None),
    }


# --- bind -------------------------------------------------------------------------------------


@sims.command()
@config_option
@phone_option
@row_options
def bind(config: Path, phone: str, slot: int | None, uid: str) -> None:
    """Bind a row to the card that is in its slot now.

    After a card was changed on purpose: until then the row's messages are held as SIM_CHANGED. The
    binding stands in the journal, so a running controller has to be stopped first. For example:

        droidrack sims bind --phone bay-1 --slot 0
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    asyncio.run(_bind(settings, phone_named(settings, phone), slot, uid))


async def _bind(settings: "Settings", phone: "PhoneSettings", slot: int | None, uid: str) -> None:
    from droidrack import compose, compose_journal
    from droidrack.app.finding import find
    from droidrack.app.handset import Handset
    from droidrack.app.sim_rows import rebind

    async with (
        compose.open_world(settings, note) as world,
        compose_journal.audited(settings, "sims bind", subject=phone.name) as act,
    ):
        act.device, session = await session_of(world, phone)
        row = row_of(phone, session, slot, uid)
        await _open_journal(world)
        try:
            async with compose.open_buses(settings, note) as buses:
                found = (await find(buses, [phone]))[phone.name]
                if isinstance(found, RackError):
                    raise found
                handset = await Handset.meet(world, found)
            before, now = await rebind(world, handset, row)
        finally:
            await world.journal.close()
        act.detail = f"{said_of(row)} means card {now}; before: {before}"
    click.echo(f"{phone.name}: SIM row {said_of(row)} means card {now} now; before: {before}")


async def _open_journal(world: "World") -> None:
    try:
        await world.journal.open()
    except JournalBusy as busy:
        busy.hint = "stop the controller, run this again, and start it: bindings are its own"
        raise


for command in (sync, sim_changes.create, sim_changes.update, sim_changes.delete):
    sims.add_command(command)
