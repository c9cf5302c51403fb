"""Provisioning's memory for rehearsals: honest, and gone with the process."""

from dataclasses import replace
from datetime import datetime, timedelta

from droidrack.core.provision.record import (
    Lease,
    PhoneFate,
    PhoneRecord,
    Purpose,
    RunRecord,
    StepRecord,
    StepState,
)

_SILENT = (StepState.PENDING, StepState.SKIPPED, StepState.BLOCKED)
_ASK_FOR_S = 15.0


class MemoryRunJournal:
    """`ports_provisioning.RunJournal` and `Leases` in memory."""

    def __init__(self) -> None:
        self._runs: dict[str, RunRecord] = {}
        self._phones: dict[tuple[str, str], PhoneRecord] = {}
        self._steps: dict[tuple[str, str, str], StepRecord] = {}
        self._leases: dict[str, Lease] = {}
        self._asked: dict[str, tuple[str, datetime]] = {}

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def write_run(self, record: RunRecord) -> None:
        """See the port."""
        self._runs[record.uid] = record

    async def write_phone(self, record: PhoneRecord) -> None:
        """See the port."""
        self._phones[record.run, record.device] = record

    async def write_step(self, record: StepRecord) -> None:
        """See the port."""
        self._steps[record.run, record.device, record.step] = record

    async def last_step(self, device: str, key: str) -> StepRecord | None:
        """See the port."""
        telling = [
            step
            for step in self._steps.values()
            if step.device == device and step.key == key and step.state not in _SILENT
        ]
        return telling[-1] if telling else None

    async def applied_under(self, device: str, boot_id: str) -> bool:
        """See the port."""
        return bool(boot_id) and any(
            step.device == device
            and step.boot_id == boot_id
            and (step.writes > 0 or step.state is StepState.APPLYING)
            for step in self._steps.values()
        )

    async def runs(self, *, recipe: str = "", limit: int = 50) -> tuple[RunRecord, ...]:
        """See the port."""
        fitting = [run for run in self._runs.values() if recipe in ("", run.recipe)]
        newest = sorted(fitting, key=lambda run: run.started_at, reverse=True)
        return tuple(newest[:limit])

    async def phones(self, run: str) -> tuple[PhoneRecord, ...]:
        """See the port."""
        fitting = [phone for phone in self._phones.values() if phone.run == run]
        return tuple(sorted(fitting, key=lambda phone: phone.name))

    async def steps(self, run: str) -> tuple[StepRecord, ...]:
        """See the port."""
        fitting = [step for step in self._steps.values() if step.run == run]
        return tuple(sorted(fitting, key=lambda step: (step.device, step.position)))

    async def latest(self, recipe: str) -> tuple[tuple[str, StepRecord], ...]:
        """See the port."""
        found: dict[tuple[str, str], StepRecord] = {}
        for step in self._steps.values():
            place = (step.step, step.device)
            if self._runs[step.run].recipe != recipe:
                continue
            if step.state not in _SILENT or found.get(place, step).state in _SILENT:
                found[place] = step
        named = [(self._phones[s.run, s.device].name, s) for s in found.values()]
        return tuple(sorted(named, key=lambda one: (one[1].step, one[0])))

    async def last_good(self, recipe: str) -> tuple[tuple[PhoneRecord, datetime], ...]:
        """See the port."""
        found: dict[str, tuple[PhoneRecord, datetime]] = {}
        for run in reversed(await self.runs(recipe=recipe, limit=len(self._runs))):
            for phone in await self.phones(run.uid):
                if phone.fate is PhoneFate.DONE:
                    found[phone.device] = (phone, run.started_at)
        return tuple(found.values())

    async def builds_seen(self) -> dict[str, str]:
        """See the port. No controller works in memory."""
        return {
            phone.device: phone.fingerprint for phone in self._phones.values() if phone.fingerprint
        }

    async def prune(self, before: datetime) -> tuple[str, ...]:
        """See the port."""
        last = {
            (step.device, step.key): step.run
            for step in self._steps.values()
            if step.state not in _SILENT
        }
        kept = set(last.values())
        old = [u for u, run in self._runs.items() if run.started_at < before and u not in kept]
        for uid in old:
            del self._runs[uid]
        self._phones = {key: phone for key, phone in self._phones.items() if key[0] not in old}
        self._steps = {key: step for key, step in self._steps.items() if key[0] not in old}
        return tuple(old)

    async def take(
        self, device: str, purpose: Purpose, holder: str, *, now: datetime, ttl_s: float
    ) -> Lease:
        """See the port."""
        lease = self._leases.get(device)
        asker, until = self._asked.get(device, ("", now))
        asked = asker not in ("", holder) and until > now
        ours = lease is not None and lease.holder == holder
        if lease is not None and not ours and (lease.binds(now) or asked):
            if not asked:
                self._asked[device] = (holder, now + timedelta(seconds=_ASK_FOR_S))
                asker = holder
            return Lease(device, lease.purpose, lease.holder, lease.expires_at, asker)
        if not (ours and asked):
            self._asked.pop(device, None)
            asker = ""
        taken = Lease(device, purpose, holder, now + timedelta(seconds=ttl_s), asker)
        self._leases[device] = taken
        return taken

    async def release(self, device: str, holder: str) -> None:
        """See the port."""
        lease = self._leases.get(device)
        if lease is None or lease.holder != holder:
            return
        if device in self._asked:
            past = lease.expires_at - timedelta(days=365)
            self._leases[device] = Lease(device, lease.purpose, "", past)
        else:
            del self._leases[device]

    async def bury(self, purpose: Purpose, heir: str) -> None:
        """See the port."""
        for lease in tuple(self._leases.values()):
            if lease.purpose is purpose and lease.holder != heir:
                await self.release(lease.device, lease.holder)

    async def leases(self) -> tuple[Lease, ...]:
        """See the port."""
        return tuple(
            replace(lease, asked_by=self._asked.get(device, ("",))[0])
            for device, lease in sorted(self._leases.items())
        )
