"""A lane: blocking library calls of one phone, one at a time, each with a watchdog.

A job runs in a thread of its own, which lives as long as the job. A pool was rejected: it keeps a
thread per phone that is idle nearly always, and the interpreter waits for a pool's hung thread
when it exits. A job that hangs is abandoned (Python cannot stop a thread) and the lane goes on.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TypeVar

from droidrack.core.errors import Effect, PhoneTimeout

T = TypeVar("T")

HUNG_LIMIT = 3
"""Abandoned jobs of one phone that may still hang. Each holds a thread, a socket and a descriptor
of the adb server; a phone that hung three calls will hang the fourth."""


class Lane:
    """One phone's blocking calls."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = asyncio.Lock()
        self._abandoned: list[threading.Thread] = []
        self.abandoned_count = 0
        """Jobs given up since the start, whether or not they ended later."""

    @property
    def hung_count(self) -> int:
        """Abandoned jobs that hang still."""
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        return len(self._abandoned)

    async def run(self, job: Callable[[], T], *, deadline_s: float) -> T:
        """The job's result, or its own exception.

        Raises:
            PhoneTimeout: at the deadline, with `Effect.NONE` while the job had not begun, else
                UNKNOWN; at once with NONE where too many jobs hang.
        """
        begun = False
        try:
            async with asyncio.timeout(deadline_s) as limit, self._turn:
                if self.hung_count >= HUNG_LIMIT:
                    raise self._late(f"{HUNG_LIMIT} earlier calls hang still", Effect.NONE)
                begun = True
                return await self._in_thread(job)
        except TimeoutError as exc:
            if not limit.expired():  # The job's own: a socket's time-out is one too.
                raise
            if begun:
                raise self._late(f"no end within {deadline_s:g} s", Effect.UNKNOWN) from exc
            raise self._late(f"no turn within {deadline_s:g} s", Effect.NONE) from exc

    async def _in_thread(self, job: Callable[[], T]) -> T:
        carried: Future[T] = Future()
        carried.set_running_or_notify_cancel()  # From here on only the thread ends it.

        def work() -> None:
            with _Raised(carried):
                carried.set_result(job())

        thread = threading.Thread(target=work, name=f"lane {self._name}", daemon=True)
        thread.start()
        try:
            return await asyncio.wrap_future(carried)
        except asyncio.CancelledError:
            self._abandoned.append(thread)
            self.abandoned_count += 1
            raise

    def _late(self, what: str, effect: Effect) -> PhoneTimeout:
        return PhoneTimeout(
            f"{self._name}: {what}",
            serial=self._name,
            hint="the phone or its cable hangs: replug it or restart the phone",
            effect=effect,
        )


class _Raised(AbstractContextManager["_Raised"]):
    """Carries whatever a job raises to the one who waits for it."""

    def __init__(self, carried: "Future[T]") -> None:
        self._carried = carried

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is not None:
            self._carried.set_exception(error)
        return True
