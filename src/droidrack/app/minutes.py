"""The minutes of the door: what it decided about one phone's messages, as lines of the audit.

A decision that changes the journal has its line in that change's transaction, so an audited message
costs no commit more than another one. A hold changes nothing: its line waits for the next change
of the same phone, or for the phone to come to rest. It is written once for a message and a rule,
however often the door is asked meanwhile.
"""

from collections.abc import Sequence
from datetime import datetime

from droidrack.core.audit import AuditEntry, AuditKind
from droidrack.core.case import Go, Hold, Refuse
from droidrack.core.ids import DeviceUuid, MessageUid
from droidrack.core.message import Message
from droidrack.ports import Clock, Journal

REST_S = 5.0
"""How long a hold's line may wait for company: longer than the usual gap between two messages."""

REMEMBERED = 10_000
"""Messages whose holds are known to be written; beyond, the oldest's may be written again."""


class Minutes:
    """Makes lines of decisions. Those of holds are kept until somebody takes them along."""

    def __init__(self, journal: Journal, clock: Clock, device: DeviceUuid) -> None:
        self._journal, self._clock, self._device = journal, clock, device
        self._held: dict[MessageUid, set[str]] = {}  # The rules that held it, by message.
        self._waiting: list[AuditEntry] = []
        self._since_s = 0.0

    def hold(self, message: Message, hold: Hold) -> None:
        """It cannot go now."""
        rules = self._held.setdefault(message.uid, set())
        if hold.rule in rules:
            return
        rules.add(hold.rule)
        if len(self._held) > REMEMBERED:
            del self._held[next(iter(self._held))]
        if not self._waiting:
            self._since_s = self._clock.monotonic()
        self._waiting.append(self._line("hold", message, hold.rule, hold.code, _until(hold)))

    def go(self, message: Message, go: Go) -> Sequence[AuditEntry]:
        """It goes; with the lines that waited."""
        card = f", card {go.sim.iccid.masked()}" if go.sim.iccid else ""
        detail = f"slot {go.sim.slot}{card}, {go.segments} segments"
        return self._decided(self._line("go", message, go.rule, "", detail), message)

    def refuse(self, message: Message, refusal: Refuse) -> Sequence[AuditEntry]:
        """It never goes; with the lines that waited."""
        line = self._line("refuse", message, refusal.rule, refusal.code, refusal.detail)
        return self._decided(line, message)

    async def rest(self, wait_s: float | None) -> None:
        """The phone has nothing to do for so long (None: until it is woken): write what waits."""
        if not self._waiting:
            return
        soon = wait_s is not None and wait_s <= REST_S
        if not soon or self._clock.monotonic() - self._since_s >= REST_S:
            await self._journal.audit.append(self._taken())

    def _decided(self, line: AuditEntry, message: Message) -> Sequence[AuditEntry]:
        self._held.pop(message.uid, None)
        return (*self._taken(), line)

    def _taken(self) -> list[AuditEntry]:
        taken, self._waiting = self._waiting, []
        return taken

    def _line(self, what: str, message: Message, rule: str, code: str, detail: str) -> AuditEntry:
        return AuditEntry(
            at=self._clock.now(),
            kind=AuditKind.DECISION,
            who="door",
            what=what,
            device=self._device,
            subject=message.uid,
            rule=rule,
            code=code,
            number=message.number,
            body=None if what == "hold" else message.body,
            detail=detail,
        )


def _until(hold: Hold) -> str:
    until: datetime | None = hold.until
    return hold.detail if until is None else f"{hold.detail}; until {until:%Y-%m-%d %H:%M}Z"
