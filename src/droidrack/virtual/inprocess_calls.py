"""Commands on their way to a phone in process: what the caller waits for, what the phone does."""

import asyncio
from collections.abc import Callable

from droidrack.core.errors import AnswerCut, Effect, PhoneError
from droidrack.ports import Completed
from droidrack.virtual.channels import Sink
from droidrack.virtual.console import CapturedConsole
from droidrack.virtual.handset import Handset, run_until_hung_up
from droidrack.virtual.link import Cut, CutPoint
from droidrack.virtual.shell_words import encode


class Call:
    """One command on its way: the caller waits for `answer`, the phone may outlast the caller."""

    def __init__(self, command: str, stdin: bytes, out: Sink | None, *, merged: bool) -> None:
        self.command = command
        self.answer: asyncio.Future[Completed] = asyncio.get_running_loop().create_future()
        self.hung_up = asyncio.Event()
        self._captured = CapturedConsole(stdin)
        self._out = out
        self._merged = merged

    def end(self, outcome: int | PhoneError) -> None:
        """Tell the caller, if it still waits."""
        if self.answer.done():
            return
        if isinstance(outcome, PhoneError):
            self.answer.set_exception(outcome)
        else:
            console = self._captured
            self.answer.set_result(Completed(outcome, bytes(console.out), bytes(console.err)))

    async def read(self, size: int) -> bytes:
        """The command's standard input."""
        return await self._captured.read(size)

    async def stdout(self, data: bytes) -> None:
        """The command's standard output."""
        if self.hung_up.is_set():
            raise BrokenPipeError("the caller has left")
        await (self._out or self._captured.stdout)(data)

    async def stderr(self, data: bytes) -> None:
        """Its standard error; part of standard output up to Android 6."""
        await (self.stdout if self._merged else self._captured.stderr)(data)


class Transport:
    """One stay of one phone at the bus, from arrival to departure."""

    def __init__(self, number: int, handset: Handset) -> None:
        self.number = number
        self.handset = handset
        self.gone = False
        self._calls: set[Call] = set()
        self._jobs: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> str:
        """The word an adb server would show."""
        link = self.handset.link
        if link.silent:
            return "offline"
        return "device" if link.keys.consenting else "unauthorized"

    def start(self, call: Call) -> None:
        """Hand a command to the phone."""
        self._calls.add(call)
        job = asyncio.ensure_future(self._carry(call))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    def sever(self, why: Callable[[], PhoneError]) -> None:
        """Every call loses its answer; what the phone has begun goes on for its grace."""
        for call in tuple(self._calls):
            call.end(why())
            call.hung_up.set()
        self._calls.clear()

    async def stop(self) -> None:
        """End everything that runs on the phone."""
        for job in tuple(self._jobs):
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)

    async def _carry(self, call: Call) -> None:
        link = self.handset.link
        await link.thawed.wait()
        await asyncio.sleep(link.latency_s)
        if call not in self._calls:
            return  # The link broke while the command still waited in it: it is lost.
        cut = link.take_cut(call.command)
        if cut is None or cut.after is CutPoint.EXECUTED:
            await self._execute(call, cut)
        if cut is not None:
            self._cut(call, cut)
        self._calls.discard(call)

    async def _execute(self, call: Call, cut: Cut | None) -> None:
        link = self.handset.link
        try:
            status = await run_until_hung_up(
                self.handset.shell, encode(call.command), call, call.hung_up
            )
        except BrokenPipeError:
            return
        await link.thawed.wait()
        if cut is None:
            call.end(status)

    def _cut(self, call: Call, cut: Cut) -> None:
        serial = self.handset.model.spec.serial
        call.end(
            AnswerCut(
                f"{serial}: the answer ended before the command's end was seen",
                serial=serial,
                hint="what the phone did with it is not known; look before trying again",
                effect=Effect.UNKNOWN,
            )
        )
        if cut.reset:
            self.handset.link.drop()
