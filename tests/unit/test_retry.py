"""Which failures are tried again, and how often."""

from datetime import UTC, datetime

import pytest

from droidrack.core.attempt import Attempt
from droidrack.core.codes import CODES, CodeKind
from droidrack.core.ids import DeviceUuid, MessageUid, Slot, SubId
from droidrack.core.retry import LONGEST_DELAY_S, retry_delay_s


def attempt(number: int = 1, segments: int = 1) -> Attempt:
    """An attempt that failed."""
    return Attempt(
        uid=MessageUid("m1"),
        number=number,
        device=DeviceUuid("d"),
        slot=Slot(0),
        sub_id=SubId(1),
        iccid=None,
        segments=segments,
        watermark=None,
        message_id=0,
        boot_id="b",
        opened_at=datetime(2026, 5, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize("code", sorted(CODES))
def test_only_a_cause_that_passes_is_tried_again(code: str) -> None:
    """Permanent causes stay, and ambiguous ones may be on the air: the list of codes decides."""
    delay_s = retry_delay_s(attempt(), code, tries=3)

    assert (CODES[code].kind is CodeKind.TEMPORARY) == (delay_s is not None)


def test_tries_are_counted_and_further_apart_each_time() -> None:
    """The journal's attempt number is the count: a restart grants nothing."""
    delays = [retry_delay_s(attempt(number), "NO_SERVICE", tries=12) for number in range(1, 13)]

    assert delays[-1] is None
    kept = [delay for delay in delays[:-1] if delay is not None]
    assert sorted(kept) == kept
    assert LONGEST_DELAY_S == kept[-1]


def test_message_of_several_segments_is_never_tried_again() -> None:
    """One of its parts may be out."""
    assert retry_delay_s(attempt(segments=2), "NO_SERVICE", tries=5) is None


def test_unknown_code_is_never_tried_again() -> None:
    """What nobody listed is not known to pass."""
    assert retry_delay_s(attempt(), "SOMETHING_NEW", tries=5) is None
