"""The judge of three ledgers: what it accepts, and each way in which they may disagree."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from droidrack.virtual.air import AirMessage
from droidrack.virtual.ledgers import UNKNOWN_CODE, Asked, Comparison, compare

CARD, OTHER = "8901260000000000011", "8901260000000000029"
ASKED = Asked("m1", "+15550000001", "hello", CARD, "sent", "")
FAILED = replace(ASKED, status="failed", error="RIL_NETWORK_REJECT")
UNKNOWN = replace(ASKED, status="failed", error=UNKNOWN_CODE)
SILENT = replace(ASKED, status="")
SENT = AirMessage(
    at=datetime(2026, 5, 1, 12, 0, tzinfo=UTC),
    serial="R5CT000001",
    slot=0,
    iccid=CARD,
    sub_id=7,
    number="+15550000001",
    body="hello",
    parts=1,
    of=1,
)


def faults(result: Comparison) -> dict[str, list[str]]:
    """The lists that are not empty."""
    names = ("doubled", "lost", "wrong", "stray")
    return {name: getattr(result, name) for name in names if getattr(result, name)}


@pytest.mark.parametrize(
    ("asked", "times"),
    [(ASKED, 1), (FAILED, 0), (UNKNOWN, 0), (UNKNOWN, 1)],
)
def test_ledgers_that_fit_agree(asked: Asked, times: int) -> None:
    """Sent was on the air, failed was not, unknown may be either."""
    assert compare([asked], [SENT] * times).agree


@pytest.mark.parametrize(
    ("asked", "times", "expected"),
    [
        (ASKED, 0, {"wrong": ["m1"]}),
        (FAILED, 1, {"wrong": ["m1"]}),
        (ASKED, 2, {"doubled": ["m1"]}),
        (UNKNOWN, 2, {"doubled": ["m1"]}),
        (SILENT, 0, {"lost": ["m1"]}),
        (SILENT, 1, {"lost": ["m1"]}),
    ],
)
def test_ledgers_that_contradict_are_named(
    asked: Asked, times: int, expected: dict[str, list[str]]
) -> None:
    """A false word, a double and a silence are three different faults."""
    result = compare([asked], [SENT] * times)
    assert not result.agree
    assert expected == faults(result)


@pytest.mark.parametrize(
    "change",
    [
        {"iccid": OTHER},
        {"number": "+15550000002"},
        {"body": "hallo"},
        {"parts": 1, "of": 2},
    ],
)
def test_air_that_nobody_asked_for_is_a_stray(change: dict[str, object]) -> None:
    """Another card, number or text, or half a message, is not what was asked."""
    result = compare([FAILED], [replace(SENT, **change)])  # type: ignore[arg-type]  # by field name
    assert ["stray"] == list(faults(result))


def test_half_a_message_told_as_unknown_agrees_once() -> None:
    """A phone that dies between two parts: only some are on the air, and nobody can know."""
    half = replace(SENT, body="hel", parts=1, of=2)
    result = compare([UNKNOWN], [half])
    assert result.agree
    assert ["m1"] == result.cut
    assert ["stray"] == list(faults(compare([UNKNOWN], [half, half])))
    assert ["stray"] == list(faults(compare([FAILED], [half])))


def test_equal_messages_are_compared_by_count() -> None:
    """Which of two equal messages left cannot be told from outside; how many can."""
    pair = [replace(ASKED, uid="m1"), replace(FAILED, uid="m2")]
    assert compare(pair, [SENT]).agree
    assert {"wrong": ["m1", "m2"]} == faults(compare(pair, [SENT, SENT]))
    assert {"wrong": ["m1", "m2"]} == faults(compare(pair, []))


def test_comparison_counts_every_ledger() -> None:
    """The summary's figures are of all messages."""
    asked = [replace(m, uid=f"m{i}", body=str(i)) for i, m in enumerate([ASKED, FAILED, UNKNOWN])]
    result = compare(asked, [replace(SENT, body="0"), replace(SENT, body="2")])
    counts = (result.asked, result.on_air, result.sent, result.failed, result.unknown)
    assert (3, 2, 1, 1, 1) == counts


def test_nothing_asked_and_nothing_sent_agree() -> None:
    """An empty day is in order."""
    assert compare([], []).agree
