"""The verdict on a sweep, from outside truth: the panel's ledger and the air.

The controller's journal is asked for two things only, and neither can hide a fault: why an outcome
is unknown, and whether a message that the panel leased out ever arrived.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from crash_lab import CrashLab

from droidrack.adapters.journal_rules import SUPERSEDED
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.core.attempt import EvidenceKind
from droidrack.core.ids import MessageUid
from droidrack.core.message import MessageState
from droidrack.ports import Life
from droidrack.virtual.faults import SENT, Fate, Outcome
from droidrack.virtual.ledgers import UNKNOWN_CODE, Asked, Comparison, compare
from droidrack.virtual.panel.queue import LedgerEntry, Reading, StatusRow

STORE_READABLE = 29
"""From Android 10 on the shell may read the SMS store."""


@dataclass(slots=True)
class Doubt:
    """A message whose outcome is unknown, with its life as the journal has it."""

    uid: str
    android: str
    on_air: bool  # It, or another doubt of the same card, number and text.
    cause: str
    story: str


@dataclass(slots=True)
class Findings:
    """What is wrong, and what has to be explained. Lists hold uids or sentences."""

    asked: int = 0
    on_air: int = 0
    sent: int = 0
    failed: int = 0
    reports: int = 0
    corrected: int = 0  # Told as unknown first, and proven later.
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    leased_away: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)  # Crashes of ours, secrets in the log …
    doubts: list[Doubt] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled or wrongly reported, and no trouble."""
        return not (self.doubled or self.lost or self.wrong or self.troubles)

    def add(self, other: "Findings") -> None:
        """Take in another lab's findings."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


async def examine(lab: CrashLab) -> Findings:
    """Judge one lab. Its controller must not run any more."""
    ledger, statuses = lab.store.ledger(), lab.store.statuses()
    known, _ = journalled(lab.journal_path)
    lives = await _lives(lab.journal_path, [e.uid for e in ledger if e.uid in known])
    findings = Findings(reports=len(statuses))
    if lab.reading is Reading.LEASE:
        # A lease ends with the answer that carried it: what never arrived is not ours to send. If
        # such a message is on the air all the same, nobody asked for it, and that shows as a stray.
        findings.leased_away = [e.uid for e in ledger if not e.statuses and e.uid not in known]
    findings.parked = [uid for uid, life in lives.items() if _is_parked(life)]
    away = {*findings.leased_away}
    asked = _asked(lab, [entry for entry in ledger if entry.uid not in away], statuses)
    _take(findings, compare(asked, lab.rack.air.messages))
    findings.lost = [uid for uid in findings.lost if uid not in findings.parked]
    _look_at_history(findings, statuses)
    _explain(findings, lab, asked, lives)
    findings.troubles += _troubles_in(lab)
    return findings


def journalled(path: Path) -> tuple[set[str], set[str]]:
    """Uids that the controller has written down, and those whose report was refused for good."""
    known = _column(path, "SELECT uid FROM messages")
    parked = _column(path, f"SELECT uid FROM outbox WHERE parked NOT IN ('', '{SUPERSEDED}')")
    return known, parked


def bound_rows(path: Path) -> set[str]:
    """The panel's SIM rows that are bound to a card."""
    return _column(path, "SELECT sim_uid FROM sims")


def _column(path: Path, query: str) -> set[str]:
    """One column of a journal, read beside a controller that may be writing."""
    if not path.exists():
        return set()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        try:
            return {str(value) for (value,) in db.execute(query)}
        except sqlite3.OperationalError:  # Killed before its first migration.
            return set()


async def _lives(path: Path, uids: Iterable[str]) -> dict[str, Life]:
    journal = SqlJournal(path, inline=True)
    await journal.open()
    try:
        found = [await journal.life(MessageUid(uid)) for uid in uids]
    finally:
        await journal.close()
    return {life.message.uid: life for life in found if life is not None}


def _is_parked(life: Life) -> bool:
    """Whether the panel refused the latest report for good."""
    if not life.reports:
        return False
    _, acknowledged, parked = life.reports[-1]
    return acknowledged is None and bool(parked)


def latest(statuses: Iterable[StatusRow]) -> dict[str, StatusRow]:
    """The last word about each message."""
    return {row.uid: row for row in statuses}


def _asked(
    lab: CrashLab, ledger: Sequence[LedgerEntry], statuses: Sequence[StatusRow]
) -> list[Asked]:
    told = latest(statuses)
    cards = lab.cards()
    return [
        Asked(
            uid=entry.uid,
            number=entry.number,
            body=entry.body,
            iccid=cards.get(entry.sim_uid, ""),
            status=told[entry.uid].status if entry.uid in told else "",
            error=(told[entry.uid].error or "") if entry.uid in told else "",
        )
        for entry in ledger
    ]


def _take(findings: Findings, result: Comparison) -> None:
    findings.asked, findings.on_air = result.asked, result.on_air
    findings.sent, findings.failed = result.sent, result.failed
    findings.doubled += result.doubled
    findings.lost += result.lost
    findings.wrong += result.wrong + [f"never asked: {stray}" for stray in result.stray]


def _look_at_history(findings: Findings, statuses: Sequence[StatusRow]) -> None:
    """A report that was definite may be repeated, and never contradicted."""
    words: dict[str, list[str]] = {}
    for row in statuses:
        word = "unknown" if row.error == UNKNOWN_CODE else row.status
        words.setdefault(row.uid, []).append(word)
    for uid, said in words.items():
        definite = {word for word in said if word != "unknown"}
        settled = next((place for place, word in enumerate(said) if word != "unknown"), None)
        if len(definite) > 1 or (settled is not None and "unknown" in said[settled:]):
            findings.wrong.append(f"{uid} was told as {', then '.join(said)}")
        findings.corrected += said[0] == "unknown" and bool(definite)


# --- What has to be explained -----------------------------------------------------------------


def _explain(
    findings: Findings, lab: CrashLab, asked: Sequence[Asked], lives: dict[str, Life]
) -> None:
    # What is on the air beyond the messages told as sent: any doubt of the group may be it.
    heard = Counter((m.iccid, m.number, m.body) for m in lab.rack.air.messages)
    heard.subtract(Counter((a.iccid, a.number, a.body) for a in asked if a.status == "sent"))
    phones = {lab.device_of(i): p.model.spec for i, p in enumerate(lab.phones)}
    for message in asked:
        if message.error == UNKNOWN_CODE:
            life = lives[message.uid]
            spec = phones[str(life.device)]
            key = (message.iccid, message.number, message.body)
            fates = [fate for fate in lab.wires.fates.get(key, []) if fate != SENT]
            cause = _cause(life, spec.api, heard[key], fates, _rivals(life, lives.values()))
            findings.doubts.append(
                Doubt(message.uid, spec.release, heard[key] > 0, cause, story_of(life))
            )


def _rivals(life: Life, lives: Iterable[Life]) -> int:
    """Other messages to the same number on the same phone whose outcome is unknown, too."""
    return sum(
        other.message.uid != life.message.uid
        and (other.device, other.message.number) == (life.device, life.message.number)
        and other.state is MessageState.UNKNOWN
        for other in lives
    )


def _cause(life: Life, api: int, on_air: int, fates: Sequence[Fate], rivals: int) -> str:
    """Why no witness proved anything; "unexplained" where nothing here explains it."""
    odd = dict.fromkeys(
        f"{fate.outcome} {fate.ril_error}" if fate.outcome is Outcome.RIL_ERROR else fate.outcome
        for fate in fates
        if fate.outcome is not Outcome.SENT
    )
    if odd:
        return f"the radio misbehaved: {', '.join(odd)}"
    kinds = {evidence.kind for _, evidence in life.evidence}
    if life.code == UNKNOWN_CODE:
        return "a text of several segments failed; some may be on the air"
    if on_air <= 0 and not rivals and EvidenceKind.CALL_RETURNED not in kinds:
        return "killed before the call; that it was not made, nobody can prove"
    if api < STORE_READABLE:
        return "killed in flight; before Android 10 only the live log tells an outcome"
    if rivals:
        return f"cannot be told from {rivals} other attempts to this number"
    if EvidenceKind.REBOOT in kinds:
        return "the phone was restarted before it was asked"
    return "unexplained"


def story_of(life: Life) -> str:
    """The states of a message with seconds since the first."""
    start = life.changes[0].at if life.changes else life.message.received_at
    steps = (f"{c.state} +{(c.at - start).total_seconds():.1f}" for c in life.changes)
    return " → ".join(steps)


def _troubles_in(lab: CrashLab) -> list[str]:
    """What the controller said in its lives and should not have said."""
    log = lab.log_path.read_text("utf-8", "replace") if lab.log_path.exists() else ""
    troubles = [
        f"the controller said: {line[:600]}"
        for line in log.splitlines()
        if "worker crashed" in line or "Traceback" in line
    ]
    secrets = {e.number for e in lab.store.ledger()} | {e.body for e in lab.store.ledger()}
    leaks = [secret for secret in secrets if len(secret) > 7 and secret in log]
    return troubles + [
        f"a number or text of {len(secret)} characters is in the log" for secret in leaks
    ]
