"""`droidrack logout`: the end of phones' sessions with the panel."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.errors import RackError, SessionOver
from droidrack.core.selection import Selection
from droidrack.faces.cli.options import config_option, note, show_error
from droidrack.faces.cli.selectors import ask, chosen, selection_options, yes_option
from droidrack.faces.cli.session import session_of

if TYPE_CHECKING:
    from droidrack.app.acts import Act
    from droidrack.app.world import World
    from droidrack.core.settings import PhoneSettings, Settings


@click.command()
@config_option
@selection_options
@yes_option
def logout(config: Path, selection: Selection, yes: bool) -> None:
    """End phones' sessions with the panel. The phones need not be attached.

    The panel then shows a phone as offline and its token is void; the journal is kept, and what
    was not reported yet is reported after the next pairing. For example:

        droidrack logout --phone bay-1
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    phones = chosen(settings, selection)
    ask("End the sessions with the panel", phones, yes=yes)
    if not asyncio.run(_logout(settings, phones)):
        raise SystemExit(1)


async def _logout(settings: "Settings", phones: Sequence["PhoneSettings"]) -> bool:
    """Whether every session ended; one after another, for each is one short call."""
    from droidrack import compose, compose_journal

    ended = 0
    async with compose.open_world(settings, note) as world:
        for phone in phones:
            try:
                async with compose_journal.audited(settings, "logout", subject=phone.name) as act:
                    await _logout_one(world, phone, act)
                ended += 1
            except RackError as error:
                show_error(error)
    return ended == len(phones)


async def _logout_one(world: "World", phone: "PhoneSettings", act: "Act") -> None:
    device, session = await session_of(world, phone)
    act.device = device
    try:
        await world.panel.logout(session.token)
        click.echo(f"{phone.name}: logged out")
    except SessionOver:
        click.echo(f"{phone.name}: the panel had ended this session already; forgotten here")
    now = world.vault.load(device)
    if now is not None and now.token == session.token:  # Not one that was made meanwhile.
        world.vault.forget(device)
