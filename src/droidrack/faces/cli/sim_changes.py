"""`droidrack sims create`, `update` and `delete`: changes of the panel's SIM rows."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from droidrack.core.errors import ConfigError, PanelRefused
from droidrack.faces.cli.options import Country, config_option, note, phone_named, plain
from droidrack.faces.cli.session import session_of

if TYPE_CHECKING:
    from droidrack.app.world import World
    from droidrack.core.settings import PhoneSettings, Settings
    from droidrack.ports import PanelSim, StoredSession

Command = TypeVar("Command", bound=Callable[..., Any])

phone_option = click.option(
    "--phone", required=True, help="The phone, by its name in devices.toml."
)

country_option = click.option(
    "--country",
    default="",
    type=Country(),
    metavar="XX",
    help="ISO 3166, two capitals; else the one of devices.toml.",
)


def row_options(command: Command) -> Command:
    """Which row is meant: by its slot, or by its uid where a slot has several."""
    command = click.option("--slot", type=click.IntRange(0, 3), help="The row of this slot.")(
        command
    )
    return click.option("--sim", "uid", default="", help="The row with this uid.")(command)


@click.command()
@config_option
@phone_option
@click.option("--slot", required=True, type=click.IntRange(0, 3), help="Slot, counted from 0.")
@click.option("--label", default="", help="As the panel shows it; else devices.toml's, or SIM n.")
@country_option
def create(config: Path, phone: str, slot: int, label: str, country: str) -> None:
    """Create the panel's row for a slot that has none.

    A running controller knows it within 5 s and binds it to the card in the slot. For example:

        droidrack sims create --phone bay-1 --slot 1 --label "Red network" --country DE
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    entry = phone_named(settings, phone)
    row = asyncio.run(_change("create", settings, entry, partial(_create, slot, label, country)))
    click.echo(f"{entry.name}: created SIM row {said_of(row)}")


async def _create(
    slot: int, label: str, country: str, world: "World", phone: "PhoneSettings", session: Any
) -> tuple["PanelSim", tuple["PanelSim", ...]]:
    from droidrack.core.ids import Slot

    taken = next((row for row in session.sims if row.slot == slot), None)
    if taken is not None:
        raise ConfigError(
            f"slot {slot} of {phone.name} has a row already: {said_of(taken)}",
            hint="change it with `droidrack sims update`",
        )
    name = label or next((s.label for s in phone.slots if s.slot == slot), f"SIM {slot + 1}")
    code = _country(phone, slot, country)
    row = await world.panel.create_sim(session.token, Slot(slot), name, code)
    row = replace(row, country=code)
    return row, (*session.sims, row)


@click.command()
@config_option
@phone_option
@row_options
@click.option("--label", default="", help="A new label; without it, the present one.")
@country_option
@click.option("--active/--inactive", default=None, help="Whether the panel may use the row.")
def update(
    config: Path,
    phone: str,
    slot: int | None,
    uid: str,
    label: str,
    country: str,
    active: bool | None,
) -> None:
    """Change a row's label, country or activity.

    For example, to keep the panel from using a slot:

    droidrack sims update --phone bay-1 --slot 0 --inactive --country DE
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    entry = phone_named(settings, phone)
    change = partial(_update, slot, uid, label, country, active)
    row = asyncio.run(_change("update", settings, entry, change))
    click.echo(f"{entry.name}: updated SIM row {said_of(row)}")


async def _update(
    slot: int | None,
    uid: str,
    label: str,
    country: str,
    active: bool | None,
    world: "World",
    phone: "PhoneSettings",
    session: "StoredSession",
) -> tuple["PanelSim", tuple["PanelSim", ...]]:
    row = row_of(phone, session, slot, uid)
    code = _country(phone, row.slot, country, row.country)
    changed = await world.panel.update_sim(
        session.token,
        row.uid,
        label=label or row.label,
        country=code,
        active=row.active if active is None else active,
    )
    changed = replace(changed, country=code)
    return changed, tuple(changed if r.uid == row.uid else r for r in session.sims)


@click.command()
@config_option
@phone_option
@row_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(config: Path, phone: str, slot: int | None, uid: str, yes: bool) -> None:
    """Remove a row from the panel. Active campaigns assigned to it stop.

    While a card stays in the slot the controller creates a row again when it next meets the phone:
    leave the slot out of [[phones.slots]] before. For example:

    droidrack sims delete --phone bay-1 --slot 1
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    entry = phone_named(settings, phone)
    if not yes:
        which = uid or (f"of slot {slot}" if slot is not None else "")
        click.confirm(
            f"Delete SIM row {plain(which)} of {entry.name}? Active campaigns on it stop.",
            abort=True,
        )
    row = asyncio.run(_change("delete", settings, entry, partial(_delete, slot, uid)))
    click.echo(f"{entry.name}: deleted SIM row {said_of(row)}")


async def _delete(
    slot: int | None, uid: str, world: "World", phone: "PhoneSettings", session: "StoredSession"
) -> tuple["PanelSim", tuple["PanelSim", ...]]:
    row = row_of(phone, session, slot, uid)
    try:
        await world.panel.delete_sim(session.token, row.uid)
    except PanelRefused as refusal:
        if refusal.status != 404:
            raise
        note("the panel had no such row any more")
    return row, tuple(other for other in session.sims if other.uid != row.uid)


async def _change(
    what: str, settings: "Settings", phone: "PhoneSettings", change: Callable[..., Any]
) -> "PanelSim":
    """Change the panel's rows, and the vault's memory of them."""
    from droidrack import compose, compose_journal

    async with (
        compose.open_world(settings, note) as world,
        compose_journal.audited(settings, f"sims {what}", subject=phone.name) as act,
    ):
        device, session = await session_of(world, phone)
        act.device = device
        row: PanelSim
        row, rows = await change(world, phone, session)
        act.detail = said_of(row)
        now = world.vault.load(device)
        if now is not None and now.token == session.token:  # Not over a session made meanwhile.
            world.vault.store(device, replace(now, sims=rows))
        return row


def row_of(
    phone: "PhoneSettings", session: "StoredSession", slot: int | None, uid: str
) -> "PanelSim":
    """The row that the options mean; ConfigError with the rows there are."""
    if slot is None and not uid:
        raise click.UsageError("which row? --slot N or --sim UID")
    fitting = [r for r in session.sims if slot in (None, r.slot) and uid in ("", r.uid)]
    if len(fitting) == 1:
        return fitting[0]
    there = "; ".join(map(said_of, session.sims)) or "none"
    raise ConfigError(
        f"{phone.name}: {len(fitting) or 'no'} SIM rows fit", hint=f"its rows: {there}"
    )


def _country(phone: "PhoneSettings", slot: int, given: str, last: str = "") -> str:
    """As given, else as devices.toml says, else as it was told last."""
    code = given or next((s.country for s in phone.slots if s.slot == slot), last)
    if code:
        return code
    raise ConfigError(
        f"slot {slot} of {phone.name}: the panel wants a country with every change, none is known",
        hint="give --country, two capitals such as DE, or name it in [[phones.slots]]",
    )


def said_of(row: "PanelSim") -> str:
    """A row in an operator's sentence."""
    return f"{plain(row.uid)} (slot {row.slot}, {plain(row.label)})"
