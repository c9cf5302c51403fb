"""The audit: what was decided and done, in a chain that shows where it was touched.

Each line holds the digest of the line before it, so that an edit, a deletion and a change of order
all break the chain at a place that can be named. The digest is an HMAC under a key derived from the
vault's: whoever can write the file but not read that key cannot repair the chain afterwards. The
newest line's number and digest stand outside the chain, in an *anchor*, so that a cut tail shows.

The canonical form *is* the stored form: a line's text is one JSON object, and its bytes are what
the digest covers. Rejected: columns that are put together for checking, because every database has
its own idea of what a value looks like when it comes back; and signatures, because the host that
writes would hold that private key as well. Against somebody who can read the key there is one
remedy only: lines exported in time to where he cannot write.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from droidrack.core.ids import Body, Masked, Msisdn

DIGEST_HEX = 64
GENESIS = "0" * DIGEST_HEX
"""What the first line names as the digest before it."""

VEILED_HEX = 16
"""Hexadecimal digits of a hashed number: 64 bits keep a million numbers apart for good."""

ACCEPTED = "run --accept-journal"
"""The act that takes a journal as it is; right behind a gap it says that the loss is known."""

DETAIL_LIMIT = 500
"""Characters of a line's sentence: a line is evidence, not a dump."""


class AuditKind(StrEnum):
    """What a line is about."""

    DECISION = "decision"  # Of the door, about one message.
    ACT = "act"  # Of an operator, by a command that changes something.
    REQUEST = "request"  # Of a recipient, by a text: no more messages, or messages again.
    CHECKPOINT = "checkpoint"  # Older lines were pruned; it names the last of them.
    GAP = "gap"  # The journal was found without lines that had been written.


class Veil(StrEnum):
    """How a number or a text appears in the audit. There is no third way."""

    MASKED = "masked"  # The last two digits; the count of characters.
    HASHED = "hashed"  # A keyed hash: equal for equal numbers, and worth nothing without the key.


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something to be written down. Only `number` and `body` may hold what has to be veiled."""

    at: datetime
    kind: AuditKind
    who: str  # "door", "controller", "recipient", or the operator as user@host
    what: str  # a decision: "go", "hold" or "refuse"; an act: the command; "stop" or "start"
    device: str = ""  # the phone's DeviceUuid; "" where none is concerned
    subject: str = ""  # the message's uid, or what else it was done to
    rule: str = ""  # the door's rule that decided
    code: str = ""  # of `core/codes.py`; "" where nothing is wrong
    number: Msisdn | None = None
    body: Body | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest line: its number, counted from 1, and its digest."""

    seq: int = 0
    digest: str = GENESIS


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A line as it is stored: its place, its text, and the digest of the text."""

    seq: int
    text: str
    digest: str

    @property
    def head(self) -> Head:
        """The chain up to here."""
        return Head(self.seq, self.digest)

    def facts(self) -> Mapping[str, Any]:
        """What the text says; empty where it is no JSON object any more."""
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Pen:
    """Writes lines and checks them, with one key.

    Args:
        key: the vault's; b"": none is there. The chain is then a plain SHA-256 one, which shows
            accidents but no editor who knows how to calculate.
        numbers: how numbers appear.
        bodies: how texts appear.
    """

    def __init__(
        self, key: bytes = b"", *, numbers: Veil = Veil.HASHED, bodies: Veil = Veil.MASKED
    ) -> None:
        # Keys of their own: the vault's encrypts sessions, and a key serves one purpose.
        self._chain = _derived(key, "audit chain")
        self._names = _derived(key, "audit numbers")
        self.key_id = self._digest("key")[:8] if key else ""
        self._numbers = numbers
        self._bodies = bodies

    def write(self, entry: AuditEntry, after: Head) -> AuditLine:
        """The line for an entry, in its place."""
        facts = {
            "n": after.seq + 1,
            "prev": after.digest,
            "key": self.key_id,
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "kind": entry.kind.value,
            "who": entry.who,
            "what": entry.what,
            "device": entry.device,
            "subject": entry.subject,
            "rule": entry.rule,
            "code": entry.code,
            "number": self.veiled(entry.number, self._numbers),
            "body": self.veiled(entry.body, self._bodies),
            "detail": entry.detail[:DETAIL_LIMIT],
        }
        text = canonical({name: value for name, value in facts.items() if value != ""})
        return AuditLine(after.seq + 1, text, self._digest(text))

    def genuine(self, line: AuditLine) -> bool:
        """Whether this key wrote this text."""
        return hmac.compare_digest(self._digest(line.text), line.digest)

    def sealed(self, head: Head) -> str:
        """The anchor's text for a head."""
        text = canonical({"n": head.seq, "digest": head.digest})
        return canonical({"n": head.seq, "digest": head.digest, "seal": self._digest(text)})

    def unsealed(self, text: str) -> Head | None:
        """The head that an anchor names; None where this key did not write it."""
        try:
            found = json.loads(text)
            head = Head(int(found["n"]), str(found["digest"]))
        except (ValueError, KeyError, TypeError):
            return None
        return head if hmac.compare_digest(self.sealed(head), text) else None

    def veiled(self, value: Masked | None, veil: Veil = Veil.HASHED) -> str:
        """A number or a text as it may stand in the audit; "" for none."""
        if value is None:
            return ""
        if veil is Veil.MASKED:
            return value.masked()
        content = value.reveal().encode("utf-8", "surrogatepass")
        return f"#{hmac.digest(self._names, content, 'sha256').hex()[:VEILED_HEX]}"

    def _digest(self, text: str) -> str:
        content = text.encode("utf-8", "surrogatepass")
        if not self._chain:
            return hashlib.sha256(content).hexdigest()
        return hmac.digest(self._chain, content, "sha256").hex()


def canonical(facts: Mapping[str, Any]) -> str:
    """One spelling for one meaning: sorted keys, no blanks, ASCII."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def written_at(line: AuditLine) -> datetime:
    """When a line says that it was written; the far future where it does not say."""
    try:
        return datetime.fromisoformat(str(line.facts().get("at", "")))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)


def exported(line: AuditLine) -> str:
    """A line for other programs: its facts and its digest in one JSON object."""
    return canonical({**line.facts(), "digest": line.digest})


def imported(text: str) -> AuditLine:
    """The line of one exported object.

    Raises:
        ValueError: it is none.
    """
    facts = json.loads(text)
    if not isinstance(facts, dict) or not isinstance(facts.get("n"), int):
        raise ValueError("expected a JSON object with a number `n`")  # noqa: TRY004 - one error
    digest = str(facts.pop("digest", ""))
    return AuditLine(facts["n"], canonical(facts), digest)


def _derived(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, f"droidrack {purpose}".encode(), "sha256") if key else b""


def checkpoint(last: Head, at: datetime) -> AuditEntry:
    """The entry that keeps the end of what is being pruned."""
    return AuditEntry(
        at, AuditKind.CHECKPOINT, "controller", "prune", subject=str(last.seq), detail=last.digest
    )


def gap(anchor: str, found: Head, at: datetime) -> AuditEntry:
    """The entry for a journal that is behind its anchor."""
    detail = f"the chain ended at line {found.seq}; its anchor said: {anchor or 'it was removed'}"
    return AuditEntry(
        at, AuditKind.GAP, "controller", "lines lost", subject=str(found.seq), detail=detail
    )


# --- Checking -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """Where the chain does not hold, and how that shows."""

    seq: int  # The line at which it shows.
    text: str


class Verifier:
    """Checks lines as they come, the oldest first; the whole chain need not fit into memory.

    `whole` False: a part of a chain, which may begin and end anywhere.
    """

    def __init__(self, pen: Pen, *, whole: bool = True) -> None:
        self._pen = pen
        self._whole = whole
        self._first: AuditLine | None = None
        self._last = Head()
        self._begin = Head()  # What stands before the first line that has to be there.
        self._anchored: Head | None = None
        self._wanted: Head | None = None
        self.count = 0
        self.gaps: list[Fault] = []
        self.explained: list[Fault] = []  # Gaps that an operator accepted.

    def expect(self, anchor: Head) -> None:
        """The chain has to hold this line, unchanged. To be told before the first line."""
        self._wanted = anchor

    def check(self, lines: Iterable[AuditLine]) -> Iterator[Fault]:
        """The faults of the next lines."""
        for line in lines:
            yield from self._line(line)

    def _line(self, line: AuditLine) -> Iterator[Fault]:
        facts, seq = line.facts(), line.seq
        if self._first is None:
            self._first = line
            self._last = Head(seq - 1, str(facts.get("prev", "")))
        self.count += 1
        yield from self._order(line, facts)
        if facts.get("key", "") != self._pen.key_id:
            theirs = facts.get("key", "") or "none"
            yield Fault(
                seq, f"line {seq} was sealed with key {theirs}, this host's is {self._pen.key_id}"
            )
        elif not self._pen.genuine(line):
            yield Fault(seq, f"line {seq} was changed: its digest is not that of its text")
        elif facts.get("kind") == AuditKind.CHECKPOINT:
            self._begin = Head(int(facts["subject"]), str(facts["detail"]))
        elif facts.get("kind") == AuditKind.GAP:
            self.gaps.append(Fault(seq, f"line {seq} records a loss: {facts.get('detail')}"))
        elif facts.get("kind") == AuditKind.ACT and facts.get("what") == ACCEPTED:
            self._explain(seq)
        if self._wanted is not None and seq == self._wanted.seq:
            self._anchored = line.head
        self._last = line.head

    def _explain(self, seq: int) -> None:
        if self.gaps and self.gaps[-1].seq == seq - 1:
            self.explained.append(self.gaps.pop())

    def _order(self, line: AuditLine, facts: Mapping[str, Any]) -> Iterator[Fault]:
        seq, before = line.seq, self._last
        if facts.get("n") != seq:
            yield Fault(seq, f"line {seq} is out of order: it was written as {facts.get('n')}")
        elif seq > before.seq + 1:
            yield Fault(before.seq + 1, _missing(before.seq + 1, seq - 1))
        elif seq <= before.seq:
            yield Fault(seq, f"line {seq} is out of order: it stands behind line {before.seq}")
        elif facts.get("prev") != before.digest:
            yield Fault(seq, f"line {seq} does not follow the line {before.seq} that is there")

    def end(self) -> Iterator[Fault]:
        """What shows only when all lines were seen: the chain's beginning and its end."""
        yield from self._start()
        wanted = self._wanted
        if wanted is None or wanted.seq == 0:
            return
        if self._last.seq < wanted.seq:
            yield Fault(self._last.seq + 1, _missing(self._last.seq + 1, wanted.seq, "at the end"))
        elif self._anchored is not None and self._anchored != wanted:
            yield Fault(wanted.seq, f"line {wanted.seq} is not the one that the anchor knows")

    def _start(self) -> Iterator[Fault]:
        if self._first is None or not self._whole:
            return
        first, begin = self._first.seq, self._begin
        if first > begin.seq + 1:
            yield Fault(begin.seq + 1, _missing(begin.seq + 1, first - 1, "at the beginning"))
        elif first == begin.seq + 1 and self._first.facts().get("prev") != begin.digest:
            yield Fault(first, f"line {first} does not follow the last line that was pruned")


def _missing(first: int, last: int, where: str = "") -> str:
    lines = f"line {first} is" if first == last else f"lines {first} to {last} are"
    return f"{lines} missing{' ' + where if where else ''}"
