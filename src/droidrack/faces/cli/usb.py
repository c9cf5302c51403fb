"""`droidrack usb`: what is known of the sockets' power, and how it is proven."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.faces.cli.options import config_option, json_option, note, print_json, print_table

if TYPE_CHECKING:
    from droidrack.core.port_proof import PortVerdict

SAID = {
    "cuts": "the power is really cut: repairs may switch this port",
    "lies": "the phone went away and was fed all the time: this port is never switched",
    "does nothing": "the phone did not even go away: this port cannot be switched",
    "unknown": "the phone does not tell of its charger: try another phone in this port",
}


@click.group()
def usb() -> None:
    """Sockets whose power can be switched, as far as that is proven."""


@usb.command(name="ports")
@config_option
@json_option
def ports(config: Path, as_json: bool) -> None:
    """List what was proven about ports, and whether the proof still holds.

    A proof belongs to the hub that it was made with; with another hub in its place it is void.
    """
    from droidrack import compose, diagnosis

    rows = diagnosis.proven_ports(compose.load_settings(config))
    if as_json:
        print_json(rows)
    elif rows:
        print_table("Ports", list(rows[0]), [row.values() for row in rows])
    else:
        note("no port is proven yet: `droidrack usb prove PORT` does it")


@usb.command()
@config_option
@click.argument("port")
@click.option("--yes", is_flag=True, help="Do not ask: the phone in the port loses its host.")
def prove(config: Path, port: str, yes: bool) -> None:
    """Switch PORT off and on once, and ask the phone in it whether it felt that.

    Only the phone's own record of its charger counts, because many hubs say that a port is off
    and go on feeding it. The phone is away for about half a minute; no controller may be running.
    Exit code 0 if the power is really cut. For example:

        droidrack usb prove 1-2.3
    """
    from droidrack import compose, diagnosis

    settings = compose.load_settings(config)
    diagnosis.seen_port(port)  # Before the question: who mistyped it need not answer.
    if not yes:
        click.confirm(f"Switch port {port} off and on now?", abort=True)
    verdict: PortVerdict = asyncio.run(diagnosis.prove_port(settings, port, note))
    click.echo(f"{port}: {verdict.value}: {SAID[verdict.value]}")
    raise SystemExit(0 if verdict.value == "cuts" else 1)
