"""Words of the radio log, over every order in which a phone may write its lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.evidence import RadioWord, Word
from droidrack.core.parse.radio_log import IMS_STATUS_OK, RadioEvent, RadioKind
from droidrack.core.radio_trace import SAME_CALL_S, trace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VERDICTS = {RadioKind.PERSISTED_SENT: Word.SENT, RadioKind.PERSISTED_FAILED: Word.FAILED}
IMS_STATUS_BAD, IMS_STATUS_RETRY = IMS_STATUS_OK + 1, IMS_STATUS_OK + 2
MAIN = 0
THREADS = 2


@dataclass(frozen=True)
class Sent:
    """A message as the dispatcher takes it: how it goes and what becomes of each part."""

    ims: bool
    parts: tuple[bool, ...]  # Whether the modem or IMS took each.
    ours: bool = True  # Another app's has no id.
    announced: bool = True  # A data message is not.
    held: bool = False  # It waits behind a dialog, and goes out from the main thread.
    retried: bool = False  # Each part that was refused is tried once more, and taken.
    silent_from: int = 9  # From this part on nobody ever answers.


usual = st.sampled_from((False, False, True))
texts = st.builds(
    Sent,
    ims=st.booleans(),
    parts=st.lists(st.sampled_from((True, True, True, False)), min_size=1, max_size=3).map(tuple),
    ours=st.sampled_from((True, True, False)),
    held=usual,
    retried=usual,
    silent_from=st.sampled_from((9, 9, 9, 0, 1)),
)
data = st.builds(
    Sent,
    ims=st.booleans(),
    parts=st.booleans().map(lambda good: (good,)),
    ours=st.just(False),
    announced=st.just(False),
)
messages = st.lists(st.one_of(texts, texts, texts, data), min_size=1, max_size=5)


def line(kind: RadioKind, **fields: object) -> RadioEvent:
    """A line of the phone process."""
    return RadioEvent(kind, "", 1200, "", **fields)  # type: ignore[arg-type]  # by name


def part_of(
    message: Sent, own: int | None, token: int, tid: int, retry: int = 0
) -> list[RadioEvent]:
    """A part goes on. Over IMS the line has no id."""
    shown = None if message.ims else own
    fields = {"tid": tid, "retry": retry, "ims": message.ims}
    lines = [line(RadioKind.DISPATCHED, message_id=shown, **fields)]
    return lines if message.ims else [*lines, line(RadioKind.RIL_REQUEST, token=token, tid=tid)]


def answer_of(
    message: Sent, own: int | None, token: int, *, good: bool, ids: bool
) -> list[RadioEvent]:
    """What the modem or IMS says; from Android 12 on (`ids`) the modem says to whom."""
    bad = IMS_STATUS_RETRY if message.retried else IMS_STATUS_BAD
    if message.ims:
        status = IMS_STATUS_OK if good else bad
        return [line(RadioKind.IMS_RESULT, status=status, error=None if good else "102")]
    named = own if ids else None
    if good:
        return [line(RadioKind.RIL_ANSWER, token=token, message_id=named)]
    return [
        line(RadioKind.RIL_ERROR, token=token, error="2"),
        line(RadioKind.RIL_ERROR, token=token, error="GENERIC_FAILURE", message_id=named),
    ]


def call_of(number: int, message: Sent, *, telling: bool) -> list[RadioEvent]:
    """What one thread writes while an app calls; a message that is held ends there.

    From Android 14 on (`telling`) each call tells its caller.
    """
    own, tid = (number if message.ours else None), 1 + number % THREADS
    lines = [line(RadioKind.CALLED, tid=tid)] if telling else []
    if message.announced:
        several = len(message.parts) > 1
        lines.append(line(RadioKind.ANNOUNCED, message_id=own, tid=tid, several=several))
    for index in range(0 if message.held else len(message.parts)):
        lines += part_of(message, own, 100 * number + index, tid)
    return lines


def rest_of(number: int, message: Sent, *, ids: bool) -> Iterator[RadioEvent]:
    """What follows: the parts that were held, the answers, the verdict."""
    own = number if message.ours else None
    tokens = [100 * number + index for index in range(len(message.parts))]
    for token in tokens if message.held else []:
        yield from part_of(message, own, token, MAIN)
    for index, (token, good) in enumerate(zip(tokens, message.parts, strict=True)):
        if index >= message.silent_from:
            return
        yield from answer_of(message, own, token, good=good, ids=ids)
        if message.retried and not good:
            yield from part_of(message, own, token + 50, MAIN, retry=1)
            yield from answer_of(message, own, token + 50, good=True, ids=ids)
    sent = message.retried or all(message.parts)
    yield line(RadioKind.PERSISTED_SENT if sent else RadioKind.PERSISTED_FAILED)


def played(
    taken: Sequence[Sent], choose: st.DataObject, api: int
) -> Iterator[tuple[int | None, RadioEvent]]:
    """All messages at once, their lines in any order that keeps each message's own.

    A thread finishes one call before it takes the next. Whoever was held was so for a while: a
    thread's next call comes later than one call takes.
    """
    numbered = list(enumerate(taken, 1))
    calls = {number: call_of(number, message, telling=api >= 34) for number, message in numbered}
    rests = {number: list(rest_of(number, message, ids=api >= 31)) for number, message in numbered}
    busy: dict[int, int] = {}  # Thread to the message whose call it is in.
    clock_s = 0.0
    while rests:
        able = [n for n in rests if not calls[n] or busy.get(calls[n][0].tid, n) == n]
        number = choose.draw(st.sampled_from(able))
        message = taken[number - 1]
        event = (calls[number] or rests[number]).pop(0)
        yield (number if message.ours else None), replace(event, clock_s=clock_s)
        if calls[number]:
            busy[event.tid] = number
        else:
            waits = busy.pop(event.tid, None) == number or event.kind is RadioKind.ANNOUNCED
            clock_s += 2 * SAME_CALL_S if waits and message.held else 0.0
        if not calls[number] and not rests[number]:
            del rests[number]


@given(messages, st.sampled_from((30, 31, 34)), st.data())
def test_trace_never_gives_a_verdict_to_another_message(
    taken: list[Sent], api: int, choose: st.DataObject
) -> None:
    """A verdict with a name is the named message's own, whatever else the phone has in hand."""
    log = list(played(taken, choose, api))
    told: list[tuple[int | None, RadioWord]] = []
    for end, (owner, event) in enumerate(log, 1):
        if event.kind in VERDICTS:
            words = trace((heard, NOW) for _, heard in log[:end])
            told.append((owner, words[-1]))
    for owner, word in told:
        assert word.message_id in (None, owner)


@given(texts)
def test_trace_names_a_message_that_is_alone(message: Sent) -> None:
    """One message of ours, sent over IMS or the modem: it is heard, in several parts from 14 on."""
    alone = replace(message, ours=True, held=False, silent_from=9)
    telling = alone.ims and len(alone.parts) > 1
    log = [*call_of(1, alone, telling=telling), *rest_of(1, alone, ids=False)]
    assert 1 == trace((event, NOW) for event in log)[-1].message_id
