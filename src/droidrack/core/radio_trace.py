"""From lines of the radio log to words about one message.

The final line, "Persist SMS into SENT", names no message. From API 30 on its neighbours do: the
dispatcher's line and the modem's good answer carry our message id, and a request's token pairs it
with a bad one. So a verdict belongs to the message that was answered that way and not yet
persisted, where there is exactly one. Where there are several, all of them lose their claim, and as
many verdicts as are then still to come are taken for theirs: the SMS store decides those.

Lines without any id (up to API 29) give words without one; `core/evidence.py` says when they count.
"""

from collections.abc import Iterable
from datetime import datetime

from droidrack.core.evidence import RadioWord, Word
from droidrack.core.parse.radio_log import IMS_STATUS_OK, RadioEvent, RadioKind

TOKENS_LIMIT = 64
"""Requests without an answer that are remembered; a modem has a few in hand."""

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
    """Reads one phone's log as it is written; `parts`: tell each part that the modem took, too."""

    def __init__(self, *, parts: bool = False) -> None:
        self._parts = parts
        self._process = _PhoneProcess(parts=parts)
        self._pid: int | None = None

    def read(self, event: RadioEvent, at: datetime) -> RadioWord | None:
        """The next event and the moment it was heard; a word where it says something."""
        if event.pid != self._pid:  # The phone process was started anew.
            self._process, self._pid = _PhoneProcess(parts=self._parts), event.pid
        return self._process.read(event, at)


class _PhoneProcess:
    """What the phone process has in hand, as far as its log tells."""

    def __init__(self, *, parts: bool) -> None:
        self._parts = parts
        self._dispatched: list[int | None] = []  # Not yet with the modem or IMS; None: no id.
        self._nameless = 0  # How many of these went on, nobody knows which.
        self._requests: dict[int, int | None] = {}  # RIL token to message id.
        self._well: set[int | None] = set()  # Whose last answer was good.
        self._errors: dict[int | None, str] = {}  # The last error of those that had one.
        self._owed = 0  # Verdicts still to come for messages that lost their claim.

    def read(self, event: RadioEvent, at: datetime) -> RadioWord | None:
        """One line; a word where it says something about a message."""
        kind = event.kind
        if kind in _VERDICT:
            return self._verdict(_VERDICT[kind], event, at)
        if kind is RadioKind.INACTIVE:
            return RadioWord(Word.DROPPED, at, event.message_id, event.phone_id)
        if kind is RadioKind.DISPATCHED:
            self._dispatch(event.message_id)
        elif kind is RadioKind.RIL_REQUEST and event.token is not None:
            self._request(event.token)
        elif kind is RadioKind.RIL_ANSWER:
            message_id = event.message_id or self._asked(event, done=True)
            self._answered(message_id, "")
            if self._parts:
                return RadioWord(Word.TAKEN, at, message_id, event.phone_id)
        elif kind is RadioKind.RIL_ERROR:
            return self._error(event, at)
        elif kind is RadioKind.IMS_RESULT:
            # Over IMS a bad result may be followed by a try over the modem: no word of its own.
            bad = event.status != IMS_STATUS_OK
            self._answered(self._next_dispatched(), (event.error or "ims") if bad else "")
        return None

    def _request(self, token: int) -> None:
        while len(self._requests) >= TOKENS_LIMIT:
            self._requests.pop(next(iter(self._requests)))
        self._requests[token] = self._next_dispatched()

    def _dispatch(self, message_id: int | None) -> None:
        self._dispatched.append(message_id)
        if len(self._dispatched) > TOKENS_LIMIT:
            self._dispatched.pop(0)
            self._nameless = max(self._nameless, 1)  # It may still speak.

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

    def _asked(self, event: RadioEvent, *, done: bool) -> int | None:
        """The message of the request that this line answers."""
        if event.token is None:
            return None
        return self._requests.pop(event.token, None) if done else self._requests.get(event.token)

    def _answered(self, message_id: int | None, error: str) -> None:
        if error:
            self._errors[message_id] = error
            self._well.discard(message_id)
        else:
            self._well.add(message_id)

    def _error(self, event: RadioEvent, at: datetime) -> RadioWord | None:
        """From API 26 on one refusal is two lines, a number and then the name: the name counts."""
        name = event.error or ""
        number_only = name.lstrip("-").isdigit()
        message_id = self._asked(event, done=not number_only)
        self._answered(message_id, name)
        if number_only:
            return None
        return RadioWord(Word.ERROR, at, message_id, event.phone_id, name)

    def _verdict(self, word: Word, event: RadioEvent, at: datetime) -> RadioWord:
        failed = word is Word.FAILED
        message_id = event.message_id or self._claimant(failed=failed)
        error = self._errors.get(message_id, "") if failed and message_id is not None else ""
        self._forget(message_id)
        return RadioWord(word, at, message_id, event.phone_id, error)

    def _claimant(self, *, failed: bool) -> int | None:
        if self._owed:
            self._owed -= 1
            return None
        # Without service the dispatcher gives up before it asks the modem.
        waiting = set() if self._nameless else set(self._dispatched)
        claims = (set(self._errors) or waiting) if failed else self._well
        if len(claims) == 1:
            return next(iter(claims))
        self._owed = max(0, len(claims) - 1)
        for claim in tuple(claims):
            self._forget(claim)
        return None

    def _forget(self, message_id: int | None) -> None:
        self._well.discard(message_id)
        self._errors.pop(message_id, None)
        self._dispatched = [other for other in self._dispatched if other != message_id]
        self._nameless = min(self._nameless, len(self._dispatched))
