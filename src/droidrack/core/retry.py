"""May a message that certainly did not go out be tried again?

Only where nothing can be on the air: the call never reached the phone, or the phone proved the
failure and its cause passes by itself. A message of several segments is not tried again, because a
part of it may be out. How often is counted in the journal, so a restart grants no new tries. Where
the radio log names no message (Android 10 and earlier) nobody asks here: see `app/confirming.py`.
"""

from droidrack.core.attempt import Attempt
from droidrack.core.codes import CODES, CodeKind

FIRST_DELAY_S = 30.0
"""Android has tried four times within seconds by then; what passes by itself needs longer."""

LONGEST_DELAY_S = 600.0

UNTOLD_LIMIT = 20
"""Calls that never reached the phone, for one message: a phone that flaps so often is broken."""


def retry_delay_s(attempt: Attempt, code: str, tries: int) -> float | None:
    """How long to wait before the next try after a proven failure.

    Args:
        attempt: the one that failed.
        code: why, from `core/codes.py`.
        tries: how many attempts the site grants a message.

    Returns:
        None: it has failed for good.
    """
    cause = CODES.get(code)
    passes = cause is not None and cause.kind is CodeKind.TEMPORARY
    if not passes or attempt.segments > 1 or attempt.number >= tries:
        return None
    return min(FIRST_DELAY_S * 2.0 ** min(attempt.number - 1, 10), LONGEST_DELAY_S)
