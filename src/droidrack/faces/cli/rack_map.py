"""`droidrack map`: which phone is in which socket, behind which hub, and what is wrong where."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.faces.cli.options import config_option, json_option, note, print_json, print_table

if TYPE_CHECKING:
    from droidrack.core.rack_map import Spot


@click.command(name="map")
@config_option
@json_option
def map_(config: Path, as_json: bool) -> None:
    """Show which phone is in which USB socket, behind which hub and controller.

    Joins the kernel's tree, the adb servers' lists and devices.toml: a phone that only one of them
    knows is shown with what that means and what to do. Sockets have the names that `usb` in
    devices.toml takes; [[ports]] gives them labels. For example:

        droidrack map
    """
    from droidrack import compose, diagnosis
    from droidrack.core.rack_map import as_json as line

    settings = compose.load_settings(config)
    spots = asyncio.run(diagnosis.map_of(settings, note))
    if as_json:
        print_json([line(spot) for spot in spots])
    else:
        _print(spots)


def _print(spots: "Sequence[Spot]") -> None:
    columns = ("socket", "label", "phone", "serial", "adb", "hub", "controller", "presence")
    rows = [
        (s.usb, s.label, s.phone, s.serial, s.adb_state, s.hub, s.controller, _presence(s))
        for s in spots
    ]
    print_table("Rack", columns, rows)
    for spot in spots:
        if spot.diagnosis.remedy:
            place = spot.label or spot.usb
            who = " at ".join(word for word in (spot.phone or spot.serial, place) if word)
            click.echo(f"{who}: {spot.diagnosis.seen}\n  → {spot.diagnosis.remedy}")


def _presence(spot: "Spot") -> str:
    return spot.diagnosis.presence.value
