"""What a log line shows, what it hides, and that none is lost."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.errors import PanelRefused
from droidrack.core.ids import Body, Msisdn, Slot, Token
from droidrack.core.message import MessageState
from droidrack.faces.logs import LibraryLines, configure, mask, tell


@pytest.fixture(autouse=True)
def unconfigured() -> Iterator[None]:
    """Logging as it was before."""
    handlers = list(logging.getLogger().handlers)
    yield
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    """Where JSON lines arrive."""
    target = io.StringIO()
    configure(as_json=True, stream=target)
    return target


def line(stream: io.StringIO) -> dict[str, Any]:
    """The only line that was written."""
    (text,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(text)
    return found


def shown(key: str, value: object) -> object:
    """What the mask leaves of one fact."""
    return mask(None, "info", {key: value})[key]


class Rude:
    """Cannot be printed."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


def test_tell_writes_event_facts_and_time(stream: io.StringIO) -> None:
    """A line holds what was told, when in UTC, and its level."""
    tell("phone state", phone="p1", state=MessageState.SENT, slot=Slot(1), gone=None)

    found = line(stream)
    assert found.pop("timestamp").endswith("Z")
    assert {
        "event": "phone state",
        "level": "info",
        "phone": "p1",
        "state": "sent",
        "slot": 1,
        "gone": None,
    } == found


@pytest.mark.parametrize(
    ("facts", "level"),
    [({}, "info"), ({"reason": "x"}, "warning"), ({"exc_info": ValueError("x")}, "error")],
)
def test_tell_level_follows_from_the_facts(
    stream: io.StringIO, facts: dict[str, object], level: str
) -> None:
    """An exception is an error, a reason a warning, all else information."""
    tell("event", **facts)

    assert level == line(stream)["level"]


def test_tell_facts_named_as_ours_are_kept_apart(stream: io.StringIO) -> None:
    """A fact called event or level does not overwrite the line's own."""
    tell("first", event="second", level="third")

    found = line(stream)
    assert ("first", "second") == (found["event"], found["event_"])
    assert ("info", "third") == (found["level"], found["level_"])


def test_tell_console_line_is_for_a_person() -> None:
    """Without JSON the line is text, uncoloured off a terminal."""
    target = io.StringIO()
    configure(stream=target)
    tell("paired", phone="p1")

    assert "paired" in target.getvalue()
    assert "phone=p1" in target.getvalue()
    assert "\x1b" not in target.getvalue()


def test_configure_again_leaves_one_library_handler(stream: io.StringIO) -> None:
    """A second configuration replaces the first one."""
    again = io.StringIO()
    configure(as_json=True, stream=again)
    logging.getLogger("lib").warning("once")

    assert "" == stream.getvalue()
    assert "once" == line(again)["event"]


@pytest.mark.parametrize("as_json", [True, False])
def test_tell_no_secret_in_any_place_is_shown(as_json: bool) -> None:
    """Masked values, named secrets, nested ones, foreign text, tracebacks: all are masked."""
    target = io.StringIO()
    configure(as_json=as_json, stream=target)
    number, token = "+15550100123", "eyJhbGciOiJIUzI1NiJ9.s3cret.s3cret"
    tell(f"to {number}", to=Msisdn(number), session_token="s3cret", body="s3cret", text="s3cret")
    tell("nested", facts={"a": [{"authorization": "Bearer s3cret"}, Body("s3cret"), (number,)]})
    tell("foreign", reason=f"cannot send to {number} with {token}", count=15550100123)
    tell("error", why=PanelRefused(f"no {number}", status=422), cause=ValueError(token))
    try:
        raise ValueError(f"bad {number} {token}")
    except ValueError as exc:
        tell("crash", exc_info=exc)
    logging.getLogger("lib").warning("GET /x?token=%s to %s", "s3cret", Token("s3cret"))

    text = target.getvalue()
    assert "s3cret" not in text
    assert "5550100" not in text
    assert 6 <= text.count("\n")


def test_tell_identifiers_are_kept_whole(stream: io.StringIO) -> None:
    """What an operator looks up is long but no secret."""
    uid = "0a1b2c3d-0000-4000-8000-0123456789ab"
    text = "9" * 32  # Of a text that arrived: hexadecimal, and now and then digits only.
    tell("report parked", device=uid, uid=uid, serial="0123456789", boot_id=uid, id=text)

    found = line(stream)
    assert [uid, uid, "0123456789", uid, text] == [
        found[key] for key in ("device", "uid", "serial", "boot_id", "id")
    ]


def test_tell_addresses_and_times_stay_readable(stream: io.StringIO) -> None:
    """Redaction leaves network addresses, paths and times alone."""
    at = datetime(2025, 11, 22, 23, 13, tzinfo=UTC)
    tell("x", address="192.0.2.7:5555", path=PurePath("/var/lib/droidrack"), seen_at=at)

    found = line(stream)
    assert "192.0.2.7:5555" == found["address"]
    assert "/var/lib/droidrack" == found["path"]
    assert "2025-11-22T23:13:00+00:00" == found["seen_at"]


def test_tell_unprintable_object_loses_no_line(stream: io.StringIO) -> None:
    """An object that cannot be printed shows its type; the line is there."""
    tell("odd", a=Rude(), b=[Rude()], c={"d": Rude(), Rude(): 1}, e=b"bytes")

    found = line(stream)
    assert ("<Rude>", ["<Rude>"], {"d": "<Rude>"}, "<bytes>") == (
        found["a"],
        found["b"],
        found["c"],
        found["e"],
    )


def test_tell_exception_that_cannot_be_printed_loses_no_line(stream: io.StringIO) -> None:
    """A broken exception is told as far as it goes."""

    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    tell("crash", exc_info=Broken())

    assert "Broken" in line(stream)["exception"]


def test_tell_endless_structure_ends(stream: io.StringIO) -> None:
    """Structures that hold themselves, and very long ones, are cut."""
    ring: dict[str, object] = {}
    ring["ring"] = ring
    tell("big", ring=ring, many=list(range(10_000)), long="word " * 10_000)

    assert 10_000 > len(stream.getvalue())


def test_tell_traceback_is_cut_at_its_head(stream: io.StringIO) -> None:
    """The end of a long traceback, where the cause stands, is kept."""
    tell("crash", exc_info=ValueError("word " * 10_000 + "the cause"))

    assert line(stream)["exception"].endswith("the cause\n")


def test_tell_terminal_escapes_are_defused() -> None:
    """Foreign text cannot steer the operator's terminal or forge a second line."""
    target = io.StringIO()
    configure(stream=target)
    tell("a\x1b[2J\nb", reason="c\x1b]0;x\x07\u202ed\nforged")

    assert 1 == target.getvalue().count("\n")
    assert not {"\x1b", "\x07", "\u202e"} & set(target.getvalue())


def test_tell_full_disk_costs_the_line_only() -> None:
    """A stream that cannot be written never reaches the caller."""

    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    configure(stream=Full())
    tell("event")


def test_library_line_with_wrong_arguments_is_kept(stream: io.StringIO) -> None:
    """A library's format that does not fit its arguments still gives a line."""
    record = logging.LogRecord("lib", logging.ERROR, "lib.py", 1, "%d of %d", ("x",), None)
    (ours,) = (one for one in logging.getLogger().handlers if isinstance(one, LibraryLines))
    ours.handle(record)  # Past pytest's own handler, which rightly objects.

    found = line(stream)
    assert ("%d of %d", "lib", "error") == (found["event"], found["library"], found["level"])


def test_library_chatter_is_left_out(stream: io.StringIO) -> None:
    """What libraries log below a warning is not the operator's."""
    logging.getLogger("lib").info("chatter")

    assert "" == stream.getvalue()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=20,
    )
)
def test_mask_any_value_becomes_strict_json(value: object) -> None:
    """Whatever a fact holds, its line is one that every JSON reader takes."""
    text = json.dumps(shown("fact", value), allow_nan=False, ensure_ascii=False)

    assert "\n" not in text
    text.encode("utf-8")
