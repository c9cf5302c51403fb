"""The proof of a run: what each phone was, what was wanted, what it is now, who did it, when.

Nothing secret is in a record, so nothing secret is in a certificate. Times are ISO 8601 in UTC.
"""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from droidrack.core.provision.record import PhoneRecord, RunRecord, StepRecord

FORMAT = "droidrack-certificate/1"

COLUMNS = (
    "run", "recipe", "version", "digest", "operator", "phone", "serial", "maker", "model",
    "fingerprint", "fate", "step", "state", "before", "wanted", "after", "writes", "cause",
    "confirmed_by", "started_at", "ended_at", "evidence",
)  # fmt: skip


def certificate(
    run: RunRecord, phones: Sequence[PhoneRecord], steps: Sequence[StepRecord]
) -> dict[str, Any]:
    """One document for a run and its phones, ready for JSON."""
    return {
        "format": FORMAT,
        "run": run.uid,
        "kind": run.kind.value,
        "recipe": {"name": run.recipe, "version": run.version, "sha256": run.digest},
        "operator": run.operator,
        "host": run.host,
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at),
        "outcome": run.outcome or "cut short",
        "phones": [
            _phone(phone, [step for step in steps if step.device == phone.device])
            for phone in phones
        ],
    }


def certificate_csv(document: dict[str, Any]) -> str:
    """One line per phone and step; a phone without steps has one line."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    common = {
        "run": document["run"],
        "recipe": document["recipe"]["name"],
        "version": document["recipe"]["version"],
        "digest": document["recipe"]["sha256"],
        "operator": document["operator"],
    }
    for phone in document["phones"]:
        who = {key: phone[key] for key in ("serial", "maker", "model", "fingerprint", "fate")}
        for step in phone["steps"] or [{}]:
            row = {key: _plain(step.get(key, "")) for key in COLUMNS}
            evidence = " ".join(entry["name"] for entry in step.get("evidence", ()))
            writer.writerow(row | common | who | {"phone": phone["name"], "evidence": evidence})
    return stream.getvalue()


def _plain(value: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _phone(phone: PhoneRecord, steps: Sequence[StepRecord]) -> dict[str, Any]:
    return {
        "name": phone.name,
        "device": phone.device,
        "serial": phone.serial,
        "maker": phone.maker,
        "model": phone.model,
        "fingerprint": phone.fingerprint,
        "fate": phone.fate.value,
        "port": phone.port,
        "cause": phone.cause,
        "started_at": _time(phone.started_at),
        "ended_at": _time(phone.ended_at),
        "steps": [_step(step) for step in steps],
    }


def _step(step: StepRecord) -> dict[str, Any]:
    return {
        "step": step.step,
        "state": step.state.value,
        "before": step.before,
        "wanted": step.wanted,
        "after": step.after,
        "tries": step.tries,
        "writes": step.writes,
        "cause": step.cause,
        "hint": step.hint,
        "screen": step.screen,
        "confirmed_by": step.by,
        "started_at": _time(step.started_at),
        "ended_at": _time(step.ended_at),
        "evidence": [
            {"name": file.name, "sha256": file.sha256, "size_bytes": file.size_bytes}
            for file in step.files
        ],
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
