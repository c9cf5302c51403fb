"""`droidrack run`, `droidrack reload` and `droidrack devices`."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.words import counted
from droidrack.faces.cli.options import (
    config_option,
    json_option,
    note,
    plain,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from droidrack.app.operating import Desk
    from droidrack.app.reloading import Reloading
    from droidrack.app.world import Tell
    from droidrack.core.settings import Settings

DRAIN_S = 8.0
"""A stop is over within 10 s: this long for calls in flight, the rest for closing."""

RELOAD_S = 30.0
"""For phones that changed: their calls in flight get 8 s to end."""


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
    whatever is still open is settled at the next start. SIGHUP, or `droidrack reload`, reads
    devices.toml again: phones that were added, removed or changed take effect, the others are not
    disturbed, and a file with mistakes changes nothing.
    """
    from droidrack import compose
    from droidrack.faces.logs import configure, tell

    settings = compose.load_settings(config)
    configure(as_json=log_json)
    if accept_journal:
        asyncio.run(_accept(settings))
    compose.forbid_core_dumps()
    asyncio.run(_run(settings, config, tell))


async def _accept(settings: "Settings") -> None:
    from droidrack import compose_journal
    from droidrack.core.audit import ACCEPTED

    await compose_journal.accept_journal(settings)
    async with compose_journal.audited(settings, ACCEPTED):
        pass


async def _run(settings: "Settings", config: Path, tell: "Tell") -> None:
    from droidrack import __version__, compose, compose_journal

    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # A terminal that closes says SIGHUP, too: what was started by hand then ends with it.
    loop.add_signal_handler(signal.SIGHUP, stop.set if sys.stdin.isatty() else hangup.set)
    notice = compose.service_notice()
    opened = compose.open_controller(settings, tell, config=config, notice=notice)
    listen = settings.metrics.listen
    async with opened as controller, _metrics(listen, controller.desk, tell):
        async with compose_journal.audited(settings, "run") as act:
            act.detail = f"version {__version__}"
        work = asyncio.create_task(controller.rack.run())
        beating = asyncio.create_task(notice.beat())
        ends = {work, asyncio.create_task(stop.wait())}
        if controller.reloading is not None:
            ends.add(asyncio.create_task(_reload_on(hangup, controller.reloading)))
        notice.ready(f"{counted(len(settings.phones), 'phone')} configured")
        ended, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        notice.stopping()
        if not work.done():
            await controller.rack.drain(DRAIN_S)
        for task in (*others, beating):
            task.cancel()
        await asyncio.wait({*others, beating})
        for task in ended:
            task.result()
        async with compose_journal.audited(settings, "stop"):
            pass


@asynccontextmanager
async def _metrics(listen: str, desk: "Desk", tell: "Tell") -> AsyncIterator[None]:
    """The page of metrics, where the site wants one."""
    if not listen:
        yield
        return
    from droidrack.faces import metrics

    async with metrics.serving(listen, desk) as port:
        tell("metrics served", port=port)
        yield


async def _reload_on(hangup: asyncio.Event, reloading: "Reloading") -> None:
    """Read the configuration again at each signal, for ever."""
    while True:
        await hangup.wait()
        hangup.clear()
        await reloading.hangup()


@click.command()
@config_option
@json_option
def reload(config: Path, as_json: bool) -> None:
    """Let the running controller read devices.toml again.

    Phones that were added, removed or changed take effect, the others are not disturbed. The file
    is checked first, and again by the controller: one with mistakes changes nothing. For example:

        droidrack reload
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    asked = compose.ask_controller(settings, "reload", {}, deadline_s=RELOAD_S)
    changes = asyncio.run(asked)
    if as_json:
        print_json(changes)
        return
    told = {what: names for what, names in changes.items() if names}
    for what, names in told.items():
        click.echo(f"{what.replace('_', ' ')}: {', '.join(map(plain, names))}")
    if not told:
        click.echo("nothing changed")


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
