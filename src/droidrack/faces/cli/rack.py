"""`droidrack run` and `droidrack devices`."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.faces.cli.options import config_option, json_option, note, print_json, print_table

if TYPE_CHECKING:
    from droidrack.app.world import Tell
    from droidrack.core.settings import Settings

DRAIN_S = 8.0
"""A stop is over within 10 s: this long for calls in flight, the rest for closing."""


@click.command()
@config_option
@click.option("--log-json", is_flag=True, help="Log JSON lines instead of text for a person.")
@click.option(
    "--accept-journal",
    is_flag=True,
    help="Take a journal that is new or older than the last one. Messages that were sent since it "
    "was written are sent again if the panel still offers them.",
)
def run(config: Path, log_json: bool, accept_journal: bool) -> None:
    """Run the controller for the phones of devices.toml until it is stopped.

    SIGTERM or Ctrl-C stop it: no new call is started, calls in flight get a few seconds to end, and
    whatever is still open is settled at the next start.
    """
    from droidrack import compose
    from droidrack.faces.logs import configure, tell

    settings = compose.load_settings(config)
    configure(as_json=log_json)
    if accept_journal:
        asyncio.run(_accept(settings))
    asyncio.run(_run(settings, tell))


async def _accept(settings: "Settings") -> None:
    from droidrack import compose
    from droidrack.core.audit import ACCEPTED

    await compose.accept_journal(settings)
    async with compose.audited(settings, ACCEPTED):
        pass


async def _run(settings: "Settings", tell: "Tell") -> None:
    from droidrack import __version__, compose

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with compose.open_controller(settings, tell) as controller:
        async with compose.audited(settings, "run") as act:
            act.detail = f"version {__version__}"
        work = asyncio.create_task(controller.rack.run())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not work.done():
            await controller.rack.drain(DRAIN_S)
            work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        async with compose.audited(settings, "stop"):
            pass


@click.command()
@config_option
@json_option
def devices(config: Path, as_json: bool) -> None:
    """List what the adb servers see, and which entry of the configuration it fits."""
    from droidrack import compose
    from droidrack.app.arrival import matches

    settings = compose.load_settings(config)
    rows = []
    for seen in asyncio.run(compose.survey(settings, note)):
        sighting, arrival = seen.sighting, seen.arrival
        serialno = arrival.serialno if arrival else ""
        fitting = [p.name for p in settings.phones if matches(p, sighting, serialno)]
        rows.append(
            {
                "serial": sighting.serial,
                "state": sighting.state,
                "usb": sighting.usb,
                "serialno": serialno or None,
                "android": arrival.release if arrival else None,
                "model": arrival.model if arrival else sighting.model,
                "phone": ", ".join(fitting) or None,
                "trouble": seen.complaint or None,
            }
        )
    if as_json:
        print_json(rows)
    else:
        print_table("Devices", list(rows[0]) if rows else ["none"], [r.values() for r in rows])
