"""`droidrack virtual` and `droidrack panel`: a lab without phones and without a panel."""

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError, RackError
from droidrack.faces.cli.options import json_option, print_json, print_table

if TYPE_CHECKING:
    from droidrack.virtual.farm import VirtualRack


OTHER_PORT = "choose another port, or 0 for any free one"


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until the work ends or SIGINT or SIGTERM asks for its end."""
    asyncio.run(_until_stopped(work))


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


@click.command()
@click.option(
    "--phones", default=8, show_default=True, type=click.IntRange(1, 1000), help="How many."
)
@click.option(
    "--adb-port",
    default=0,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port of the rack's adb server; 0: a free one.",
)
@click.option(
    "--profile",
    type=click.Choice(["auto", "mksh", "parser"]),
    default="auto",
    show_default=True,
    help="Shell of the phones: a real mksh (exact) or the built-in parser (scale).",
)
@click.option("--api", type=click.IntRange(21, 36), help="All phones of this API level.")
@click.option("--seed", default=0, help="Seed of all chance in the rack.")
@click.option(
    "--air", type=click.Path(path_type=Path), help="File for what the radios send, JSON lines."
)
@click.option(
    "--control", type=click.Path(path_type=Path), help="Socket that takes unplug, freeze, …"
)
@json_option
def virtual(
    phones: int,
    adb_port: int,
    profile: Any,
    api: int | None,
    seed: int,
    air: Path | None,
    control: Path | None,
    as_json: bool,
) -> None:
    """Run a rack of virtual phones on a real adb server, for any adb client, until stopped.

    The rack listens on loopback only. With mksh the phones' commands run on this host.
    """
    from droidrack.virtual.adb_host import AdbServerLost
    from droidrack.virtual.catalogue import make_spec, specs
    from droidrack.virtual.control import run_rack
    from droidrack.virtual.farm import NoRealShell, VirtualRack

    chosen = specs(phones) if api is None else [make_spec(i, api=api) for i in range(phones)]
    try:
        rack = VirtualRack(chosen, shell=profile, adb_port=adb_port, seed=seed, air_path=air)
    except ValueError as exc:
        raise ConfigError(f"--adb-port {adb_port}: {exc}", hint=OTHER_PORT) from exc
    try:
        run_until_stopped(
            run_rack(rack, control_path=control, ready=_show_json if as_json else _show)
        )
    except NoRealShell as exc:
        raise ConfigError(str(exc), hint="apt install mksh, or --profile parser") from exc
    except AdbServerLost as exc:
        if not adb_port:
            raise RackError(str(exc), hint="try again; `adb` has to start on this host") from exc
        raise ConfigError(f"--adb-port {adb_port}: {exc}", hint=OTHER_PORT) from exc


def _rows(rack: "VirtualRack") -> list[dict[str, Any]]:
    return [
        {
            "adb_serial": phone.adb_serial,
            "serialno": phone.model.spec.serial,
            "api": phone.model.spec.api,
            "maker": phone.model.spec.maker,
            "model": phone.model.spec.model,
            "sims": sum(card is not None for card in phone.model.spec.sims),
        }
        for phone in rack.phones
    ]


def _show_json(rack: "VirtualRack") -> None:
    print_json({"adb_port": rack.adb_port, "shell": rack.shell, "phones": _rows(rack)})


def _show(rack: "VirtualRack") -> None:
    rows = _rows(rack)
    print_table("Virtual rack", list(rows[0]), [row.values() for row in rows])
    click.echo(f"adb server on 127.0.0.1:{rack.adb_port}, shell: {rack.shell}. For example:")
    click.echo(f"  adb -P {rack.adb_port} devices -l")
    click.echo("Ctrl-C stops it.")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0: a free one."
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="SQLite file of the panel; without it, memory.",
)
@click.option(
    "--reading",
    type=click.Choice(["repeat", "lease"]),
    default="repeat",
    show_default=True,
    help="What `pending` does: repeats a message until its status arrives, or hands it out once.",
)
@click.option(
    "--mint",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="Pairing tokens to mint at the start.",
)
@click.option(
    "--admin-token",
    envvar="DROIDRACK_PANEL_ADMIN_TOKEN",
    default="",
    help="Bearer token of the admin API; without it, loopback only.",
)
def panel(
    host: str, port: int, store: Path | None, reading: str, mint: int, admin_token: str
) -> None:
    """Run the local panel until stopped: the gateway API, and an admin API under /admin."""
    import sqlite3

    from droidrack.virtual.panel.queue import Reading
    from droidrack.virtual.panel.server import create_app, serve
    from droidrack.virtual.panel.store import PanelStore

    try:
        memory = PanelStore(store or ":memory:", reading=Reading(reading))
    except sqlite3.Error as exc:
        raise ConfigError(
            f"--store {store}: expected a panel's SQLite file, or a new one, seen: {exc}",
            hint="name a file that a panel wrote, or a new one in a directory that you may write",
        ) from exc

    def started(bound: int) -> None:
        click.echo(f"Local panel on http://{host}:{bound}")
        for _ in range(mint):
            click.echo(f"Pairing token: {memory.mint()}")
        click.echo("Ctrl-C stops it.")

    try:
        run_until_stopped(
            serve(create_app(memory, admin_token=admin_token), host, port, started=started)
        )
    finally:
        memory.close()
