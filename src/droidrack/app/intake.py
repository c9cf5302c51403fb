"""Rooms 1 and 2, pending and journal: takes messages from the panel and writes them down.

A uid that the journal knows is never sent again; its outcome is reported again. A malformed item is
refused alone, and recorded once per uid and run. A message that is wrong in itself (its text, its
number) is refused as soon as it is written down.
"""

import asyncio
from collections.abc import Callable, Sequence

from droidrack.app.minutes import Minutes
from droidrack.app.panel_line import Call
from droidrack.app.pause import Pause
from droidrack.app.settling import Settling
from droidrack.app.world import World
from droidrack.core.door import Case, Refuse, refuse_outright
from droidrack.core.errors import PanelBusy, PanelRefused, PanelUnavailable
from droidrack.core.ids import DeviceUuid, Token
from droidrack.core.message import Message
from droidrack.ports import Event, RefusedItem

BACKLOG_LIMIT = 1000
"""Messages that may wait for one phone: hours of work at a lawful pace. More stay at the panel."""


REFUSED_LIMIT = 1000
"""Malformed items recorded per run: a panel that offers more of them has nothing new to say."""

CLOSING_S = 2.0
"""How long a phone that left, or a stop, waits for a panel's answer; they come within one."""


class Intake:
    """The intake room of one phone. SessionOver ends `run`."""

    def __init__(
        self,
        world: World,
        device: DeviceUuid,
        *,
        on_new: Callable[[], None],
        on_known: Callable[[], None],
        closed: Callable[[], bool] = lambda: False,
    ) -> None:
        """`closed`: asked before each poll; while it holds the panel keeps its messages."""
        self._world = world
        self._device = device
        self._on_new = on_new
        self._on_known = on_known
        minutes = Minutes(world.journal, world.clock, device)
        self._settling = Settling(world, device, minutes, on_settled=on_known)
        self._closed = closed
        self._refused_seen: set[tuple[str, str]] = set()
        self._draining = False

    def drain(self) -> None:
        """Ask for nothing more."""
        self._draining = True

    async def run(self, token: Token) -> None:
        """Poll until drained."""
        try:
            await self._poll_on(token)
        finally:
            self._pass_over()

    async def _poll_on(self, token: Token) -> None:
        world = self._world
        pause = Pause(world.dice, base_s=world.settings.intervals.poll_s)
        # Phones that start together must not poll together.
        await world.clock.sleep(world.dice.random() * world.settings.intervals.poll_s)
        while not self._draining:
            delay = world.settings.intervals.poll_s
            try:
                if self._closed():
                    self._pass_over()
                else:
                    await self._poll_whole(token)
            except PanelBusy as busy:
                delay = max(delay, pause.after_busy(busy.retry_after_s))
            except (PanelUnavailable, PanelRefused):
                # A 404 here is a panel in the middle of its deployment, or a wrong address.
                delay = max(delay, pause.after_failure())
            else:
                pause.reset()
            await world.clock.sleep(delay)

    def _pass_over(self) -> None:
        """The panel is not asked now."""
        self._world.panel_line.leave(self._device, Call.POLL)

    async def _poll_whole(self, token: Token) -> None:
        """Poll, and see an answer that is on its way home even when the room is closed meanwhile.

        A panel may offer a message once only: what it handed over must not be dropped here.
        """
        polling = asyncio.ensure_future(self.poll(token))
        try:
            await asyncio.shield(polling)
        except asyncio.CancelledError:
            await asyncio.wait({polling}, timeout=CLOSING_S)
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
            raise

    async def poll(self, token: Token) -> None:
        """Ask once, and write down what came."""
        world = self._world
        if await world.journal.backlog(self._device) >= BACKLOG_LIMIT:
            self._pass_over()
            return
        with world.panel_line.asking(self._device, Call.POLL):
            pending = await world.panel.pending(token, world.clock.now())
        if pending.messages:
            await self._accept(pending.messages)
        for item in pending.refused:
            await self._refuse(item)

    async def _accept(self, messages: Sequence[Message]) -> None:
        world = self._world
        accepted = await world.journal.accept(self._device, messages)
        fates = {entry.fate for entry in accepted}
        new = {entry.uid for entry in accepted if entry.fate == "new"}
        await self._refuse_outright([message for message in messages if message.uid in new])
        if "new" in fates:
            self._on_new()
        if "known" in fates or "conflict" in fates:
            self._on_known()
        for entry in accepted:
            if entry.fate == "conflict":
                world.tell("message conflict", device=self._device, uid=entry.uid)

    async def _refuse_outright(self, messages: Sequence[Message]) -> None:
        """Refuse at once what no phone will ever be asked about; the door would do it as well."""
        world = self._world
        for message in messages:
            case = Case(
                message,
                None,
                (),
                row_exists=True,
                now=world.clock.now(),
                policy=world.settings.policy,
            )
            refusal = refuse_outright(case)
            if isinstance(refusal, Refuse):
                await self._settling.refuse(message, refusal)

    async def _refuse(self, item: RefusedItem) -> None:
        key = (item.uid, item.reason)
        if key in self._refused_seen or len(self._refused_seen) >= REFUSED_LIMIT:
            return
        self._refused_seen.add(key)
        text = (
            f"the panel offered an item that is no message ({item.uid or 'no uid'}): {item.reason}"
        )
        now = self._world.clock.now()
        await self._world.journal.record(Event(now, self._device, "item-refused", text))
        self._world.tell("item refused", device=self._device, uid=item.uid, reason=item.reason)
