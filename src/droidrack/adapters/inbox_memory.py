"""The inbox in memory: the same contract over lists, for tests, simulation and `demo`."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count

from droidrack.adapters.optout_memory import Listed
from droidrack.core.audit import AuditEntry
from droidrack.core.ids import DeviceUuid, Iccid
from droidrack.core.inbound import NOBODY, Asked, InboundText, Watermark, heed, request_line
from droidrack.ports.inbox import REMOVED, Delivery, Passed

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Owed:
    """A delivery."""

    id: int
    text: InboundText
    endpoint: str
    next_at: datetime
    tries: int = 0
    closed_at: datetime | None = None
    reason: str = ""


@dataclass(slots=True)
class InboxShelf:
    """What a controller leaves behind of its inbox when it dies."""

    marks: dict[DeviceUuid, Watermark] = field(default_factory=dict)
    texts: dict[int, InboundText] = field(default_factory=dict)
    owed: dict[int, _Owed] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))


class MemoryInbox:
    """`ports.Inbox` over a shelf.

    Args:
        held: the shelf of whoever holds the journal; raises as every reading call does.
        listed: the opt-out list beside it.
        audit: writes lines of the audit beside it.
        writing: around a change that cannot fail, with the name of the unit.
    """

    def __init__(
        self,
        held: Callable[[], InboxShelf],
        listed: Callable[[], Listed],
        audit: Callable[[Sequence[AuditEntry]], None],
        writing: Callable[[str], AbstractContextManager[object]],
    ) -> None:
        self._held, self._listed, self._audit, self._writing = held, listed, audit, writing

    async def watermark(self, device: DeviceUuid) -> Watermark | None:
        """See the port."""
        return self._held().marks.get(device)

    async def watermarks(self) -> tuple[Watermark, ...]:
        """See the port."""
        return tuple(mark for _, mark in sorted(self._held().marks.items()))

    async def receive(
        self,
        watermark: Watermark,
        texts: Sequence[InboundText],
        endpoints: Collection[str],
        asked: Mapping[str, Asked] = NOBODY,
    ) -> tuple[InboundText, ...]:
        """See the port."""
        with self._writing("inbound"):
            shelf = self._held()
            new = tuple(text for text in texts if _store(shelf, text, sorted(endpoints)))
            wishes = [(asked[text.id], text) for text in new if text.id in asked]
            self._audit([_heed(self._listed(), wish, text) for wish, text in wishes])
            shelf.marks[watermark.device] = watermark
        return new

    async def texts(
        self,
        *,
        device: DeviceUuid | None = None,
        iccid: Iccid | None = None,
        since: datetime | None = None,
        after: int = 0,
        limit: int,
    ) -> tuple[tuple[int, InboundText], ...]:
        """See the port."""
        found = [
            (number, text)
            for number, text in self._held().texts.items()
            if number > after
            and device in (None, text.device)
            and iccid in (None, text.iccid)
            and (since is None or text.seen_at >= since)
        ]
        return tuple(found[:limit] if after else found[-limit:])

    async def passed(self, ids: Sequence[str]) -> dict[str, tuple[Passed, ...]]:
        """See the port."""
        found: dict[str, tuple[Passed, ...]] = {}
        for owed in self._held().owed.values():
            if owed.text.id in ids:
                passed = Passed(owed.endpoint, owed.tries, owed.closed_at, owed.reason)
                found[owed.text.id] = (*found.get(owed.text.id, ()), passed)
        return found

    async def due(self, endpoint: str, now: datetime, *, limit: int) -> tuple[Delivery, ...]:
        """See the port."""
        ready = [owed for owed in self._first_open(endpoint) if owed.next_at <= now]
        ready.sort(key=lambda owed: (owed.next_at, owed.id))
        return tuple(
            Delivery(owed.id, owed.text, endpoint, owed.tries, owed.next_at)
            for owed in ready[:limit]
        )

    async def next_due(self, endpoint: str) -> datetime | None:
        """See the port."""
        return min((owed.next_at for owed in self._first_open(endpoint)), default=None)

    async def delivered(self, id: int, at: datetime) -> None:
        """See the port."""
        self._change("delivered", id, closed_at=at, reason="")

    async def postponed(self, id: int, next_at: datetime, reason: str) -> None:
        """See the port."""
        self._change("postponed", id, next_at=next_at, reason=reason)

    async def given_up(self, id: int, reason: str, at: datetime) -> None:
        """See the port."""
        self._change("given-up", id, closed_at=at, reason=reason)

    async def disown(self, endpoints: Collection[str], at: datetime) -> int:
        """See the port."""
        with self._writing("disown"):
            stray = [
                owed
                for owed in self._held().owed.values()
                if owed.closed_at is None and owed.endpoint not in endpoints
            ]
            for owed in stray:
                owed.closed_at, owed.reason = at, REMOVED
        return len(stray)

    async def prune(self, before: datetime) -> int:
        """See the port."""
        with self._writing("inbox-prune"):
            shelf = self._held()
            open_ids = {owed.text.id for owed in shelf.owed.values() if owed.closed_at is None}
            gone = [
                number
                for number, text in shelf.texts.items()
                if text.seen_at < before and text.id not in open_ids
            ]
            pruned = {shelf.texts.pop(number).id for number in gone}
            shelf.owed = {k: owed for k, owed in shelf.owed.items() if owed.text.id not in pruned}
            horizon_ms = int((before - EPOCH).total_seconds() * 1000)
            shelf.marks = {
                device: replace(mark, since_ms=max(mark.since_ms, horizon_ms))
                for device, mark in shelf.marks.items()
            }
        return len(gone)

    def _first_open(self, endpoint: str) -> list[_Owed]:
        """Per sender the oldest delivery that is not closed."""
        first: dict[str, _Owed] = {}
        for owed in self._held().owed.values():
            if owed.endpoint == endpoint and owed.closed_at is None:
                first.setdefault(owed.text.sender.reveal(), owed)
        return list(first.values())

    def _change(self, unit: str, id: int, **changes: object) -> None:
        with self._writing(unit):
            owed = self._held().owed.get(id)
            if owed is not None and owed.closed_at is None:
                owed.tries += 1
                for name, value in changes.items():
                    setattr(owed, name, value)


def _store(shelf: InboxShelf, text: InboundText, endpoints: Sequence[str]) -> bool:
    if any(_same(text, known) for known in shelf.texts.values()):
        return False
    shelf.texts[next(shelf.numbers)] = text
    for name in endpoints:
        owed = _Owed(next(shelf.numbers), text, name, text.seen_at)
        shelf.owed[owed.id] = owed
    return True


def _heed(listed: Listed, asked: Asked, text: InboundText) -> AuditEntry:
    entry, detail = heed(asked, text, listed.pop(asked.number, None))
    if entry is not None:
        listed[asked.number] = entry
    return request_line(asked, text, detail)


def _same(text: InboundText, known: InboundText) -> bool:
    if text.id == known.id:
        return True
    return (
        text.epoch > 0
        and text.epoch != known.epoch
        and (text.device, text.received_at) == (known.device, known.received_at)
        and (text.sender, text.body) == (known.sender, known.body)
    )
