"""What the door would say of a message, without sending one or asking a phone.

Everything that a command can know is taken from the configuration and the journal; the rest is
taken for granted, and said so.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from droidrack.app.pace import Pace
from droidrack.app.recipients import Recipients
from droidrack.app.world import World
from droidrack.core.case import Case, Decision, SimBinding, SimReading
from droidrack.core.door import Step, decide, trace
from droidrack.core.guard import guard_windows
from droidrack.core.ids import DeviceUuid, Slot, SubId
from droidrack.core.message import Message
from droidrack.core.numbering import Reading, read_number
from droidrack.core.settings import PhoneSettings
from droidrack.core.sms import segment
from droidrack.core.telephony import SimState


@dataclass(frozen=True, slots=True)
class Checked:
    """The decision with every rule's word; `assumed` is what nobody looked at."""

    decision: Decision
    steps: tuple[Step, ...]
    reading: Reading | None
    segments: int
    country: str
    assumed: tuple[str, ...]


async def check_policy(
    world: World, phone: PhoneSettings, slot: Slot, message: Message, *, country: str
) -> Checked:
    """Ask every rule about a message on one SIM, at the time of the world's clock.

    `country` is the SIM's where the configuration does not say one; "": nobody knows.
    """
    journal, now = world.journal, world.clock.now()
    known = await journal.phones(name=phone.name)
    device = known[0].device if known else None
    binding = await _binding(world, device, slot)
    reading = SimReading(slot, SimState.READY, SubId(0), binding.iccid, country=country)
    case = Case(
        message, binding, (reading,), row_exists=True, now=now, policy=world.settings.policy
    )
    recipients, pace = Recipients(world, phone), Pace(world, phone, until=now)
    case = recipients.placed(case)
    await recipients.look_up([case])
    at = device or DeviceUuid(phone.name)
    await pace.begin(at, guard_windows(world.notebook.guard(at)))
    await pace.take_up((reading,))
    case = replace(recipients.known(case), allowance=pace.allowance(reading))
    number = read_number(message.number, case.country)
    return Checked(
        decision=decide(case),
        steps=trace(case),
        reading=number if isinstance(number, Reading) else None,
        segments=segment(message.body.reveal()).count,
        country=case.country,
        assumed=tuple(_assumed(world, phone, case, device)),
    )


async def _binding(world: World, device: DeviceUuid | None, slot: Slot) -> SimBinding:
    """The row of this slot with its card, as the journal has them."""
    for record in await world.journal.sims(device) if device else ():
        if record.slot == slot:
            return SimBinding(record.sim_uid, slot, record.iccid)
    return SimBinding("", slot, None)


def _assumed(
    world: World, phone: PhoneSettings, case: Case, device: DeviceUuid | None
) -> list[str]:
    slot = case.sim.slot if case.sim else 0
    lines = [f"the right SIM is in slot {slot} of {phone.name}, ready and in service"]
    lines.append("the phone shows no window that waits for an answer")
    if device is None:
        lines.append(f"{phone.name} has sent nothing yet: the journal does not know it")
    elif case.binding is None or case.binding.iccid is None:
        lines.append("the journal knows no card for this slot: its quotas count from nothing")
    if not case.country:
        lines.append("nobody says the SIM's country: give --country, or set it for the slot")
    if expires := case.message.valid_until:
        lines.append(f"it is valid until {expires:%Y-%m-%d %H:%M}Z")
    return lines


@dataclass(frozen=True, slots=True)
class At:
    """A clock that stands still, for asking about another time."""

    moment: datetime

    def now(self) -> datetime:
        """That moment."""
        return self.moment

    def monotonic(self) -> float:
        """Nothing passes."""
        return 0.0

    def boot(self) -> str:
        """Of no host: ages follow from dates."""
        return ""

    async def sleep(self, delay_s: float) -> None:
        """Nobody may wait for a time that does not pass."""
        raise AssertionError(f"a clock that stands still was asked to wait {delay_s} s")
