"""What the panel is told, state by state."""

from datetime import UTC, datetime

import pytest

from droidrack.core.ids import MessageUid
from droidrack.core.message import MessageState
from droidrack.core.report import StatusReport, UnknownAs, WireStatus, report_for

S = MessageState
UID = MessageUid("m1")
NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("unknown_as", UnknownAs)
@pytest.mark.parametrize(
    ("state", "code", "expected"),
    [
        (S.ACCEPTED, "", None),
        (S.SENDING, "", None),
        (S.SUBMITTED, "", None),
        (S.SENT, "", (WireStatus.SENT, "")),
        (S.FAILED, "RADIO_FAILED", (WireStatus.FAILED, "RADIO_FAILED")),
        (S.FAILED, "", (WireStatus.FAILED, "FAILED")),
        (S.EXPIRED, "", (WireStatus.FAILED, "EXPIRED")),
        (S.CANCELLED, "", (WireStatus.FAILED, "CANCELLED")),
    ],
)
def test_report_for_proven_state_is_the_same_at_every_site(
    state: MessageState, code: str, expected: tuple[WireStatus, str] | None, unknown_as: UnknownAs
) -> None:
    """A proven state is told as it is, an open one not at all, at every site."""
    report = report_for(UID, state, code, NOON, unknown_as)
    assert expected == (report and (report.status, report.error))


@pytest.mark.parametrize(
    ("unknown_as", "expected"),
    [
        (UnknownAs.FAILED, StatusReport(UID, WireStatus.FAILED, NOON, "OUTCOME_UNKNOWN")),
        (UnknownAs.SENT, StatusReport(UID, WireStatus.SENT, NOON)),
        (UnknownAs.HOLD, None),
    ],
)
def test_report_for_unknown_is_what_the_site_says(
    unknown_as: UnknownAs, expected: StatusReport | None
) -> None:
    """Doubt is told as the site's config has it, and never hidden behind another code."""
    assert expected == report_for(UID, S.UNKNOWN, "DEADLINE", NOON, unknown_as)


@pytest.mark.parametrize("state", S)
def test_report_for_a_bench_message_is_none(state: S) -> None:
    """What was sent by hand is nothing that the panel asked for, whatever became of it."""
    uid = MessageUid("bench-0f8b3c1e-6f0e-4c57-9d52-4b7a1c9d2e10")
    assert report_for(uid, state, "CODE", NOON, UnknownAs.FAILED) is None


def test_report_for_a_panel_uid_that_resembles_a_bench_is_told() -> None:
    """Only the whole form counts: a panel may call its messages as it likes."""
    assert report_for(MessageUid("bench-1"), S.SENT, "", NOON, UnknownAs.FAILED) is not None
