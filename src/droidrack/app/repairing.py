"""Repairs: looks at every configured phone, and climbs the ladder for those that are not well.

What to do is decided in `core/repair.py`; here it is done, timed and told. One look covers all
phones at once, because a cause that many share (a hub, an adb server) shows only there. Each
attempt is an event with its result: what helped, or that it did not.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from droidrack.app.servers import Servers
from droidrack.app.worker import Worker
from droidrack.app.world import World
from droidrack.core.errors import Effect, PhoneError, PhoneGone
from droidrack.core.ids import UsbPath
from droidrack.core.presence import diagnose
from droidrack.core.rack_map import described, find_socket, view_of
from droidrack.core.repair import (
    PATIENCE,
    TREATED,
    Ailment,
    Budget,
    HubDrop,
    Means,
    Rung,
    Step,
    ailment_of,
    dropped_hubs,
    flap_hold_s,
    next_step,
)
from droidrack.core.standing import PhoneState
from droidrack.core.transport import READY
from droidrack.core.usb import UsbTree
from droidrack.ports import Mender, Phone, Sighting

LOOK_S = 5.0
"""How often all phones are looked at: a tenth of what an operator takes to notice."""

_REBOOT = "svc power reboot || reboot"
_REBOOT_DEADLINE_S = 10.0

_AWAY = frozenset({Ailment.NOT_IN_TREE, Ailment.GONE})
_UNANSWERED = frozenset({"PHONE_TIMEOUT", "ANSWER_CUT"})


class Watched(Protocol):
    """What a rack shows its repairs."""

    @property
    def workers(self) -> Sequence[Worker]:
        """One for each configured phone."""
        ...

    @property
    def shown(self) -> Mapping[int, Mapping[Worker, Sighting]]:
        """How each bus lists whose phone."""
        ...

    @property
    def servers(self) -> Servers:
        """The adb servers that do not answer."""
        ...

    def reach(self, bus: int, sighting: Sighting) -> Phone:
        """The phone behind a sighting, whether or not it said who it is."""
        ...


@dataclass(slots=True)
class Case:
    """One illness of one phone, from when it was seen until the phone is well."""

    ailment: Ailment
    since: float
    tried: list[Rung] = field(default_factory=list)
    next_at: float = 0.0
    why: str = ""  # What the views say, for people.
    remedy: str = ""
    postponed: bool = False  # Another program has the phone.


@dataclass(frozen=True, slots=True)
class _Found:
    """One phone at one look."""

    worker: Worker
    bus: int | None
    sighting: Sighting | None
    socket: UsbPath | None
    ailment: Ailment | None
    phone: Phone | None  # None: no command reaches it.
    why: str = ""
    remedy: str = ""
    unserved: bool = False  # Its adb server is away: nothing is known of it.


class Repairs:
    """Of one rack. `mender` None: troubles are named, and nothing can be done about them."""

    def __init__(self, world: World, mender: Mender | None) -> None:
        self._world = world
        self._mender = mender
        self.cases: dict[str, Case] = {}  # By the phone's name.
        self.hubs: tuple[HubDrop, ...] = ()
        self._budgets: dict[str, Budget] = {}
        self._left: dict[str, deque[float]] = {}
        self._resting: dict[str, float] = {}  # Until when.
        self._sockets: dict[str, UsbPath] = {}  # Where each phone was seen last.
        self._unheard_since: dict[str, float] = {}

    # --- Shared with others -------------------------------------------------------------------

    def spend(self, phone: str) -> bool:
        """Take one attempt from a phone's budget; for whoever wants to touch it. False: none left.

        The budget is of the phone, so that a repair and another user of it cannot take turns.
        """
        return self._budget(phone).spend(self._now())

    def left(self, worker: Worker) -> None:
        """A phone left its adb server's list while others stayed: not the server's doing."""
        self._left.setdefault(worker.name, deque(maxlen=32)).append(self._now())

    def arrived(self, worker: Worker) -> float:
        """A phone arrived: how long it has to stay before it is put to work, in seconds."""
        now = self._now()
        hold_s = flap_hold_s(self._left.get(worker.name, ()), now)
        if hold_s:
            self._resting[worker.name] = now + hold_s
            text = f"it comes and goes, and rests {hold_s:g} s before it works"
            remedy = "check its cable, its socket and the hub's supply"
            self._tell(worker, "flapping", f"{text}: {remedy}")
        return hold_s

    # --- The look -----------------------------------------------------------------------------

    async def run(self, rack: Watched) -> None:
        """Look for ever."""
        while True:
            patience_s = self._world.settings.repair.patience_s
            await self._world.clock.sleep(min(LOOK_S, patience_s / 2))
            await self.look(rack)

    async def look(self, rack: Watched) -> None:
        """Look at every phone once, and do for each what is due."""
        rack.servers.look()
        self._world.panel_line.look()
        tree = await self._mender.tree() if self._mender is not None else None
        found = [self._find(worker, rack, tree) for worker in rack.workers]
        self._name_hubs(found)
        below = {name for drop in self.hubs for name in drop.phones}
        for phone in found:
            if phone.worker.name not in below:
                # A treatment takes seconds: who was ill at the first look may be well by now.
                await self._attend(self._find(phone.worker, rack, tree), found, tree)

    def _find(self, worker: Worker, rack: Watched, tree: UsbTree | None) -> _Found:
        settings, shown = worker.settings, rack.shown
        if rack.servers.of(worker.name) and not any(worker in on for on in shown.values()):
            socket = self._sockets.get(worker.name)
            return _Found(worker, None, None, socket, None, None, unserved=True)
        bus = next((index for index, phones in shown.items() if worker in phones), None)
        sighting = shown[bus][worker] if bus is not None else None
        socket = (sighting and sighting.usb) or find_socket(settings, tree)
        socket = socket or self._sockets.get(worker.name)
        if socket is not None:
            self._sockets[worker.name] = socket
        state = sighting.state if sighting else ""
        diagnosis = diagnose(view_of(settings, state, socket, tree))
        ailment = ailment_of(state, diagnosis.presence, answers=self._answers(worker, state))
        phone = None
        if bus is not None and sighting is not None and state == READY:
            phone = rack.reach(bus, sighting)
        why, remedy = diagnosis.seen, diagnosis.remedy
        if ailment is Ailment.SILENT:
            cause = worker.standing.cause
            why = f"adb says it is there, and it does not work: {cause}"
            remedy = "look at its screen; restart it by hand"
        return _Found(worker, bus, sighting, socket, ailment, phone, why, remedy)

    def _answers(self, worker: Worker, adb_state: str) -> bool:
        """Whether a listed phone does: one that never said who it is, or whose calls end unheard.

        The first two patiences are its own: it may be booting, or another call may still succeed.
        """
        standing = worker.standing
        if self._now() < self._resting.get(worker.name, 0.0):
            return True
        mute = adb_state == READY and (
            not worker.occupied
            or (standing.state is PhoneState.TROUBLED and standing.evidence in _UNANSWERED)
        )
        if not mute:
            self._unheard_since.pop(worker.name, None)
            return True
        since = self._unheard_since.setdefault(worker.name, self._now())
        return self._now() - since < 2 * self._world.settings.repair.patience_s

    def _name_hubs(self, found: Sequence[_Found]) -> None:
        """Tell of a hub that lost all of its phones, once, and of its return."""
        lost = {f.worker.name: f.socket for f in found if f.ailment in _AWAY and f.socket}
        unserved = {f.worker.name for f in found if f.unserved}
        absent = lost.keys() | unserved
        staying = [f.socket for f in found if f.socket and f.worker.name not in absent]
        # Without the adb server nobody can tell whether a hub that was lost is back.
        unsure = tuple(drop for drop in self.hubs if unserved.issuperset(drop.phones))
        hubs = (*dropped_hubs(lost, staying), *unsure)
        before = {drop.hub for drop in self.hubs}
        for drop in hubs:
            if drop.hub not in before:
                where = described(self._world.settings.ports, drop.hub)
                text = (
                    f"hub {where} and all of its {len(drop.phones)} phones are gone "
                    f"({', '.join(drop.phones)}): check the hub's supply and its own cable"
                )
                self._world.tell("hub lost", hub=drop.hub, phones=len(drop.phones), reason=text)
                self._world.chronicle.note("hub-lost", text, phone="")
            for name in drop.phones:
                self.cases.pop(name, None)  # Their illness is the hub's.
        for hub in before - {drop.hub for drop in hubs}:
            self._world.tell("hub back", hub=hub)
            self._world.chronicle.note("hub-back", f"hub {hub} has phones again", phone="")
        self.hubs = hubs

    async def _attend(self, phone: _Found, found: Sequence[_Found], tree: UsbTree | None) -> None:
        worker, now = phone.worker, self._now()
        case = self.cases.get(worker.name)
        if phone.unserved:
            if case is not None:
                self._suspend(case, worker)
            return
        if phone.ailment is None:
            if case is not None:
                self._close(worker, case)
            return
        if case is None or case.ailment is not phone.ailment:
            former = case or Case(phone.ailment, now)
            # What was tried stays tried, and keeps its time: a phone that turns from silent to
            # offline begins nothing, and one that restarts is offline on its way.
            tried = [rung for rung in former.tried if rung in TREATED]
            case = Case(phone.ailment, former.since, tried, former.next_at)
            self.cases[worker.name] = case
        case.why, case.remedy = phone.why, phone.remedy
        if now < case.next_at:
            return
        step = next_step(phone.ailment, case.tried, self._means(phone, found, tree))
        if step is None:
            return
        if step.rung is not Rung.WAIT and await self._postponed(worker, case):
            return
        await self._take(phone, case, step)

    def _suspend(self, case: Case, worker: Worker) -> None:
        """Its adb server is away, and nothing can be done for a phone; its illness is the server's.

        What was tried stays known, for the server's end may be a rung of it. Once the server is
        back the phone has its time to come back as well.
        """
        if set(case.tried) <= {Rung.WAIT}:
            del self.cases[worker.name]
        else:
            patience_s = self._world.settings.repair.patience_s
            case.next_at = max(case.next_at, self._now() + patience_s)

    async def _postponed(self, worker: Worker, case: Case) -> bool:
        """Whether another program has the phone: a restart may be its own, a repair is not."""
        lessee, device = self._world.lessee, worker.device
        lease = await lessee.lent(device) if lessee is not None and device is not None else None
        if lease is not None and not case.postponed:
            text = f"nothing is done while {lease.holder} has it for {lease.purpose}: {case.why}"
            self._tell(worker, "repair-postponed", text)
        case.postponed = lease is not None
        return case.postponed

    def _means(self, phone: _Found, found: Sequence[_Found], tree: UsbTree | None) -> Means:
        repair, mender = self._world.settings.repair, self._mender
        bus = phone.bus if phone.bus is not None else 0
        others_work = any(f.bus == bus and f.ailment is None for f in found)
        cuts = bool(mender and tree and phone.socket and mender.cuts(tree, phone.socket))
        left = self._budget(phone.worker.name).left(self._now())
        return Means(
            own_server=mender is not None and mender.owns(bus),
            all_affected=not others_work,
            port_cuts=cuts,
            reboot_allowed=repair.reboot,
            budget_left=left if repair.enabled and mender is not None else 0,
        )

    # --- The rungs ----------------------------------------------------------------------------

    async def _take(self, phone: _Found, case: Case, step: Step) -> None:
        worker, rung = phone.worker, step.rung
        if case.tried and case.tried[-1] in TREATED:
            self._tell(worker, "repair-failed", f"{case.tried[-1]} did not help: {case.why}")
        case.tried.append(rung)
        case.next_at = self._now() + PATIENCE[rung] * self._world.settings.repair.patience_s
        if rung is Rung.WAIT:
            return
        if rung is Rung.QUARANTINE:
            left_out = f" (left out: {'; '.join(step.left_out)})" if step.left_out else ""
            text = f"{case.ailment}: {case.why}; nothing more is tried{left_out}: {case.remedy}"
            self._tell(worker, "repair-given-up", text)
            return
        self.spend(worker.name)
        self._tell(worker, "repair", f"{rung}, because {case.why}")
        try:
            await self._perform(phone, rung)
        except PhoneError as error:
            case.next_at = 0.0
            self._tell(worker, "repair-failed", f"{rung} was not possible: {error.message}")

    async def _perform(self, phone: _Found, rung: Rung) -> None:
        mender = self._mender
        if mender is None:
            raise AssertionError("without tools the budget is empty")
        bus = phone.bus if phone.bus is not None else 0
        if rung is Rung.RECONNECT and phone.sighting is not None:
            await mender.reconnect(bus, phone.sighting)
        elif rung is Rung.RESTART_SERVER:
            await mender.restart_server(bus)
        elif rung is Rung.CYCLE_PORT and phone.socket is not None:
            await mender.cycle(phone.socket)
        elif rung is Rung.REBOOT:
            if phone.phone is None:
                raise PhoneGone(f"{phone.worker.name}: no command reaches it")
            await _restart(phone.phone)

    def _close(self, worker: Worker, case: Case) -> None:
        del self.cases[worker.name]
        used = [rung for rung in case.tried if rung in TREATED]
        waited_s = self._now() - case.since
        helped = f"after {used[-1]}" if used else "by itself"
        if used or Rung.QUARANTINE in case.tried:
            self._tell(worker, "repaired", f"well again {helped}, {waited_s:.0f} s ill")

    # --- Small things -------------------------------------------------------------------------

    def _budget(self, phone: str) -> Budget:
        budget = self._budgets.setdefault(phone, Budget(self._world.settings.repair.per_hour))
        budget.per_hour = self._world.settings.repair.per_hour
        return budget

    def _tell(self, worker: Worker, kind: str, text: str) -> None:
        where = described(self._world.settings.ports, self._sockets.get(worker.name))
        placed = f"at {where}: {text}" if where else text
        self._world.tell(kind, phone=worker.name, what=placed)
        self._world.chronicle.note(kind, placed, phone=worker.name, device=worker.device)

    def _now(self) -> float:
        return self._world.clock.monotonic()


async def _restart(phone: Phone) -> None:
    try:
        await phone.run(_REBOOT, deadline_s=_REBOOT_DEADLINE_S)
    except PhoneError as error:
        if error.effect is Effect.NONE:
            raise  # Otherwise it went down while it answered: that is what was asked.
