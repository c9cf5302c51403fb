"""From lines of the radio log to words about one message.

The final line, "Persist SMS into SENT", names no message. From API 30 on its neighbours do: the
dispatcher's line carries our message id, from API 31 on the modem's answers do too, good or bad,
and a token pairs an answer with its request. So a verdict belongs to the message that it may be
about, where there is exactly one. Where there are several they form a crowd: as long as the crowd
is owed a verdict none is given to anybody, and whoever may have had one joins it. The SMS store
decides those.

The dispatcher of SMS over IMS prints no id. But Android announces a text with its id and then hands
it on in the same call, so in the same thread and at once. How many parts it has is not said: they
are its own only where every call tells its caller (Android 14), so that the next call shows. A
retry over IMS belongs to the one message that was refused. Where another app's message comes into
question, it is nobody's.

Lines without any id (up to API 29) give words without one; `core/evidence.py` says when they count.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from droidrack.core.evidence import RadioWord, Word
from droidrack.core.parse.radio_log import IMS_STATUS_FALLBACK, IMS_STATUS_OK, RadioEvent, RadioKind

TOKENS_LIMIT = 64
"""Requests without an answer that are remembered; a modem has a few in hand."""

SILENT = timedelta(minutes=10)
"""After the last line about a message nothing more is said of it: four tries take 186 s."""

SAME_CALL_S = 1.0
"""From the announcement to the parts within one call: milliseconds, more on a busy phone. A thread
that comes so much later may be in the call of an app that announces nothing (data messages)."""

_DAY_S = 86400.0

_VERDICT = {
    RadioKind.PERSISTED_SENT: Word.SENT,
    RadioKind.PERSISTED_FAILED: Word.FAILED,
}


def trace(heard: Iterable[tuple[RadioEvent, datetime]]) -> tuple[RadioWord, ...]:
    """Read events of one phone in the order of its log, each with the moment it was heard."""
    tracer = Tracer()
    words = (tracer.read(event, at) for event, at in heard)
    return tuple(word for word in words if word is not None)


class Tracer:
    """Reads one phone's log as it is written.

    `parts`: tell each part that the modem took, too. `handed`: tell each part without an id that
    the dispatcher handed on, and its answer, too.
    """

    def __init__(self, *, parts: bool = False, handed: bool = False) -> None:
        self._parts = parts
        self._handed = _Handed() if handed else None
        self._process = _PhoneProcess(parts=parts)
        self._pid: int | None = None

    def read(self, event: RadioEvent, at: datetime) -> RadioWord | None:
        """The next event and the moment it was heard; a word where it says something."""
        if event.pid != self._pid:  # The phone process was started anew.
            self._process, self._pid = _PhoneProcess(parts=self._parts), event.pid
        word = self._process.read(event, at)
        if word is None and self._handed is not None:
            said = self._handed.read(event)
            return None if said is None else RadioWord(said, at, None, event.phone_id)
        return word


class _PhoneProcess:
    """What the phone process has in hand, as far as its log tells."""

    def __init__(self, *, parts: bool) -> None:
        self._parts = parts
        self._calls: dict[int, _Call] = {}  # Texts that are handed on next; by thread.
        self._kept_back: dict[int, datetime] = {}  # Announced, no part handed on yet; by id.
        self._telling: set[int] = set()  # Threads of which each call tells its caller.
        self._open: dict[int | None, _Course] = {}  # Dispatched, verdict still to come; by id.
        self._crowd: set[int | None] = set()  # Some of these had their verdict, nobody knows which.
        self._owed = 0  # Verdicts still to come for the crowd.
        self._dispatched: list[int | None] = []  # Not yet with the modem or IMS; None: no id.
        self._nameless = 0  # How many of these went on, nobody knows which.
        self._requests: dict[int, int | None] = {}  # RIL token to message id.
        self._loose: set[bool] = set()  # Answers, good or bad, that may be anybody's.
        self._crowded_at: datetime | None = None  # When the crowd last had a verdict.

    def read(self, event: RadioEvent, at: datetime) -> RadioWord | None:
        """One line; a word where it says something about a message."""
        self._forget_silent(at)
        kind = event.kind
        if kind in _VERDICT:
            return self._verdict(_VERDICT[kind], event, at)
        if kind is RadioKind.INACTIVE:
            return RadioWord(
                Word.DROPPED, at, event.message_id, event.phone_id, sub_id=event.sub_id
            )
        if kind is RadioKind.CALLED:
            self._calls.pop(event.tid, None)
            self._telling.add(event.tid)
        elif kind is RadioKind.ANNOUNCED:
            self._calls = {tid: call for tid, call in self._calls.items() if call.lasts(event)}
            self._calls[event.tid] = _Call(event)
            if event.message_id is not None:
                self._kept_back[event.message_id] = at
        elif kind is RadioKind.DISPATCHED:
            self._dispatch(event, at)
        elif kind is RadioKind.RIL_REQUEST and event.token is not None:
            self._request(event.token)
        elif kind is RadioKind.RIL_ANSWER:
            message_id = self._asked(event, done=True)
            self._answered(message_id, at)
            if self._parts:
                return RadioWord(Word.TAKEN, at, message_id, event.phone_id)
        elif kind is RadioKind.RIL_ERROR:
            return self._error(event, at)
        elif kind is RadioKind.IMS_RESULT:
            # Over IMS a bad result may be followed by a try over the modem: no word of its own.
            bad = event.status != IMS_STATUS_OK
            error = (event.error or "ims") if bad else ""
            self._answered(self._next_dispatched(), at, error, event.error_code)
        return None

    # --- From the dispatcher to the answer ----------------------------------------------------

    def _dispatch(self, event: RadioEvent, at: datetime) -> None:
        call = self._call_of(event)
        message_id = event.message_id
        if message_id is None and event.ims:
            known = call.announced.message_id if call is not None else None
            message_id = self._refused() if event.retry else known
        if message_id is not None:
            self._kept_back.pop(message_id, None)
        course = self._touch(message_id, at)
        if course is not None:
            course.ims = event.ims and (course.ims or message_id is not None)
        if message_id is None and not event.retry and not (call and call.begun):
            if course is None:
                self._owed += 1
            else:
                course.messages += 1
        if call is not None:
            call.begun = True
        self._dispatched.append(message_id)
        if len(self._dispatched) > TOKENS_LIMIT:
            self._dispatched.pop(0)
            self._nameless = max(self._nameless, 1)  # It may still speak.

    def _call_of(self, event: RadioEvent) -> "_Call | None":
        """The announced text whose part this is; None where it may be another's."""
        call = self._calls.get(event.tid)
        if call is None:
            return None
        goes_on = call.announced.several and event.tid in self._telling
        if event.retry or not goes_on:
            del self._calls[event.tid]  # Its one part, or its thread is in another call.
        mine = goes_on or not call.announced.several
        return call if mine and not event.retry and call.lasts(event) else None

    def _refused(self) -> int | None:
        """The message that Android tries again, when it can be no other; None otherwise."""
        refused = {key for key, course in self._open.items() if course.error}
        if self._crowd or False in self._loose or len(refused) != 1:
            return None
        return refused.pop()

    def _next_dispatched(self) -> int | None:
        """The message that went on, when it can be no other; None otherwise.

        While one of several went on unnamed, all of them stay possible: what is dispatched later
        must not inherit the result of an earlier one.
        """
        if len(set(self._dispatched)) == 1 and not self._nameless:
            return self._dispatched.pop()
        self._nameless += 1
        if self._nameless >= len(self._dispatched):
            self._dispatched.clear()
            self._nameless = 0
        return None

    def _request(self, token: int) -> None:
        while len(self._requests) >= TOKENS_LIMIT:
            self._requests.pop(next(iter(self._requests)))
        self._requests[token] = self._next_dispatched()

    def _asked(self, event: RadioEvent, *, done: bool) -> int | None:
        """The message that this line answers: what it says itself, or its request."""
        asked = None
        if event.token is not None:
            asked = self._requests.get(event.token)
            if done:
                self._requests.pop(event.token, None)
        return event.message_id or asked

    def _answered(
        self, message_id: int | None, at: datetime, error: str = "", cause: int | None = None
    ) -> None:
        if message_id is None:
            self._loose.add(not error)
        course = self._touch(message_id, at)
        if course is not None:
            course.well = course.well or not error
            if error:
                course.error, course.cause = error, cause

    def _error(self, event: RadioEvent, at: datetime) -> RadioWord | None:
        """From API 26 on one refusal is two lines, a number and then the name: the name counts."""
        name = event.error or ""
        number_only = name.lstrip("-").isdigit()
        message_id = self._asked(event, done=not number_only)
        self._answered(message_id, at, name, event.error_code)
        if number_only:
            return None
        return RadioWord(Word.ERROR, at, message_id, event.phone_id, name, event.error_code)

    def _touch(self, message_id: int | None, at: datetime) -> "_Course | None":
        """The course of a message that is being spoken of; None for one of the crowd."""
        if message_id in self._crowd:
            return None
        course = self._open.setdefault(message_id, _Course(at))
        course.spoke_at = at
        return course

    # --- The verdict --------------------------------------------------------------------------

    def _verdict(self, word: Word, event: RadioEvent, at: datetime) -> RadioWord:
        failed = word is Word.FAILED
        if failed and not event.message_id and self._kept_back:
            return RadioWord(word, at, None, event.phone_id)  # Or a person said no to that one.
        possible: set[int | None] = {event.message_id}
        if not event.message_id:
            possible = self._claimants(failed=failed)
        if len(possible) == 1 and (event.message_id or not self._owed):
            (message_id,) = possible
            course = self._done(message_id)
            if course is None or not failed or message_id is None:
                return RadioWord(word, at, message_id, event.phone_id)
            return RadioWord(word, at, message_id, event.phone_id, course.error, course.cause)
        self._join_crowd(possible, at)
        return RadioWord(word, at, None, event.phone_id)

    def _claimants(self, *, failed: bool) -> set[int | None]:
        """Whose verdict this may be, beside those of the crowd.

        A message is sent only after a good answer. It fails after a bad one, whatever its other
        parts were answered, or, without service, before the modem is asked; IMS is always asked.
        """
        if (not failed) in self._loose:
            return set(self._open)
        if not failed:
            return {key for key, course in self._open.items() if course.well}
        refused = {key for key, course in self._open.items() if course.error}
        unasked = self._open.keys() & set(self._dispatched)
        return refused | {key for key in unasked if not self._open[key].ims}

    def _done(self, message_id: int | None) -> "_Course | None":
        """A message had its verdict. Several may have no name: then the others are still open."""
        course = self._open.get(message_id)
        if course is not None:
            course.messages -= 1
        if course is None or course.messages <= 0:
            self._open.pop(message_id, None)
            self._finish(message_id)
        return course

    def _join_crowd(self, possible: set[int | None], at: datetime) -> None:
        """One of these, or of the crowd, is done: from now on nobody can tell them apart."""
        joining = [self._open.pop(message_id) for message_id in possible]
        self._crowd |= possible
        self._owed = max(0, self._owed + sum(max(1, course.messages) for course in joining) - 1)
        self._crowded_at = at if self._owed else None
        if not self._owed:
            self._crowd.clear()
        self._rest()

    def _finish(self, message_id: int | None) -> None:
        """A message is done: none of its lines is still to come."""
        if not self._nameless:
            self._dispatched = [other for other in self._dispatched if other != message_id]
        self._rest()

    def _rest(self) -> None:
        """Nothing is in hand: nothing that was said before concerns what comes."""
        if not self._open and not self._owed:
            self._dispatched.clear()
            self._nameless = 0
            self._loose.clear()

    def _forget_silent(self, at: datetime) -> None:
        """Drop those who never got a verdict: messages of apps that keep their own store, too."""
        if self._crowded_at is not None and at - self._crowded_at > SILENT:
            self._crowd.clear()
            self._owed, self._crowded_at = 0, None
            self._rest()
        for kept_back in [k for k, said in self._kept_back.items() if at - said > SILENT]:
            del self._kept_back[kept_back]
        for message_id in [k for k, c in self._open.items() if at - c.spoke_at > SILENT]:
            del self._open[message_id]
            self._finish(message_id)


@dataclass(slots=True)
class _Handed:
    """Tells what becomes of parts without an id, and the first try of one from further ones."""

    falling: int = 0  # Parts that come from IMS to the modem: up to Android 9 they count anew.

    def read(self, event: RadioEvent) -> Word | None:
        """One line; a word where it is about a part without an id."""
        if event.message_id is not None:
            return None
        if event.kind is RadioKind.IMS_RESULT and event.status == IMS_STATUS_FALLBACK:
            self.falling += 1
        if event.kind in (RadioKind.IMS_RESULT, RadioKind.RIL_ANSWER):
            return Word.ANSWERED
        if event.kind is not RadioKind.DISPATCHED:
            return None
        fell = self.falling > 0 and not event.ims
        self.falling -= fell
        return Word.AGAIN if fell or event.retry else Word.HANDED


@dataclass(slots=True)
class _Call:
    """A text that the dispatcher took, in the call of an app; `begun`: a part of it went on."""

    announced: RadioEvent
    begun: bool = False

    def lasts(self, event: RadioEvent) -> bool:
        """Whether so little time passed that its thread is still in it, by the phone's clock."""
        return (event.clock_s - self.announced.clock_s) % _DAY_S <= SAME_CALL_S


@dataclass(slots=True)
class _Course:
    """A message on its way: whether an answer was good, and the last bad one.

    `messages` counts those without a name, which share one course. `ims`: all that was handed on of
    it lately went over IMS.
    """

    spoke_at: datetime
    ims: bool = True
    messages: int = 0
    well: bool = False
    error: str = ""
    cause: int | None = None  # The network's own.
