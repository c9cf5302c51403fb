"""Captures name nobody, and keep the shape that parsers are tested with."""

import json
import re
from pathlib import Path

import pytest

from droidrack.core.anonymise import MARKERS, Anonymiser
from droidrack.core.decode import decode
from droidrack.core.errors import ParseError
from droidrack.core.parse.service_call import parse_service_call

CORPUS = Path(__file__).parents[1] / "corpus"
KEY = bytes(range(32))
ICCID, IMSI, NUMBER, SERIAL = (
    "8949012345678901234",
    "262011234567890",
    "+15550142637",
    "R58M41ABCDE",
)

FAMILIES = ("telephony_registry", "isub", "siminfo", "content_sms", "service_call")
SAMPLES = sorted(path for family in FAMILIES for path in (CORPUS / family).glob("*.txt"))


def known() -> Anonymiser:
    """The anonymiser of a phone with one card."""
    return Anonymiser(KEY, iccids=[ICCID], imsis=[IMSI], others=[NUMBER, SERIAL])


def shape(text: str) -> str:
    """The text with digits and letters by kind."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "0", text))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_sample_keeps_its_layout_and_loses_its_long_numbers(path: Path) -> None:
    """Every character of the same kind in the same place; parsers find the same things."""
    text = path.read_bytes().decode("utf-8")
    family = path.parent.name
    anonymiser = Anonymiser(KEY)
    clean = anonymiser.service_call(text) if family == "service_call" else anonymiser.text(text)
    assert [len(line) for line in text.split("\n")] == [len(line) for line in clean.split("\n")]
    if family != "service_call":
        assert shape(text) == shape(clean)
        left = set(re.findall(r"\d{7,}", clean)) & set(re.findall(r"\d{7,}", text))
        assert {number for number in left if number.strip("0")} <= MARKERS
    assert keys(family, text) == keys(family, clean)


def keys(family: str, text: str) -> object:
    """What a parser finds, without values."""
    try:
        return without_values(decode(family, text))
    except ParseError as error:
        return error.reason


def without_values(value: object) -> object:
    """Names and lengths."""
    if isinstance(value, dict):
        return {name: without_values(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_values(inner) for inner in value if not isinstance(inner, str | int)]
    return value is None


def test_known_identities_are_replaced_wherever_they_stand() -> None:
    """Whole and within other words, always by the same, and never by themselves."""
    text = f"a{ICCID} imsi={IMSI},tel:{NUMBER};{NUMBER[1:]} [{SERIAL}] {ICCID}"
    clean = known().text(text)
    assert not [value for value in (ICCID, IMSI, NUMBER[1:], SERIAL) if value in clean]
    assert shape(text) == shape(clean)
    first, last = re.findall(r"\d{19}", clean)
    assert first == last
    assert first.startswith("8901")
    assert re.search(r"imsi=00101\d{10},", clean)
    assert not known().leaks(clean)
    assert known().leaks(text)


def test_another_key_invents_other_identities() -> None:
    """So that nobody can try out which number it was."""
    text = f"number={NUMBER}"
    assert known().text(text) == known().text(text)
    assert known().text(text) != Anonymiser(bytes(32), others=[NUMBER]).text(text)


@pytest.mark.parametrize(
    "text",
    [
        "mCi=81237959 mPci=18 mTac=26524 mNci=12",
        "mCellLocation=[26524,81237959,-1]",
        "{lac=1234, cid=56789, psc=7}",
        "address=110, type=2",
        "number=12345",
        "LinkAddresses: [ 10.23.45.67/30,2a01:598:abcd::17/64 ]",
        "groupUUID=8c2f6a34-09ab-4c1d-8e77-1234567890ab",
        "iccId=[aB3dE5fG7hI9jK1lM3nO5pQ7rS9t]",
        "iccId=894901234[****]",
        "imei 350000000000006",
    ],
)
def test_identity_of_any_kind_is_replaced_in_its_shape(text: str) -> None:
    """Cell, number, address, hash, masked card: other characters of the same kinds."""
    clean = Anonymiser(KEY).text(text)
    assert text != clean
    assert shape(text) == shape(clean)


@pytest.mark.parametrize(
    "text",
    [
        "mCi=2147483647 mPci=-1 mTac=2147483647 mNci=9223372036854775807",
        "SignalStrength: 20 99 -120 -160 -120 -1 -1 26 -95 -9 120 2147483647 gsm|lte",
        "mOperatorAlphaLong=Test Mobile mMcc=001 mMnc=01 rssi=-51 rsrp=-93",
        "number=NULL, number=null, number=[****], address=",
        "2024-05-05 12:33:01.123 [SubscriptionController] init by Context",
        "defaultSubId=1 subId=12 simSlotIndex=0 mcc=466 mnc=92",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    """Markers, measures, operators, slots and dates are what a parser is tested with."""
    assert text == Anonymiser(KEY).text(text)


def test_reply_of_a_call_changes_words_and_column_alike() -> None:
    """The identity stands in hexadecimal there, and once more beside it."""
    path = next(
        path
        for path in (CORPUS / "service_call").glob("*.txt")
        if "8.9.0.1." in path.read_text("utf-8")
    )
    text = path.read_text("utf-8")
    before = parse_service_call(text).string
    clean = Anonymiser(KEY).service_call(text)
    after = parse_service_call(clean).string
    assert before is not None
    assert after is not None
    assert before != after
    assert after.startswith("8901")
    column = "".join(re.findall(r"'(.*)'", clean))
    assert after in column.replace(".", "")
    assert before not in column.replace(".", "")


def test_reply_without_a_string_stays() -> None:
    """A number that a call returns is a subscription or a yes or no."""
    text = "Result: Parcel(00000000 00000001   '........')\n"
    assert text == Anonymiser(KEY).service_call(text)


def test_battery_and_properties_keep_their_measures() -> None:
    """Only what is known of the phone is taken from them."""
    text = f"  Charge counter: 3142000\n[ro.serialno]: [{SERIAL}]\n"
    clean = known().known_only(text)
    assert "3142000" in clean
    assert SERIAL not in clean


def test_corpus_says_what_is_expected_of_each_sample() -> None:
    """The samples above are there, with their JSON."""
    assert len(SAMPLES) > 30
    assert all(json.loads(path.with_suffix(".json").read_text("utf-8")) for path in SAMPLES)
