"""Whose turn it is among the SIM rows of a phone."""

from datetime import UTC, datetime

from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import Message, Priority
from droidrack.core.turn import in_turn

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def message(uid: str, row: str) -> Message:
    """A message of a SIM row."""
    number, body = Msisdn("+15550100001"), Body("hello")
    return Message(MessageUid(uid), number, body, row, Priority.NORMAL, NOON)


def order(waiting: list[Message], served: dict[str, int]) -> list[list[str]]:
    """The uids of each queue."""
    return [[each.uid for each in queue] for queue in in_turn(waiting, served)]


def test_turn_keeps_the_order_within_a_row() -> None:
    """What was sorted by class and arrival stays so."""
    waiting = [message("1", "a"), message("2", "b"), message("3", "a")]
    assert [["1", "3"], ["2"]] == order(waiting, {})


def test_turn_goes_to_the_row_that_sent_longest_ago() -> None:
    """A busy row does not starve a quiet one; one that never sent is first."""
    waiting = [message("1", "a"), message("2", "b"), message("3", "c")]
    assert [["3"], ["2"], ["1"]] == order(waiting, {"a": 9, "b": 7})
    assert [] == order([], {"a": 1})
