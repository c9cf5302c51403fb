"""Identifiers that could hurt somebody never print themselves."""

import copy
import json
import pickle

import pytest

from droidrack.core.ids import (
    Body,
    Iccid,
    Imei,
    Imsi,
    Masked,
    Msisdn,
    Token,
    luhn_check_digit,
    luhn_valid,
)

KINDS = (Masked, Token, Body, Msisdn, Iccid, Imsi, Imei)
SECRET = "15550123456789"


@pytest.mark.parametrize("kind", KINDS)
def test_masked_value_shows_itself_in_no_rendering(kind: type[Masked]) -> None:
    """Neither alone nor inside a container, an error or a format does the value appear."""
    value = kind(SECRET)
    error = ValueError(value)
    shown = [
        *(str(value), repr(value), f"{value}", f"{value!r}", format(value)),
        *(repr([value]), repr({"a": value}), repr({value}), str(error), repr(error)),
        json.dumps({"a": value}, default=repr),
    ]
    for text in shown:
        assert SECRET not in text
        assert SECRET[:-2] not in text


@pytest.mark.parametrize("kind", KINDS)
def test_masked_value_reveals_what_it_was_given(kind: type[Masked]) -> None:
    """Equality and hash are the value's, within one kind; nothing is stripped or folded."""
    for text in ("", " +1555 ", "a\nb", SECRET):
        assert text == kind(text).reveal()
        assert kind(text) == kind(text)
        assert hash(kind(text)) == hash(kind(text))
    assert kind("a") != kind("b")
    assert SECRET == pickle.loads(pickle.dumps(kind(SECRET))).reveal()
    assert kind(SECRET) == copy.copy(kind(SECRET))


def test_kinds_of_secrets_are_not_equal() -> None:
    """A number that happens to look like a token is not one."""
    assert Msisdn(SECRET) != Imsi(SECRET)
    assert Token(SECRET) != Body(SECRET)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Msisdn("+15550001234"), "•••34"),
        (Iccid("8901260000000000011"), "•••11"),
        (Msisdn("155500"), "•••"),
        (Msisdn(""), "•••"),
        (Token("ATKN-9f2d6c1b"), "•••"),
        (Body("hello"), "[5 characters]"),
    ],
)
def test_mask_shows_no_more_than_it_may(value: Masked, shown: str) -> None:
    """Two digits of a long number, the length of a text, nothing of a token."""
    assert shown == str(value) == value.masked()


@pytest.mark.parametrize(
    ("digits", "valid"),
    [
        ("49015420323752", False),
        ("490154203237518", True),
        ("490154203237517", False),
        ("0", False),
        ("", False),
        ("00", True),
        ("49015420323751x", False),
        ("٤٩", False),
    ],
)
def test_luhn_recognises_check_digits(digits: str, valid: bool) -> None:
    """By ISO/IEC 7812; anything but ASCII digits is invalid, not an error."""
    assert valid is luhn_valid(digits)


def test_luhn_check_digit_completes_a_number() -> None:
    """Whatever the digits, the number with its check digit is valid."""
    for digits in ("49015420323751", "890126000000000001", "0", "7"):
        assert luhn_valid(f"{digits}{luhn_check_digit(digits)}")
