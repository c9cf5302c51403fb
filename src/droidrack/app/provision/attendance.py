"""Who is here now, over every bus, whatever port they come back in.

A phone is known by its device uuid, so a cable moved to another port or hub goes on where it
stopped. Each plugging-in is identified once; whoever waits for a phone is woken by its arrival.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from droidrack.app.arrival import Arrival, identify
from droidrack.app.pause import Pause
from droidrack.app.world import Tell
from droidrack.core.errors import RackError
from droidrack.core.identity import device_uuid
from droidrack.core.ids import DeviceUuid, Serial
from droidrack.ports import Bus, Clock, Dice, Sighting

Key = tuple[int, Serial, int | None]

SAME_LOOK_S = 0.25


class Attendance:
    """The phones that are attached and have said who they are."""

    def __init__(self, buses: Sequence[Bus], *, clock: Clock, dice: Dice, tell: Tell) -> None:
        self._buses = tuple(buses)
        self._clock = clock
        self._dice = dice
        self._tell = tell
        self._here: dict[DeviceUuid, Arrival] = {}
        self._guests: dict[Key, asyncio.Task[None]] = {}
        self._moved = asyncio.Condition()
        self._wakers: set[asyncio.Task[None]] = set()
        self.complaints: dict[str, str] = {}
        """Phones that cannot be used, by adb serial, with the reason."""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Attendance"]:
        """Watch the buses while the context is open."""
        async with asyncio.TaskGroup() as group:
            watchers = [
                group.create_task(self._watch(group, index, bus))
                for index, bus in enumerate(self._buses)
            ]
            try:
                yield self
            finally:
                for task in (*watchers, *self._guests.values()):
                    task.cancel()

    def present(self) -> dict[DeviceUuid, Arrival]:
        """Everybody who is here."""
        return dict(self._here)

    def find(self, device: DeviceUuid) -> Arrival | None:
        """One phone, if it is here."""
        return self._here.get(device)

    async def arrival(self, device: DeviceUuid) -> Arrival:
        """One phone; waits until it is here."""
        async with self._moved:
            await self._moved.wait_for(lambda: device in self._here)
            return self._here[device]

    async def departure(self, device: DeviceUuid, arrival: Arrival) -> None:
        """Return once this plugging-in is over."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._here.get(device) is not arrival)

    async def _watch(self, group: asyncio.TaskGroup, index: int, bus: Bus) -> None:
        async for sightings in bus.watch():
            present = {(index, s.serial, s.transport_id): s for s in sightings}
            for key in [key for key in self._guests if key[0] == index]:
                if key not in present or present[key].state != "device":
                    self._guests.pop(key).cancel()
            for key, sighting in present.items():
                if sighting.state != "device":
                    self.complaints[sighting.serial] = f"adb says {sighting.state}"
                elif key not in self._guests:
                    self._guests[key] = group.create_task(self._host(bus, sighting))

    async def _host(self, bus: Bus, sighting: Sighting) -> None:
        """Keep one plugging-in on the list until its departure cancels this."""
        pause = Pause(self._dice, ceiling_s=10.0)
        while True:
            try:
                arrival = await identify(bus, sighting)
                device = device_uuid(arrival.serialno, sighting.usb)
                break
            except (RackError, ValueError) as error:
                self.complaints[sighting.serial] = str(error)
                self._tell("phone does not say who it is", serial=sighting.serial, why=error)
                await self._clock.sleep(pause.after_failure())
        while device in self._here:
            # The same phone under its former transport, which leaves; or one with the same serial:
            # taking it for the first would bring the steps of one to the other.
            self.complaints[sighting.serial] = "another attached phone has the same serial"
            await self._clock.sleep(SAME_LOOK_S)
        self.complaints.pop(sighting.serial, None)
        await self._set(device, arrival)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            if self._here.get(device) is arrival:
                del self._here[device]
                self._wake_later()

    async def _set(self, device: DeviceUuid, arrival: Arrival) -> None:
        async with self._moved:
            self._here[device] = arrival
            self._moved.notify_all()

    def _wake_later(self) -> None:
        """Wake who waits for a departure; this task itself is being cancelled."""
        task = asyncio.get_running_loop().create_task(self._wake())
        self._wakers.add(task)
        task.add_done_callback(self._wakers.discard)

    async def _wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()
