"""A phone as the rooms speak to it: its build, its SIMs, its SMS store, one call to send.

It joins the phone's shell with the pure core: rows of the profile become command lines, dumps
become values. It decides nothing about messages.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Self

from droidrack.app.arrival import QUERY_DEADLINE_S, Arrival
from droidrack.app.learning import codes_of_phone
from droidrack.app.recognising import Recognised, who_is
from droidrack.app.store import SmsStore
from droidrack.app.world import World
from droidrack.core.attempt import Attempt
from droidrack.core.call import CallRow
from droidrack.core.capability import build_of
from droidrack.core.card_check import MOVED, only_if, same_answer
from droidrack.core.door import SimBinding, SimReading
from droidrack.core.errors import CardMoved, ParseError, PhoneRefused, ProfileError
from droidrack.core.evidence import Witnesses
from droidrack.core.ids import DeviceUuid, Iccid, Imsi, MessageUid, Slot, SubId
from droidrack.core.learn import Codes, taught
from droidrack.core.message import Message
from droidrack.core.parcel import Value, call_argv, send_argv, send_call
from droidrack.core.parse.getprop import parse_getprop
from droidrack.core.parse.isub import parse_isub
from droidrack.core.parse.windows import asking_package, window_packages
from droidrack.core.profile import DeviceIdentity, Profile
from droidrack.core.pulse import in_service
from droidrack.core.reply import Reply, Returned, read_reply, sub_id_of
from droidrack.core.sections import Section, script, split
from droidrack.core.shell import command_line
from droidrack.core.sms import segment
from droidrack.core.telephony import SimState, TelephonyRegistry
from droidrack.ports import Dice, Phone

SUBMIT_DEADLINE_S = 30.0
"""A binder call that only queues. Slow phones need seconds to start the tool; beyond this we do
not know, and the witnesses are asked."""

LOG_DEADLINE_S = 20.0
"""For the radio log's buffer: up to some megabytes over a slow cable."""

NOTES_SHOWN = 3
"""Of what was looked into in vain; `droidrack probe` shows all."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is ready to be made. `command` holds number and text: it is never shown."""

    row: CallRow
    command: str = field(repr=False)
    slot: Slot


@dataclass(frozen=True, slots=True)
class _Asked:
    """A harmless call, what the phone printed, and what that means."""

    question: str
    answer: str
    reply: Reply


_CARD = re.compile(r"[0-9][0-9A-Fa-f]{4,21}")
"""Digits of an IMSI (6 to 15) or an ICCID (up to 20)."""


class Handset:
    """One phone on duty."""

    def __init__(
        self,
        world: World,
        arrival: Arrival,
        *,
        recognised: Recognised,
        identity: DeviceIdentity,
        profile: Profile,
        codes: Codes,
        boot_id: str,
    ) -> None:
        self._world = world
        self._arrival = arrival
        self.recognised = recognised
        self.identity = identity
        self.profile = profile
        self.codes = codes
        self.boot_id = boot_id
        facts = profile.facts
        # What the release offers by its sources, until the phone itself was asked.
        self.witnesses = Witnesses(
            store=facts.store_readable,
            radio=facts.radio_verdict,
            message_ids=facts.radio_message_id,
        )
        self.sims: tuple[SimReading, ...] = ()
        self._sims_read_at = -1e9
        self._cards: dict[SubId, _Asked] = {}  # How its slot answered.
        self.registry: TelephonyRegistry | None = None  # As last read.
        self._service: dict[int, bool | None] = {}
        self._service_read_at = -1e9
        self.silent: set[MessageUid] = set()  # Attempts that can no longer say anything.
        self.steady = world.steady
        self.store = SmsStore(
            arrival.phone, world.clock, self.steady, names_sim=not facts.rows_by_slot
        )

    @classmethod
    async def meet(cls, world: World, arrival: Arrival, *, codes: Codes | None = None) -> Self:
        """Get to know a phone that arrived.

        Its own `codes`, where they are not given, are those of the notebook; where the table is in
        doubt about the build, they are read from the phone first.

        Raises:
            ProfileError: nobody knows this build, nothing may be sent through it, or it cannot be
                told who it is.
            PhoneError, ParseError: it does not answer, or not as a phone does.
        """
        identity = DeviceIdentity.from_props(arrival.properties.values)
        table = world.profiles.resolve(identity)
        if codes is None:
            codes = await codes_of_phone(world, arrival, table)
        profile = taught(table, codes)
        if profile.barred:
            notes = "; ".join(codes.notes[:NOTES_SHOWN])
            raise ProfileError(
                f"{identity}: sending is barred: {profile.barred}"
                + (f" (its framework: {notes})" if notes else ""),
                hint="its own codes could not be read, or do not fit: add a site profile, or use "
                "another phone; `droidrack probe` shows all that is known",
            )
        recognised = await who_is(world, arrival)
        boot = await arrival.phone.run(
            "cat /proc/sys/kernel/random/boot_id", deadline_s=QUERY_DEADLINE_S
        )
        handset = cls(
            world,
            arrival,
            recognised=recognised,
            identity=identity,
            profile=profile,
            codes=codes,
            boot_id=boot.text.strip()[:64],
        )
        await handset.refresh_sims(0)
        return handset

    @property
    def device(self) -> DeviceUuid:
        """Who it is, for the panel and the journal."""
        return self.recognised.device

    @property
    def serialno(self) -> str:
        """The hardware serial."""
        return self._arrival.serialno

    @property
    def phone(self) -> Phone:
        """The way to it."""
        return self._arrival.phone

    @property
    def build(self) -> str:
        """What tells its build from others; "" where it does not say."""
        return build_of(self._arrival.properties.values)

    @property
    def tells_apart(self) -> bool:
        """Whether the radio log says whose word it is, so that several attempts may be open."""
        return self.witnesses.message_ids

    def country(self, slot: Slot) -> str:
        """ISO 3166 code of a SIM's home network in capitals; "" where the phone does not say."""
        names = self._arrival.properties.per_slot("gsm.sim.operator.iso-country") or ()
        return (names[slot] or "").upper() if slot < len(names) else ""

    @property
    def carded(self) -> frozenset[Slot]:
        """The slots with a card in use, as last read."""
        return frozenset(sim.slot for sim in self.sims if sim.sub_id is not None)

    # --- SIMs ---------------------------------------------------------------------------------

    def forget_sims(self) -> None:
        """What was read of the slots is no longer true: the next one who asks reads them anew."""
        self._sims_read_at = -1e9

    async def refresh_sims(self, fresh_s: float) -> tuple[SimReading, ...]:
        """Read the slots again unless they were read less than `fresh_s` seconds ago."""
        now = self._world.clock.monotonic()
        if now - self._sims_read_at >= fresh_s:
            self.sims = await self._read_sims()
            self._sims_read_at = self._world.clock.monotonic()
        return self.sims

    async def _read_sims(self) -> tuple[SimReading, ...]:
        states, countries = await self._sim_words()
        slots = [Slot(index) for index in range(len(states))]
        by_slot = await self._ask_each("isub.get_sub_id", [{"slot": slot} for slot in slots])
        replies = [asked.reply for asked in by_slot]
        subs = [
            sub_id_of(reply.value) if isinstance(reply, Returned) else None for reply in replies
        ]
        self._cards = {
            sub: asked for sub, asked in zip(subs, by_slot, strict=True) if sub is not None
        }
        cards = [sub for sub in subs if sub is not None]
        iccids, imsis = await self._card_identities(cards)
        return tuple(
            SimReading(
                slot=slot,
                state=state,
                sub_id=sub,
                iccid=iccids.get(sub) if sub is not None else None,
                imsi=imsis.get(sub) if sub is not None else None,
                in_service=self._in_service(slot),
                country=countries[slot] if slot < len(countries) else "",
            )
            for slot, state, sub in zip(slots, states, subs, strict=True)
        )

    def note_service(self, registry: TelephonyRegistry | None) -> None:
        """Take note of which slots have a network, from a dump that was just read."""
        self.registry = registry
        phones = registry.phones if registry is not None else ()
        self._service = {phone.phone_id: in_service(phone) for phone in phones}
        self._service_read_at = self._world.clock.monotonic()

    def _in_service(self, slot: Slot) -> bool | None:
        """What the last dump said of a slot, as long as it is not older than two heartbeats."""
        age_s = self._world.clock.monotonic() - self._service_read_at
        fresh = age_s <= 2 * self._world.settings.intervals.heartbeat_s
        return self._service.get(slot) if fresh else None

    async def _sim_words(self) -> tuple[tuple[SimState | None, ...], tuple[str, ...]]:
        """State and country of each slot."""
        completed = await self.phone.run("getprop", deadline_s=QUERY_DEADLINE_S)
        properties = parse_getprop(completed.text)
        states = properties.per_slot("gsm.sim.state") or ()
        countries = properties.per_slot("gsm.sim.operator.iso-country") or ()
        return (
            tuple(SimState.of(word) for word in states),
            tuple((word or "").upper() for word in countries),
        )

    async def _card_identities(
        self, subs: Sequence[SubId]
    ) -> tuple[dict[SubId, Iccid], dict[SubId, Imsi]]:
        if not subs:
            return {}, {}
        if not self.profile.facts.identity_readable:
            return await self._iccids_from_dump(), {}
        asked: list[Mapping[str, Value]] = [{"sub_id": sub} for sub in subs]
        iccids = await self._call_each("iphonesubinfo.iccid", asked)
        imsis = await self._call_each("iphonesubinfo.imsi", asked)
        return (
            {
                sub: Iccid(text)
                for sub, text in zip(subs, map(_digits, iccids), strict=True)
                if text
            },
            {sub: Imsi(text) for sub, text in zip(subs, map(_digits, imsis), strict=True) if text},
        )

    async def _iccids_from_dump(self) -> dict[SubId, Iccid]:
        dump = await self.phone.run("dumpsys isub", deadline_s=QUERY_DEADLINE_S)
        try:
            subscriptions = parse_isub(dump.text).subscriptions
        except ParseError:
            return {}
        return {
            sub.sub_id: sub.iccid
            for sub in subscriptions
            if sub.sub_id is not None and sub.iccid is not None
        }

    async def bindings(self) -> dict[str, SimBinding]:
        """The panel's SIM rows of this phone by uid, with the card each was bound to."""
        records = await self._world.journal.sims(self.device)
        return {r.sim_uid: SimBinding(r.sim_uid, r.slot, r.iccid) for r in records}

    async def _call_each(self, name: str, values: Sequence[Mapping[str, Value]]) -> list[Reply]:
        """One harmless call several times, in one round trip."""
        return [asked.reply for asked in await self._ask_each(name, values)]

    async def _ask_each(self, name: str, values: Sequence[Mapping[str, Value]]) -> list["_Asked"]:
        """The same, with what was asked and what the phone printed."""
        if not values:
            return []
        row = self.profile.call(name)
        commands = {
            f"call{index}": command_line(call_argv(row, value))
            for index, value in enumerate(values)
        }
        sections = await self.ask(commands, deadline_s=QUERY_DEADLINE_S)
        return [
            _Asked(
                command,
                same_answer(sections[key].text),
                read_reply(row, sections[key].text, sections[key].exit_code),
            )
            for key, command in commands.items()
        ]

    async def ask(self, commands: Mapping[str, str], *, deadline_s: float) -> dict[str, Section]:
        """Run several commands in one round trip; all sections came back.

        Raises:
            PhoneRefused: the shell ended before the last command.
        """
        mark = f"droidrack{self._world.dice.getrandbits(64):016x}"
        completed = await self.phone.run(script(commands, mark), deadline_s=deadline_s)
        sections = split(completed.text, mark)
        missing = commands.keys() - sections.keys()
        if missing:
            raise PhoneRefused(
                f"{self.phone.serial}: no answer to {', '.join(sorted(missing))}",
                serial=self.phone.serial,
                hint="the phone's shell ended early; it is asked again",
            )
        return sections

    # --- Sending ------------------------------------------------------------------------------

    def new_message_id(self, dice: Dice) -> int:
        """A non-zero id for an attempt, where the build has an argument for it; else 0."""
        row = self.profile.call("isms.send_text")
        if not any(argument.name == "message_id" for argument in row.arguments):
            return 0
        return dice.getrandbits(62) + 1

    def call_for(self, attempt: Attempt, message: Message) -> Call:
        """The call that makes an attempt, if its card is still there. Nothing is done yet.

        Raises:
            CardMoved: the subscription is not one that was read last.
            ProfileError: this build has no such call, or it is barred.
            ValueError: number or text cannot go into a call.
        """
        card = self._cards.get(attempt.sub_id)
        if card is None:
            raise self._moved(attempt.slot)
        parts = segment(message.body.reveal()).segments
        row = self.profile.call(send_call(parts))
        argv = send_argv(
            row,
            sub_id=attempt.sub_id,
            number=message.number.reveal(),
            parts=parts,
            message_id=attempt.message_id,
        )
        command = only_if(card.question, card.answer, command_line(argv))
        return Call(row, command, attempt.slot)

    def _moved(self, slot: Slot) -> CardMoved:
        return CardMoved(
            f"{self.phone.serial}: slot {slot} holds another card than was read: nothing was sent",
            serial=self.phone.serial,
            hint="the slots are read anew",
        )

    async def submit(self, call: Call, message: Message) -> Reply:
        """Hand a message to the phone's SMS service. The attempt must be on disk already.

        Raises:
            CardMoved: the phone itself saw that the card is another: the call was not made.
            PhoneError: with the effect it may have had.
        """
        completed = await self.phone.run(call.command, deadline_s=SUBMIT_DEADLINE_S)
        if completed.text.strip() == MOVED:
            raise self._moved(call.slot)
        return read_reply(
            call.row,
            completed.text,
            completed.exit_code,
            completed.stderr.decode("utf-8", "replace"),
            hide=(message.number.reveal(), message.body.reveal()),
        )

    # --- Witnesses ----------------------------------------------------------------------------

    async def watermark(self) -> int | None:
        """The highest row id of the SMS store; None where the shell may not read it."""
        return await self.store.watermark() if self.witnesses.store else None

    async def asking_window(self) -> str:
        """The package whose window may be keeping a late message back; "": none is."""
        dump = await self.phone.run("dumpsys window windows", deadline_s=QUERY_DEADLINE_S)
        return asking_package(window_packages(dump.text))

    def radio_log(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The radio log as it is written; it opens with the newest line of its past."""
        return self.phone.stream("logcat -b radio -v threadtime -T 1")

    async def radio_past(self) -> str:
        """What the radio log's buffer holds now."""
        completed = await self.phone.run(
            "logcat -b radio -v threadtime -d", deadline_s=LOG_DEADLINE_S
        )
        return completed.text


def _digits(reply: Reply) -> str:
    """A card's identity; some SIMs pad an ICCID with F, and old ones hold hexadecimal digits."""
    if not isinstance(reply, Returned) or not isinstance(reply.value, str):
        return ""
    text = reply.value.strip().rstrip("fF")
    return text.upper() if _CARD.fullmatch(text) else ""
