"""Tells one endpoint of the texts that arrived: in order per sender, at least once, for days.

Each endpoint has a room of its own, so that a dead one delays neither the others nor a phone. What
is owed, how often it was tried and when it is due stands in the journal, so that a restart neither
forgets a text nor hammers a receiver that is out of order. Where nobody answers at all, one text at
a time is tried, whoever sent it.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from droidrack.app.pause import Pause
from droidrack.app.views import phone_names
from droidrack.app.waiting import until
from droidrack.app.world import World
from droidrack.core.backoff import next_delay_s
from droidrack.core.errors import EndpointFailed
from droidrack.core.ids import DeviceUuid
from droidrack.core.inbound import event_of
from droidrack.ports import Event
from droidrack.ports.endpoint import Endpoint
from droidrack.ports.inbox import Delivery

AT_ONCE = 8
"""Texts of different senders that are offered side by side."""

RETRY_BASE_S = 2.0
RETRY_CEILING_S = 900.0
"""A receiver that came back is found within a quarter of an hour."""

REFUSALS_LIMIT = 10
"""A refusal may come from a receiver in deployment: with the backoff between them, ten take some
17 minutes. Then the text is given up, so that its sender's next ones get through."""

IDLE_S = 60.0
"""How long at most the next due time is waited for: the host's clock may jump."""


class Forwarding:
    """The forwarding room of one endpoint."""

    def __init__(self, world: World, endpoint: Endpoint) -> None:
        self._world = world
        self._endpoint = endpoint
        self._news = world.arrived.listen()
        self._down = False  # Nobody was there at the last try.
        self._pause = Pause(world.dice)

    @property
    def name(self) -> str:
        """The endpoint's."""
        return self._endpoint.name

    async def run(self) -> None:
        """Forward for ever."""
        inbox, clock = self._world.journal.inbox, self._world.clock
        while True:
            self._news.clear()
            at_once = 1 if self._down else AT_ONCE  # Where nobody is, one knock is enough.
            due = await inbox.due(self._endpoint.name, clock.now(), limit=at_once)
            if not due:
                await until(self._news, clock.sleep(await self._idle_s()))
                continue
            names = phone_names(await self._world.journal.phones())
            async with asyncio.TaskGroup() as group:
                for delivery in due:
                    group.create_task(self._offer(delivery, names))
            if self._down:
                await clock.sleep(self._pause.after_failure())
            else:
                self._pause.reset()

    async def _idle_s(self) -> float:
        """Seconds until something will be due, as far as is known."""
        next_at = await self._world.journal.inbox.next_due(self._endpoint.name)
        if next_at is None:
            return IDLE_S
        return min(max((next_at - self._world.clock.now()).total_seconds(), 0.0), IDLE_S)

    async def _offer(self, delivery: Delivery, names: Mapping[DeviceUuid, str]) -> None:
        text = delivery.text
        try:
            await self._endpoint.deliver(event_of(text, names.get(text.device, text.device)))
        except EndpointFailed as failure:
            self._down = failure.down
            await self._put_off(delivery, failure)
        else:
            self._down = False
            await self._world.journal.inbox.delivered(delivery.id, self._world.clock.now())
            self._world.tell("text forwarded", endpoint=self._endpoint.name, id=text.id)

    async def _put_off(self, delivery: Delivery, failure: EndpointFailed) -> None:
        world, name = self._world, self._endpoint.name
        tries, now = delivery.tries + 1, world.clock.now()
        limit = timedelta(days=world.settings.inbound.give_up_days)
        facts = {"endpoint": name, "id": delivery.text.id, "tries": tries}
        if now - delivery.text.seen_at > limit or (failure.refused and tries >= REFUSALS_LIMIT):
            await world.journal.inbox.given_up(delivery.id, failure.message, now)
            story = f"{name} did not take text {delivery.text.id} in {tries} tries"
            told = Event(now, delivery.text.device, "text-given-up", f"{story}: {failure.message}")
            await world.journal.record(told)
            world.tell("text given up", reason=failure.message, **facts)
            return
        wait_s = next_delay_s(tries, world.dice, base=RETRY_BASE_S, ceiling=RETRY_CEILING_S)
        if failure.retry_after_s is not None:
            wait_s = min(max(failure.retry_after_s, wait_s), RETRY_CEILING_S)
        next_at = now + timedelta(seconds=wait_s)
        await world.journal.inbox.postponed(delivery.id, next_at, failure.message)
        world.tell("text not taken", reason=failure.message, **facts)
