"""The room of texts that arrive: from the phone's store into the journal, each exactly once.

One small query per look asks for the rows from the newest known one on. Rows and watermark are one
transaction of the journal, so that a crash between looks neither loses a text nor repeats one.
Nothing is written to the phone: no text is deleted or marked as read.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from droidrack.app.handset import Handset
from droidrack.app.inbox_store import InboxRow, InboxStore
from droidrack.app.pause import Pause
from droidrack.app.world import World
from droidrack.core.errors import ParseError, PhoneRefused, PhoneTimeout, RackError
from droidrack.core.ids import Body
from droidrack.core.inbound import (
    MARKS,
    UNSEEN,
    Asked,
    InboundText,
    Watermark,
    advanced,
    after_loss,
    first_watermark,
    is_old,
    text_id,
)
from droidrack.core.optout_words import keywords
from droidrack.core.recipient import country_at, list_key
from droidrack.core.settings import PhoneSettings

PAGE = 100
"""Rows of one look. What is more comes at once with the next."""

BODIES = 10
"""Texts that are read in one round trip and stored in one transaction."""

PAUSE_CEILING_S = 600.0
"""A store that refuses is asked again this seldom: an operator may have turned a switch."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CLOSED_BY_RELEASE: Final = "this Android keeps the SMS store from the shell (10 and later show it)"


class Receiving:
    """The receiving room of one phone; idle where the shell may not read the store.

    `on_new` is called after texts were stored.
    """

    def __init__(
        self,
        world: World,
        handset: Handset,
        settings: PhoneSettings,
        *,
        on_new: Callable[[], None],
    ) -> None:
        self._world = world
        self._handset = handset
        self._settings = settings
        self._on_new = on_new
        self._store = InboxStore(handset)
        self._mark: Watermark | None = None
        self.looked = asyncio.Event()  # There was a look, or the store did not allow one.
        site = world.settings.inbound
        self._keywords = keywords(site.languages, site.stop_words, site.start_words)
        self._endpoints = tuple(endpoint.name for endpoint in world.endpoints)

    async def run(self) -> None:
        """Look for ever. Raises PhoneError when the phone is gone."""
        world = self._world
        if not self._handset.profile.facts.store_readable:
            await self._note_closed(CLOSED_BY_RELEASE)
            self.looked.set()
            return
        pause = Pause(world.dice, base_s=world.settings.inbound.poll_s, ceiling_s=PAUSE_CEILING_S)
        while True:
            try:
                await self.look()
            except (PhoneTimeout, PhoneRefused, ParseError) as error:
                await self._complain(error)
                self.looked.set()
                await world.clock.sleep(pause.after_failure())
            else:
                pause.reset()
                self.looked.set()
                # Phones that arrived together must not be asked together for ever.
                await world.clock.sleep(
                    world.settings.inbound.poll_s * (0.75 + 0.5 * world.dice.random())
                )

    async def look(self) -> int:
        """Take what is new; how many texts.

        Raises:
            PhoneError, ParseError: the store did not answer, or not as a store does.
        """
        mark = self._mark or await self._world.journal.inbox.watermark(self._handset.device)
        self._mark = mark if mark is not None and mark.begun else await self._begin()
        taken = 0
        while rows := await self._rows():
            for start in range(0, len(rows), BODIES):
                taken += await self._take(rows[start : start + BODIES])
            if len(rows) < PAGE - 1:
                break
        if self._known().closed:  # It was, and answered now.
            await self._keep(replace(self._known(), closed=""))
        return taken

    async def _begin(self) -> Watermark:
        """The first look at this phone: what is there already is not ours, unless it was asked."""
        newest = await self._store.newest(MARKS)
        settings, now = self._world.settings.inbound, self._world.clock.now()
        mark = first_watermark(self._handset.device, newest, now, history=settings.history)
        await self._keep(mark)
        return mark

    async def _rows(self) -> Sequence[InboxRow]:
        """What stands above the watermark. Rows that a backup brought back are passed over."""
        mark = self._known()
        anchor = mark.anchor
        rows = await self._store.rows_from(anchor.row_id if anchor else 0, PAGE)
        if anchor is not None and (not rows or rows[0].mark != anchor):
            # The newest row is gone: deleted, or the whole store is another one.
            lost = after_loss(mark, await self._store.under(mark.marks))
            await self._keep(lost)
            if lost.epoch != mark.epoch:
                self._world.tell("inbox counts anew", device=self._handset.device)
            return await self._rows()
        return rows[1:] if anchor is not None else rows

    async def _take(self, rows: Sequence[InboxRow]) -> int:
        world, mark = self._world, self._known()
        fresh = [row for row in rows if not is_old(mark, row.mark)]
        bodies = await self._store.bodies([row.mark.row_id for row in fresh]) if fresh else {}
        now = world.clock.now()
        texts = [await self._text(row, bodies.get(row.mark.row_id), now) for row in fresh]
        reached = advanced(mark, [row.mark for row in rows], now)
        asked = {text.id: wish for text in texts if (wish := self._asked(text)) is not None}
        new = await world.journal.inbox.receive(reached, texts, self._endpoints, asked)
        self._mark = reached
        for text in new:
            asks = {"asks": asked[text.id].intent.value} if text.id in asked else {}
            world.tell("text received", device=text.device, id=text.id, sender=text.sender, **asks)
        if new:
            self._on_new()
        return len(new)

    async def _text(self, row: InboxRow, body: Body | None, now: datetime) -> InboundText:
        device, epoch = self._handset.device, self._known().epoch
        slot, iccid = await self._store.sim_of(row)
        return InboundText(
            id=text_id(device, epoch, row.mark),
            device=device,
            epoch=epoch,
            row_id=row.mark.row_id,
            slot=slot,
            iccid=iccid,
            sender=row.sender,
            body=body or Body(""),  # Somebody deleted it between two questions.
            received_at=_moment(row.mark.date_ms or row.mark.sent_ms),
            seen_at=now,
        )

    def _asked(self, text: InboundText) -> Asked | None:
        """What a text asks of the opt-out list, if anything."""
        intent = self._keywords.intent(text.body.reveal())
        if intent is None:
            return None
        country = ""
        if text.slot is not None:
            country = country_at(self._settings, text.slot, self._handset.sims)
        # A sender that cannot be read cannot be written to either; it is listed as it stands.
        return Asked(intent, list_key(text.sender, country))

    def _known(self) -> Watermark:
        if self._mark is None:
            raise AssertionError("rows are read above a watermark")
        return self._mark

    async def _keep(self, mark: Watermark) -> None:
        await self._world.journal.inbox.receive(mark, (), ())
        self._mark = mark

    async def _complain(self, error: RackError) -> None:
        self._world.tell("inbox not read", device=self._handset.device, reason=error.message)
        if isinstance(error, PhoneRefused):
            await self._note_closed(error.message)

    async def _note_closed(self, reason: str) -> None:
        """Let the operator's lists say that this phone's texts are not seen."""
        device, inbox = self._handset.device, self._world.journal.inbox
        known = self._mark or await inbox.watermark(device)
        if known is not None and known.closed == reason:
            return
        now = self._world.clock.now()
        # A phone whose store opens later begins with its first good look, not here.
        mark = known or Watermark(device, UNSEEN, (), 0, 0, now)
        await self._keep(replace(mark, closed=reason))
        self._world.tell("inbox not available", device=device, reason=reason)


def _moment(milliseconds: int) -> datetime:
    """A date of the phone; one that no calendar holds counts as 1970."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return EPOCH
