"""The rack: who is here, whose worker gets which phone, and who starts a worker again.

This is the only place that catches what it does not know: a worker that dies of our own bug is
reported with its cause and started again after a pause; the other phones never notice.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from droidrack.app.arrival import Arrival, identify, matches
from droidrack.app.pause import Pause
from droidrack.app.worker import Worker
from droidrack.app.world import World
from droidrack.core.errors import JournalError, RackError
from droidrack.core.ids import Serial
from droidrack.ports import Bus, Event, Sighting

Key = tuple[int, Serial, int | None]
"""Bus, adb serial and transport id: one plugging-in of one phone."""


class Rack:
    """All phones of one controller."""

    def __init__(self, world: World, buses: Sequence[Bus]) -> None:
        self._world = world
        self._buses = tuple(buses)
        self.workers = tuple(Worker(world, phone) for phone in world.settings.phones)
        self._guests: dict[Key, asyncio.Task[None]] = {}
        self._unmatched: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Work until cancelled. Raises JournalError when the journal cannot be trusted."""
        await self._world.journal.open()
        try:
            async with asyncio.TaskGroup() as group:
                for worker in self.workers:
                    group.create_task(self._supervise(worker))
                for index, bus in enumerate(self._buses):
                    group.create_task(self._watch(group, index, bus))
        finally:
            await self._world.journal.close()

    async def drain(self, deadline_s: float) -> None:
        """Take no new messages and wait until no call is in flight, at most `deadline_s`."""
        for worker in self.workers:
            worker.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                for worker in self.workers:
                    await worker.calm()

    async def _supervise(self, worker: Worker) -> None:
        pause = Pause(self._world.dice)
        while True:
            try:
                await worker.run()
            except* JournalError:
                raise
            except* Exception as crash:  # noqa: BLE001 - the one place, see the module's text
                await self._report_crash(worker, crash)
                await self._world.clock.sleep(pause.after_failure())

    async def _report_crash(self, worker: Worker, crash: ExceptionGroup[Exception]) -> None:
        names = ", ".join(type(error).__name__ for error in crash.exceptions)
        self._world.tell("worker crashed", phone=worker.name, exc_info=crash)
        event = Event(
            self._world.clock.now(),
            worker.device,
            "worker-crashed",
            f"the worker of {worker.name} crashed ({names}) and is started again",
        )
        await self._world.journal.record(event)

    async def _watch(self, group: asyncio.TaskGroup, index: int, bus: Bus) -> None:
        async for sightings in bus.watch():
            present = {(index, s.serial, s.transport_id): s for s in sightings}
            for key in [key for key in self._guests if key[0] == index]:
                if key not in present or present[key].state != "device":
                    self._guests.pop(key).cancel()
            for key, sighting in present.items():
                self._note_state(sighting)
                if sighting.state == "device" and key not in self._guests:
                    self._guests[key] = group.create_task(self._host(bus, sighting))

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
        worker = self._choose(arrival)
        if worker is None:
            return
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

    def _note_state(self, sighting: Sighting) -> None:
        for worker in self.workers:
            wanted = worker.settings
            if sighting.serial == wanted.serial or (wanted.usb and sighting.usb == wanted.usb):
                worker.sighted(sighting.state)
