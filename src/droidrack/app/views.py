"""What an operator is shown of the journal: values for tables and for JSON.

Numbers and card identities keep their masks and texts are not shown unless the caller reveals them,
which only a person at a terminal may ask for. Times are UTC.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from droidrack.app.audit_views import Said
from droidrack.core.attempt import Attempt, Evidence
from droidrack.core.codes import CODES
from droidrack.core.ids import DeviceUuid, Masked
from droidrack.core.message import MessageState
from droidrack.core.report import StatusReport
from droidrack.ports import HoldRecord, Life, PhoneRecord

Shown = dict[str, object]
"""A JSON object: keys are stable, a value that is not there is null."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a message's life. `kind`: "door", "attempt", "evidence" or "state"."""

    at: datetime
    kind: str
    text: str


_ORDER = {"door": 0, "attempt": 1, "evidence": 2, "state": 3}
"""Of entries with one time stamp: the door leads to an intent, that and a witness to a state."""


def phone_names(records: Iterable[PhoneRecord]) -> dict[DeviceUuid, str]:
    """The operator's names of the phones that the journal knows."""
    return {record.device: record.name for record in records}


def device_of(records: Iterable[PhoneRecord], name: str) -> DeviceUuid | None:
    """The phone that was last seen under this name; None: none ever was."""
    named = [record for record in records if record.name == name]
    return max(named, key=lambda record: record.seen_at).device if named else None


def summary(life: Life, names: Mapping[DeviceUuid, str], *, reveal: bool) -> Shown:
    """One message in one line: `droidrack messages`."""
    message = life.message
    last = life.attempts[-1] if life.attempts else None
    return {
        "received_at": iso(message.received_at),
        "phone": names.get(life.device, life.device),
        "state": life.state.value,
        "code": life.code or None,
        "to": shown(message.number, reveal=reveal),
        "text": shown(message.body, reveal=reveal),
        "slot": last.slot if last else None,
        "segments": last.segments if last else None,
        "attempts": len(life.attempts),
        "told": told(life),
        "uid": message.uid,
    }


def told(life: Life) -> str | None:
    """What the panel knows of it: its word, or why it has none yet; None: nothing is owed."""
    if not life.reports:
        return None
    report, acknowledged, parked = life.reports[-1]
    if acknowledged:
        return report.status.value
    return "parked" if parked else "waiting"


def whole(
    life: Life,
    names: Mapping[DeviceUuid, str],
    *,
    reveal: bool,
    holds: Iterable[HoldRecord] = (),
    said: Sequence[Said] = (),
) -> Shown:
    """Everything about one message: `droidrack why --json`.

    `holds`: the SIM rows that are held; `said`: what the door decided of this message.
    """
    message, code = life.message, CODES.get(life.code)
    return {
        **summary(life, names, reveal=reveal),
        "device": life.device,
        "sim": message.sim_uid,
        "priority": message.priority.name.lower(),
        "valid_until": iso(message.valid_until),
        "code_kind": code.kind.value if code else None,
        "meaning": code.text if code else None,
        "remedy": code.remedy if code else None,
        "waits_for": _hold(life, holds, said),
        "changes": [
            {"at": iso(change.at), "state": change.state.value, "code": change.code or None}
            for change in life.changes
        ],
        "door": [
            {
                "at": iso(each.at),
                "what": each.what,
                "rule": each.rule or None,
                "code": each.code or None,
                "detail": each.detail or None,
            }
            for each in said
        ],
        "refusals": [_evidence(item) for number, item in life.evidence if not number],
        "attempts": [_attempt(attempt, life.evidence, reveal=reveal) for attempt in life.attempts],
        "reports": [_report(*report) for report in life.reports],
    }


def timeline(life: Life, *, reveal: bool, said: Iterable[Said] = ()) -> tuple[Entry, ...]:
    """The life of a message in the order in which it happened."""
    entries = [
        Entry(change.at, "state", f"{change.state.value} {change.code}".rstrip())
        for change in life.changes
    ]
    for each in said:
        spoken = (each.what, each.rule, each.code, each.detail)
        entries.append(Entry(each.at, "door", "  ".join(filter(None, spoken))))
    for attempt in life.attempts:
        facts = _attempt(attempt, (), reveal=reveal)
        words = [
            f"{name.replace('_', ' ')} {value}"
            for name, value in facts.items()
            if name not in ("number", "opened_at", "evidence") and value is not None
        ]
        entries.append(
            Entry(attempt.opened_at, "attempt", f"no. {attempt.number}: {', '.join(words)}")
        )
    for number, item in life.evidence:
        row = f", store row {item.row_id}" if item.row_id is not None else ""
        where = f" (attempt {number})" if number else ""
        detail = f": {item.detail}" if item.detail else ""
        entries.append(Entry(item.at, "evidence", f"{item.kind.value}{where}{row}{detail}"))
    return tuple(sorted(entries, key=lambda entry: (entry.at, _ORDER[entry.kind])))


def report_lines(life: Life) -> tuple[str, ...]:
    """What the panel was told, or is to be told, oldest first."""
    lines = []
    for report, acknowledged, parked in life.reports:
        fate = (
            f"acknowledged {iso(acknowledged)}"
            if acknowledged
            else f"not told: {parked}"
            if parked
            else "waiting for the panel"
        )
        lines.append(f"{report.status.value} {report.error}".rstrip() + f", {fate}")
    return tuple(lines)


def _attempt(attempt: Attempt, evidence: Iterable[tuple[int, Evidence]], *, reveal: bool) -> Shown:
    return {
        "number": attempt.number,
        "opened_at": iso(attempt.opened_at),
        "slot": attempt.slot,
        "sub_id": attempt.sub_id,
        "iccid": shown(attempt.iccid, reveal=reveal),
        "segments": attempt.segments,
        "watermark": attempt.watermark,
        "message_id": attempt.message_id or None,
        "boot_id": attempt.boot_id,
        "evidence": [_evidence(item) for number, item in evidence if number == attempt.number],
    }


def _evidence(item: Evidence) -> Shown:
    return {
        "kind": item.kind.value,
        "at": iso(item.at),
        "detail": item.detail or None,
        "row_id": item.row_id,
    }


def _hold(life: Life, holds: Iterable[HoldRecord], said: Sequence[Said]) -> Shown | None:
    """What a message waits for: the reason that holds its SIM row, else its own."""
    if life.state is not MessageState.ACCEPTED:
        return None
    key = (life.device, life.message.sim_uid)
    found = [(h.code, h.detail, h.since) for h in holds if (h.device, h.sim_uid) == key]
    if said and said[-1].what == "hold":
        found.append((said[-1].code, said[-1].detail, said[-1].at))
    for code, detail, since in found:
        remedy = CODES[code].remedy
        return {"code": code, "detail": detail, "since": iso(since), "remedy": remedy}
    return None


def _report(report: StatusReport, acknowledged: datetime | None, parked: str) -> Shown:
    return {
        "status": report.status.value,
        "at": iso(report.at),
        "error": report.error or None,
        "acknowledged_at": iso(acknowledged),
        "parked": parked or None,
    }


def shown(value: Masked | None, *, reveal: bool) -> str | None:
    """A private value, behind its mask unless a person asks."""
    if value is None:
        return None
    return value.reveal() if reveal else value.masked()


def iso(moment: datetime | None) -> str | None:
    """UTC with milliseconds."""
    return moment.isoformat(timespec="milliseconds") if moment else None
