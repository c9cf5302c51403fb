"""One run of a recipe over many phones: canaries first, then all at once, with a brake.

Phones share nothing but the limits; one that hangs, waits or is gone holds no other.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from droidrack.app.arrival import Arrival, matches
from droidrack.app.provision.attendance import Attendance
from droidrack.app.provision.bench import Bench, Choices, Progressed, Target
from droidrack.app.provision.leasing import LeasedAway, leased
from droidrack.app.provision.limits import Limits
from droidrack.app.provision.phone_walk import Brake, PhoneWalk
from droidrack.core.errors import PhoneError
from droidrack.core.ids import DeviceUuid
from droidrack.core.provision.recipe import Recipe
from droidrack.core.provision.record import (
    PhoneFate,
    PhoneRecord,
    Purpose,
    RunKind,
    RunRecord,
    StepRecord,
)
from droidrack.ports import Bus

LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class PhoneOutcome:
    """One phone at the end of a run."""

    phone: PhoneRecord
    steps: tuple[StepRecord, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run at its end."""

    run: RunRecord
    phones: tuple[PhoneOutcome, ...]

    @property
    def good(self) -> bool:
        """Whether every phone that was meant is as it should be."""
        fine = (PhoneFate.DONE, PhoneFate.SKIPPED)
        return bool(self.phones) and all(one.phone.fate in fine for one in self.phones)


class Campaign:
    """A run on its way."""

    def __init__(
        self, bench: Bench, choices: Choices, recipe: Recipe, targets: Sequence[Target]
    ) -> None:
        self._bench = bench
        self._choices = choices
        self._recipe = recipe
        self._targets = tuple(targets)
        self._limits = Limits(choices.limits)
        self._brake = Brake()
        self._ended = 0
        self._failed = 0
        self.run = RunRecord(
            uid=f"{bench.clock.now():%Y%m%d-%H%M%S}-{bench.dice.getrandbits(32):08x}",
            kind=choices.kind,
            recipe=recipe.name,
            version=recipe.version,
            digest=recipe.digest,
            operator=choices.operator,
            host=choices.host,
            started_at=bench.clock.now(),
        )

    async def go(self, buses: Sequence[Bus]) -> Outcome:
        """Run to the end. A cancelled run leaves the journal as a killed one does."""
        attendance = Attendance(
            buses, clock=self._bench.clock, dice=self._bench.dice, tell=self._bench.tell
        )
        if self._journaled:
            await self._bench.journal.write_run(self.run)
        async with attendance.watching():
            crew = await self._gather(attendance)
            first, rest = crew[: self._choices.canary], crew[self._choices.canary :]
            outcomes = await self._all(attendance, first)
            if any(one.phone.fate not in (PhoneFate.DONE, PhoneFate.SKIPPED) for one in outcomes):
                self._brake.reason = "the canary did not succeed"
            outcomes += await self._all(attendance, rest)
        self.run = replace(self.run, ended_at=self._bench.clock.now())
        outcome = Outcome(self.run, tuple(outcomes))
        self.run = replace(self.run, outcome="done" if outcome.good else "failed")
        if self._journaled:
            await self._bench.journal.write_run(self.run)
        return replace(outcome, run=self.run)

    @property
    def _journaled(self) -> bool:
        return self._choices.kind is not RunKind.PLAN

    async def _gather(
        self, attendance: Attendance
    ) -> list[tuple[Target, DeviceUuid | None, Arrival | None]]:
        """Find each target, as long as it may take to show."""
        clock = self._bench.clock
        until = clock.monotonic() + self._choices.arrive_s
        while True:
            crew = [(target, *self._find(attendance, target)) for target in self._targets]
            if all(device for _, device, _ in crew) or clock.monotonic() >= until:
                return crew
            await clock.sleep(LOOK_S)

    def _find(
        self, attendance: Attendance, target: Target
    ) -> tuple[DeviceUuid | None, Arrival | None]:
        for device, arrival in attendance.present().items():
            if matches(target.settings, arrival.sighting, arrival.serialno):
                return device, arrival
        return None, None

    async def _all(
        self,
        attendance: Attendance,
        crew: Sequence[tuple[Target, DeviceUuid | None, Arrival | None]],
    ) -> list[PhoneOutcome]:
        return list(
            await asyncio.gather(
                *(
                    self._one(attendance, target, device, arrival)
                    for target, device, arrival in crew
                )
            )
        )

    async def _one(
        self,
        attendance: Attendance,
        target: Target,
        device: DeviceUuid | None,
        arrival: Arrival | None,
    ) -> PhoneOutcome:
        record = self._begun(target, device, arrival)
        steps: tuple[StepRecord, ...] = ()
        if device is None or arrival is None:
            cause = attendance.complaints.get(target.settings.serial, "not attached")
            record = replace(record, fate=PhoneFate.ABSENT, cause=cause)
        elif self._brake.reason:
            record = replace(record, fate=PhoneFate.HELD, cause=self._brake.reason)
        elif record.fingerprint and self._choices.checked.get(device) == record.fingerprint:
            cause = "checked under this build already"
            record = replace(record, fate=PhoneFate.SKIPPED, cause=cause)
        else:
            await self._write(record)
            walk = PhoneWalk(
                self._bench, self._choices, self._recipe, self.run.uid, target, device,
                attendance=attendance, limits=self._limits, brake=self._brake,
            )  # fmt: skip
            record = await self._walked(walk, record, device)
            steps = tuple(sorted(walk.records.values(), key=lambda step: step.position))
        record = replace(record, ended_at=self._bench.clock.now())
        await self._write(record)
        self._count(record)
        return PhoneOutcome(record, steps)

    async def _walked(
        self, walk: PhoneWalk, record: PhoneRecord, device: DeviceUuid
    ) -> PhoneRecord:
        try:
            if self._choices.kind is not RunKind.APPLY:
                return await walk.walk(record)
            async with leased(
                self._bench.leases, device, Purpose.PROVISIONING, self._choices.holder,
                clock=self._bench.clock, wait_s=self._choices.lease_wait_s,
                waiting=lambda whose: self._tell(record, f"it waits: {whose}"),
            ) as hold:  # fmt: skip
                walk.require = hold.require
                return await walk.walk(record)
        except LeasedAway as away:
            return replace(record, fate=PhoneFate.LEASED, cause=away.message)
        except PhoneError as error:
            return replace(record, fate=PhoneFate.FAILED, cause=error.message)

    def _begun(
        self, target: Target, device: DeviceUuid | None, arrival: Arrival | None
    ) -> PhoneRecord:
        read = arrival.properties.get if arrival else lambda name: ""
        return PhoneRecord(
            run=self.run.uid,
            device=device or f"absent:{target.name}",
            name=target.name,
            serial=arrival.serialno if arrival else target.settings.serial,
            maker=read("ro.product.manufacturer") or "",
            model=read("ro.product.model") or "",
            fingerprint=read("ro.build.fingerprint") or "",
            fate=PhoneFate.RUNNING,
            port=(arrival.sighting.usb or "") if arrival else "",
            started_at=self._bench.clock.now(),
        )

    def _count(self, record: PhoneRecord) -> None:
        """Pull the brake where too many have failed; tell the watcher."""
        self._ended += 1
        self._failed += record.fate in (PhoneFate.FAILED, PhoneFate.NEEDS_HUMAN)
        rate = self._failed / self._ended
        enough = self._ended >= self._choices.stop_after
        if (
            self._choices.kind is RunKind.APPLY
            and enough
            and rate > self._choices.stop_rate
            and not self._brake.reason
        ):
            self._brake.reason = f"{self._failed} of {self._ended} phones failed"
        self._tell(record, record.cause)

    def _tell(self, record: PhoneRecord, cause: str) -> None:
        self._bench.watch(
            Progressed(
                at=self._bench.clock.now(),
                phone=record.name,
                fate=record.fate,
                total=len(self._recipe.steps),
                cause=cause,
                port=record.port,
            )
        )

    async def _write(self, record: PhoneRecord) -> None:
        if self._journaled:
            await self._bench.journal.write_phone(record)
