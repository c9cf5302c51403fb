"""The rack: who is here, whose worker gets which phone, and who starts a worker again.

This is the only place that catches what it does not know: a worker that dies of our own bug is
reported with its cause and started again after a pause; the other phones never notice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from droidrack.app.arrival import Arrival, identify, matches
from droidrack.app.forwarding import Forwarding
from droidrack.app.pace import card_span
from droidrack.app.pause import Pause
from droidrack.app.worker import Worker
from droidrack.app.world import World
from droidrack.core.errors import JournalError, RackError
from droidrack.core.ids import Serial
from droidrack.ports import Bus, Event, Sighting

Key = tuple[int, Serial, int | None]
"""Bus, adb serial and transport id: one plugging-in of one phone."""


DAY_S = 24 * 3600.0
FIRST_PRUNE_S = 3600.0

PLACE_RECHECK_S = 2.0
"""How often a phone that fits no free entry is looked at again."""


class Rack:
    """All phones of one controller."""

    def __init__(self, world: World, buses: Sequence[Bus]) -> None:
        self._world = world
        self._buses = tuple(buses)
        self.workers = tuple(Worker(world, phone) for phone in world.settings.phones)
        self._forwarding = tuple(Forwarding(world, endpoint) for endpoint in world.endpoints)
        self._shown: dict[int, set[Worker]] = {}  # Whose phones each bus shows.
        self._guests: dict[Key, asyncio.Task[None]] = {}
        self._unmatched: set[tuple[str, str]] = set()

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
                    self._tell_journal(failures.exceptions[0])
                await self._world.clock.sleep(pause.after_failure())
                await self._reopen(pause)
        finally:
            await self._world.journal.close()

    async def _work(self) -> None:
        self._guests.clear()
        async with asyncio.TaskGroup() as group:
            for worker in self.workers:
                group.create_task(self._supervise(worker.name, worker.run))
            for index, bus in enumerate(self._buses):
                group.create_task(self._watch(group, index, bus))
            group.create_task(self._supervise("journal", self._forget))
            for forwarding in self._forwarding:
                group.create_task(self._supervise(forwarding.name, forwarding.run))

    async def _forget(self) -> None:
        """Prune the journal once a day; the first time when the start's rush is over."""
        world = self._world
        await world.clock.sleep(FIRST_PRUNE_S)
        while True:
            # What a quota still counts is kept, whatever the site says.
            counted_days = card_span(world.settings).total_seconds() / DAY_S
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
        for worker in self.workers:
            worker.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                for worker in self.workers:
                    await worker.calm()

    async def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause = Pause(self._world.dice)
        while True:
            try:
                await work()
            except* JournalError:
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
            Event(self._world.clock.now(), None, "worker-crashed", text)
        )

    async def _watch(self, group: asyncio.TaskGroup, index: int, bus: Bus) -> None:
        async for sightings in bus.watch():
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
                arrival = await identify(bus, sighting)
                break
            except RackError as error:
                self._world.tell("phone does not say who it is", serial=sighting.serial, why=error)
                await self._world.clock.sleep(pause.after_failure())
        # The same phone may still be listed under its former transport: its place becomes free.
        while (worker := self._choose(arrival)) is None:
            await self._world.clock.sleep(PLACE_RECHECK_S)
        worker.attach(arrival)
        try:
            await asyncio.get_running_loop().create_future()
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
        shown = {
            worker: sighting
            for sighting in sightings
            for worker in self.workers
            if sighting.serial in (worker.settings.serial, worker.adb_serial)
            or (worker.settings.usb and sighting.usb == worker.settings.usb)
        }
        for worker, sighting in shown.items():
            worker.sighted(sighting.state)
        for worker in self._shown.get(index, set()) - shown.keys():
            worker.vanished()
        self._shown[index] = set(shown)
