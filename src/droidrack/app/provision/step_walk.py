"""One step of one phone: check, journal the intent, apply, verify, journal what became of it.

The journal knows of a step before the phone does, so whoever continues after a kill knows that it
may have happened. Most steps may then simply be asked again and repeated; one that must not happen
twice is left to a person where the phone does not show it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from droidrack.app.provision.acting import Acting, try_picture
from droidrack.app.provision.leasing import LeasedAway
from droidrack.app.provision.touching import read_screen
from droidrack.core.errors import (
    AnswerCut,
    BridgeDown,
    Effect,
    PhoneGone,
    PhoneTimeout,
    RackError,
)
from droidrack.core.provision.acts import Reading, Refusal
from droidrack.core.provision.recipe import Facts, Secret, Step
from droidrack.core.provision.record import GOOD, StepRecord, StepState, advance, scrubbed
from droidrack.core.provision.registry import STEP_TYPES, rests_on_journal

VERIFY_TRIES = 4
VERIFY_PAUSE_S = 1.0
"""Settings, roles and networks settle within a second or two of the command."""

WAIT_LOOK_S = 2.0
LOST_LIMIT = 40
"""How often the way to a phone may break within one step before it counts as failed."""

SCREEN_DEADLINE_S = 15.0

LOST = (PhoneGone, AnswerCut, BridgeDown)


class StepWalk:
    """One step on its way."""

    def __init__(
        self,
        step: Step,
        params: Mapping[str, Any],
        *,
        acting: Acting,
        record: StepRecord,
        past: StepRecord | None,
        again: bool,
        call: Callable[[StepRecord], Awaitable[None]],
    ) -> None:
        """`call` brings a person, with the record as it stands while they are waited for."""
        self._step = step
        self._kind = STEP_TYPES[step.type]
        self._params = params
        self._acting = acting
        self._past = past
        self._again = again
        self._call = call
        # What was begun once counts for good, however many runs have only looked since.
        begun = past.tries if self._kind.once and past is not None else 0
        self.record = replace(record, tries=begun)
        self.doubt = past is not None and (
            past.state is StepState.APPLYING or (begun > 0 and past.state not in GOOD)
        )
        self._tries_left = step.retries

    @property
    def tells_secrets(self) -> bool:
        """Whether the screen may show one of the recipe's secrets."""
        flow = self._params.get("flow") or ()
        return any(isinstance(value, Secret) for value in self._params.values()) or any(
            "secret" in action for action in flow
        )

    async def look(self, facts: Facts) -> Reading:
        """The check alone."""
        check = self._kind.check(self._params, facts)
        return await self._acting.read(check)

    async def attempt(self, facts: Facts) -> bool:
        """One try, within the step's deadline. True: `record` holds how the step ended.

        Raises:
            PhoneGone, AnswerCut, BridgeDown: the way to the phone broke; come back later.
            LeasedAway: the phone is not ours any more.
        """
        self._acting.doubt = self.doubt
        try:
            async with self._in_time():
                await self._go(facts)
        except LeasedAway:
            raise
        except Refusal as no:
            return await self._refused(no)
        except (TimeoutError, PhoneTimeout) as late:
            self.doubt = True
            return await self._late(late)
        except LOST as lost:
            if lost.effect is Effect.UNKNOWN:
                self.doubt = True
            raise
        except RackError as error:
            return await self._refused(Refusal(error.message, hint=error.hint))
        finally:
            await self._acting.close()
        return True

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """The deadline of one try, which waits for turns on this host move."""
        try:
            async with asyncio.timeout(self._step.deadline_s) as self._acting.timer:
                yield
        finally:
            self._acting.timer = None

    async def _go(self, facts: Facts) -> None:
        if self.known_by_journal(facts):
            return
        reading = await self.look(facts)
        self._note(before=self.record.before or reading.seen, wanted=reading.wanted)
        if self._kind.waits and not reading.done and self._params.get("check", True):
            reading = await self._await(facts)
        if reading.done:
            self._end(StepState.SATISFIED, after=reading.seen)
            return
        if reading.blocked:
            raise Refusal(reading.blocked, hint=reading.hint, human=reading.human)
        if self._kind.apply is None:
            raise Refusal(f"it is {reading.gap}")
        self._refuse_repeat()
        await self._apply(facts)

    @property
    def by_journal(self) -> bool:
        """Whether only the journal can tell that this was done."""
        return rests_on_journal(self._kind, self._params)

    def known_by_journal(self, facts: Facts) -> bool:
        """Whether an earlier run's word is all there is, and it stands."""
        past = self._past
        if past is None or not self.by_journal:
            return False
        if past.state is not StepState.DONE and past.state is not StepState.SATISFIED:
            return False
        if past.fingerprint not in ("", facts.fingerprint):
            return False  # Another build: what was done on the screen may be undone.
        said = f"done in run {past.run}" + (f", confirmed by {past.by}" if past.by else "")
        self._end(StepState.SATISFIED, before=said, after=said, by=past.by)
        return True

    def _refuse_repeat(self) -> None:
        past = self._past
        if not self._kind.once or self._again:
            return
        if self.doubt:
            raise Refusal(
                "an earlier try may have run, and the check does not show it",
                hint=f"look at the phone; where it did not run, permit it with --again "
                f"{self._step.name}",
                human=True,
            )
        if past is not None and past.tries:
            raise Refusal(
                f"it was done in run {past.run}, but the check does not show it any more",
                hint=f"look at the phone; permit a second time with --again {self._step.name}",
                human=True,
            )

    async def _apply(self, facts: Facts) -> None:
        if self._kind.apply is None:
            raise AssertionError("a step without apply was sent here")
        self._again = False  # A permission is for one more time.
        if not self._kind.keeps:
            self._note(tries=self.record.tries + 1, boot_id=facts.boot_id)
            self._move(StepState.APPLYING)
            await self._write()
        await self._acting.apply(self._kind.apply(self._params, facts))
        if self._kind.keeps:
            self._end(StepState.SATISFIED, after="evidence kept")
        elif self.by_journal:
            self._end(StepState.DONE, after=self.record.wanted)
        else:
            await self._verify(replace(facts, changed_this_boot=False))

    async def _verify(self, facts: Facts) -> None:
        """The check again, as the phone settles."""
        reading = await self.look(facts)
        for _ in range(VERIFY_TRIES - 1):
            if reading.done:
                break
            await self._acting.bench.clock.sleep(VERIFY_PAUSE_S)
            reading = await self.look(facts)
        self._note(after=reading.seen)
        if not reading.done:
            raise Refusal(
                f"applied, but the phone says {reading.gap}",
                hint="the phone ignored it or set it back: guard the step for this maker, or do it "
                "by hand",
            )
        self._end(StepState.DONE, after=reading.seen)

    async def _await(self, facts: Facts) -> Reading:
        """Ask until it is so; the deadline ends it. A person is told at once what is wanted."""
        called = False
        while True:
            reading = await self.look(facts)
            if reading.done:
                return reading
            self._note(after=reading.seen)
            if reading.human and not called:
                called = True
                card = replace(self.record, cause=reading.blocked, hint=reading.hint)
                await self._call(replace(card, state=StepState.NEEDS_HUMAN))
            await self._acting.bench.clock.sleep(WAIT_LOOK_S)

    # --- How it ends --------------------------------------------------------------------------

    async def _refused(self, no: Refusal) -> bool:
        if self._tries_left > 0 and not no.human:
            self._tries_left -= 1
            return False
        await self._fail(no.cause, no.hint, human=no.human)
        return True

    async def _late(self, late: Exception) -> bool:
        cause = f"no end within {self._step.deadline_s:g} s"
        hint = "look at the phone's screen"
        if self._kind.waits:
            wanted, seen = self.record.wanted, self.record.after or self.record.before
            human = "instructions" in self._params
            asked = self._params["instructions"] if human else f"{seen}, not {wanted}"
            hint = "do it on the phone, then repeat the command" if human else hint
            await self._fail(f"{asked} ({cause})", hint, human=human)
            return True
        if self._tries_left > 0 and not self._kind.once:
            self._tries_left -= 1
            return False
        await self._fail(cause, hint, human=False)
        return True

    async def _fail(self, cause: str, hint: str, *, human: bool) -> None:
        """Keep what the screen shows, then the end. Best effort: the phone may be gone."""
        screen, prompt = "", ""
        if self.tells_secrets or self._acting.curtain.drawn:
            screen = "(not kept: it may show a secret)"
        else:
            try:
                arrival = await self._acting.here()
                screen, prompt = await read_screen(arrival, deadline_s=SCREEN_DEADLINE_S)
                await try_picture(self._acting)
            except RackError as error:
                screen = f"(unreadable: {type(error).__name__})"
        if prompt:
            cause = f"{cause}: {prompt} waits for a person"
            hint = "answer it on the phone; droidrack answers no such prompt"
        state = StepState.NEEDS_HUMAN if human else StepState.FAILED
        self._end(state, cause=cause, hint=hint, screen=screen)

    def _end(self, state: StepState, **facts: str) -> None:
        self._move(state)
        self._note(**facts, files=tuple(self._acting.files), writes=self._acting.writes,
                   ended_at=self._acting.bench.clock.now())  # fmt: skip

    def _move(self, state: StepState) -> None:
        self.record = replace(self.record, state=advance(self.record.state, state))

    def _note(self, **facts: Any) -> None:
        self.record = replace(self.record, **facts)

    async def _write(self) -> None:
        scrub = self._acting.bench.supplies.scrub
        await self._acting.bench.journal.write_step(scrubbed(self.record, scrub))
