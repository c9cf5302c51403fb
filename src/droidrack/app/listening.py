"""The radio log of one phone: a witness that costs it nothing.

One long-lived stream per phone hears what is logged from now on. What the phone's buffer held
before is read once, at the start, and serves only where Android's log repeats our message ids: by
them an old line still says whose it is.
"""

import asyncio
from collections import deque

from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.errors import AnswerCut
from droidrack.core.evidence import RadioWord, Word
from droidrack.core.parse.radio_log import RadioEvent, RadioKind, parse_radio_line

HEARD_LIMIT = 2000
"""Words kept: at full pace a phone says some 1,500 an hour, and open attempts need minutes."""

LINE_LIMIT = 16384
"""Bytes of one line; logd writes at most 4 KiB. More without a line end is no log."""

_WORDS = {
    RadioKind.PERSISTED_SENT: Word.SENT,
    RadioKind.PERSISTED_FAILED: Word.FAILED,
    RadioKind.SEND_FAILED: Word.FAILED,
    RadioKind.RIL_ERROR: Word.ERROR,
    RadioKind.INACTIVE: Word.DROPPED,
}


class Listening:
    """The listening room of one phone."""

    def __init__(self, world: World, handset: Handset) -> None:
        self._world = world
        self._handset = handset
        self._heard: deque[RadioWord] = deque(maxlen=HEARD_LIMIT)
        self.news = asyncio.Event()

    @property
    def heard(self) -> tuple[RadioWord, ...]:
        """What was heard so far. Words without a message id were heard live."""
        return tuple(self._heard)

    async def remember(self) -> None:
        """Read what the buffer still holds of attempts that name themselves."""
        if self._handset.witnesses.message_ids:
            past = await self._handset.radio_past()
            for line in past.splitlines():
                self._hear(line, live=False)

    async def run(self) -> None:
        """Listen for ever. Raises PhoneError when the phone is gone or its log ends."""
        pending = b""
        first = True
        async with self._handset.radio_log() as chunks:
            async for chunk in chunks:
                *lines, pending = (pending + chunk).split(b"\n")
                pending = pending[-LINE_LIMIT:]
                for line in lines:
                    # The stream opens with the newest line of the past, which may be another's.
                    self._hear(line.decode("utf-8", "replace"), live=not first)
                    first = first and line.startswith(b"-----")
        serial = self._handset.phone.serial
        raise AnswerCut(f"{serial}: the radio log ended", serial=serial)

    def _hear(self, line: str, *, live: bool) -> None:
        event = parse_radio_line(line)
        if event is None or event.kind not in _WORDS:
            return
        if live or event.message_id is not None:
            self._heard.append(self._word(event))
            self.news.set()

    def _word(self, event: RadioEvent) -> RadioWord:
        return RadioWord(
            word=_WORDS[event.kind],
            at=self._world.clock.now(),
            message_id=event.message_id,
            phone_id=event.phone_id,
            error=event.error or "",
        )
