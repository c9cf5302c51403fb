"""A whole controller on a bench: virtual phones, a real adb server, the local panel over HTTP.

Everything runs on the test's own event loop, and the controller is the one that `droidrack run`
starts: `compose.open_controller` wires it, only the settings are made here. What a test believes
comes from outside the controller: the air, the panel's ledger, the journal after the fact.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from droidrack import compose, compose_journal
from droidrack.app.worker import Worker
from droidrack.app.world import Tell
from droidrack.core.ids import DeviceUuid, MessageUid
from droidrack.core.settings import (
    AdbSettings,
    Intervals,
    Pacing,
    PanelSettings,
    PhoneSettings,
    Policy,
    Settings,
)
from droidrack.core.standing import PhoneState
from droidrack.ports import Event, Life
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.farm import RackPhone, VirtualRack
from droidrack.virtual.ledgers import Asked, Comparison, compare
from droidrack.virtual.panel.faults import FaultPlan
from droidrack.virtual.panel.queue import StatusRow
from droidrack.virtual.panel.server import create_app, serving
from droidrack.virtual.panel.store import PanelStore
from droidrack.virtual.spec import PhoneSpec, spec_with

DEADLINE_S = 30.0
"""For what takes a second or two here: a machine under load may need it, a failure does."""

SWIFT = Intervals(poll_s=0.2, heartbeat_s=0.5, report_s=0.05)
BRISK = Pacing(min_gap_s=0.1)
"""Virtual radios do not mind; the window stays Android's."""


def swift(index: int, *, api: int | None = None, sims: int | None = None) -> PhoneSpec:
    """A phone of the catalogue with a swift radio, that boots and restarts at once."""
    spec = make_spec(index, api=api, sims=sims)
    return spec_with(spec, boot_s=0.0, off_s=0.05, latency_s=(0.02, 0.05))


@dataclass(slots=True)
class Lines:
    """A `Tell` that keeps what it was told."""

    told: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def __call__(self, event: str, /, **facts: object) -> None:
        self.told.append((event, facts))

    def events(self) -> list[str]:
        """The events in order."""
        return [event for event, _ in self.told]


class Desk:
    """The local panel: its memory, its faults, and a socket that can go away and come back."""

    def __init__(self) -> None:
        self.store = PanelStore()
        self.faults = FaultPlan()
        self.port = 0
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Listen, on the same port as before."""
        app = create_app(self.store, faults=self.faults)
        self.port = await self._stack.enter_async_context(serving(app, port=self.port))

    async def close(self) -> None:
        """Refuse connections."""
        await self._stack.aclose()


@dataclass(slots=True)
class Running:
    """A running controller."""

    controller: compose.Controller
    task: asyncio.Task[None]

    @property
    def workers(self) -> tuple[Worker, ...]:
        """One per phone, in the order of the bench."""
        return self.controller.rack.workers

    def states(self) -> list[str]:
        """Where each phone stands."""
        return [worker.standing.state.value for worker in self.workers]

    async def ready(self, *indices: int) -> None:
        """Wait until these phones (none named: all) work."""
        wanted = [self.workers[i] for i in indices] or list(self.workers)
        await self.until(
            lambda: all(worker.standing.state is PhoneState.READY for worker in wanted),
            lambda: f"ready, but {self.states()}: {[w.standing.cause for w in wanted]}",
        )

    async def until(
        self, condition: Callable[[], bool], what: str | Callable[[], str], *, s: float = DEADLINE_S
    ) -> None:
        """Poll what others did until it holds; running out of time is a failure, no measure."""
        try:
            async with asyncio.timeout(s):
                while not condition():
                    if self.task.done():
                        await self.task
                        raise AssertionError("the controller ended")
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never: {what() if callable(what) else what}") from None

    async def stop(self) -> None:
        """End it as a kill of the task would: without any farewell."""
        self.task.cancel()
        await asyncio.wait({self.task})


@dataclass(slots=True)
class Bench:
    """Phones, panel and settings; controllers come and go."""

    home: Path
    rack: VirtualRack
    desk: Desk
    settings: Settings
    lines: Lines = field(default_factory=Lines)

    @property
    def phones(self) -> tuple[RackPhone, ...]:
        """The virtual phones."""
        return self.rack.phones

    @property
    def store(self) -> PanelStore:
        """The panel's memory."""
        return self.desk.store

    @property
    def faults(self) -> FaultPlan:
        """The panel's misbehaviour."""
        return self.desk.faults

    def lay_token(self, index: int, token: str = "") -> None:
        """Put a pairing token (none given: a fresh one) where the controller looks for it."""
        path = Path(self.settings.phones[index].token_file)
        path.write_text(token or self.store.mint(), encoding="utf-8")
        path.chmod(0o600)

    @asynccontextmanager
    async def controller(self, tell: Tell | None = None) -> AsyncIterator[Running]:
        """A controller on this bench's state directory, ended without a farewell."""
        async with compose.open_controller(self.settings, tell or self.lines) as wired:
            running = Running(wired, asyncio.create_task(wired.rack.run()))
            try:
                yield running
            finally:
                await running.stop()
            if not running.task.cancelled():
                running.task.result()

    # --- What the panel asks and hears --------------------------------------------------------

    def device(self, index: int = 0) -> DeviceUuid:
        """The panel's word for a phone that has paired."""
        name = self.settings.phones[index].name
        return DeviceUuid(next(d.uuid for d in self.store.devices() if d.name == name))

    def queue(
        self,
        body: str,
        *,
        phone: int = 0,
        slot: int = 0,
        number: str = "+15550000001",
        uid: str = "",
    ) -> str:
        """Queue one message; its uid."""
        return self.store.queue(self.device(phone), number, body, slot=slot, uid=uid)

    def latest(self, uid: str) -> StatusRow | None:
        """The last thing the panel was told about a message."""
        rows = self.store.statuses(uid)
        return rows[-1] if rows else None

    def told(self, uid: str) -> list[tuple[str, str | None]]:
        """Everything it was told about a message: (status, error), repeats left out."""
        rows = [(row.status, row.error) for row in self.store.statuses(uid)]
        return [row for i, row in enumerate(rows) if i == 0 or rows[i - 1] != row]

    def on_air(self, *, phone: int | None = None) -> list[str]:
        """The texts that left the radios, in order."""
        serial = None if phone is None else self.phones[phone].model.spec.serial
        return [m.body for m in self.rack.air.messages if serial in (None, m.serial)]

    async def reported(self, running: Running, uids: Iterable[str]) -> None:
        """Wait until the panel knows an outcome of each."""
        wanted = list(uids)
        await running.until(
            lambda: all(self.latest(uid) for uid in wanted),
            lambda: f"reported: {[uid for uid in wanted if not self.latest(uid)]}",
        )

    def compare(self) -> Comparison:
        """The three ledgers: asked, on the air, reported."""
        cards = {}
        for index, phone in enumerate(self.phones):
            try:
                device = self.store.device(self.device(index))
            except StopIteration:
                continue
            for row in self.store.sims(device):
                card = phone.model.spec.sims[row.slot]
                cards[row.uid] = card.iccid if card else ""
        asked = []
        for entry in self.store.ledger():
            told = self.latest(entry.uid)
            asked.append(
                Asked(
                    uid=entry.uid,
                    number=entry.number,
                    body=entry.body,
                    iccid=cards.get(entry.sim_uid, ""),
                    status=told.status if told else "",
                    error=(told.error or "") if told else "",
                )
            )
        return compare(asked, self.rack.air.messages)


@asynccontextmanager
async def bench(
    specs: Sequence[PhoneSpec],
    home: Path,
    *,
    policy: Policy | None = None,
    intervals: Intervals = SWIFT,
    pacing: Pacing = BRISK,
    by_adb_serial: bool = False,
    panel_deadline_s: float = 5.0,
    shell: str = "parser",
) -> AsyncIterator[Bench]:
    """A bench with a pairing token laid down for each phone, and no controller yet.

    `by_adb_serial`: the configuration names phones as `adb devices` does, as it is with USB.
    """
    desk = Desk()
    await desk.open()
    try:
        async with VirtualRack(specs, shell="mksh" if shell == "mksh" else "parser") as rack:
            phones = tuple(
                PhoneSettings(
                    name=f"bay-{index}",
                    serial=phone.adb_serial if by_adb_serial else phone.model.spec.serial,
                    token_file=str(home / f"token-{index}"),
                    pacing=pacing,
                )
                for index, phone in enumerate(rack.phones)
            )
            settings = Settings(
                panel=PanelSettings(
                    url=f"http://127.0.0.1:{desk.port}", deadline_s=panel_deadline_s
                ),
                phones=phones,
                state_dir=home / "state",
                intervals=intervals,
                policy=policy or Policy(),
                adb=(AdbSettings(port=rack.adb_port, own=False),),
            )
            table = Bench(home, rack, desk, settings)
            for index in range(len(phones)):
                table.lay_token(index)
            yield table
    finally:
        await desk.close()
        desk.store.close()


@asynccontextmanager
async def at_work(
    specs: Sequence[PhoneSpec], home: Path, *, policy: Policy | None = None
) -> AsyncIterator[tuple[Bench, Running]]:
    """A bench whose phones are all paired and ready."""
    async with bench(specs, home, policy=policy) as table, table.controller() as running:
        await running.ready()
        yield table, running


async def journal_life(table: Bench, uid: str) -> Life:
    """What the journal holds about a message; no controller may be running."""
    journal = compose_journal.make_journal(table.settings)
    await journal.open()
    try:
        life = await journal.life(MessageUid(uid))
    finally:
        await journal.close()
    assert life is not None
    return life


async def journal_events(table: Bench) -> tuple[Event, ...]:
    """The journal's events; no controller may be running."""
    journal = compose_journal.make_journal(table.settings)
    await journal.open()
    try:
        return await journal.events(limit=100)
    finally:
        await journal.close()
