"""The radio log of one phone: a witness that costs it nothing.

One long-lived stream per phone hears what is logged from now on; what the phone's buffer held
before is read once, at the start. Where Android's log repeats our message ids (API 30 and later),
a word counts only for the message it can be traced to, from the past as from now. Elsewhere words
name nobody, and only those heard live count: `core/evidence.py` says for whom.
"""

import asyncio
from collections import deque

from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.errors import AnswerCut
from droidrack.core.evidence import RadioWord, Word
from droidrack.core.parse.radio_log import parse_radio_line
from droidrack.core.radio_trace import Tracer

HEARD_LIMIT = 2000
"""Words kept: at full pace a phone says some 1,500 an hour, and open attempts need minutes."""

LINE_LIMIT = 16384
"""Bytes of one line; logd writes at most 4 KiB. More without a line end is no log."""

_ON_ITS_WAY = frozenset({Word.HANDED, Word.AGAIN, Word.ANSWERED})
"""These prove nothing yet: not worth a look at the store."""


class Listening:
    """The listening room of one phone."""

    def __init__(self, world: World, handset: Handset) -> None:
        self._world = world
        self._handset = handset
        can = handset.witnesses
        self._tracer = Tracer(parts=not can.radio, handed=not can.message_ids)
        self._heard: deque[RadioWord] = deque(maxlen=HEARD_LIMIT)
        self._count = 0
        self._attentive = asyncio.Event()
        self.news = asyncio.Event()

    @property
    def count(self) -> int:
        """How many words were heard since the phone arrived."""
        return self._count

    def heard(self, since: int = 0) -> tuple[RadioWord, ...]:
        """The words from number `since` on. Those without a message id were heard live."""
        first_kept = self._count - len(self._heard)
        return tuple(self._heard)[max(0, since - first_kept) :]

    async def attentive(self) -> None:
        """Return once nothing that is logged from now on can be missed."""
        await self._attentive.wait()

    async def run(self) -> None:
        """Listen for ever. Raises PhoneError when the phone is gone or its log ends."""
        if self._handset.witnesses.message_ids:
            for past in (await self._handset.radio_past()).splitlines():
                self._hear(past)
        pending = b""
        first = True
        async with self._handset.radio_log() as chunks:
            self._attentive.set()
            async for chunk in chunks:
                *lines, pending = (pending + chunk).split(b"\n")
                pending = pending[-LINE_LIMIT:]
                for line in lines:
                    # The stream opens with the newest line of the past: heard, or another's.
                    if not first:
                        self._hear(line.decode("utf-8", "replace"))
                    first = first and line.startswith(b"-----")
        serial = self._handset.phone.serial
        raise AnswerCut(f"{serial}: the radio log ended", serial=serial)

    def _hear(self, line: str) -> None:
        event = parse_radio_line(line)
        word = self._tracer.read(event, self._handset.steady.now()) if event is not None else None
        if word is None or (word.message_id is None and self._handset.witnesses.message_ids):
            return
        self._heard.append(word)
        self._count += 1
        if word.word not in _ON_ITS_WAY:
            self.news.set()
