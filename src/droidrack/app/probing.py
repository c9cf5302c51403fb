"""Asks a phone whether it is what its profile says, by calls that only read.

One round trip holds the calls and the dumps that they must agree with, so that no card changes
between them. A phone that passed is remembered: plugged in again it is only asked for its
witnesses. Another build, or other codes, and it is asked everything again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from droidrack.app.arrival import Arrival
from droidrack.app.handset import LOG_DEADLINE_S, Handset
from droidrack.app.learning import learn
from droidrack.app.pause import Pause
from droidrack.app.world import World
from droidrack.core.assessment import assess
from droidrack.core.call import CallRow
from droidrack.core.capability import (
    READS,
    Capability,
    Observed,
    Proof,
    SlotAnswers,
    Standing,
    Witnessed,
    codes_of,
    witnesses,
)
from droidrack.core.door import SimReading
from droidrack.core.errors import ParseError, PhoneRefused, ProfileError
from droidrack.core.parcel import Value, call_argv
from droidrack.core.parse.isub import Subscriptions, parse_isub
from droidrack.core.reply import Reply, read_reply
from droidrack.core.sections import Section
from droidrack.core.shell import command_line

PROBE_DEADLINE_S = 30.0
"""A dozen short commands in one script; a loaded phone takes a second for each."""

TAIL_LINES = 20
"""Lines of the radio log's past that are asked for: any one of them shows that it speaks."""

LOOKS = 2
"""A card that is changed during the first look explains a contradiction; not two in a row."""


async def prove(world: World, handset: Handset) -> Capability:
    """Whether this phone may carry traffic; its witnesses are noted on the handset.

    Raises:
        PhoneError: it left or did not answer.
    """
    if handset.build and world.notebook.proof(handset.device) == _proof(handset):
        seen = witnesses(handset.profile.facts, await look_for_witnesses(handset))
        capability = Capability(Standing.PROVEN, "proven before", (), seen, cards=True)
    else:
        capability = await probe(handset)
        keep_proof(world, handset, capability)
    handset.witnesses = capability.witnesses
    return capability


def keep_proof(world: World, handset: Handset, capability: Capability) -> None:
    """Remember a phone that passed.

    Not one without a card: there was nothing that a later card could be held against.
    """
    if capability.standing is Standing.PROVEN and capability.cards and handset.build:
        world.notebook.keep_proof(handset.device, _proof(handset))


def _proof(handset: Handset) -> Proof:
    return Proof(handset.build, codes_of(handset.profile))


async def probe(handset: Handset) -> Capability:
    """Ask everything, and judge it."""
    learnt = frozenset(handset.codes.interfaces)
    witnessed = await look_for_witnesses(handset)
    for _ in range(LOOKS):
        sims = await handset.refresh_sims(0)
        observed = await _observe(handset, sims, witnessed)
        capability = assess(handset.profile, learnt, observed)
        if capability.standing is Standing.PROVEN:
            break
    return capability


async def look_for_witnesses(handset: Handset) -> Witnessed:
    """Whether the SMS store answers and the radio log speaks, now."""
    log = await handset.phone.run(
        f"logcat -b radio -v threadtime -d -t {TAIL_LINES}", deadline_s=LOG_DEADLINE_S
    )
    lines = [line for line in log.text.splitlines() if line and not line.startswith("-----")]
    return Witnessed(await _store_refusal(handset), len(lines))


async def _store_refusal(handset: Handset) -> str:
    """Why the store is closed to the shell; "" where it answers."""
    if not handset.profile.facts.store_readable:
        return "closed to the shell on this release"
    try:
        await handset.store.watermark()
    except (PhoneRefused, ParseError) as refusal:
        return refusal.message
    return ""


# --- One round trip -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Question:
    row: CallRow
    command: str


class _Sheet:
    """The questions of one round trip, by section name, and their answers."""

    def __init__(self, handset: Handset) -> None:
        self._handset = handset
        self._questions: dict[str, _Question] = {}
        self._sections: Mapping[str, Section] = {}

    def ask(self, key: str, name: str, values: Mapping[str, Value]) -> None:
        """Put a call on the sheet unless this build bars it or has it not."""
        row = self._handset.profile.row(name)
        if row.transaction and not row.barred:
            self._questions[key] = _Question(row, command_line(call_argv(row, values)))

    async def send(self, extra: Mapping[str, str]) -> None:
        """Make the round trip."""
        commands = {key: question.command for key, question in self._questions.items()}
        self._sections = await self._handset.ask({**commands, **extra}, deadline_s=PROBE_DEADLINE_S)

    def text(self, key: str) -> str:
        """What an extra command printed."""
        return self._sections[key].text

    def reply(self, key: str) -> Reply | None:
        """What a call answered; None: it was not asked."""
        question = self._questions.get(key)
        if question is None:
            return None
        section = self._sections[key]
        return read_reply(question.row, section.text, section.exit_code)


async def _observe(
    handset: Handset, sims: tuple[SimReading, ...], witnessed: Witnessed
) -> Observed:
    sheet = _Sheet(handset)
    for sim in sims:
        sheet.ask(f"sub{sim.slot}", "isub.get_sub_id", {"slot": sim.slot})
        if sim.sub_id is None:
            continue
        who: dict[str, Value] = {"sub_id": sim.sub_id}
        sheet.ask(f"slot{sim.slot}", "isub.get_slot_index", who)
        if handset.profile.facts.identity_readable:
            sheet.ask(f"iccid{sim.slot}", "iphonesubinfo.iccid", who)
            sheet.ask(f"imsi{sim.slot}", "iphonesubinfo.imsi", who)
    for name in READS:
        first = next((sim.sub_id for sim in sims if sim.sub_id is not None), None)
        takes_sub = any(a.name == "sub_id" for a in handset.profile.row(name).arguments)
        if not takes_sub or first is not None:
            sheet.ask(name, name, {"sub_id": first} if takes_sub else {})
    await sheet.send({"isub": "dumpsys isub", "home": "getprop gsm.sim.operator.numeric"})
    homes = sheet.text("home").strip().split(",")
    return Observed(
        slots=tuple(_answers(sheet, sim, homes) for sim in sims),
        reads={name: reply for name in READS if (reply := sheet.reply(name)) is not None},
        dump=_dump(sheet.text("isub")),
        witnessed=witnessed,
    )


def _answers(sheet: _Sheet, sim: SimReading, homes: list[str]) -> SlotAnswers:
    slot = sim.slot
    return SlotAnswers(
        slot=slot,
        sub_id=sheet.reply(f"sub{slot}"),
        slot_index=sheet.reply(f"slot{slot}"),
        iccid=sheet.reply(f"iccid{slot}"),
        imsi=sheet.reply(f"imsi{slot}"),
        home=homes[slot].strip() if slot < len(homes) else "",
    )


def _dump(text: str) -> Subscriptions | None:
    try:
        return parse_isub(text)
    except ParseError:
        return None


# --- Before traffic -------------------------------------------------------------------------------


async def until_proven(
    world: World, arrival: Arrival, handset: Handset, on_doubt: Callable[[str], None]
) -> Handset:
    """Return once the phone may carry traffic, as the handset that may.

    A phone whose answers contradict the table is asked for its own codes, once per build; then it
    is met anew, with those.

    Args:
        world: whose notebook remembers.
        arrival: the phone's present plugging-in.
        handset: the phone as it was met.
        on_doubt: told why it is not proven yet; it is asked again.

    Raises:
        ProfileError: it is barred, and its own codes do not help.
        PhoneError: it left or did not answer.
    """
    pause = Pause(world.dice)
    while (capability := await prove(world, handset)).standing is not Standing.PROVEN:
        if capability.standing is Standing.UNPROVEN:
            on_doubt(capability.reason)
            await world.clock.sleep(pause.after_failure())
            continue
        if handset.codes.interfaces or world.notebook.codes(handset.build) is not None:
            raise ProfileError(
                f"{handset.identity}: barred: {capability.reason}",
                hint="`droidrack probe` shows every answer; add a site profile once it is known",
            )
        on_doubt(f"{capability.reason}; its own codes are read")
        codes = await learn(world, arrival, handset.profile)
        handset = await Handset.meet(world, arrival, codes=codes)
    return handset
