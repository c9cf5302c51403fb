"""Phones that left the configuration while no controller ran: what the journal still owes for them.

Their outcomes are told to the panel as long as their sessions hold. What waits for them waits for
their entries: another phone never takes it over.
"""

import asyncio
from contextlib import suppress

from droidrack.app.finding import known_devices
from droidrack.app.reporting import Reporting
from droidrack.app.world import World
from droidrack.core.errors import SessionOver, VaultError
from droidrack.core.ids import DeviceUuid, Token
from droidrack.ports import Tally

OWED_CHECK_S = 5.0
"""How often is asked whether everything is told; one small read of the journal."""


async def settle_former(world: World) -> None:
    """Tell the operator and the panel of phones that no entry means; return when told."""
    tallies = await world.journal.tallies()
    records = await world.journal.phones()
    entries = [known_devices(records, phone) for phone in world.settings.phones]
    served = {device for devices in entries for device in devices}
    async with asyncio.TaskGroup() as group:
        for record in records:
            tally = tallies.get(record.device, Tally())
            if record.device in served or not _anything(tally):
                continue
            text = what_is_left(tally)
            world.tell("phone without an entry", phone=record.name, left=text)
            world.chronicle.note(
                "phone-without-entry", text, phone=record.name, device=record.device
            )
            token = _token(world, record.device, record.name)
            if tally.unreported and token is not None:
                group.create_task(_report(world, record.device, token))


def what_is_left(tally: Tally) -> str:
    """The open work of a phone that nobody serves, in an operator's sentence."""
    return (
        f"{tally.waiting} messages wait, {tally.open + tally.unknown} have no verdict, "
        f"{tally.unreported} are not told; they go on when it has an entry again"
    )


def _anything(tally: Tally) -> bool:
    return bool(tally.waiting or tally.open or tally.unknown or tally.unreported)


def _token(world: World, device: DeviceUuid, name: str) -> Token | None:
    try:
        session = world.vault.load(device)
    except VaultError as error:
        world.tell("session not read", phone=name, reason=error.message)
        return None
    return session.token if session else None


async def _report(world: World, device: DeviceUuid, token: Token) -> None:
    reporting = asyncio.ensure_future(Reporting(world, device).run(token))
    try:
        while not reporting.done() and await world.journal.outbox(device, limit=1):
            await world.clock.sleep(OWED_CHECK_S)
        if reporting.done():
            with suppress(SessionOver):  # The next pairing tells the rest.
                reporting.result()
    finally:
        reporting.cancel()
        await asyncio.gather(reporting, return_exceptions=True)
