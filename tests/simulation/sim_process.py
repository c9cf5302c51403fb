"""One life of the real controller in a simulated site, and its ways to the world outside.

Wired as `compose` does, over in-process ports. What it starts on the phones and at the panel
outlives it, as it does outside: a request on its way arrives, a command goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import PurePath
from random import Random
from typing import TYPE_CHECKING, Any

import httpx
from sim_disk import Hook

from droidrack.adapters.panel_http import HttpPanel
from droidrack.adapters.profile_files import profile_table
from droidrack.app.rack import Rack
from droidrack.app.world import World
from droidrack.core.ids import Serial
from droidrack.core.profile import ProfileTable
from droidrack.core.settings import PanelSettings, PhoneSettings, Settings
from droidrack.ports import Completed, Outage, Phone, PhoneFiles, Sighting
from droidrack.virtual.inprocess import InProcessBus

if TYPE_CHECKING:
    from sim_world import Site

OWNER: ContextVar["Process | None"] = ContextVar("owner", default=None)
"""The controller that a task belongs to; None: the world outside."""

UNWIND_S = 60.0
"""What a dying controller's own clean-up may take; its ports are dead by then."""


class Killed(BaseException):
    """The process ends in the middle of a commit."""


@contextmanager
def outside() -> Iterator[None]:
    """What is started in here does not die with the controller."""
    mark = OWNER.set(None)
    try:
        yield
    finally:
        OWNER.reset(mark)


@cache
def profiles() -> ProfileTable:
    """The shipped profiles, read once."""
    return profile_table()


class Process:
    """One life of the controller."""

    def __init__(self, site: "Site") -> None:
        self.site = site
        self.alive = True
        self.problems: list[str] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._line = Line(self)
        self._panel = HttpPanel(
            "http://127.0.0.1",
            deadline_s=site.plan.panel_deadline_s,
            transport=self._line,
            now=site.clock.now,
        )
        self.journal = site.disk.journal(self._hook())
        world = World(
            panel=self._panel,
            journal=self.journal,
            vault=site.vault,
            clock=site.clock,
            dice=Random(site.dice.getrandbits(64)),
            settings=self._settings(),
            profiles=profiles(),
            tell=self._tell,
            pairing_token=site.pairing_token,
            notebook=site.notebook,
        )
        self.world = world
        self.rack = Rack(world, [Reach(site.bus)])
        self.main: asyncio.Task[None] | None = None

    def _hook(self) -> Hook:
        return lambda phase, units: self.site.committing(self, phase, units)

    def _settings(self) -> Settings:
        plan = self.site.plan
        phones = tuple(
            PhoneSettings(
                name=p.name,
                serial=p.model.spec.serial,
                slots=plan.slots,
                pacing=plan.pacing,
                quota=plan.quota,
            )
            for p in self.site.phones
        )
        panel = PanelSettings(url="http://127.0.0.1", deadline_s=plan.panel_deadline_s)
        return Settings(
            panel,
            phones,
            PurePath("/nowhere"),
            intervals=plan.intervals,
            policy=plan.policy,
            inbound=plan.inbound,
            health=plan.health,
        )

    def _tell(self, event: str, /, **facts: object) -> None:
        if not self.alive:
            return
        shown = " ".join(str(facts[key]) for key in ("state", "reason", "why") if key in facts)
        self.site.note("told", str(facts.get("phone", "")), f"{event} {shown}".rstrip()[:160])
        if event == "crashed":
            self.site.note("BUG", str(facts.get("phone", "")), repr(facts.get("exc_info")))
            with self.site.judging():
                raise AssertionError("a worker crashed of a bug") from facts["exc_info"]  # type: ignore[misc]

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Remember a task, so that it can die with this process."""
        if len(self._tasks) > 400:
            self._tasks = [old for old in self._tasks if not old.done()]
        self._tasks.append(task)

    def start(self) -> None:
        """Live."""
        mark = OWNER.set(self)
        try:
            self.main = self.site.loop.create_task(self.rack.run())
        finally:
            OWNER.reset(mark)

    def cut_off(self) -> None:
        """No task of this process takes another step of its own."""
        for task in self._tasks:
            if not task.done():
                task.cancel()

    async def unwound(self) -> None:
        """Wait until the dead tasks are gone; what they do on their way out reaches nobody."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=UNWIND_S)
            if pending:
                raise AssertionError(f"tasks do not end when they are cancelled: {pending}")
        for task in tasks:
            if not task.cancelled():
                task.exception()
        await self._panel.close()


class Line(httpx.AsyncBaseTransport):
    """The network to the panel. A request on its way arrives, whether its sender lives or not."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._site = process.site

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        site = self._site
        if not self._process.alive:
            raise httpx.ConnectError("the process is dead")
        up_s, down_s = 0.01 + 0.04 * site.dice.random(), 0.01 + 0.04 * site.dice.random()
        arrived = asyncio.Event()

        async def carry() -> httpx.Response:
            await asyncio.sleep(up_s)
            arrived.set()
            return await site.serve(request)

        with outside():
            answer = site.start(carry())
        answer.add_done_callback(_look_away)
        try:
            response = await asyncio.shield(answer)
            await asyncio.sleep(down_s)
        except asyncio.CancelledError:
            if arrived.is_set():
                answer.cancel()  # The panel notices that nobody listens any more.
            raise
        return response


class WholeBody(httpx.AsyncByteStream):
    """A whole body."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


def _look_away(answer: asyncio.Task[Any]) -> None:
    if not answer.cancelled():
        answer.exception()


class Reach:
    """The bus as one controller sees it."""

    def __init__(self, bus: InProcessBus) -> None:
        self._bus = bus

    @property
    def outage(self) -> Outage | None:
        return self._bus.outage

    def watch(self) -> AsyncIterator[tuple[Sighting, ...]]:
        return self._bus.watch()

    def phone(self, sighting: Sighting) -> Phone:
        return ReachedPhone(self._bus.phone(sighting))

    def files(self, sighting: Sighting) -> PhoneFiles:
        return self._bus.files(sighting)


class ReachedPhone:
    """What runs on a phone is the phone's."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone

    @property
    def serial(self) -> Serial:
        return self._phone.serial

    async def run(self, command: str, *, deadline_s: float, stdin: bytes = b"") -> Completed:
        with outside():
            return await self._phone.run(command, deadline_s=deadline_s, stdin=stdin)

    @asynccontextmanager
    async def stream(self, command: str) -> AsyncIterator[AsyncIterator[bytes]]:
        with outside():
            stream: AbstractAsyncContextManager[AsyncIterator[bytes]] = self._phone.stream(command)
            chunks = await stream.__aenter__()
        try:
            yield chunks
        finally:
            await stream.__aexit__(None, None, None)
