"""What people may ask of a running controller, whatever the way they ask.

Every act on a phone is audited before it is done. Nothing here interrupts a message: what needs the
phone for itself waits until no call is in flight, and keeps new ones away meanwhile.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from droidrack.app.arrival import Arrival
from droidrack.app.audit import audit
from droidrack.app.provision.leasing import LeasedAway
from droidrack.app.rack import Rack
from droidrack.app.reloading import Reloading
from droidrack.app.status import status
from droidrack.app.views import Shown
from droidrack.app.worker import Worker
from droidrack.app.world import World
from droidrack.core.errors import (
    ConfigError,
    Effect,
    PhoneError,
    PhoneGone,
    PhoneRefused,
)
from droidrack.core.message import OPEN
from droidrack.core.redact import redact
from droidrack.core.standing import Order, OrderKind

CALM_S = 60.0
"""How long an act waits for messages in flight where the caller does not say."""

ACT_DEADLINE_S = 30.0
LONGEST_S = 600.0
JUDGED_CHECK_S = 0.5

ORDERS = {"pause": OrderKind.PAUSE, "drain": OrderKind.DRAIN, "resume": None}


@dataclass(frozen=True, slots=True)
class Request:
    """One wish of a person. `args` comes from outside: nothing in it is believed."""

    who: str
    act: str
    args: Mapping[str, object]

    def text(self, name: str, default: str | None = None) -> str:
        """An argument that is a text."""
        value = self.args.get(name, default)
        if not isinstance(value, str):
            raise ConfigError(f"{self.act}: {name!r} must be a text")
        return value

    def seconds(self, name: str, default: float) -> float:
        """An argument that is a duration, at most `LONGEST_S`."""
        value = self.args.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise ConfigError(f"{self.act}: {name!r} must be a number of seconds")
        return min(float(value), LONGEST_S)


Act = Callable[[Worker, Request], Awaitable[Shown]]


class Desk:
    """Answers requests about one rack."""

    def __init__(self, world: World, rack: Rack, reloading: Reloading | None = None) -> None:
        """`reloading` None: this rack has no file that could be read again."""
        self._world = world
        self._rack = rack
        self._reloading = reloading
        self._since = world.clock.now()
        self._acts: dict[str, Act] = {
            **{act: partial(self._order, kind) for act, kind in ORDERS.items()},
            "reboot": self._reboot,
            "screenshot": self._screenshot,
            "shell": self._shell,
        }

    async def status(self) -> Shown:
        """How the rack is now."""
        return await status(self._world, self._rack, self._since)

    async def answer(self, request: Request) -> Shown:
        """Obey a request.

        Raises:
            ConfigError: there is no such act or phone, or an argument is wrong.
            RackError: the act failed.
        """
        if request.act == "status":
            return await self.status()
        if request.act == "reload" and self._reloading is not None:
            await audit(self._world, request.who, request.act, phone="", device=None)
            return await self._reloading.reload()
        act = self._acts.get(request.act)
        if act is None:
            known = ", ".join(("status", *self._acts))
            raise ConfigError(f"no act is called {request.act[:40]!r}", hint=f"there are: {known}")
        worker = self._worker(request.text("phone"))
        detail = request.text("command", "") or request.text("why", "")
        await audit(
            self._world,
            request.who,
            request.act,
            phone=worker.name,
            device=worker.device,
            detail=detail,
        )
        return {"phone": worker.name, **await act(worker, request)}

    def _worker(self, name: str) -> Worker:
        for worker in self._rack.workers:
            if worker.name == name:
                return worker
        raise ConfigError(
            f"the controller serves no phone called {name[:64]!r}",
            hint="it may run with an older devices.toml: reload or restart it",
        )

    # --- Acts ---------------------------------------------------------------------------------

    async def _order(self, kind: OrderKind | None, worker: Worker, request: Request) -> Shown:
        why = redact(request.text("why", ""))[:200]
        said = f"{'paused' if kind is OrderKind.PAUSE else 'drained'} by {request.who}"
        order = None if kind is None else Order(kind, f"{said}: {why}" if why else said)
        worker.oversight.set_order(order)
        return {"state": worker.standing.state.value, "cause": worker.standing.cause or None}

    async def _reboot(self, worker: Worker, request: Request) -> Shown:
        await self._attached(worker)
        async with AsyncExitStack() as stack:
            await self._calm(worker, stack, request.seconds("wait_s", CALM_S), judged=True)
            arrival = await self._attached(worker)  # It may have left, or been lent, meanwhile.
            try:
                await arrival.phone.run("reboot", deadline_s=ACT_DEADLINE_S)
            except PhoneError as error:
                if error.effect is Effect.NONE:
                    raise  # Otherwise it went down while it answered: that is what was asked.
            worker.restarting()
        return {"state": worker.standing.state.value}

    async def _screenshot(self, worker: Worker, request: Request) -> Shown:
        png = await (await self._attached(worker)).files.screenshot(deadline_s=ACT_DEADLINE_S)
        return {"png": base64.b64encode(png).decode("ascii")}

    async def _shell(self, worker: Worker, request: Request) -> Shown:
        await self._attached(worker)
        deadline_s = request.seconds("deadline_s", ACT_DEADLINE_S)
        async with AsyncExitStack() as stack:
            await self._calm(worker, stack, request.seconds("wait_s", CALM_S), judged=False)
            arrival = await self._attached(worker)
            done = await arrival.phone.run(request.text("command"), deadline_s=deadline_s)
        return {
            "exit_code": done.exit_code,
            "stdout": done.text,
            "stderr": done.stderr.decode("utf-8", "replace"),
        }

    async def _attached(self, worker: Worker) -> Arrival:
        """The phone, unless another process has it: it must find it as it left it."""
        lessee, device = self._world.lessee, worker.device
        lease = await lessee.lent(device) if lessee is not None and device is not None else None
        if lease is not None:
            raise LeasedAway(
                f"{worker.name} is leased to {lease.purpose.value} by {lease.holder}",
                hint="wait until it is given back, or end the other process",
            )
        arrival, standing = worker.arrival, worker.standing
        if arrival is None:
            raise PhoneGone(
                f"{worker.name} is {standing.state}: no command reaches it", hint=standing.remedy
            )
        return arrival

    async def _calm(
        self, worker: Worker, stack: AsyncExitStack, wait_s: float, *, judged: bool
    ) -> None:
        """Keep new calls away until the stack ends; `judged`: wait for every verdict, too."""
        try:
            async with asyncio.timeout(wait_s):
                await stack.enter_async_context(worker.quiet())
                while judged and await self._flying(worker):
                    await self._world.clock.sleep(JUDGED_CHECK_S)
        except TimeoutError:
            raise PhoneRefused(
                f"{worker.name}: a message is still in flight after {wait_s:g} s",
                hint="`droidrack pause` it and try again, or wait longer with --wait",
            ) from None

    async def _flying(self, worker: Worker) -> bool:
        if worker.device is None:
            return False
        attempts = await self._world.journal.open_attempts(worker.device)
        return any(state in OPEN for _, state in attempts)
