"""The rack: who is here, whose worker gets which phone, and who starts a worker again.

This is the only place that catches what it does not know: a worker that dies of our own bug is
reported with its cause and started again after a pause; the other phones never notice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from droidrack.app.arrival import Arrival, identify, matches
from droidrack.app.former import settle_former, what_is_left
from droidrack.app.forwarding import Forwarding
from droidrack.app.pause import Pause
from droidrack.app.repairing import Repairs
from droidrack.app.servers import Servers
from droidrack.app.worker import Worker
from droidrack.app.world import World
from droidrack.core.errors import JournalError, RackError, first_of
from droidrack.core.ids import Serial
from droidrack.core.message import OPEN
from droidrack.core.settings_change import Change
from droidrack.ports import Bus, Event, Mender, Phone, Sighting, Tally

Key = tuple[int, Serial, int | None]
"""Bus, adb serial and transport id: one plugging-in of one phone."""


DAY_S = 24 * 3600.0
FIRST_PRUNE_S = 3600.0

LEAVE_S = 8.0
"""For calls in flight when the configuration changes; their attempts are in the journal anyway."""

SEE_OUT_CHECK_S = 1.0
"""How often a removed phone is asked whether it is done; two small reads of the journal."""

PLACE_RECHECK_S = 2.0
"""How often a phone that fits no free entry is looked at again."""


class Rack:
    """All phones of one controller."""

    def __init__(self, world: World, buses: Sequence[Bus], mender: Mender | None = None) -> None:
        self._world = world
        self.repairs = Repairs(world, mender)
        self.servers = Servers(world)
        self._buses = tuple(buses)
        self.workers = tuple(Worker(world, phone) for phone in world.settings.phones)
        self._forwarding = tuple(Forwarding(world, endpoint) for endpoint in world.endpoints)
        self.shown: dict[int, dict[Worker, Sighting]] = {}  # How each bus lists whose phone.
        self._lists: dict[int, Sequence[Sighting]] = {}  # The latest of each bus.
        self._guests: dict[Key, asyncio.Task[None]] = {}
        self._unmatched: set[tuple[str, str]] = set()
        self._group: asyncio.TaskGroup | None = None  # None: nobody works.
        self._tasks: dict[Worker, asyncio.Task[None]] = {}
        self._leaving: dict[Worker, asyncio.Task[None]] = {}  # Out of the file, with work to end.

    async def run(self) -> None:
        """Work until cancelled.

        A journal that can no longer be written stops everything at once; it is opened again until
        that works, and then everybody goes on.

        Raises:
            JournalError: it could not be opened at the start: another controller, a damaged file.
        """
        pause = Pause(self._world.dice)
        await self._world.journal.open()
        try:
            while True:
                try:
                    await self._work()
                except* JournalError as failures:
                    self._tell_journal(first_of(failures))
                await self._world.clock.sleep(pause.after_failure())
                await self._reopen(pause)
        finally:
            await self._world.journal.close()

    async def _work(self) -> None:
        self._guests.clear()
        self._tasks.clear()
        self._leaving.clear()
        async with asyncio.TaskGroup() as group:
            for worker in self.workers:
                self._tasks[worker] = group.create_task(self._supervise(worker.name, worker.run))
            self._group = group
            for index, bus in enumerate(self._buses):
                group.create_task(self._watch(group, index, bus))
            group.create_task(self._supervise("journal", self._forget))
            for forwarding in self._forwarding:
                group.create_task(self._supervise(forwarding.name, forwarding.run))
            group.create_task(self._supervise("former phones", self._settle_former))
            group.create_task(self._supervise("repairs", partial(self.repairs.run, self)))
            group.create_task(self._supervise("chronicle", self._world.chronicle.run))

    async def _settle_former(self) -> None:
        await settle_former(self._world)

    async def _forget(self) -> None:
        """Prune the journal once a day; the first time when the start's rush is over."""
        world = self._world
        await world.clock.sleep(FIRST_PRUNE_S)
        while True:
            # What a quota still counts is kept, whatever the site says.
            counted_days = world.card_span.total_seconds() / DAY_S
            days = max(world.settings.policy.retention_days, counted_days)
            names = [endpoint.name for endpoint in world.endpoints]
            await world.journal.inbox.disown(names, world.clock.now())
            pruned = await world.journal.prune(world.ago(days * DAY_S))
            world.tell("journal pruned", messages=pruned, older_than_days=days)
            audit_days = world.settings.audit.retention_days
            await world.journal.audit.prune(world.ago(audit_days * DAY_S), world.clock.now())
            await world.clock.sleep(DAY_S)

    async def _reopen(self, pause: Pause) -> None:
        while True:
            try:
                await self._world.journal.open()
            except JournalError as error:
                self._tell_journal(error)
                await self._world.clock.sleep(pause.after_failure())
            else:
                self._world.tell("journal open again")
                return

    def _tell_journal(self, error: BaseException) -> None:
        hint = error.hint if isinstance(error, JournalError) else ""
        self._world.tell("journal lost, nothing is sent", reason=str(error), hint=hint)

    async def drain(self, deadline_s: float) -> None:
        """Take no new messages and wait until no call is in flight, at most `deadline_s`."""
        # A reload has replaced some whose calls it still waits for.
        workers = tuple(dict.fromkeys((*self.workers, *self._tasks, *self._leaving)))
        for worker in workers:
            worker.drain()
        # A journal that fails now has nothing to stop any more: its events are lost.
        with suppress(TimeoutError, JournalError):
            async with asyncio.timeout(deadline_s):
                for worker in workers:
                    await worker.calm()
                await self._world.chronicle.flush()

    # --- A new configuration ------------------------------------------------------------------

    async def reload(self, change: Change) -> None:
        """Serve the phones of a changed configuration; whoever did not change is not disturbed.

        Returns when the phones that changed have no call in flight any more and begin anew. A phone
        that was removed ends what it has: it takes nothing new, attempts get their verdicts and the
        panel hears of them. What was waiting stays in the journal until the phone has an entry.
        """
        self._world.adopt(change.settings)
        by_name = {worker.name: worker for worker in self.workers}
        for phone in change.relabelled:
            by_name[phone.name].settings = phone
        anew = [by_name[phone.name] for phone in change.changed]
        removed = [by_name[phone.name] for phone in change.removed]
        for worker in (*anew, *removed):
            worker.drain("devices.toml changed")
            for shown in self.shown.values():  # Its phone did not leave.
                shown.pop(worker, None)
        renamed = [worker for worker in removed if self._is_wanted(worker.arrival)]
        kept = {w.name: w for w in self.workers if w not in anew and w not in removed}
        self._unmatched.clear()
        # They are replaced at once, so that nobody else can ask the former ones for anything.
        self.workers = tuple(
            kept.get(phone.name) or Worker(self._world, phone) for phone in change.settings.phones
        )
        # Whoever removed them may be the phone of a new entry; their attempts are in the journal.
        ending = [*anew, *renamed, *(self._leaving if change.added or change.changed else ())]
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                for worker in ending:
                    await worker.calm()
        for worker in ending:
            await self._dismiss(worker)
        for worker in self.workers:
            if worker not in self._tasks:
                self._begin(self._tasks, worker, worker.run)
        for index, sightings in self._lists.items():  # A list comes only when it changes.
            self._note_states(index, sightings)
        for worker in removed:
            if worker not in renamed:
                self._begin(self._leaving, worker, partial(self._see_out, worker))

    def _is_wanted(self, arrival: Arrival | None) -> bool:
        phones = self._world.settings.phones
        return arrival is not None and any(
            matches(phone, arrival.sighting, arrival.serialno) for phone in phones
        )

    def _begin(
        self,
        tasks: dict[Worker, asyncio.Task[None]],
        worker: Worker,
        work: Callable[[], Awaitable[None]],
    ) -> None:
        """Start work beside the others; without a journal nobody works, and all begin with it."""
        if self._group is not None:
            tasks[worker] = self._group.create_task(self._supervise(worker.name, work))

    async def _dismiss(self, worker: Worker) -> None:
        """End a worker; its phone looks for another place."""
        worker.dismissed.set()
        tasks = [self._tasks.pop(worker, None), self._leaving.pop(worker, None)]
        running = {task for task in tasks if task and task is not asyncio.current_task()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _see_out(self, worker: Worker) -> None:
        """Let a removed phone end what it has, then dismiss it and tell what is left."""
        journal, device = self._world.journal, worker.device
        await worker.calm()  # A call that has begun may not be in the journal yet.
        while device is not None:
            flying = [s for _, s in await journal.open_attempts(device) if s in OPEN]
            owed = await journal.outbox(device, limit=1)
            if not ((flying and worker.occupied) or (owed and worker.session.current)):
                break
            await self._world.clock.sleep(SEE_OUT_CHECK_S)
        await self._dismiss(worker)
        tally = (await journal.tallies()).get(device, Tally()) if device else Tally()
        text = what_is_left(tally)
        self._world.tell("phone removed", phone=worker.name, left=text)
        self._world.chronicle.note("phone-removed", text, phone=worker.name, device=device)

    async def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause = Pause(self._world.dice)
        while True:
            try:
                await work()
            except* JournalError:
                self._group = None  # It ends with all its members.
                raise
            except* Exception as crash:  # noqa: BLE001 - the one place, see the module's text
                await self._report_crash(name, crash)
                await self._world.clock.sleep(pause.after_failure())
            else:
                return

    async def _report_crash(self, name: str, crash: ExceptionGroup[Exception]) -> None:
        names = ", ".join(type(error).__name__ for error in crash.exceptions)
        self._world.tell("crashed", phone=name, exc_info=crash)
        text = f"the worker of {name} crashed ({names}) and is started again"
        await self._world.journal.record(
            Event(self._world.clock.now(), None, "worker-crashed", text, name)
        )

    async def _watch(self, group: asyncio.TaskGroup, index: int, bus: Bus) -> None:
        async for sightings in bus.watch():
            self._note_server(index)  # First, so that those who leave with it can say why.
            present = {(index, s.serial, s.transport_id): s for s in sightings}
            await self._see_off(
                key
                for key in tuple(self._guests)
                if key[0] == index and (key not in present or present[key].state != "device")
            )
            self._note_states(index, sightings)
            for key, sighting in present.items():
                if sighting.state == "device" and key not in self._guests:
                    host = partial(self._host, bus, sighting)
                    self._guests[key] = group.create_task(self._supervise(sighting.serial, host))

    async def _see_off(self, keys: Iterable[Key]) -> None:
        """End the stay of those who left, before anything is said of who is here now."""
        leaving = [self._guests.pop(key) for key in keys]
        for guest in leaving:
            guest.cancel()
        if leaving:
            await asyncio.wait(leaving)

    async def _host(self, bus: Bus, sighting: Sighting) -> None:
        """Look after one plugging-in of one phone until it is cancelled by its departure."""
        pause = Pause(self._world.dice)
        while True:
            try:
                arrival = await identify(bus, sighting, booted=False)
                break
            except RackError as error:
                self._world.tell("phone does not say who it is", serial=sighting.serial, why=error)
                for worker in self._listed_as(sighting):
                    worker.mute(error)
                await self._world.clock.sleep(pause.after_failure())
        with self._world.attending(arrival.serialno, arrival.sighting.usb or ""):
            # One that comes and goes has to stay for a while before it gets its place.
            if hold_s := self.repairs.arrived(await self._place(arrival)):
                await self._world.clock.sleep(hold_s)
            while True:  # Another place each time that its entry changes.
                await self._lodge(arrival)

    def _listed_as(self, sighting: Sighting) -> Iterable[Worker]:
        shown = (pair for phones in self.shown.values() for pair in phones.items())
        return [worker for worker, seen in shown if seen == sighting]

    def reach(self, bus: int, sighting: Sighting) -> Phone:
        """The phone behind a sighting, whether or not it said who it is."""
        return self._buses[bus].phone(sighting)

    async def _place(self, arrival: Arrival) -> Worker:
        # The same phone may still be listed under its former transport: its place becomes free.
        while (worker := self._choose(arrival)) is None:
            await self._world.clock.sleep(PLACE_RECHECK_S)
        return worker

    async def _lodge(self, arrival: Arrival) -> None:
        worker = await self._place(arrival)
        worker.attach(arrival)
        self._note_guest(worker)
        try:
            await worker.dismissed.wait()
        finally:
            worker.detach(arrival)

    def _choose(self, arrival: Arrival) -> Worker | None:
        fitting = [
            worker
            for worker in self.workers
            if matches(worker.settings, arrival.sighting, arrival.serialno)
        ]
        if len(fitting) == 1 and not fitting[0].occupied:
            return fitting[0]
        complaint = (
            "phone fits no entry of the configuration"
            if not fitting
            else "phone fits several entries of the configuration"
            if len(fitting) > 1
            else "another phone already fits this entry: tell them apart by usb"
        )
        key = (complaint, arrival.sighting.serial)
        if key not in self._unmatched:
            self._unmatched.add(key)
            entries = ", ".join(worker.name for worker in fitting)
            self._world.tell(complaint, serial=arrival.sighting.serial, entries=entries)
        return None

    def _note_states(self, index: int, sightings: Sequence[Sighting]) -> None:
        """Tell the workers how an adb server shows their phones, and whose it shows no more."""
        self._lists[index] = sightings
        shown = _listed(self.workers, sightings)
        for worker, sighting in shown.items():
            worker.sighted(sighting.state)
        for worker in self.shown.get(index, {}).keys() - shown.keys():
            worker.vanished()
            if sightings:  # Not the server's own end, which takes all of them.
                self.repairs.left(worker)
        self.shown[index] = shown
        self._note_server(index)

    def _note_server(self, index: int) -> None:
        """Tell the workers whether the adb server answers that shows, or showed, their phones."""
        names = [worker.name for worker in self.shown.get(index, ())]
        if self.servers.note(index, self._buses[index].outage, names):
            for worker in self.workers:
                worker.served(self.servers.of(worker.name))

    def _note_guest(self, worker: Worker) -> None:
        """Find a phone in the lists by the name that adb has for it, now that it is known.

        On a network it is no serial, and the next list comes only when something changes.
        """
        for index, sightings in self._lists.items():
            self.shown.setdefault(index, {}).update(_listed((worker,), sightings))


def _listed(workers: Iterable[Worker], sightings: Iterable[Sighting]) -> dict[Worker, Sighting]:
    """Whose phone is on a list, as far as the list alone tells.

    Where entry and line both name a port, the port decides: phones may share their serial.
    """
    by_usb: dict[str, Worker] = {}
    by_serial: dict[str, list[Worker]] = {}
    for worker in workers:
        if worker.settings.usb:
            by_usb[worker.settings.usb] = worker
        for serial in {worker.settings.serial, worker.adb_serial or ""} - {""}:
            by_serial.setdefault(serial, []).append(worker)
    shown: dict[Worker, Sighting] = {}
    for sighting in sightings:
        if sighting.usb in by_usb:
            shown[by_usb[sighting.usb]] = sighting
        for worker in by_serial.get(sighting.serial, ()):
            if not (worker.settings.usb and sighting.usb):
                shown[worker] = sighting
    return shown
