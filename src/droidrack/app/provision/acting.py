"""Drives a step's generators: asks the phone what a check wants to know, does what an apply says.

Nothing here decides; what an answer means is the step type's business.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

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
)
from droidrack.core.provision.record import KeptFile
from droidrack.core.redact import redact
from droidrack.core.sections import script, split
from droidrack.ports.provisioning import Screen

ASK_DEADLINE_S = 30.0
"""`dumpsys package` of a busy phone was seen to take 8 s; three of them in one round trip."""

PICTURE_DEADLINE_S = 15.0

NOTHING = Ran(0, "")


@dataclass(slots=True)
class Acting:
    """One phone's hands and eyes during one step."""

    bench: Bench
    limits: Limits
    run: str
    folder: str  # of this phone and step, within the run's
    here: Callable[[], Awaitable[Arrival]]  # PhoneGone while it is away
    back: Callable[[], Awaitable[Arrival]]  # waits for its return
    doubt: bool = False  # An earlier try may still be at work on the phone.
    writes: int = 0
    files: list[KeptFile] = field(default_factory=list)
    _screen: tuple[Arrival, Screen] | None = None

    async def read(self, check: Check, *, deadline_s: float) -> Reading:
        """Drive a check to its reading."""
        ask = next(check)
        while True:
            arrival = await self.here()
            mark = f"droidrack{self.bench.dice.getrandbits(64):016x}"
            completed = await arrival.phone.run(
                script(ask.commands, mark), deadline_s=min(deadline_s, ASK_DEADLINE_S)
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

    async def apply(self, acts: Apply, *, deadline_s: float) -> None:
        """Drive an apply to its end, all within `deadline_s`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        try:
            act = next(acts)
            while True:
                if isinstance(act, CHANGING):
                    self.writes += 1
                act = acts.send(await self._perform(act, max(until - loop.time(), 0.1)))
        except StopIteration:
            return

    async def picture(self, name: str) -> None:
        """Keep a screenshot."""
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

    async def _screen_of(self, arrival: Arrival) -> Screen:
        """One screen session for the whole flow; another plugging-in needs another."""
        if self._screen is None or self._screen[0] is not arrival:
            await self.close()
            self._screen = (arrival, self.bench.screen(arrival))
        return self._screen[1]

    async def _perform(self, act: Act, left_s: float) -> Ran:
        match act:
            case Run():
                return await self._run(act, left_s)
            case Push():
                await self._push(act, left_s)
            case Pull():
                await self._pull(act, left_s)
            case Keep():
                await self.keep(act.name, redact(act.text).encode("utf-8", "replace"))
            case Picture():
                await self.picture(act.name)
            case Restart():
                await restart(self.bench, self.here, self.back, doubt=self.doubt)
            case Pause():
                await self.bench.clock.sleep(min(act.seconds, left_s))
            case _:
                arrival = await self.here()
                await touch(self.bench, arrival, await self._screen_of(arrival), act, left_s=left_s)
        return NOTHING

    async def _run(self, act: Run, left_s: float) -> Ran:
        arrival = await self.here()
        stdin = f"{act.secret.reveal()}\n".encode() if act.secret else b""
        completed = await arrival.phone.run(act.command, deadline_s=left_s, stdin=stdin)
        text = completed.text + completed.stderr.decode("utf-8", "replace")
        if act.secret:  # A tool that repeats its arguments must not carry them on.
            text = text.replace(act.secret.reveal(), str(act.secret))
        return Ran(completed.exit_code or 0, text)

    async def _push(self, act: Push, left_s: float) -> None:
        arrival = await self.here()
        async with self.limits.transfer(arrival.sighting.usb, act.file.size_bytes):
            content = await self.bench.aside(lambda: self.bench.supplies.content(act.file))
            await arrival.files.push(content, act.remote, deadline_s=left_s, mode=act.mode)

    async def _pull(self, act: Pull, left_s: float) -> None:
        arrival = await self.here()
        async with self.limits.transfer(arrival.sighting.usb, act.limit_bytes):
            content = await arrival.files.pull(
                act.remote, deadline_s=left_s, limit_bytes=act.limit_bytes
            )
        await self.keep(act.name, content)


async def try_picture(acting: Acting) -> str:
    """A screenshot if the phone gives one; why not, else."""
    try:
        await acting.picture("failed")
    except RackError as error:
        return error.message
    return ""
