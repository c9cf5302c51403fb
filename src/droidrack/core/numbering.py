"""What a telephone number is: its form, its canonical form, its time zones, whether it is dear.

The only module that knows `phonenumbers`, whose tables are Google's libphonenumber: pure data and
computation. It is loaded when the first number is read (50 ms, 3 MiB). The full package and not
`phonenumberslite`, because that one lacks the time zones.

A number is read, never rewritten: what is dialled is what the panel said. An international number
needs no more than a country that has such numbers, because tables of valid ranges are always a
little behind. A national number must be valid in the SIM's country, with its trunk prefix where
that country dials one, because nothing else says what it means.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from droidrack.core.ids import Msisdn

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_MEANT = {"UK": "GB", "EL": "GR"}
"""Codes that people and the European Union write for countries which ISO 3166 calls otherwise."""

READ_KEPT = 4096
"""Numbers whose reading is remembered: a phone's queue is looked at again before every send, and
reading a number takes 0.1 ms."""

# Up to 15 digits by ITU-T E.164; short codes have at least three. Separators are the panel's to
# remove. `*` and `#` reach supplementary services and come with operators' own grammar.
_DIALLED = re.compile(r"\+?[0-9]{3,15}")
_SERVICE = re.compile(r"\+?(?=[0-9]*[*#])[0-9*#]{2,20}")

SHORT_LONGEST = 8
"""Digits of the longest short codes there are (India's of eight)."""


class Form(StrEnum):
    """How a number is written."""

    INTERNATIONAL = "international"  # + and country code
    NATIONAL = "national"  # as it is dialled within the SIM's country
    SHORT = "short code"
    SERVICE = "service code"  # holds * or #


@dataclass(frozen=True, slots=True)
class Reading:
    """What a number is.

    `canonical` is the same for every way to write one number: +, country code, number; short and
    service codes stand for themselves. `zones` are IANA names, empty where nobody knows.
    """

    form: Form
    canonical: Msisdn
    zones: tuple[str, ...] = ()
    premium: bool = False
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Unreadable:
    """It is no number that may be dialled. `code` is of `core/codes.py`; no digit is repeated."""

    code: str
    detail: str


def form_of(number: Msisdn) -> Form | None:
    """How it is written, as far as its characters say: no short code; None: it is no number."""
    text = number.reveal()
    if _DIALLED.fullmatch(text):
        return Form.INTERNATIONAL if text.startswith("+") else Form.NATIONAL
    return Form.SERVICE if _SERVICE.fullmatch(text) else None


def read_number(number: Msisdn, country: str) -> Reading | Unreadable:
    """Read a number as the SIM's network would.

    Args:
        number: as the panel gave it.
        country: the SIM's, ISO 3166, two capitals; "" where it is not known.
    """
    return _read(number.reveal(), country)


def country_fault(country: str) -> str:
    """What is wrong with a country in which numbers are to be read; "": nothing."""
    import phonenumbers  # noqa: PLC0415 - see the top

    if country in phonenumbers.SUPPORTED_REGIONS:
        return ""
    meant = f"; did you mean {_MEANT[country]}?" if country in _MEANT else ""
    return f'expected two capitals of ISO 3166 such as DE, seen "{country}"{meant}'


def country_zones(country: str) -> tuple[str, ...]:
    """The IANA zones of a country, as far as they follow from its calling code; empty: unknown."""
    import phonenumbers  # noqa: PLC0415 - see the top

    code = phonenumbers.country_code_for_region(country)
    return _zones_of_code(code) if code else ()


@lru_cache(maxsize=READ_KEPT)
def _read(text: str, country: str) -> Reading | Unreadable:
    form = form_of(Msisdn(text))
    if form is None:
        return Unreadable("NUMBER_INVALID", "expected 3 to 15 digits, with or without a leading +")
    if form is Form.SERVICE:
        return Reading(Form.SERVICE, Msisdn(text))
    if form is Form.INTERNATIONAL:
        return _international(text)
    if not country:
        return Unreadable("NUMBER_NEEDS_COUNTRY", "it has no + and the SIM's country is not known")
    return _short(text, country) or _national(text, country)


def _international(text: str) -> Reading | Unreadable:
    import phonenumbers as lib  # noqa: PLC0415

    try:
        parsed = lib.parse(text)
    except lib.NumberParseException:
        return Unreadable("NUMBER_IMPOSSIBLE", "no country has this calling code")
    reason = lib.is_possible_number_with_reason(parsed)
    if reason != lib.ValidationResult.IS_POSSIBLE:
        short = reason in (
            lib.ValidationResult.TOO_SHORT,
            lib.ValidationResult.IS_POSSIBLE_LOCAL_ONLY,
        )
        what = "short" if short else "long"
        return Unreadable("NUMBER_IMPOSSIBLE", f"too {what} for +{parsed.country_code}")
    # Outside the known ranges nobody can tell a trunk prefix from the number: it stays as it is.
    canonical = _e164(parsed) if lib.is_valid_number(parsed) else text
    return _reading(Form.INTERNATIONAL, parsed, canonical)


def _short(text: str, country: str) -> Reading | None:
    """The reading of a short code; None where it is none of this country."""
    import phonenumbers as lib  # noqa: PLC0415

    if lib.connects_to_emergency_number(text, country):
        return Reading(Form.SHORT, Msisdn(text), emergency=True)
    if len(text) > SHORT_LONGEST:
        return None
    try:
        parsed = lib.parse(text, country)
    except lib.NumberParseException:
        return None
    # Both tables know some numbers: what a country dials as a whole number is no short code.
    if not lib.is_possible_short_number_for_region(parsed, country) or (
        lib.is_valid_number_for_region(parsed, country)
        and not lib.is_valid_short_number_for_region(parsed, country)
    ):
        return None
    cost = lib.expected_cost_for_region(parsed, country)
    return Reading(Form.SHORT, Msisdn(text), premium=cost == lib.ShortNumberCost.PREMIUM_RATE)


def _national(text: str, country: str) -> Reading | Unreadable:
    import phonenumbers as lib  # noqa: PLC0415

    try:
        parsed = lib.parse(text, country, keep_raw_input=True)
    except lib.NumberParseException as exc:
        if exc.error_type == lib.NumberParseException.INVALID_COUNTRY_CODE:
            return Unreadable("NUMBER_NEEDS_COUNTRY", f"no numbers are known for {country}")
        return Unreadable("NUMBER_NOT_NATIONAL", f"no number of {country}")
    source = parsed.country_code_source
    trunk = lib.ndd_prefix_for_region(country, True) or ""
    # North America's trunk prefix is its calling code: there, 1 and ten digits are a national form.
    if source == lib.CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN and (
        text != trunk + lib.national_significant_number(parsed)
    ):
        return Unreadable("NUMBER_NOT_NATIONAL", f"no number of {country}; it may lack its +")
    if source == lib.CountryCodeSource.FROM_NUMBER_WITH_IDD:  # Such as 00 and the country code.
        if not lib.is_possible_number(parsed):
            return Unreadable("NUMBER_IMPOSSIBLE", f"wrong length for +{parsed.country_code}")
        return _reading(Form.NATIONAL, parsed, _e164(parsed))
    # The matcher also asks whether the trunk prefix is there where the country dials one.
    dialled = lib.PhoneNumberMatcher(text, country, leniency=lib.Leniency.VALID).has_next()
    if not dialled or not lib.is_valid_number_for_region(parsed, country):
        return Unreadable("NUMBER_NOT_NATIONAL", f"no number as it is dialled within {country}")
    return _reading(Form.NATIONAL, parsed, _e164(parsed))


def _e164(parsed: "PhoneNumber") -> str:
    import phonenumbers as lib  # noqa: PLC0415

    return lib.format_number(parsed, lib.PhoneNumberFormat.E164)


def _reading(form: Form, parsed: "PhoneNumber", canonical: str) -> Reading:
    import phonenumbers as lib  # noqa: PLC0415
    from phonenumbers import timezone  # noqa: PLC0415

    # A range that no table knows yet is in use somewhere behind its calling code all the same.
    zones = _known(timezone.time_zones_for_number(parsed))
    return Reading(
        form,
        Msisdn(canonical),
        zones=zones or _zones_of_code(parsed.country_code or 0),
        premium=lib.number_type(parsed) == lib.PhoneNumberType.PREMIUM_RATE,
    )


def _zones_of_code(calling_code: int) -> tuple[str, ...]:
    import phonenumbers as lib  # noqa: PLC0415
    from phonenumbers import timezone  # noqa: PLC0415

    whole = lib.PhoneNumber(country_code=calling_code, national_number=0)
    return _known(timezone.time_zones_for_geographical_number(whole))


def _known(zones: tuple[str, ...]) -> tuple[str, ...]:
    from phonenumbers import timezone  # noqa: PLC0415

    return tuple(zone for zone in zones if zone != timezone.UNKNOWN_TIMEZONE)
