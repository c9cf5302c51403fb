"""An outage of the panel is told once, when it lasts, and once when it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from droidrack.app.chronicle import Chronicle
from droidrack.app.panel_line import GRACE_S, Call, PanelLine
from droidrack.core.errors import PanelBusy, PanelError, PanelRefused, PanelUnavailable, SessionOver
from droidrack.core.ids import DeviceUuid
from droidrack.ports import Clock

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ONE, TWO = DeviceUuid("one"), DeviceUuid("two")
AWAY = PanelUnavailable("pending: no connection: refused", hint="check it")


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return self.passed_s


class Book:
    """A chronicle that is read here."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []

    def note(self, kind: str, text: str, **_: object) -> None:
        self.notes.append((kind, text))


class Line:
    """A line to a panel with what it said."""

    def __init__(self) -> None:
        self.clock, self.book = HandClock(), Book()
        self.log: list[tuple[str, dict[str, Any]]] = []
        clock, chronicle = cast("Clock", self.clock), cast("Chronicle", self.book)
        self.line = PanelLine(clock, chronicle, self.tell, "https://panel.example")

    def tell(self, event: str, /, **facts: object) -> None:
        self.log.append((event, facts))

    def asks(
        self, device: DeviceUuid, error: PanelError | None = None, call: Call = Call.POLL
    ) -> None:
        """One call, with its end."""
        if error is None:
            with self.line.asking(device, call):
                return
        with pytest.raises(type(error)), self.line.asking(device, call):
            raise error

    def fails_for(self, seconds: float, *devices: DeviceUuid, error: PanelError = AWAY) -> None:
        """Everybody asks every ten seconds, in vain."""
        for _ in range(int(seconds // 10) + 1):
            for device in devices:
                self.asks(device, error)
            self.clock.passed_s += 10
            self.line.look()

    def events(self) -> list[str]:
        return [event for event, _ in self.log]

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.book.notes]


def test_outage_is_told_once_for_all_phones_and_its_end_counts_the_calls() -> None:
    """Dozens of failed polls are three lines of the log and two events."""
    bench = Line()
    bench.fails_for(70, ONE, TWO)
    outage = bench.line.outage
    assert outage is not None
    assert (NOON, {ONE, TWO}) == (outage.since, outage.devices)
    assert ("pending: no connection: refused", "check it") == (outage.seen, outage.remedy)
    bench.asks(ONE)
    assert bench.line.outage is not None, "the other one still asks in vain"
    bench.asks(TWO)
    assert bench.line.outage is None
    assert ["poll failed", "panel lost", "panel back"] == bench.events()
    assert ["panel-lost", "panel-back"] == bench.kinds()
    assert "https://panel.example" in bench.book.notes[0][1]
    assert "16 failed calls" in bench.book.notes[1][1]
    assert "reason" in bench.log[1][1], "it is logged as a warning"


def test_hiccup_rings_for_nobody() -> None:
    """One failed poll, or several within the grace, are a line of the log."""
    bench = Line()
    bench.asks(ONE, AWAY)
    bench.clock.passed_s += 10 * GRACE_S
    bench.line.look()
    bench.asks(ONE)
    bench.fails_for(GRACE_S - 20, ONE, TWO)
    bench.asks(ONE)
    bench.asks(TWO)
    assert bench.line.outage is None
    assert [] == bench.book.notes
    assert ["poll failed", "poll failed"] == bench.events()


def test_phones_that_fail_in_turn_are_no_outage() -> None:
    """A panel that drops one call in ten never failed anybody for long."""
    bench = Line()
    for _ in range(20):
        bench.asks(ONE, AWAY)
        bench.clock.passed_s += 5
        bench.asks(TWO, AWAY)
        bench.asks(ONE)
        bench.clock.passed_s += 5
        bench.line.look()
        bench.asks(TWO)
    assert [] == bench.book.notes


def test_outage_of_one_phone_alone_is_told_with_that_phone() -> None:
    """A panel that fails for one of them only leaves that one without messages."""
    bench = Line()
    for _ in range(5):
        bench.fails_for(0, ONE)
        bench.asks(TWO)
    outage = bench.line.outage
    assert outage is not None
    assert {ONE} == outage.devices


def test_another_reason_is_another_line() -> None:
    """A panel that comes back wrongly is seen in the log."""
    bench = Line()
    bench.fails_for(0, ONE, TWO)
    bench.fails_for(0, ONE, TWO, error=PanelUnavailable("pending: status 502"))
    assert ["poll failed", "poll failed"] == bench.events()


def test_refusals_answer_but_of_a_poll() -> None:
    """A poll holds nothing to refuse, so a 404 is a wrong address or a panel in deployment."""
    bench = Line()
    refusal = PanelRefused("status 404", status=404)
    for _ in range(5):
        bench.asks(ONE, refusal, Call.REPORT)
        bench.clock.passed_s += GRACE_S
        bench.line.look()
    assert bench.line.outage is None
    bench.fails_for(GRACE_S, ONE, error=refusal)
    assert bench.line.outage is not None


@pytest.mark.parametrize("answer", [None, SessionOver("over")])
def test_outage_ends_with_an_answer_and_not_with_who_leaves(answer: PanelError | None) -> None:
    """Nobody who is gone says that the panel is well; a session's end is said by it."""
    bench = Line()
    bench.fails_for(GRACE_S, ONE, error=PanelBusy("asks for a pause", retry_after_s=9))
    bench.line.leave(ONE, Call.POLL)
    outage = bench.line.outage
    assert outage is not None
    assert frozenset() == outage.devices
    bench.asks(TWO, answer, Call.HEARTBEAT)
    assert bench.line.outage is None
    assert "panel-back" == bench.kinds()[-1]
