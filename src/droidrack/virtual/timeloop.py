"""An asyncio event loop whose clock jumps: hours of a rack's life in moments, the same every time.

When nothing is ready the clock goes on to the next timer at once. There is no selector to wait on,
no thread and no real time, so what runs on it is decided by its input alone: a seed, replayed,
takes every turn again. Sockets, subprocesses and executors do not exist here; asking for one is an
error of the caller.

With `dice`, tasks that are ready in the same turn run in a shuffled order: asyncio promises none,
and a program that relies on one has a race. Other callbacks keep their places, because asyncio
does promise the order of `call_soon`.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import Executor
from contextvars import Context
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any, Protocol, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""The date of virtual second 0."""

TURNS_AT_ONE_MOMENT = 1_000_000
"""More turns than any honest program takes before it lets time pass."""


class TimeStands(RuntimeError):
    """Nothing will ever happen again, or far too much happens at one moment."""


class VirtualTask(asyncio.Task[Any]):
    """A task that hashes by its number of birth.

    Sets of tasks (asyncio keeps several) are else walked in the order of memory addresses, which
    no seed decides.
    """

    def __init__(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        birth: int,
        loop: asyncio.AbstractEventLoop,
        name: str | None = None,
        context: Context | None = None,
    ) -> None:
        self._birth = birth
        super().__init__(coro, loop=loop, name=name, context=context)

    def __hash__(self) -> int:
        return self._birth

    def __eq__(self, other: object) -> bool:
        return self is other


class _Handle(Protocol):
    """A callback in the queue of the loop, as far as it is looked at here."""

    _callback: Callable[..., object] | None


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop. `on_birth` is told of every task, `on_turn` is called between two turns."""

    _ready: deque[_Handle]
    _clock_resolution: float

    def __init__(self, *, dice: Random | None = None) -> None:
        self._moment = 0.0
        self._dice = dice
        self._births = count(1)
        self._turns_here = 0
        self.turns = 0
        self.on_birth: Callable[[asyncio.Task[Any]], None] = _nobody
        self.on_turn: Callable[[], None] | None = None
        super().__init__(_NoSelector(self._pass))
        # Adding a delay to the clock and taking it off again may differ in the last bits.
        self._clock_resolution = 1e-6
        self.set_task_factory(self._bear)

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._moment

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """There is one thread: the same as `call_soon`."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Refused: a thread would be the one thing that does not replay."""
        raise RuntimeError("no threads in virtual time")

    def _bear(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        task = VirtualTask(coro, birth=next(self._births), loop=loop, name=name, context=context)
        self.on_birth(task)
        return task

    def _pass(self, timeout: float | None) -> None:
        """What the selector would do: let time pass until something happens."""
        self.turns += 1
        self._turns_here += 1
        if self._turns_here > TURNS_AT_ONE_MOMENT:
            raise TimeStands(f"{TURNS_AT_ONE_MOMENT} turns at {self._moment:.3f} s")
        if timeout is None:
            raise TimeStands(f"at {self._moment:.3f} s everybody waits and no timer is set")
        if timeout > 0:
            self._moment += timeout
            self._turns_here = 0
        if self.on_turn is not None:
            self.on_turn()
        if self._dice is not None and len(self._ready) > 1:
            self._shuffle(self._dice)

    def _shuffle(self, dice: Random) -> None:
        places = [
            place
            for place, handle in enumerate(self._ready)
            if isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)
        ]
        if len(places) > 1:
            moved = [self._ready[place] for place in places]
            dice.shuffle(moved)
            for place, handle in zip(places, moved, strict=True):
                self._ready[place] = handle


def _nobody(task: asyncio.Task[Any]) -> None:
    """Nobody keeps a register of births."""


class VirtualClock:
    """`ports.Clock` on the running virtual loop. `set_off_by` turns the host's date."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: datetime = START) -> None:
        self._loop = loop
        self._start = start
        self._off_by = timedelta()

    def true_now(self) -> datetime:
        """The date outside of this host, which nobody can turn."""
        return self._start + timedelta(seconds=self._loop.time())

    def set_off_by(self, off_by: timedelta) -> None:
        """Let the host's date differ from the true one by this from now on."""
        self._off_by = off_by

    def now(self) -> datetime:
        """The host's date."""
        return self.true_now() + self._off_by

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self._loop.time()

    def boot(self) -> str:
        """The virtual host never restarts."""
        return "virtual"

    async def sleep(self, delay_s: float) -> None:
        """Wait, in virtual time."""
        await asyncio.sleep(delay_s)


class _NoSelector(selectors.BaseSelector):
    """Keeps the loop's own wake-up pipe and watches nothing."""

    def __init__(self, wait: Callable[[float | None], None]) -> None:
        self._wait = wait
        self._keys: dict[object, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, fileobj, events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._wait(timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys
