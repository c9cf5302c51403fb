"""The errors: each says what it means for the world, and none says a secret."""

import pytest

from droidrack.core import errors
from droidrack.core.codes import CODES
from droidrack.core.errors import (
    EXCERPT_LIMIT,
    AnswerCut,
    BridgeDown,
    ConfigError,
    Effect,
    JournalBusy,
    PanelBusy,
    PanelRefused,
    ParseError,
    PhoneGone,
    PhoneTimeout,
    RackError,
    excerpt,
)


def kinds(kind: type[RackError] = RackError) -> list[type[RackError]]:
    """A class with all that derive from it."""
    return [kind, *(below for child in kind.__subclasses__() for below in kinds(child))]


# Once each: an error may be of two kinds.
OURS = [kind for kind in dict.fromkeys(kinds()) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OURS)
def test_error_has_a_code_that_is_explained(kind: type[RackError]) -> None:
    """Every code an operator may meet stands in the list with its remedy."""
    assert CODES[kind.code].remedy


def test_error_codes_are_not_shared() -> None:
    """One code means one thing; a kind of its own may keep the code of what it is a kind of."""
    named = [kind for kind in OURS if "code" in vars(kind)]
    assert len(named) == len({kind.code for kind in named})


@pytest.mark.parametrize("kind", [PhoneGone, PhoneTimeout, AnswerCut, BridgeDown])
def test_phone_error_has_no_effect_unless_said(kind: type[errors.PhoneError]) -> None:
    """The effect is stated where the facts are; the class alone does not guess it."""
    assert Effect.NONE is kind("gone").effect
    assert Effect.UNKNOWN is kind("gone", effect=Effect.UNKNOWN).effect
    assert "R5CT000001" == kind("gone", serial="R5CT000001").serial


def test_error_keeps_what_the_operator_needs() -> None:
    """Message for reading, hint for doing, and the fields that its handling needs."""
    busy = PanelBusy("slow down", retry_after_s=7.5, hint="wait")
    assert ("slow down", "wait", 7.5) == (str(busy), busy.hint, busy.retry_after_s)
    refused = PanelRefused("no", status=422, fields=(("uid", "unknown"),))
    assert (422, (("uid", "unknown"),)) == (refused.status, refused.fields)
    config = ConfigError("two mistakes", mistakes=("a", "b"))
    assert (2, ("a", "b")) == (config.exit_code, config.mistakes)
    assert 1 == JournalBusy("taken").exit_code


def test_parse_error_shows_a_short_masked_piece() -> None:
    """Enough of a dump to recognise it, not enough to leak it."""
    text = "mCallIncomingNumber=+15550123456 " * 100
    error = ParseError("dumpsys x", "no block", text)
    assert "dumpsys x: no block" in str(error)
    assert "5550123456" not in f"{error} {error.excerpt} {error!r}"
    assert len(error.excerpt) <= EXCERPT_LIMIT
    assert "dumpsys x: no block" == str(ParseError("dumpsys x", "no block"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  one\r\ntwo \n", "one⏎two"),
        ("x" * EXCERPT_LIMIT, "x" * EXCERPT_LIMIT),
        ("x" * (EXCERPT_LIMIT + 1), "x" * (EXCERPT_LIMIT - 1) + "…"),
    ],
)
def test_excerpt_is_one_line_within_its_limit(text: str, expected: str) -> None:
    """A cut shows as a cut."""
    assert expected == excerpt(text)
