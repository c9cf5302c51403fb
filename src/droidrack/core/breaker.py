"""A circuit breaker per SIM: when the network will not take messages, trying all of them is wrong.

Closed, it lets everything through. After `FAILURE_LIMIT` proven failures of network kind in a row
it opens, and its SIM is held. When the hold is over one message is let through on trial: success
closes the breaker, another failure opens it for twice as long. A message is never moved to another
SIM: that is the sender's to decide.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURE_LIMIT = 5
"""In a row. Fewer would be one bad minute; each costs the phone up to three minutes of radio."""

FIRST_HOLD_S = 60.0
"""Under the usual wait for a SIM, so that a first, short hold fails no message."""

LONGEST_HOLD_S = 3600.0

NETWORK_CODES = frozenset(
    f"{family}_{name}"
    for family, names in {
        "RIL": (
            "RADIO_NOT_AVAILABLE GENERIC_FAILURE GENERIC_ERROR SMS_SEND_FAIL_RETRY NETWORK_ERR "
            "OP_NOT_ALLOWED_BEFORE_REG_NW ILLEGAL_SIM_OR_ME REQUEST_RATE_LIMITED NOT_PROVISIONED "
            "OPERATION_NOT_ALLOWED NETWORK_NOT_READY NO_NETWORK_FOUND ACCESS_BARRED "
            "INVALID_SMSC_ADDRESS"
        ),
        "SMS": (
            "GENERIC_FAILURE RADIO_OFF NO_SERVICE RADIO_NOT_AVAILABLE NETWORK_ERROR "
            "OPERATION_NOT_ALLOWED SEND_RETRY_FAILED INVALID_SMSC_ADDRESS"
        ),
    }.items()
    for name in names.split()
) | {"STORE_FAILED", "RADIO_FAILED"}
"""Failures that say something of SIM, plan or network. A rejection (`NETWORK_REJECT`) is none:
it is also what the network says of a number that nobody has, and a list may hold many of those."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """One SIM's breaker; times in a clock that does not jump."""

    failures: int = 0  # Proven, in a row.
    code: str = ""  # Of the last one.
    trips: int = 0  # How often it opened since the last success.
    until: datetime | None = None  # None: closed.
    on_trial: bool = False  # The one message of the trial is on its way.


CLOSED = Breaker()


def hold_s(trips: int) -> float:
    """How long the SIM is held when the breaker opens for the `trips`-th time in a row."""
    return min(FIRST_HOLD_S * 2.0 ** min(trips - 1, 16), LONGEST_HOLD_S)


def after_success(_: Breaker) -> Breaker:
    """A message of this SIM was proven sent."""
    return CLOSED


def after_failure(breaker: Breaker, code: str, now: datetime) -> Breaker:
    """A message of this SIM was proven not sent. Codes of another kind prove nothing here."""
    if code not in NETWORK_CODES:
        return inconclusive(breaker)
    failures = breaker.failures + 1
    counted = replace(breaker, failures=failures, code=code)
    if breaker.until is not None and now < breaker.until:
        return counted  # One that was on its way when the breaker opened.
    if breaker.until is None and failures < FAILURE_LIMIT:
        return counted
    trips = breaker.trips + 1
    until = now + timedelta(seconds=hold_s(trips))
    return Breaker(failures, code, trips, until)


def inconclusive(breaker: Breaker) -> Breaker:
    """A message ended without saying anything of the network: the next one is the trial."""
    return replace(breaker, on_trial=False)


def tried(breaker: Breaker) -> Breaker:
    """A message goes out now: where the SIM was held, it is the trial."""
    return replace(breaker, on_trial=breaker.until is not None)


def held(breaker: Breaker, now: datetime) -> str:
    """Why this SIM is held; "": it is not."""
    if breaker.until is None:
        return ""
    seen = f"{breaker.failures} failures in a row, the last one {breaker.code}"
    if now < breaker.until:
        left_s = (breaker.until - now).total_seconds()
        return f"{seen}; one message is tried in {left_s:.0f} s"
    return f"{seen}; one message is being tried" if breaker.on_trial else ""
