"""`droidrack sims sync`: the panel's SIM rows become what phones and devices.toml say."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError, RackError, SessionOver
from droidrack.core.selection import Selection
from droidrack.core.sim_plan import RowPlan, Step
from droidrack.faces.cli.options import (
    config_option,
    error_json,
    json_option,
    note,
    print_json,
    print_table,
    show_error,
)
from droidrack.faces.cli.selectors import ask, chosen, selection_options, yes_option

if TYPE_CHECKING:
    from droidrack.app.finding import Found
    from droidrack.app.handset import Handset
    from droidrack.app.world import World
    from droidrack.core.settings import PhoneSettings, Settings
    from droidrack.ports import StoredSession

Line = dict[str, Any]


@click.command()
@config_option
@selection_options
@click.option("--dry-run", is_flag=True, help="Show what would be done; change nothing.")
@click.option(
    "--delete", is_flag=True, help="Also delete rows of slots that devices.toml does not use."
)
@yes_option
@json_option
def sync(
    config: Path, selection: Selection, dry_run: bool, delete: bool, yes: bool, as_json: bool
) -> None:
    """Create missing rows, change those whose label or country drifted, and show the rest.

    A controller does the same when it meets a phone. Labels and countries come from
    [[phones.slots]]; where devices.toml names no slot the panel's label stays and the country is
    the card's. A row is deleted only with --delete; active campaigns on it stop. For example:

        droidrack sims sync --all --dry-run
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    phones = chosen(settings, selection, without="only")
    if delete and not dry_run:
        ask("Delete the panel's rows of slots that are not used", phones, yes=yes)
    lines = asyncio.run(_sync(settings, phones, dry_run=dry_run, delete=delete))
    if as_json:
        print_json(lines)
    else:
        columns = [key for key in _KEYS if key != "error"]
        print_table("SIM rows", columns, [[line[key] for key in columns] for line in lines])
    if any(line["error"] for line in lines):
        raise SystemExit(1)


_KEYS = ("phone", "slot", "step", "row", "label", "country", "why", "result", "error")


async def _sync(
    settings: "Settings", phones: Sequence["PhoneSettings"], *, dry_run: bool, delete: bool
) -> list[Line]:
    from droidrack import compose
    from droidrack.app.finding import find

    async with (
        compose.open_world(settings, note) as world,
        compose.open_buses(settings, note) as buses,
    ):
        found = await find(buses, phones)
        lines: list[Line] = []
        for phone in phones:  # One after another: a row or two each, and the lines stay in order.
            try:
                lines += await _sync_one(
                    world, phone, found[phone.name], dry_run=dry_run, delete=delete
                )
            except RackError as error:
                lines.append(_failed(phone, error))
        return lines


async def _sync_one(
    world: "World", phone: "PhoneSettings", found: "Found", *, dry_run: bool, delete: bool
) -> list[Line]:
    from droidrack.app.handset import Handset
    from droidrack.app.pairing import row_plans

    if isinstance(found, RackError):
        raise found
    handset = await Handset.meet(world, found)
    session = world.vault.load(handset.device)
    if session is None:
        raise SessionOver(
            f"{phone.name} is not paired, as far as this host knows",
            hint=f"pair it with `droidrack pair --phone {phone.name}`",
        )
    lines = []
    for plan in row_plans(handset, phone, session):
        line = _line(phone, plan)
        if not dry_run and (
            plan.step in (Step.CREATE, Step.UPDATE) or (delete and plan.step is Step.SURPLUS)
        ):
            try:
                session = await _take(world, handset, session, plan)
                line["result"] = "done"
            except RackError as error:
                show_error(error)
                line |= {"result": "failed", "error": error_json(error)}
        lines.append(line)
    return lines


async def _take(
    world: "World", handset: "Handset", session: "StoredSession", plan: RowPlan
) -> "StoredSession":
    from droidrack.app.pairing import create_row, delete_row, update_row

    if plan.step is Step.SURPLUS:
        return await delete_row(world, handset.device, session, plan.uid)
    if not plan.country:
        raise ConfigError(
            f"slot {plan.slot}: the panel wants a country with every change, none is known",
            hint="name it in [[phones.slots]]",
        )
    if plan.step is Step.CREATE:
        return await create_row(world, handset.device, session, plan)
    return await update_row(world, handset, session, plan)


def _line(phone: "PhoneSettings", plan: RowPlan) -> Line:
    return {
        **dict.fromkeys(_KEYS),
        "phone": phone.name,
        "slot": plan.slot,
        "step": plan.step.value,
        "row": plan.uid or None,
        "label": plan.label,
        "country": plan.country or None,
        "why": plan.why or None,
    }


def _failed(phone: "PhoneSettings", error: RackError) -> Line:
    show_error(error)
    line = {**dict.fromkeys(_KEYS), "phone": phone.name, "why": error.message}
    return {**line, "error": error_json(error)}
