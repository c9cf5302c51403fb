"""What a telephone number is.

National forms are of ranges that nobody is given where there are some (Germany's and North
America's for films), else invented within a valid range.
"""

import pytest

from droidrack.core.ids import Msisdn
from droidrack.core.numbering import Form, Reading, Unreadable, country_zones, form_of, read_number


def read(number: str, country: str = "") -> Reading:
    """A number that can be read."""
    reading = read_number(Msisdn(number), country)
    assert isinstance(reading, Reading), reading
    return reading


def refused(number: str, country: str = "") -> str:
    """The code of one that cannot."""
    reading = read_number(Msisdn(number), country)
    assert isinstance(reading, Unreadable), reading
    return reading.code


@pytest.mark.parametrize(
    ("number", "form"),
    [
        ("+15550000001", Form.INTERNATIONAL),
        ("017139200123", Form.NATIONAL),
        ("12345", Form.NATIONAL),
        ("*21#", Form.SERVICE),
        ("+49*1", Form.SERVICE),
        ("12", None),
        ("+12", None),
        ("", None),
        ("+", None),
        ("1234567890123456", None),
        ("+1 555", None),
        ("555-1234", None),
        ("(030)23125", None),
        ("٠١٢٣", None),
        ("1\n23", None),
        ("abc", None),
    ],
)
def test_form_of_a_text_is_told_by_its_characters_alone(number: str, form: Form | None) -> None:
    """Separators, blanks and foreign digits are not guessed away."""
    assert form == form_of(Msisdn(number))


@pytest.mark.parametrize(
    ("number", "country", "canonical"),
    [
        ("+15550000001", "", "+15550000001"),  # possible, although nobody is given area code 555
        ("+4917139200123", "DE", "+4917139200123"),
        ("017139200123", "DE", "+4917139200123"),
        ("03023125000", "DE", "+493023125000"),
        ("004917139200123", "DE", "+4917139200123"),  # dialled with Germany's exit code
        ("2125550123", "US", "+12125550123"),
        ("12125550123", "US", "+12125550123"),  # the trunk prefix is the calling code
        ("0612345678", "FR", "+33612345678"),
        ("40612345", "NO", "+4740612345"),
        ("0612345678", "IT", "+390612345678"),  # the zero belongs to the number
        ("89161234567", "RU", "+79161234567"),
        ("0412345678", "AU", "+61412345678"),
        ("13800138000", "CN", "+8613800138000"),
        ("09812345678", "IN", "+919812345678"),
        ("0912345678", "VN", "+84912345678"),
        ("5512345678", "MX", "+525512345678"),
        ("11987654321", "BR", "+5511987654321"),
        ("612345678", "ES", "+34612345678"),
    ],
)
def test_number_in_any_form_of_its_country_has_one_canonical_form(
    number: str, country: str, canonical: str
) -> None:
    """The opt-out list and the prefixes know a number however it is written."""
    assert canonical == read(number, country).canonical.reveal()


@pytest.mark.parametrize(
    ("number", "country", "code"),
    [
        ("017139200123", "", "NUMBER_NEEDS_COUNTRY"),
        ("12345", "", "NUMBER_NEEDS_COUNTRY"),
        ("017139200123", "XX", "NUMBER_NEEDS_COUNTRY"),
        ("17139200123", "DE", "NUMBER_NOT_NATIONAL"),  # without the 0 that Germany dials
        ("4917139200123", "DE", "NUMBER_NOT_NATIONAL"),  # without its +
        ("79161234567", "RU", "NUMBER_NOT_NATIONAL"),
        ("412345678", "AU", "NUMBER_NOT_NATIONAL"),
        ("987654321", "BR", "NUMBER_NOT_NATIONAL"),  # without its area code
        ("5550000001", "US", "NUMBER_NOT_NATIONAL"),
        ("0612345678", "US", "NUMBER_NOT_NATIONAL"),  # of another country
        ("+999123456", "", "NUMBER_IMPOSSIBLE"),
        ("+123456789012345", "", "NUMBER_IMPOSSIBLE"),
        ("+4912", "", "NUMBER_IMPOSSIBLE"),
        ("+1 555", "", "NUMBER_INVALID"),
    ],
)
def test_number_that_could_mean_something_else_is_refused(
    number: str, country: str, code: str
) -> None:
    """Nothing is guessed: neither a country, nor a +, nor a trunk prefix."""
    assert code == refused(number, country)


@pytest.mark.parametrize(
    ("number", "country"), [("72727", "DE"), ("12345", "US"), ("80888", "GB"), ("56161", "IN")]
)
def test_short_code_of_the_sims_country_stands_for_itself(number: str, country: str) -> None:
    """Short codes have no international form, and are the same number in no other country."""
    assert Reading(Form.SHORT, Msisdn(number)) == read(number, country)


@pytest.mark.parametrize(
    ("number", "country"),
    [("09001234567", "DE"), ("+19005550123", ""), ("0899123456", "FR"), ("81000", "FR")],
)
def test_number_of_a_premium_range_is_told(number: str, country: str) -> None:
    """By the number's own country, whether it is long or short."""
    assert read(number, country).premium


@pytest.mark.parametrize(("number", "country"), [("112", "DE"), ("110", "DE"), ("911", "US")])
def test_emergency_number_is_told(number: str, country: str) -> None:
    """They are short codes like others, but never ours to use."""
    assert read(number, country).emergency


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+4917139200123", ("Europe/Berlin",)),
        ("+12125550123", ("America/New_York",)),
        ("+34612345678", ("Atlantic/Canary", "Europe/Madrid")),
        ("+882130000000", ()),  # The calling code of a network that is in no country.
    ],
)
def test_zones_are_all_where_the_number_may_be(number: str, zones: tuple[str, ...]) -> None:
    """By its range, which may lie in several."""
    assert zones == read(number).zones


@pytest.mark.parametrize(
    ("number", "country"), [("+447700900123", "GB"), ("+15550000001", "US"), ("+491000000", "DE")]
)
def test_zones_of_a_range_that_no_table_knows_are_those_of_its_calling_code(
    number: str, country: str
) -> None:
    """New ranges are in use before tables know them, and somebody may sleep there."""
    assert country_zones(country) == read(number).zones != ()


def test_zones_of_a_country_follow_from_its_calling_code() -> None:
    """A country that nobody knows has none."""
    assert country_zones("DE") == ("Europe/Berlin",)
    assert country_zones("XX") == ()


@pytest.mark.parametrize("number", ["+999123456", "5550000001", "+49123"])
def test_refusal_repeats_no_digit_of_the_number(number: str) -> None:
    """A detail goes to logs and to the panel."""
    reading = read_number(Msisdn(number), "US")
    assert isinstance(reading, Unreadable)
    assert number[-4:] not in reading.detail
