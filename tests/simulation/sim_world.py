"""A whole site in virtual time: phones, panel, host, and the controllers that live and die on it.

The controller is the real one, wired as `compose` does, over in-process ports. What it starts on
the phones and at the panel outlives it, as it does outside.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import httpx
from sim_causes import Fortunes
from sim_disk import Disk, undecided
from sim_process import OWNER, Killed, Process, WholeBody
from sim_score import Score
from sim_truth import Truth

from droidrack.adapters.vault import MemoryVault
from droidrack.app.notebook import MemoryNotebook
from droidrack.core.identity import device_uuid
from droidrack.core.ids import Token
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.settings import (
    HealthSettings,
    Intervals,
    Pacing,
    PhoneSettings,
    Policy,
    Quota,
    SlotSettings,
)
from droidrack.virtual.air import Air, AirMessage
from droidrack.virtual.faults import Fate
from droidrack.virtual.handset import Handset
from droidrack.virtual.inprocess import InProcessBus
from droidrack.virtual.panel.faults import FaultPlan
from droidrack.virtual.panel.queue import Reading, StatusLine
from droidrack.virtual.panel.server import create_app
from droidrack.virtual.panel.store import NotFound, PanelStore, Unauthenticated
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.spec import PhoneSpec, SimCard
from droidrack.virtual.timeloop import VirtualClock, VirtualTimeLoop


@dataclass(frozen=True, slots=True)
class Plan:
    """A site before anything happens."""

    specs: tuple[PhoneSpec, ...]
    intervals: Intervals = field(default_factory=Intervals)
    policy: Policy = field(default_factory=Policy)
    pacing: Pacing = field(default_factory=Pacing)
    quota: Quota = field(default_factory=Quota)
    slots: tuple[SlotSettings, ...] = ()
    inbound: InboundSettings = field(default_factory=InboundSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    reading: Reading = Reading.REPEAT
    panel_deadline_s: float = 20.0
    page_size: int = 500


class SitePhone:
    """One phone with its owner's memory of the cards."""

    def __init__(self, name: str, handset: Handset) -> None:
        self.name = name
        self.handset = handset
        self.cards: tuple[SimCard | None, ...] = handset.model.spec.sims
        self.device = device_uuid(handset.model.spec.serial, None)

    @property
    def model(self) -> VirtualPhone:
        """What the phone is and knows."""
        return self.handset.model

    @property
    def slots(self) -> list[int]:
        """Slots with a card."""
        return [slot for slot, card in enumerate(self.cards) if card is not None]


class SiteAir(Air):
    """Tells of every message as it goes out."""

    def __init__(self, hear: Callable[[AirMessage], None]) -> None:
        super().__init__()
        self._hear = hear

    def record(self, message: AirMessage) -> None:
        super().record(message)
        self._hear(message)


class Site:
    """Everything but the controller's own memory."""

    def __init__(
        self, loop: VirtualTimeLoop, plan: Plan, disk: Disk, seed: int, *, strict: bool = True
    ) -> None:
        self.loop, self.plan, self.disk = loop, plan, disk
        self.dice = Random(seed)
        self.clock = self.make_clock()
        self.score = Score()
        self.truth = Truth(disk.holds, disk.proven)
        self.fortunes = Fortunes()
        self.strict = strict
        self.broken: list[BaseException] = []
        self.air = SiteAir(self._heard)
        self.phones = tuple(self._phone(index, spec) for index, spec in enumerate(plan.specs))
        self.bus = InProcessBus([phone.handset for phone in self.phones])
        self.faults = FaultPlan(dice=Random(self.dice.getrandbits(64)))
        self.store = PanelStore(
            now=self.clock.true_now,
            dice=Random(self.dice.getrandbits(64)),
            reading=plan.reading,
            page_size=plan.page_size,
        )
        self._observe_panel()
        self._app = create_app(self.store, faults=self.faults)
        self.vault = MemoryVault()
        self.notebook = MemoryNotebook()
        self.tokens: dict[str, str] = {}
        self.process: Process | None = None
        self.wanted = True
        self.before_commit: Callable[[str, tuple[str, ...]], None] | None = None
        self.commits = 0
        self.crashes = 0
        self.fuse: int | None = None
        self._ended: asyncio.Future[None] = loop.create_future()
        self.swapping = False
        self.patient = seed % 20 == 0
        self.stories: list[asyncio.Task[None]] = []
        self._background: list[asyncio.Task[Any]] = []
        loop.on_birth = _register
        loop.on_turn = self._burn

    def make_clock(self) -> VirtualClock:
        """The host's clock."""
        return VirtualClock(self.loop)

    # --- Parts --------------------------------------------------------------------------------

    def _phone(self, index: int, spec: PhoneSpec) -> SitePhone:
        dice = Random(self.dice.getrandbits(64))
        model = VirtualPhone(spec, wall=self.clock.true_now, dice=dice, air=self.air)
        phone = SitePhone(f"phone-{index}", Handset(model))
        submit, take, pacing = model.radio.submit, model.radio.faults.take, self.plan.pacing
        fates: list[Fate] = []

        def taken(slot: int) -> Fate:
            fates.append(take(slot))
            return fates[-1]

        def counted(submission: Any) -> None:
            self.note("submit", phone.name, f"{len(submission.parts)} parts")
            with self.judging():
                self.truth.submitted(
                    phone.name,
                    self.loop.time(),
                    len(submission.parts),
                    pacing.window_s - 0.001,
                    pacing.window_segments,
                )
            submit(submission)
            card = submission.slot.card
            key = (card.iccid if card else "", submission.number, submission.body)
            while fates:
                self.fortunes.met(key, fates.pop())

        model.radio.submit = counted  # type: ignore[method-assign]
        model.radio.faults.take = taken  # type: ignore[method-assign]
        return phone

    def _observe_panel(self) -> None:
        settle = self.store.messages.settle

        def observed(lines: Sequence[StatusLine]) -> None:
            settle(lines)
            for line in lines:
                self.note("status", line.uid, f"{line.status} {line.error or ''}".rstrip())
                with self.judging():
                    self.truth.reported(line)

        self.store.messages.settle = observed  # type: ignore[method-assign]

    def _heard(self, message: AirMessage) -> None:
        where = f"slot {message.slot} to ..{message.number[-2:]}"
        self.note("air", message.serial[-6:], f"{where}, {message.parts} of {message.of}")
        with self.judging():
            self.truth.heard(message)

    @contextmanager
    def judging(self) -> Iterator[None]:
        """A broken promise ends the run, wherever in the world it was noticed."""
        try:
            yield
        except AssertionError as broken:
            self.note("BROKEN", "", str(broken))
            self.broken.append(broken)
            if not self._ended.done():
                self._ended.set_result(None)

    def note(self, event: str, where: str, what: str) -> None:
        """Write an event into the score."""
        self.score.note(self.loop.time(), event, where, what)

    # --- Time ---------------------------------------------------------------------------------

    async def until(self, moment_s: float) -> None:
        """Let time pass to a virtual second, or to the first broken promise."""
        while (left_s := moment_s - self.loop.time()) > 0 and not self.broken:
            await asyncio.wait({self._ended}, timeout=left_s)

    def start(self, work: Any) -> asyncio.Task[Any]:
        """Let something go on beside."""
        task = self.loop.create_task(work)
        self._background = [old for old in self._background if not old.done()]
        self._background.append(task)
        return task

    async def serve(self, request: httpx.Request) -> httpx.Response:
        """Hand a request to the panel. httpx's own transport costs as much as the panel itself."""
        url, content = request.url, await request.aread()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "method": request.method, "scheme": url.scheme, "path": url.path,
            "raw_path": url.raw_path, "query_string": url.query, "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (url.host, 80), "client": ("127.0.0.1", 50000),
        }  # fmt: skip
        asked, never = False, asyncio.Event()
        status, headers, parts = 500, [], []  # type: ignore[var-annotated]

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if asked:
                await never.wait()
            asked = True
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status, headers
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message["headers"])
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, send)
        return httpx.Response(status, headers=headers, stream=WholeBody(b"".join(parts)))

    def turn_clock(self, off_by: timedelta) -> None:
        """The host's date jumps."""
        self.clock.set_off_by(off_by)

    # --- The host -----------------------------------------------------------------------------

    def boot(self) -> None:
        """Start a controller."""
        self.process = Process(self)
        self.process.start()

    def kill(self, why: str, *, back_in_s: float = 1.0) -> None:
        """The controller ends here and now; another starts later."""
        process = self.process
        if process is None or not process.alive:
            return
        self.crashes += 1
        self.note("crash", "", why)
        process.alive = False
        process.cut_off()
        self.start(self._restart(process, back_in_s))

    async def _restart(self, process: "Process", back_in_s: float) -> None:
        await process.unwound()
        self.disk.died(process.journal)
        await asyncio.sleep(back_in_s)
        if self.wanted:
            self.boot()

    def _burn(self) -> None:
        if self.fuse is None:
            return
        self.fuse -= 1
        if self.fuse < 0:
            self.fuse = None
            self.kill("between two turns", back_in_s=1.0 + 4.0 * self.dice.random())

    def committing(self, process: "Process", phase: str, units: tuple[str, ...]) -> None:
        """Around every commit of any controller."""
        if not process.alive:
            raise Killed
        if phase == "after":
            self.commits += 1
            self.note("commit", "", "+".join(units))
        if self.before_commit is not None:
            self.before_commit(phase, units)
        if not process.alive:
            raise Killed

    # --- People -------------------------------------------------------------------------------

    def pairing_token(self, phone: PhoneSettings) -> Token | None:
        """The token that a person laid down for a phone."""
        if phone.name not in self.tokens:
            self.tokens[phone.name] = self.store.mint()
        return Token(self.tokens[phone.name])

    def blind(self, phone: SitePhone) -> None:
        """Somebody takes a witness of this phone away."""
        self.fortunes.blinded.update(card.iccid for card in phone.cards if card)

    def mint_again(self) -> None:
        """A person makes a new token for each phone without a session that the panel knows."""
        for phone in self.phones:
            session = self.vault.load(phone.device)
            try:
                self.store.authenticate(session.token.reveal() if session else "")
            except Unauthenticated:
                self.tokens[phone.name] = self.store.mint()

    async def ask(self, phone: SitePhone, slot: int, number: str, body: str, **more: Any) -> str:
        """Queue a message at the panel as soon as the phone is known there."""
        card = phone.cards[slot]
        while True:
            try:
                uid = self.store.queue(phone.device, number, body, slot=slot, **more)
            except NotFound:
                await asyncio.sleep(5.0)
            else:
                break
        self.truth.asked(uid, card.iccid if card else "", number, body)
        self.note("asked", uid, f"of {phone.name} slot {slot}")
        return uid

    # --- The end ------------------------------------------------------------------------------

    def settled(self) -> bool:
        """Whether everything that was asked has found its end and was told."""
        if self.disk.owed() or undecided(self.disk):
            return False
        states = self.disk.states()
        for entry in self.store.ledger():
            if entry.state in ("sent", "failed", "stopped"):
                continue
            if entry.uid in states:
                if states[entry.uid][0] != "unknown" or self.plan.policy.unknown_as != "hold":
                    return False
            elif entry.state == "queued" or self.plan.reading is Reading.REPEAT:
                return False  # Not even offered; with leases an offer lost on its way stays lost.
        return True

    def unsettled(self) -> dict[str, object]:
        """What has no end yet, for a person to read."""
        states = self.disk.states()
        return {
            entry.uid: (entry.state, states.get(entry.uid))
            for entry in self.store.ledger()
            if entry.state not in ("sent", "failed")
        } | {"owed": self.disk.owed(), "undecided": undecided(self.disk)}

    def swaps(self, phone: SitePhone) -> bool:
        """Whether cards of this phone may change places in this run."""
        return self.swapping

    async def close(self) -> None:
        """End everything; nothing of a run is left to the collector."""
        self.wanted = False
        if self.process is not None and self.process.alive:
            self.process.alive = False
            self.process.cut_off()
            await self.process.unwound()
            self.disk.died(self.process.journal)
        self._background += self.stories
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.bus.close()
        self.store.close()


def _register(task: asyncio.Task[Any]) -> None:
    owner = OWNER.get()
    if owner is not None:
        owner.adopt(task)
