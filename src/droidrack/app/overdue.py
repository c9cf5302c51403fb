"""What comes due without the phone: a message's time runs out, or a doubt was held long enough.

Neither asks the phone anything, so neither waits for one that is away, paused, hot or lent out. An
attempt without a verdict does wait for it: the proof lies there.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from droidrack.app.intake import BACKLOG_LIMIT
from droidrack.app.minutes import Minutes
from droidrack.app.settling import Settling
from droidrack.app.world import World
from droidrack.core.attempt import Attempt
from droidrack.core.door import Case, Refuse, overdue
from droidrack.core.evidence import Deadlines, confirm_by
from droidrack.core.ids import DeviceUuid, MessageUid
from droidrack.core.message import MessageState
from droidrack.core.report import report_for

LOOK_S = 30.0
"""How late the panel may hear of it; two small reads of the journal."""


class Overdue:
    """The room of one configured phone for what needs no phone."""

    def __init__(
        self,
        world: World,
        *,
        door: asyncio.Lock,
        watched: Callable[[], bool],
        on_settled: Callable[[], None],
    ) -> None:
        """Nothing is looked at yet.

        Args:
            world: journal, clock and settings.
            door: held by whoever decides about waiting messages, so that none expires here while it
                is handed to the phone.
            watched: whether the confirming room is at work: then doubts are its affair.
            on_settled: there is something to report.
        """
        self._world = world
        self._door = door
        self._watched = watched
        self._on_settled = on_settled
        self._told: set[MessageUid] = set()

    async def run(self, present: Callable[[], DeviceUuid | None]) -> None:
        """Settle and tell for ever what is due; `present`: whose, None: it is not known yet."""
        while True:
            await self._world.clock.sleep(LOOK_S)
            device = present()
            if device is None:
                continue
            async with self._door:
                await self._refuse_expired(device)
            if not self._watched():
                await self._tell_doubts(device)

    async def _refuse_expired(self, device: DeviceUuid) -> None:
        world, policy = self._world, self._world.settings.policy
        minutes = Minutes(world.journal, world.clock, device)
        settling = Settling(world, device, minutes, self._on_settled)
        for message in await world.journal.waiting(device, limit=BACKLOG_LIMIT):
            now = world.clock.now()
            verdict = overdue(Case(message, None, (), row_exists=True, now=now, policy=policy))
            if isinstance(verdict, Refuse):
                await settling.refuse(message, verdict)

    async def _tell_doubts(self, device: DeviceUuid) -> None:
        """Once per life, for repeats are harmless."""
        world, state = self._world, MessageState.UNKNOWN
        for flight, found in await world.journal.open_attempts(device):
            uid = flight.attempt.uid
            if found is not state or uid in self._told or not self._held(flight.attempt):
                continue
            now = world.clock.now()
            report = report_for(uid, state, "", now, world.settings.policy.unknown_as)
            if report is not None:
                await world.journal.settle(uid, state, code="", evidence=(), report=report, at=now)
                self._on_settled()
            self._told.add(uid)

    def _held(self, attempt: Attempt) -> bool:
        """Whether a doubt was kept as long as the site wants it."""
        world, policy = self._world, self._world.settings.policy
        known = world.openings.get((attempt.uid, attempt.number))
        opened_at = known or world.steady.of(attempt.opened_at, attempt.tick)
        limits = Deadlines(confirm_s=policy.confirm_deadline_s)
        since = confirm_by(replace(attempt, opened_at=opened_at), limits)
        return world.steady.now() - since >= timedelta(seconds=policy.unknown_hold_s)
