"""What was sent so far, in order of time, with running sums.

A question (how much since then? when is there room again?) is a search in a sorted list, so that a
month of sends costs a message no more than a minute of them. All times are of one clock that only
counts; what claims to be older than its predecessor counts as made together with it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable
from datetime import datetime, timedelta

TRIM = 1024
"""Forgotten entries are let go by so many at a time: moving the lists costs more than they do."""


class Tally:
    """Sends of one phone or of one SIM."""

    def __init__(self) -> None:
        self._at: list[datetime] = []
        self._sums: list[int] = [0]  # One more than entries: segments before each of them.
        self._last_to: dict[Hashable, datetime] = {}  # In order of time.
        self._undo: tuple[Hashable, datetime | None] | None = None

    def note(self, at: datetime, segments: int, number: Hashable = None) -> None:
        """A message goes out; `number` None: its recipient is not counted."""
        at = max(at, self._at[-1]) if self._at else at
        self._at.append(at)
        self._sums.append(self._sums[-1] + segments)
        before = self._last_to.pop(number, None)
        self._undo = (number, before)
        if number is not None:
            self._last_to[number] = at

    def slide(self, at: datetime) -> None:
        """The last one counts from a later moment."""
        if self._at:
            self._at[-1] = max(at, self._at[-1])

    def take_back(self) -> None:
        """The one noted last certainly never happened. Once per note."""
        if self._undo is None:
            return
        number, before = self._undo
        self._undo = None
        self._at.pop()
        self._sums.pop()
        self._last_to.pop(number, None)
        if before is not None:
            self._last_to[number] = before
            self._last_to = dict(sorted(self._last_to.items(), key=lambda item: item[1]))

    def segments_since(self, moment: datetime) -> int:
        """Segments sent at `moment` or later."""
        return self._sums[-1] - self._sums[bisect_left(self._at, moment)]

    def messages_since(self, moment: datetime) -> int:
        """Messages sent at `moment` or later."""
        return len(self._at) - bisect_left(self._at, moment)

    def reached_since(self, number: Hashable, moment: datetime) -> bool:
        """Whether something went to this number at `moment` or later."""
        last = self._last_to.get(number)
        return last is not None and last >= moment

    def recipients_since(self, moment: datetime, most: int) -> int:
        """Distinct numbers reached at `moment` or later; counting stops at `most`."""
        count = 0
        for at in reversed(self._last_to.values()):
            if at < moment or count == most:
                break
            count += 1
        return count

    def room_at(self, room: int, span: timedelta, now: datetime) -> datetime:
        """When at most `room` segments lie within the last `span`; `now` or later.

        An entry exactly `span` old is over. One from the future counts as made now.
        """
        leaving = bisect_left(self._sums, self._sums[-1] - max(room, 0))
        if leaving == 0:
            return now
        return max(now, min(self._at[leaving - 1], now) + span)

    def forget(self, before: datetime) -> None:
        """Nobody will ask for anything older."""
        old = bisect_right(self._at, before)
        if old < TRIM:
            return
        base = self._sums[old]
        self._at = self._at[old:]
        self._sums = [total - base for total in self._sums[old:]]
        self._last_to = {number: at for number, at in self._last_to.items() if at >= before}
