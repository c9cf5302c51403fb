"""Group commit: many callers, one transaction, one fsync.

A *unit* is a function of the connection. Units queued in one turn of the event loop, and those that
arrive while a commit is on its way to the disk, share the next transaction. Each unit has a
savepoint of its own, so that a refused one leaves no trace and harms no other. A caller hears of
its unit after the commit, never before.

Rejected: a commit per call (an fsync each: a hundred phones would queue behind a slow disk), and a
fixed delay to gather company (it adds latency to the lone caller, who needs it least).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from droidrack.core.errors import RackError

GROUP_LIMIT = 256
"""Units per transaction: at some 0.3 ms each, as long as one fsync on a bad day."""

T = TypeVar("T")
Work = Callable[[Connection], T]

CommitHook = Callable[[str, tuple[str, ...]], None]
"""Called with "before" or "after" and the names of the units that one commit holds."""

REFUSALS = (ValueError, TypeError, LookupError, RackError)
"""What a unit may raise about its own arguments. Anything else fails the whole transaction."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A named piece of work that is in the journal whole or not at all."""

    name: str
    work: Work[Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a unit."""

    value: Any = None
    refusal: Exception | None = None

    def unwrap(self) -> Any:
        """The unit's value, or its refusal raised."""
        if self.refusal is not None:
            raise self.refusal
        return self.value


Run = Callable[[Sequence[Unit]], Sequence[Outcome]]


def run_units(connection: Connection, units: Sequence[Unit]) -> list[Outcome]:
    """Run units inside the open transaction, each in its own savepoint.

    Raises:
        SQLAlchemyError: the database failed; the caller rolls everything back.
    """
    return [_run_one(connection, unit) for unit in units]


def _run_one(connection: Connection, unit: Unit) -> Outcome:
    connection.exec_driver_sql("SAVEPOINT unit")
    outcome = _tried(connection, unit)
    if outcome.refusal is not None:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT unit")
    connection.exec_driver_sql("RELEASE SAVEPOINT unit")
    return outcome


def look_with(connection: Connection, units: Sequence[Unit]) -> list[Outcome]:
    """Run units that only read: what one of them refuses leaves nothing to take back.

    Raises:
        SQLAlchemyError: the database failed; all of them failed.
    """
    return [_tried(connection, unit) for unit in units]


def _tried(connection: Connection, unit: Unit) -> Outcome:
    try:
        return Outcome(unit.work(connection))
    except REFUSALS as refusal:
        return Outcome(refusal=refusal)


class Lane(Protocol):
    """A way to have units run."""

    async def submit(self, name: str, work: Work[T]) -> T:
        """Run one unit; its value, or the error that kept it out of the journal."""
        ...

    async def finish(self) -> None:
        """Wait until nothing is on its way."""
        ...


class InlineLane:
    """Runs each unit at once on the caller's stack: no thread, the same order every time."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def submit(self, name: str, work: Work[T]) -> T:
        """Whole or absent: there is nothing to cancel."""
        value: T = self._run([Unit(name, work)])[0].unwrap()
        return value

    async def finish(self) -> None:
        """Nothing ever is on its way."""


class GroupLane:
    """Gathers units and runs each group on one thread.

    The queue needs no limit of its own: every entry is a waiting caller.
    """

    def __init__(self, run: Run, executor: Executor) -> None:
        self._run = run
        self._executor = executor
        self._queue: deque[tuple[Unit, asyncio.Future[Any]]] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def submit(self, name: str, work: Work[T]) -> T:
        """A caller cancelled before its group starts leaves nothing; after that, all of it."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append((Unit(name, work), future))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._drain(), name="journal")
        return await future

    async def finish(self) -> None:
        """Wait for the queue to run empty."""
        if self._pump is not None:
            await asyncio.wait({self._pump})

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while group := self._take():
            units = [unit for unit, _ in group]
            running = loop.run_in_executor(self._executor, self._run, units)
            await asyncio.wait({running})
            failure = running.exception()
            outcomes = [Outcome()] * len(group) if failure else running.result()
            for (_, future), outcome in zip(group, outcomes, strict=True):
                _resolve(future, outcome, failure)

    def _take(self) -> list[tuple[Unit, asyncio.Future[Any]]]:
        group: list[tuple[Unit, asyncio.Future[Any]]] = []
        while self._queue and len(group) < GROUP_LIMIT:
            unit, future = self._queue.popleft()
            if not future.done():
                group.append((unit, future))
        return group


def _resolve(future: asyncio.Future[Any], outcome: Outcome, failure: BaseException | None) -> None:
    if future.done():
        return
    if error := failure or outcome.refusal:
        future.set_exception(error)
    else:
        future.set_result(outcome.value)
