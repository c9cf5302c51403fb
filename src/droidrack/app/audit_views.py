"""The audit as operators read it: what a line says, which lines are meant, and whether it holds."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from droidrack.core.audit import AuditKind, AuditLine, Fault, Pen, Verifier, written_at
from droidrack.core.message import MessageState
from droidrack.ports import Audit, Life

PAGE = 1_000
"""Lines read at a time, so that an audit of months needs no more memory than one of a day."""

FAULT_LIMIT = 1_000
"""Faults that are kept; an audit that was written anew has one in every line."""

LATE = timedelta(minutes=1)
"""So long after its last change no decision of a message is written any more."""

NO_ANCHOR = (
    "the anchor beside the journal is missing or was not written with this host's key: "
    "a tail that was cut cannot be ruled out"
)


@dataclass(slots=True)
class Examined:
    """What a check of the audit found."""

    count: int = 0
    first: AuditLine | None = None
    last: AuditLine | None = None
    faults: list[Fault] = field(default_factory=list)
    explained: list[Fault] = field(default_factory=list)  # Losses that an operator accepted.


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are meant; "" means any."""

    kind: str = ""
    device: str = ""
    phone: str = ""  # its name: acts name phones so, also such as are not known yet
    subject: str = ""  # a message's uid
    number: str = ""  # veiled, as it stands in the lines

    def holds(self, facts: Mapping[str, object]) -> bool:
        """Whether a line with these facts is one of them."""
        return (
            self.kind in ("", facts.get("kind"))
            and self.subject in ("", facts.get("subject"))
            and self.number in ("", facts.get("number"))
            and self._of_phone(facts)
        )

    def _of_phone(self, facts: Mapping[str, object]) -> bool:
        if not (self.device or self.phone):
            return True
        named = (facts.get("device"), facts.get("subject"))
        return bool({self.device, self.phone} - {""} & set(named))


@dataclass(frozen=True, slots=True)
class Said:
    """What the door decided of a message: "go", "hold" or "refuse"."""

    at: datetime
    what: str
    rule: str
    code: str
    detail: str


async def said_of(audit: Audit, life: Life) -> tuple[Said, ...]:
    """The door's decisions of one message, in their order; those that were pruned are missing."""
    wanted = Wanted(kind=AuditKind.DECISION, subject=life.message.uid)
    waits = life.state is MessageState.ACCEPTED
    found = []
    async for line in walk(audit, life.message.received_at):
        facts, at = line.facts(), written_at(line)
        if not waits and at > life.changes[-1].at + LATE:
            break
        if wanted.holds(facts):
            words = (str(facts.get(key, "")) for key in ("what", "rule", "code", "detail"))
            found.append(Said(at, *words))
    return tuple(found)


async def walk(audit: Audit, since: datetime | None = None) -> AsyncIterator[AuditLine]:
    """All lines, or those written since then, the oldest first."""
    after = 0 if since is None else await audit.begin(since) - 1
    while lines := await audit.lines(after=after, limit=PAGE):
        for line in lines:
            if since is None or written_at(line) >= since:
                yield line
        after = lines[-1].seq


async def examine_audit(audit: Audit, pen: Pen) -> Examined:
    """Check every line, from the first to the anchor's and beyond."""
    found, verifier = Examined(), Verifier(pen)
    anchor = await audit.anchor()  # Before the lines: a controller may write meanwhile.
    if anchor is None:
        found.faults.append(Fault(0, NO_ANCHOR))
    else:
        verifier.expect(anchor)
    async for line in walk(audit):
        _look(found, verifier, line)
    _sum_up(found, verifier)
    return found


def examine_lines(lines: list[AuditLine], pen: Pen) -> Examined:
    """Check lines that were exported; they may begin and end anywhere."""
    found, verifier = Examined(), Verifier(pen, whole=False)
    for line in lines:
        _look(found, verifier, line)
    _sum_up(found, verifier)
    return found


def _look(found: Examined, verifier: Verifier, line: AuditLine) -> None:
    found.first = found.first or line
    found.last = line
    for fault in verifier.check([line]):
        if len(found.faults) < FAULT_LIMIT:
            found.faults.append(fault)


def _sum_up(found: Examined, verifier: Verifier) -> None:
    found.faults += [*verifier.end(), *verifier.gaps]
    found.faults.sort(key=lambda fault: fault.seq)
    found.count, found.explained = verifier.count, verifier.explained
