"""`droidrack adopt`: who a phone is that looks like its like."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.errors import JournalBusy, RackError
from droidrack.faces.cli.options import config_option, note, phone_named

if TYPE_CHECKING:
    from droidrack.core.ids import DeviceUuid
    from droidrack.core.settings import PhoneSettings, Settings


@click.command()
@config_option
@click.option("--phone", required=True, help="The phone, by its name in devices.toml.")
@click.option(
    "--same/--new",
    "same",
    default=None,
    help="The known phone after a factory reset, or another one of its kind.",
)
def adopt(config: Path, phone: str, same: bool | None) -> None:
    """Say who a phone is that cannot be told from others of its kind.

    Phones that share a dummy serial are known by port, model and a mark that Android draws anew at
    a factory reset. Where a known port shows another mark, only you know whether that phone was
    reset or replaced; until you say so it is not used. A running controller has to be stopped
    first. For example:

        droidrack adopt --phone bay-1 --same
    """
    from droidrack import compose

    if same is None:
        raise click.UsageError("one of --same and --new is needed")
    settings = compose.load_settings(config)
    device = asyncio.run(_adopt(settings, phone_named(settings, phone), same=same))
    known = "keeps its gateway" if same else "is a new device: pair it with `droidrack pair`"
    click.echo(f"{phone}: {device} {known}")


async def _adopt(settings: "Settings", phone: "PhoneSettings", *, same: bool) -> "DeviceUuid":
    from droidrack import compose
    from droidrack.app import adopting
    from droidrack.app.finding import find

    async with compose.open_world(settings, note) as world:
        try:
            await world.journal.open()
        except JournalBusy as busy:
            busy.hint = "stop the controller, run this again, and start it: the journal is its own"
            raise
        try:
            async with compose.open_buses(settings, note) as buses:
                found = (await find(buses, [phone]))[phone.name]
                if isinstance(found, RackError):
                    raise found
                return await adopting.adopt(world, found, same=same)
        finally:
            await world.journal.close()
