"""Drives a step's generators: asks the phone what a check wants to know, does what an apply says.

Nothing here decides; what an answer means is the step type's business. What is waited for on this
host, a turn or a file, is no time of the phone's: it moves the deadline of the try.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from droidrack.app.arrival import Arrival
from droidrack.app.provision.bench import Bench
from droidrack.app.provision.limits import Limits
from droidrack.app.provision.restarting import restart
from droidrack.app.provision.touching import touch
from droidrack.core.errors import PhoneRefused, RackError
from droidrack.core.provision.acts import (
    CHANGING,
    Act,
    Apply,
    Check,
    Keep,
    Pause,
    Picture,
    Pull,
    Push,
    Ran,
    Reading,
    Restart,
    Run,
    Touch,
)
from droidrack.core.provision.record import KeptFile
from droidrack.core.redact import redact
from droidrack.core.sections import script, split
from droidrack.ports.provisioning import Screen

ASK_DEADLINE_S = 30.0
"""`dumpsys package` of a busy phone was seen to take 8 s; three of them in one round trip."""

PICTURE_DEADLINE_S = 15.0

NOTHING = Ran(0, "")

T = TypeVar("T")


@dataclass(slots=True)
class Curtain:
    """Drawn while a phone's screen may show a secret that was typed: no picture is taken then.

    It goes up where the flow has left that screen by `open` or `press = "home"`, or by a restart.
    """

    drawn: bool = False


@dataclass(slots=True)
class Acting:
    """One phone's hands and eyes during one step."""

    bench: Bench
    limits: Limits
    run: str
    folder: str  # of this phone and step, within the run's
    here: Callable[[], Awaitable[Arrival]]  # PhoneGone while it is away
    back: Callable[[], Awaitable[Arrival]]  # waits for its return
    require: Callable[[], None]  # LeasedAway where the phone is not ours any more
    curtain: Curtain
    timer: asyncio.Timeout | None = None  # The deadline of the try under way.
    doubt: bool = False  # An earlier try may still be at work on the phone.
    writes: int = 0
    files: list[KeptFile] = field(default_factory=list)
    _screen: tuple[Arrival, Screen] | None = None

    async def read(self, check: Check) -> Reading:
        """Drive a check to its reading."""
        ask = next(check)
        while True:
            mark = f"droidrack{self.bench.dice.getrandbits(64):016x}"
            async with self._turn(self.limits.phone()):
                arrival = await self.here()
                completed = await arrival.phone.run(
                    script(ask.commands, mark), deadline_s=min(self._left_s(), ASK_DEADLINE_S)
                )
            sections = split(completed.text, mark)
            if missing := ask.commands.keys() - sections.keys():
                raise PhoneRefused(
                    f"{arrival.phone.serial}: no answer to {', '.join(sorted(missing))}",
                    serial=arrival.phone.serial,
                    hint="the phone's shell ended early",
                )
            try:
                ask = check.send(sections)
            except StopIteration as end:
                reading: Reading = end.value
                return reading

    async def apply(self, acts: Apply) -> None:
        """Drive an apply to its end."""
        try:
            act = next(acts)
            while True:
                if isinstance(act, CHANGING):
                    self.writes += 1
                act = acts.send(await self._perform(act))
        except StopIteration:
            return

    async def picture(self, name: str) -> None:
        """Keep a screenshot, unless it may show a secret."""
        if self.curtain.drawn:
            return
        async with self._turn(self.limits.phone()):
            arrival = await self.here()
            shot = await arrival.files.screenshot(deadline_s=PICTURE_DEADLINE_S)
        await self.keep(f"{name}.png", shot)

    async def keep(self, name: str, content: bytes) -> None:
        """Keep a file as evidence."""
        place = f"{self.folder}/{name}"
        kept = await self.bench.aside(lambda: self.bench.evidence.keep(self.run, place, content))
        self.files.append(kept)

    async def close(self) -> None:
        """End what runs on the phone for this step."""
        if self._screen is not None:
            await self._screen[1].close()
            self._screen = None

    # --- Turns and time -----------------------------------------------------------------------

    @asynccontextmanager
    async def _turn(self, gate: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
        """What a gate of this host gives; the wait for it moves the deadline."""
        loop, timer = asyncio.get_running_loop(), self.timer
        asked, due = loop.time(), timer.when() if timer else None
        if timer and due is not None:
            timer.reschedule(None)
        async with gate as given:
            if timer and due is not None:
                timer.reschedule(due + loop.time() - asked)
            yield given

    def _left_s(self) -> float:
        """Seconds of this try that are left."""
        due = self.timer.when() if self.timer else None
        if due is None:
            return ASK_DEADLINE_S
        return max(due - asyncio.get_running_loop().time(), 0.1)

    # --- Acts ---------------------------------------------------------------------------------

    async def _perform(self, act: Act) -> Ran:
        if isinstance(act, CHANGING):
            self.require()
        match act:
            case Run():
                return await self._run(act)
            case Push():
                await self._push(act)
            case Pull():
                await self._pull(act)
            case Keep():
                text = self.bench.supplies.scrub(redact(act.text))
                await self.keep(act.name, text.encode("utf-8", "replace"))
            case Picture():
                await self.picture(act.name)
            case Restart():
                await restart(self.bench, self.here, self.back, doubt=self.doubt)
                self.curtain.drawn = False
            case Pause():
                await self.bench.clock.sleep(min(act.seconds, self._left_s()))
            case Touch():
                await self._touch(act)
        return NOTHING

    async def _run(self, act: Run) -> Ran:
        stdin = f"{act.secret.reveal()}\n".encode() if act.secret else b""
        async with self._turn(self.limits.phone()):
            self.require()
            arrival = await self.here()
            completed = await arrival.phone.run(act.command, deadline_s=self._left_s(), stdin=stdin)
        text = completed.text + completed.stderr.decode("utf-8", "replace")
        if act.secret:  # A tool that repeats its arguments must not carry them on.
            text = text.replace(act.secret.reveal(), str(act.secret))
        return Ran(completed.exit_code or 0, text)

    async def _push(self, act: Push) -> None:
        async def load() -> bytes:
            return await self.bench.aside(lambda: self.bench.supplies.content(act.file))

        usb = (await self.here()).sighting.usb
        shipment = self.limits.shipment(usb, act.file.sha256, act.file.size_bytes, load)
        async with self._turn(shipment) as content:
            self.require()
            arrival = await self.here()
            await arrival.files.push(content, act.remote, deadline_s=self._left_s(), mode=act.mode)

    async def _pull(self, act: Pull) -> None:
        usb = (await self.here()).sighting.usb
        async with self._turn(self.limits.transfer(usb, act.limit_bytes)):
            arrival = await self.here()
            content = await arrival.files.pull(
                act.remote, deadline_s=self._left_s(), limit_bytes=act.limit_bytes
            )
        await self.keep(act.name, content)

    async def _touch(self, act: Touch) -> None:
        async with self._turn(self.limits.phone()):
            self.require()
            arrival = await self.here()
            screen = await self._screen_of(arrival)
            if act.secret:
                self.curtain.drawn = True
            await touch(self.bench, arrival, screen, act, left_s=self._left_s())
        if "open" in act.action or act.action.get("press") == "home":
            self.curtain.drawn = False

    async def _screen_of(self, arrival: Arrival) -> Screen:
        """One screen session for the whole flow; another plugging-in needs another."""
        if self._screen is None or self._screen[0] is not arrival:
            await self.close()
            self._screen = (arrival, self.bench.screen(arrival))
        return self._screen[1]


async def try_picture(acting: Acting) -> str:
    """A screenshot if the phone gives one; why not, else."""
    try:
        await acting.picture("failed")
    except RackError as error:
        return error.message
    return ""
