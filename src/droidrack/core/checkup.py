"""What a check-up found: facts in, findings with an exact remedy out.

An error keeps the rack, or a phone of it, from working; a warning will, or may; what is fine is
said, too, because "it was looked at" is an answer.
"""

import stat
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from droidrack.core.errors import RackError


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` is "" where there is nothing to do."""

    severity: Severity
    subject: str  # "journal", "panel", "phone bay-1" …
    seen: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A directory of this host. `mode` None: it does not exist; then the rest is its parent's."""

    path: str
    mode: int | None
    writable: bool
    free_bytes: int
    denied: RackError | None = None  # Why this user may not use it, where it exists.


@dataclass(frozen=True, slots=True)
class PanelSight:
    """How the panel's API answered a question without a token."""

    status: int
    tls: str = ""  # such as "TLSv1.3"; "": plain http
    certificate_until: datetime | None = None  # aware


FREE_ERROR_BYTES = 100 * 1024**2
FREE_WARN_BYTES = 1024**3
"""A journal of a thousand messages takes 1 MiB; the rest is for its log and the copies of it."""

CERTIFICATE_WARN = timedelta(days=14)


def fine(subject: str, seen: str) -> Finding:
    """Nothing to do."""
    return Finding(Severity.OK, subject, seen)


def warning(subject: str, seen: str, remedy: str) -> Finding:
    """It works, but."""
    return Finding(Severity.WARN, subject, seen, remedy)


def failing(subject: str, error: RackError) -> Finding:
    """An error that was met, as a finding."""
    mistakes = "".join(f"\n- {mistake}" for mistake in getattr(error, "mistakes", ()))
    return Finding(Severity.ERROR, subject, f"{error.message}{mistakes}", error.hint)


def worst(findings: list[Finding]) -> Severity:
    """The worst of all; OK for none."""
    order = list(Severity)
    return max((finding.severity for finding in findings), key=order.index, default=Severity.OK)


def judge_state_dir(place: Place) -> list[Finding]:
    """The directory of journal, vault and keys: there, private, writable, with room."""
    subject, path = "state directory", place.path
    findings = []
    if place.denied is not None:
        findings.append(failing(subject, place.denied))
    elif not place.writable:
        findings.append(
            Finding(
                Severity.ERROR,
                subject,
                f"{path} is not there and cannot be made by this user",
                "name another state_dir, or make it and give it to the user who runs droidrack",
            )
        )
    elif place.mode is None:
        findings.append(fine(subject, f"{path} is not there yet; the first command makes it"))
    elif place.mode & (stat.S_IRWXG | stat.S_IRWXO):
        findings.append(
            warning(
                subject,
                f"{path} is open to other users of this host (mode {place.mode:04o})",
                f"chmod 700 {path}",
            )
        )
    else:
        findings.append(fine(subject, f"{path}, mode {place.mode:04o}"))
    findings.append(_judge_room(place))
    return findings


def _judge_room(place: Place) -> Finding:
    free = f"{place.free_bytes / 1024**3:.1f} GiB free"
    if place.free_bytes >= FREE_WARN_BYTES:
        return fine("disk", free)
    severity = Severity.ERROR if place.free_bytes < FREE_ERROR_BYTES else Severity.WARN
    return Finding(
        severity, "disk", free, "free space: with a full disk the journal stops all sending"
    )


def judge_panel(url: str, sight: PanelSight, now: datetime) -> list[Finding]:
    """The panel's address, its API and the way to it."""
    return [_judge_api(url, sight.status), *_judge_way(url, sight, now)]


def _judge_api(url: str, status: int) -> Finding:
    seen = f"{url} answered status {status} to a question without a token"
    if status in (401, 403):
        return fine("panel", f"{seen}, as its API should")
    if status >= 500:
        return warning("panel", seen, "the panel is out of order: look at its own log")
    return Finding(
        Severity.ERROR,
        "panel",
        f"{seen}; 401 was expected",
        "check [panel] url: the gateway API must be under it, at /api/logs/sms/pending",
    )


def _judge_way(url: str, sight: PanelSight, now: datetime) -> list[Finding]:
    if not sight.tls:
        if "//127." in url or "//localhost" in url or "//[::1]" in url:
            return [fine("panel", "plain http, within this host")]
        risk = "plain http: tokens, numbers and texts are readable on the network"
        return [warning("panel", risk, "use https, or keep that network to yourself")]
    if sight.certificate_until is None:
        return [fine("panel", sight.tls)]
    seen = f"{sight.tls}, certificate valid until {sight.certificate_until:%Y-%m-%d}"
    if sight.certificate_until - now < CERTIFICATE_WARN:
        return [warning("panel", seen, "renew the panel's certificate")]
    return [fine("panel", seen)]
