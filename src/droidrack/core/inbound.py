"""Texts that arrive: what one is, and which rows of a phone's store are new.

Row ids alone do not say what is new. A store may be cleared, or the phone reset: ids then start
anew, and a backup may bring old texts back under new ids. So a watermark is not a number but the
newest rows seen, each with its dates: as long as one of them is still there, ids above it are new.
Once none is, or an id means another row, the store counts as another one (a new *epoch*), and dates
and texts decide.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from droidrack.core.audit import AuditEntry, AuditKind
from droidrack.core.ids import Body, DeviceUuid, Iccid, Msisdn, Slot
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.core.optout_words import Intent

TYPE_INBOX = 1
"""`type` of a row that arrived (Telephony.Sms.MESSAGE_TYPE_INBOX)."""

MARKS = 8
"""Rows that a watermark holds: somebody who deletes one conversation rarely deletes all of them."""

NAMESPACE = uuid.UUID("5b7c6e52-3a0e-4c8e-9f4a-1d2f6a0b8c33")
"""Of the ids of texts. Never changed: an id is the same for good."""

UNSEEN = -1
"""Epoch of a phone whose inbox never could be read."""

DAY_MS = 24 * 3600 * 1000
"""How far a phone's clock may be behind after a reset, until its network sets it. A text dated
further back than that before the newest one known came with a backup."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of the inbox as it is recognised: its id and its two dates, milliseconds since 1970."""

    row_id: int
    date_ms: int  # When it arrived, by the phone's clock.
    sent_ms: int  # When it was sent, by the network's; 0: not said.

    @property
    def latest_ms(self) -> int:
        """The later date: one clock alone may be wrong by years."""
        return max(self.date_ms, self.sent_ms)


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one phone's inbox is known.

    `marks`: the newest rows seen, newest first, at most `MARKS`; empty: none was there.
    `since_ms`: what a later epoch holds from before this is none of ours; `newest_ms`: the latest
    date of any row seen. `closed` says why the inbox cannot be read; "" where it can.
    """

    device: DeviceUuid
    epoch: int
    marks: tuple[Mark, ...]
    since_ms: int
    newest_ms: int
    changed_at: datetime
    closed: str = ""

    @property
    def begun(self) -> bool:
        """Whether there was a first look."""
        return self.epoch != UNSEEN

    @property
    def anchor(self) -> Mark | None:
        """The newest row known to be there."""
        return self.marks[0] if self.marks else None


@dataclass(frozen=True, slots=True)
class InboundText:
    """A text that arrived on a phone.

    `id` is the same for the same row at every look, so that whoever gets it twice can tell.
    """

    id: str
    device: DeviceUuid
    epoch: int
    row_id: int
    slot: Slot | None  # None: its card is no longer in the phone, or the row does not say.
    iccid: Iccid | None
    sender: Msisdn  # A number, a short code or a name, as the network gave it.
    body: Body
    received_at: datetime  # By the phone's clock.
    seen_at: datetime  # By the host's.


@dataclass(frozen=True, slots=True)
class Asked:
    """What the sender of a text asks for: no more messages, or messages again."""

    intent: Intent
    number: Msisdn  # The sender's, as the opt-out list writes it.


NOBODY: Mapping[str, Asked] = MappingProxyType({})
"""No text asks for anything."""


def heed(asked: Asked, text: InboundText, listed: OptOut | None) -> tuple[OptOut | None, str]:
    """What a text's wish makes of its number's entry, and a word where it changes nothing.

    Args:
        asked: the wish.
        text: the one that holds it.
        listed: the entry so far.

    Returns:
        The entry that stands afterwards, None: none; and "" where it is another one than before.
    """
    if asked.intent is Intent.STOP:
        if listed is not None:
            return listed, f"it was on the list already ({listed.source})"
        return OptOut(asked.number, text.seen_at, OptOutSource.STOP), ""
    if listed is None:
        return None, "it was not on the list"
    if listed.source is not OptOutSource.STOP:
        return listed, f"it stays on the list ({listed.source})"
    return None, ""


def request_line(asked: Asked, text: InboundText, detail: str) -> AuditEntry:
    """The line of the audit that tells of a text's wish."""
    return AuditEntry(
        at=text.seen_at,
        kind=AuditKind.REQUEST,
        who="recipient",
        what=asked.intent.value,
        device=text.device,
        subject=text.id,
        number=asked.number,
        body=text.body,
        detail=detail,
    )


def event_of(text: InboundText, phone: str) -> dict[str, object]:
    """What is told to the world outside: a JSON object with number and text as they are.

    `phone` is the operator's name of the phone.
    """
    return {
        "type": "sms.received",
        "id": text.id,
        "phone": phone,
        "device": text.device,
        "slot": text.slot,
        "iccid": text.iccid.reveal() if text.iccid else None,
        "sender": text.sender.reveal(),
        "text": text.body.reveal(),
        "received_at": text.received_at.isoformat(timespec="milliseconds"),
        "seen_at": text.seen_at.isoformat(timespec="milliseconds"),
    }


def text_id(device: DeviceUuid, epoch: int, mark: Mark) -> str:
    """The stable id of a row: a UUID that tells nothing of number or text."""
    identity = f"{device} {epoch} {mark.row_id} {mark.date_ms} {mark.sent_ms}"
    return str(uuid.uuid5(NAMESPACE, identity))


def first_watermark(
    device: DeviceUuid, newest: Iterable[Mark], now: datetime, *, history: bool
) -> Watermark:
    """Where a phone that was never looked at begins: above its `newest` rows.

    With `history` what is there already counts as new.
    """
    marks = () if history else newest_marks(newest)
    latest = max((_sane(mark, now) for mark in marks), default=0)
    return Watermark(device, 0, marks, latest, latest, now)


def newest_marks(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """The newest `MARKS` of them, newest first, each row once."""
    by_row = {mark.row_id: mark for mark in marks}
    return tuple(by_row[row_id] for row_id in sorted(by_row, reverse=True)[:MARKS])


def after_loss(mark: Watermark, found: Collection[Mark]) -> Watermark:
    """The watermark once its newest row is gone.

    `found`: the rows that the store holds now under the ids of the marks. Rows that are only absent
    were deleted. An id that means another row, or no known row at all, means another store, or one
    that somebody emptied: it is looked at from the beginning.
    """
    left = tuple(known for known in mark.marks if known in found)
    if left and len(left) == len(found):
        return replace(mark, marks=left)
    return replace(mark, epoch=mark.epoch + 1, marks=())


def is_old(watermark: Watermark, mark: Mark) -> bool:
    """Whether a row above the watermark is none that arrived: a backup brought it back."""
    if watermark.epoch == 0:
        return False
    latest = mark.latest_ms
    return latest <= watermark.since_ms or latest <= watermark.newest_ms - DAY_MS


def advanced(watermark: Watermark, seen: Sequence[Mark], now: datetime) -> Watermark:
    """The watermark with rows that were dealt with."""
    return replace(
        watermark,
        marks=newest_marks((*watermark.marks, *seen)),
        newest_ms=max([watermark.newest_ms, *(_sane(mark, now) for mark in seen)]),
        changed_at=now,
        closed="",
    )


def _sane(mark: Mark, now: datetime) -> int:
    """A row's date, but not a later one than the host's: one wrong year must not hide the rest."""
    return min(mark.latest_ms, int(now.timestamp() * 1000))
