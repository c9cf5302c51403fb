"""Rows and attempts: who can have caused what."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from droidrack.core.attempt import Attempt, Flight
from droidrack.core.ids import DeviceUuid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.matching import Match, StoreRow, match, same_number

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NUMBER = "+15550100001"
TIE = Match(ambiguous=True)


def flight(uid: str, number: str = NUMBER, *, seconds: float = 0, **changes: Any) -> Flight:
    """An attempt to a number, some seconds after noon."""
    fields: dict[str, Any] = {
        "uid": MessageUid(uid),
        "number": 1,
        "device": DeviceUuid("phone-a"),
        "slot": Slot(0),
        "sub_id": SubId(3),
        "iccid": None,
        "segments": 1,
        "watermark": 10,
        "message_id": 0,
        "boot_id": "boot-1",
        "opened_at": NOON + timedelta(seconds=seconds),
    }
    return Flight(Attempt(**{**fields, **changes}), Msisdn(number))


def row(row_id: int, number: str = NUMBER, *, seconds: float = 60, **changes: Any) -> StoreRow:
    """A row that stands: first seen some seconds after noon, and again."""
    seen = NOON + timedelta(seconds=seconds)
    fields: dict[str, Any] = {
        "row_id": row_id,
        "type": 2,
        "sub_id": SubId(3),
        "address": Msisdn(number),
        "date_ms": None,
        "error_code": None,
        "creator": "com.android.shell",
        "first_seen_at": seen,
        "seen_again_at": seen + timedelta(seconds=2),
    }
    return StoreRow(**{**fields, **changes})


def matched(flights: list[Flight], rows: list[StoreRow]) -> list[Match]:
    """Matches at the default times."""
    return list(match(flights, rows, second_look_s=1, late_row_s=3600))


FRESH = {"seen_again_at": None}


def test_match_lone_attempt_takes_its_row() -> None:
    """One attempt, one row above its watermark to its number."""
    assert [Match(row(11))] == matched([flight("a")], [row(11)])


@pytest.mark.parametrize(
    "alien",
    [
        row(10),
        row(11, "+15550100002"),
        row(11, creator="com.example.messages"),
    ],
)
def test_match_leaves_rows_of_others(alien: StoreRow) -> None:
    """At or below the watermark, to another number, or written by another app: not ours."""
    assert [Match()] == matched([flight("a")], [alien])


def test_match_needs_a_watermark() -> None:
    """Where the store could not be read before the call, a row proves nothing."""
    assert [Match()] == matched([flight("a", watermark=None)], [row(11)])


@pytest.mark.parametrize("sub_id", [None, SubId(-1)])
def test_match_row_without_subscription_fits_any(sub_id: SubId | None) -> None:
    """A row that does not name its SIM contradicts nobody."""
    assert [Match(row(11, sub_id=sub_id))] == matched([flight("a")], [row(11, sub_id=sub_id)])


def test_match_row_on_the_other_sim_is_flagged() -> None:
    """A row nobody on its SIM can have caused belongs to the attempt on the wrong one."""
    found = row(11, sub_id=SubId(4))
    assert [Match(found, wrong_sim=True)] == matched([flight("a")], [found])


def test_match_row_on_the_other_sim_prefers_its_own_attempt() -> None:
    """Two SIMs, same number: each row goes to the attempt on its SIM, none is flagged."""
    flights = [flight("a"), flight("b", sub_id=SubId(4))]
    other = row(12, sub_id=SubId(4))
    assert [Match(), Match(other)] == matched(flights, [other])
    assert [Match(row(11)), Match(other)] == matched(flights, [other, row(11)])


def test_match_equal_messages_with_a_row_each_are_all_matched() -> None:
    """As many rows as equal attempts: all of them, each with a row of its own."""
    flights = [flight("b", seconds=1), flight("a"), flight("c", seconds=2)]
    rows = [row(13), row(11), row(12)]
    assert [Match(row(12)), Match(row(11)), Match(row(13))] == matched(flights, rows)


def test_match_equal_messages_with_too_few_rows_are_a_tie() -> None:
    """One row for two equal attempts proves neither."""
    assert [TIE, TIE] == matched([flight("a"), flight("b", seconds=1)], [row(11)])


def test_match_equal_messages_with_unlike_rows_are_a_tie() -> None:
    """Two rows that say different things: nobody knows whose is which."""
    rows = [row(11), row(12, type=5)]
    assert [TIE, TIE] == matched([flight("a"), flight("b", seconds=1)], rows)
    rows = [row(11), row(12, **FRESH)]
    assert [TIE, TIE] == matched([flight("a"), flight("b", seconds=1)], rows)


def test_match_watermark_breaks_a_tie() -> None:
    """A row below the second attempt's watermark is the first one's; the later row then, too."""
    flights = [flight("a"), flight("b", seconds=30, watermark=11)]
    assert [Match(row(11)), Match()] == matched(flights, [row(11)])
    rows = [row(11), row(12, type=5)]
    assert [Match(rows[0]), Match(rows[1])] == matched(flights, rows)
    assert [TIE, TIE] == matched(flights, [row(12)])


def test_match_more_rows_than_attempts_is_a_tie() -> None:
    """A row that nobody explains makes every row of its number doubtful."""
    assert [TIE] == matched([flight("a")], [row(11), row(12)])


def test_match_attempt_of_an_earlier_boot_cannot_be_late() -> None:
    """What waited in the phone died with the reboot, so the row is the new attempt's."""
    flights = [flight("a"), flight("b", seconds=900, boot_id="boot-2")]
    assert [Match(), Match(row(11, seconds=960))] == matched(flights, [row(11, seconds=960)])


def test_match_old_doubt_does_not_poison_its_number() -> None:
    """An hour later, a row is the new attempt's; the old one is asked when one is left over."""
    flights = [flight("old"), flight("new", seconds=4000)]
    first, second = row(11, seconds=4010), row(12, seconds=4020)
    assert [Match(), Match(first)] == matched(flights, [first])
    assert [Match(first), Match(second)] == matched(flights, [first, second])


def test_match_exact_number_shuts_out_look_alikes() -> None:
    """A row to one number is not shared with another that only ends alike."""
    flights = [flight("a", "+15550100001"), flight("b", "+25550100001")]
    assert [Match(row(11)), Match()] == matched(flights, [row(11)])
    national = row(11, "5550100001")
    assert [TIE, TIE] == matched(flights, [national])


def test_match_too_many_equal_messages_are_a_tie() -> None:
    """Reasoning is bounded: beyond the limit nothing is claimed."""
    flights = [flight(f"m{n}", seconds=n) for n in range(17)]
    assert {TIE} == set(matched(flights, [row(11 + n) for n in range(17)]))


@pytest.mark.parametrize(
    ("stored", "asked", "expected"),
    [
        ("+15550100001", "+15550100001", True),
        ("+1 (555) 010-0001", "+15550100001", True),
        ("15550100001", "+15550100001", True),
        ("0015550100001", "+15550100001", True),
        ("05550100001", "+15550100001", True),
        ("5550100001", "+15550100001", True),
        ("+15550100002", "+15550100001", False),
        ("555010", "+1555010", False),
        ("100001", "+15550100001", False),
        ("12345", "12345", True),
        ("12345", "012345", False),
        ("12345", "112345", False),
        ("Droidrack", "DROIDRACK", True),
        ("Droidrack", "15550100001", False),
        ("*100#", "*100#", True),
        ("*100#", "100", False),
        ("", "15550100001", False),
    ],
)
def test_same_number_survives_formatting(stored: str, asked: str, *, expected: bool) -> None:
    """Formatting, trunk zero and country may differ; short codes and names are compared whole."""
    assert expected is same_number(Msisdn(stored), Msisdn(asked))


def test_match_attempt_without_watermark_keeps_another_from_its_row() -> None:
    """A message sent while the store was closed may have written the row: nobody is certain."""
    doubtful, blind = flight("doubtful"), flight("blind", seconds=300, watermark=None)

    assert [TIE, Match()] == matched([doubtful, blind], [row(11, seconds=310)])
