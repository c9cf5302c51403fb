"""What is in the air on one phone, and what it keeps on the ground."""

from collections.abc import Sequence
from dataclasses import dataclass

from droidrack.app.asking import DOUBT
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.attempt import Flight
from droidrack.core.errors import ParseError
from droidrack.core.ids import Msisdn
from droidrack.core.message import OPEN, MessageState
from droidrack.core.parse.windows import PHONE_PROCESS
from droidrack.core.recipient import country_at, list_key
from droidrack.core.settings import PhoneSettings

IN_FLIGHT_LIMIT = 4
"""Attempts without a verdict per phone. Android itself queues at most 5 behind its dialog."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """Attempts without a verdict, as far as they keep others on the ground.

    Two attempts to one recipient at a time could not be told apart by their rows, in which a phone
    may write the number its own way; and where a phone's witnesses name no message at all, only one
    attempt may be open on it. Recipients are as lists know them (`core.recipient.list_key`).
    """

    full: bool
    recipients: frozenset[Msisdn]

    def admits(self, recipient: Msisdn) -> bool:
        """Whether a message to this recipient may join."""
        return not self.full and recipient not in self.recipients


async def what_flies(world: World, handset: Handset, settings: PhoneSettings) -> InFlight:
    """What is in the air now. Raises PhoneError when the phone does not answer."""
    pending = await world.journal.open_attempts(handset.device)
    flying = [flight for flight, state in pending if state in OPEN]
    recipients = frozenset(
        list_key(flight.number, country_at(settings, flight.attempt.slot, handset.sims))
        for flight in flying
    )
    room = IN_FLIGHT_LIMIT if handset.tells_apart else 1
    full = len(flying) >= room or await _haunted(world, handset, pending)
    return InFlight(full, recipients)


async def _haunted(
    world: World, handset: Handset, pending: Sequence[tuple[Flight, MessageState]]
) -> bool:
    """Whether an attempt of unknown outcome may still speak in this boot.

    Where the radio log is the only witness and names no message, its late word would be taken
    for the next one's. Only a message behind a dialog speaks late: while the phone shows one it
    waits, and once it shows none those attempts are silent for good. A reboot ends it at once.
    """
    if handset.tells_apart or handset.witnesses.store:
        return False
    doubts = [
        flight.attempt
        for flight, state in pending
        if state is MessageState.UNKNOWN and flight.attempt.boot_id == handset.boot_id
    ]
    doubtful = {attempt.uid for attempt in doubts}
    if doubtful <= handset.silent:
        return False
    try:
        asking = await handset.asking_window()
    except ParseError as error:
        world.tell("dump not understood", device=handset.device, why=error)
        asking = PHONE_PROCESS
    steady = world.steady
    young = any(steady.now() - steady.of(a.opened_at, a.tick) < DOUBT for a in doubts)
    if asking == PHONE_PROCESS or (asking and young):
        world.tell("phone asks a person about a message", device=handset.device)
        return True
    handset.silent |= doubtful
    return False
