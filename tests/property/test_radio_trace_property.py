"""Words of the radio log, over every order in which a phone may write its lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.evidence import RadioWord, Word
from droidrack.core.parse.radio_log import IMS_STATUS_OK, RadioEvent, RadioKind
from droidrack.core.radio_trace import trace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VERDICTS = {RadioKind.PERSISTED_SENT: Word.SENT, RadioKind.PERSISTED_FAILED: Word.FAILED}
IMS_STATUS_BAD = IMS_STATUS_OK + 1


@dataclass(frozen=True)
class Sent:
    """A message as the dispatcher takes it: how it goes and what becomes of each part."""

    ims: bool
    parts: tuple[bool, ...]  # Whether the modem or IMS took each.
    silent_from: int = 9  # From this part on nobody ever answers.


messages = st.lists(
    st.builds(
        Sent,
        ims=st.booleans(),
        parts=st.lists(st.sampled_from((True, True, True, False)), min_size=1, max_size=3).map(
            tuple
        ),
        silent_from=st.sampled_from((9, 9, 9, 0, 1)),
    ),
    min_size=1,
    max_size=5,
)


def line(kind: RadioKind, **fields: object) -> RadioEvent:
    """A line of the phone process."""
    return RadioEvent(kind, "", 1200, "", **fields)  # type: ignore[arg-type]  # by name


def lines_of(number: int, message: Sent) -> Iterator[RadioEvent]:
    """The lines of one message in their order; its id is its number."""
    for index, good in enumerate(message.parts):
        token = 100 * number + index
        yield line(RadioKind.DISPATCHED, message_id=number)
        if not message.ims:
            yield line(RadioKind.RIL_REQUEST, token=token)
        if index >= message.silent_from:
            return
        if message.ims:
            status = IMS_STATUS_OK if good else IMS_STATUS_BAD
            yield line(RadioKind.IMS_RESULT, status=status, error=None if good else "102")
        elif good:
            yield line(RadioKind.RIL_ANSWER, token=token, message_id=number)
        else:
            yield line(RadioKind.RIL_ERROR, token=token, error="2")
            yield line(RadioKind.RIL_ERROR, token=token, error="GENERIC_FAILURE")
    sent = all(message.parts)
    yield line(RadioKind.PERSISTED_SENT if sent else RadioKind.PERSISTED_FAILED)


def played(taken: Sequence[Sent], choose: st.DataObject) -> Iterator[tuple[int, RadioEvent]]:
    """All messages at once, their lines in any order that keeps each message's own."""
    waiting = {number: list(lines_of(number, message)) for number, message in enumerate(taken, 1)}
    while waiting:
        number = choose.draw(st.sampled_from(sorted(waiting)))
        yield number, waiting[number].pop(0)
        if not waiting[number]:
            del waiting[number]


@given(messages, st.data())
def test_trace_never_gives_a_verdict_to_another_message(
    taken: list[Sent], choose: st.DataObject
) -> None:
    """A verdict with a name is the named message's own, whatever else the phone has in hand."""
    log = list(played(taken, choose))
    told: list[tuple[int, RadioWord]] = []
    for end, (owner, event) in enumerate(log, 1):
        if event.kind in VERDICTS:
            words = trace((heard, NOW) for _, heard in log[:end])
            told.append((owner, words[-1]))
    for owner, word in told:
        assert word.message_id in (None, owner)
