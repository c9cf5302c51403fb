"""One phone's way through a recipe: who it is, each step in order, what a restart undid."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from droidrack.app.arrival import Arrival
from droidrack.app.provision.acting import Acting, Curtain
from droidrack.app.provision.attendance import Attendance
from droidrack.app.provision.bench import Bench, Choices, Progressed, Target
from droidrack.app.provision.limits import Limits
from droidrack.app.provision.restarting import boot_id_of
from droidrack.app.provision.step_walk import LOST, LOST_LIMIT, StepWalk
from droidrack.core.errors import PhoneGone, PhoneTimeout, RackError
from droidrack.core.ids import DeviceUuid
from droidrack.core.provision.acts import Reading, Refusal
from droidrack.core.provision.recipe import Facts, Recipe, Step
from droidrack.core.provision.record import (
    GOOD,
    PhoneFate,
    PhoneRecord,
    RunKind,
    StepRecord,
    StepState,
    scrubbed,
)
from droidrack.core.provision.registry import STEP_TYPES
from droidrack.core.provision.resolve import resolve, variables_of
from droidrack.core.provision.step_packages import STAGE
from droidrack.core.provision.step_system import RESTART

TIDY_DEADLINE_S = 20.0


@dataclass(slots=True)
class Brake:
    """Says why no phone goes further; "" while all may."""

    reason: str = ""


class PhoneWalk:
    """One phone in one run."""

    def __init__(
        self,
        bench: Bench,
        choices: Choices,
        recipe: Recipe,
        run: str,
        target: Target,
        device: DeviceUuid,
        *,
        attendance: Attendance,
        limits: Limits,
        brake: Brake,
    ) -> None:
        """`require`, set where the phone is leased, raises LeasedAway once it is not any more."""
        self._bench = bench
        self._choices = choices
        self._recipe = recipe
        self._run = run
        self._target = target
        self._device = device
        self._attendance = attendance
        self._limits = limits
        self._brake = brake
        self._curtain = Curtain()
        self.require: Callable[[], None] = _no_lease_needed
        self._done: list[tuple[Step, StepWalk]] = []
        self._states: dict[str, StepState] = {}
        self.records: dict[str, StepRecord] = {}

    async def walk(self, record: PhoneRecord) -> PhoneRecord:
        """Go through all steps; the phone's record as it ends."""
        facts = await self._facts()
        if reason := self._recipe.guard.refusal(facts):
            return replace(record, fate=PhoneFate.SKIPPED, cause=reason)
        try:
            variables = variables_of(self._recipe, facts)
        except Refusal as no:
            return replace(record, fate=PhoneFate.FAILED, cause=no.cause)
        halted = ""
        for position, step in enumerate(self._recipe.steps):
            halted = halted or self._brake.reason
            ended = await self._step(step, position, variables, halted)
            self._states[step.name] = ended.state
            if ended.state not in GOOD and ended.state is not StepState.BLOCKED:
                applies = self._choices.kind is RunKind.APPLY
                halted = halted or (f"after {step.name}" if applies and not step.goes_on else "")
        if self._choices.kind is RunKind.APPLY:
            await self._recheck("was set back before the end of the run")
            await self._tidy()
        return self._judged(record)

    # --- One step -----------------------------------------------------------------------------

    async def _step(
        self, step: Step, position: int, variables: dict[str, str], halted: str
    ) -> StepRecord:
        record = StepRecord(
            run=self._run,
            device=self._device,
            step=step.name,
            key="",
            position=position,
            state=StepState.PENDING,
            started_at=self._bench.clock.now(),
        )
        self._tell(record)
        ended = await self._ended(step, record, variables, halted)
        if ended.ended_at is None:
            ended = replace(ended, ended_at=self._bench.clock.now())
        await self._keep(ended)
        return ended

    async def _ended(
        self, step: Step, record: StepRecord, variables: dict[str, str], halted: str
    ) -> StepRecord:
        if halted:
            return replace(record, state=StepState.BLOCKED, cause=halted)
        facts = await self._facts()
        record = replace(record, fingerprint=facts.fingerprint)
        if reason := step.guard.refusal(facts):
            return replace(record, state=StepState.SKIPPED, cause=reason)
        unmet = [name for name in step.needs if self._states.get(name) not in GOOD]
        if unmet and not self._foretells(unmet):
            cause = f"needs {', '.join(unmet)}"
            return replace(record, state=StepState.BLOCKED, cause=cause)
        try:
            # Digests of large files are read from the disk.
            supplies = self._bench.supplies
            params, key = await self._bench.aside(
                lambda: resolve(step, variables, supplies.describe, supplies.reveal)
            )
        except Refusal as no:
            return replace(record, state=StepState.FAILED, cause=no.cause, hint=no.hint)
        past = await self._bench.journal.last_step(self._device, key)
        acting = Acting(
            self._bench, self._limits, self._run, f"{self._target.name}/{step.name}",
            self._here, self._back, self.require, self._curtain,
        )  # fmt: skip
        walk = StepWalk(step, params, acting=acting, record=replace(record, key=key), past=past,
                        again=self._permitted(step), call=self._call)  # fmt: skip
        if self._choices.kind is not RunKind.APPLY:
            return await self._looked(step, walk, after=", ".join(unmet))
        ended = await self._applied(step, walk)
        if step.type == RESTART.name and ended.state is StepState.DONE:
            await self._recheck("did not survive the restart")
        elif ended.state in (StepState.DONE, StepState.SATISFIED):
            self._done.append((step, walk))
        return ended

    def _permitted(self, step: Step) -> bool:
        """Whether a person allowed this step to be repeated, here or everywhere."""
        return not self._choices.again.isdisjoint((step.name, f"{self._target.name}:{step.name}"))

    def _foretells(self, unmet: list[str]) -> bool:
        """Whether a plan may look at a step whose needs are not met yet, but will be."""
        return self._choices.kind is RunKind.PLAN and all(
            self._states.get(name) is StepState.PENDING for name in unmet
        )

    async def _applied(self, step: Step, walk: StepWalk) -> StepRecord:
        """Try until the step has ended, over every absence of the phone."""
        lost: RackError | None = None
        for _ in range(LOST_LIMIT):
            try:
                await self._back_in_time()
                if await walk.attempt(await self._facts()):
                    return walk.record
            except LOST as error:
                lost = error
            except PhoneTimeout as error:  # Of a question in between: the link hangs.
                lost = error
            if isinstance(lost, _AwayTooLong):
                break
        began = walk.record.state is StepState.APPLYING
        return replace(
            walk.record,
            # What was begun stays open in the journal: the next run asks what became of it.
            state=StepState.APPLYING if began else StepState.FAILED,
            cause=lost.message if lost else "it did not end",
            hint="plug the phone in again and repeat the command: it goes on here",
        )

    async def _looked(self, step: Step, walk: StepWalk, *, after: str) -> StepRecord:
        """What the check says, in a run that changes nothing."""
        kind = STEP_TYPES[step.type]
        if kind.keeps or step.type == RESTART.name:
            if step.type == RESTART.name and StepState.PENDING in self._states.values():
                return replace(walk.record, before="running", wanted="restarted after the changes")
            return replace(walk.record, state=StepState.SKIPPED, cause="only when applied")
        if walk.known_by_journal(await self._facts()):
            return walk.record
        try:
            reading = await walk.look(await self._facts())
        except Refusal as no:
            return replace(walk.record, state=StepState.FAILED, cause=no.cause, hint=no.hint)
        except RackError as error:
            return replace(
                walk.record, state=StepState.FAILED, cause=error.message, hint=error.hint
            )
        return self._read(walk.record, reading, after)

    def _read(self, record: StepRecord, reading: Reading, after: str) -> StepRecord:
        record = replace(record, before=reading.seen, wanted=reading.wanted, after=reading.seen)
        if reading.done:
            return replace(record, state=StepState.SATISFIED)
        if after:
            return replace(record, cause=f"after {after}")
        if reading.blocked:
            state = StepState.NEEDS_HUMAN if reading.human else StepState.FAILED
            return replace(record, state=state, cause=reading.blocked, hint=reading.hint)
        if self._choices.kind is RunKind.PLAN:
            return record
        return replace(
            record,
            state=StepState.FAILED,
            cause=f"it is {reading.gap}",
            hint="apply the recipe again",
        )

    # --- After a restart, and at the end ------------------------------------------------------

    async def _recheck(self, complaint: str) -> None:
        """Ask again for everything that was good so far; what is not any more is done again."""
        for step, walk in self._done:
            if STEP_TYPES[step.type].keeps or walk.record.state not in GOOD:
                continue
            if not self._wrote() or walk.by_journal:
                continue
            try:
                reading = await walk.look(await self._facts())
            except (RackError, Refusal):
                continue  # The next run's check will say.
            if reading.done:
                continue
            if step.retries:
                ended = await self._applied(step, walk)
            else:
                ended = replace(
                    walk.record,
                    state=StepState.FAILED,
                    after=reading.seen,
                    cause=f"it {complaint}: {reading.gap}",
                    hint="this phone takes it back: guard the step, or allow retries",
                )
                walk.record = ended
            self._states[step.name] = ended.state
            await self._keep(ended)

    def _wrote(self) -> bool:
        return any(record.writes for record in self.records.values())

    async def _tidy(self) -> None:
        """Remove what a cut step may have left in the phone's temporary folder.

        Looked for first: a run that finds everything well writes nothing at all.
        """
        try:
            arrival = await self._here()
            left = await arrival.phone.run(f"ls -d {STAGE}*", deadline_s=TIDY_DEADLINE_S)
            if left.text.startswith(STAGE):
                await arrival.phone.run(f"rm -f {STAGE}*", deadline_s=TIDY_DEADLINE_S)
        except RackError as error:
            self._bench.tell("phone not tidied", phone=self._target.name, why=error)

    def _judged(self, record: PhoneRecord) -> PhoneRecord:
        states = [(r.state, r) for r in self.records.values()]
        worst = {
            StepState.FAILED: PhoneFate.FAILED,
            StepState.APPLYING: PhoneFate.FAILED,
            StepState.NEEDS_HUMAN: PhoneFate.NEEDS_HUMAN,
        }
        for state, fate in worst.items():
            for seen, step in states:
                if seen is state:
                    return replace(record, fate=fate, cause=f"{step.step}: {step.cause}")
        if self._brake.reason and any(s is StepState.BLOCKED for s, _ in states):
            return replace(record, fate=PhoneFate.HELD, cause=self._brake.reason)
        return replace(record, fate=PhoneFate.DONE)

    # --- The phone ----------------------------------------------------------------------------

    async def _here(self) -> Arrival:
        arrival = self._attendance.find(self._device)
        if arrival is None:
            raise PhoneGone(f"{self._target.name} is not attached", serial=self._target.name)
        return arrival

    async def _back(self) -> Arrival:
        return await self._attendance.arrival(self._device)

    async def _back_in_time(self) -> None:
        """Wait for the phone, in whatever port."""
        try:
            async with asyncio.timeout(self._choices.absent_s):
                await self._attendance.arrival(self._device)
        except TimeoutError as exc:
            raise _AwayTooLong(
                f"{self._target.name} left and was away for {self._choices.absent_s:g} s",
                serial=self._target.name,
                hint="plug it in again, in any port, and repeat the command",
            ) from exc

    async def _facts(self) -> Facts:
        """What is known of the phone now; asks for its boot id."""
        for _ in range(LOST_LIMIT):
            await self._back_in_time()
            try:
                arrival = await self._here()
                boot_id = await boot_id_of(arrival)
                break
            except _AwayTooLong:
                raise
            except LOST as lost:
                self._bench.tell("phone left", phone=self._target.name, why=lost)
                await self._bench.clock.sleep(0.5)
        else:
            raise _AwayTooLong(f"{self._target.name} comes and goes", serial=self._target.name)
        properties = arrival.properties
        return Facts(
            name=self._target.name,
            serial=arrival.serialno,
            api=int(properties.get("ro.build.version.sdk") or 0),
            maker=properties.get("ro.product.manufacturer") or "",
            model=arrival.model,
            fingerprint=properties.get("ro.build.fingerprint") or "",
            boot_id=boot_id,
            labels=self._target.labels,
            variables=self._target.variables,
            changed_this_boot=await self._bench.journal.applied_under(self._device, boot_id),
        )

    # --- Journal and watchers -----------------------------------------------------------------

    async def _keep(self, record: StepRecord) -> None:
        self.records[record.step] = await self._journal(record)

    async def _call(self, record: StepRecord) -> None:
        """A person is wanted at the phone while the step waits."""
        await self._journal(record)

    async def _journal(self, record: StepRecord) -> StepRecord:
        hint = record.hint.replace("PHONE:STEP", f"{self._target.name}:{record.step}")
        record = scrubbed(replace(record, hint=hint), self._bench.supplies.scrub)
        if self._choices.kind is not RunKind.PLAN:
            await self._bench.journal.write_step(record)
        self._tell(record)
        return record

    def _tell(self, record: StepRecord) -> None:
        self._bench.watch(
            Progressed(
                at=self._bench.clock.now(),
                phone=self._target.name,
                fate=PhoneFate.RUNNING,
                step=record.step,
                state=record.state,
                position=record.position,
                total=len(self._recipe.steps),
                cause=record.cause,
                hint=record.hint,
                port=self._port(),
            )
        )

    def _port(self) -> str:
        arrival = self._attendance.find(self._device)
        return (arrival.sighting.usb or "") if arrival else ""


def _no_lease_needed() -> None:
    """Of a run that only looks."""


class _AwayTooLong(PhoneGone):
    """It left and did not come back in time."""
