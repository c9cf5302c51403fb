"""The rules about the recipient: his number, the site's lists, his own word, his night."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from droidrack.core.case import Case, Hold, Refuse
from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import Message, MessageState, Priority
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.core.recipient import (
    list_key,
    national_number,
    number,
    opt_out,
    prefix,
    quiet_hours,
)
from droidrack.core.settings import Policy

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BERLIN = Msisdn("+4917139200123")
TEXT = Message(MessageUid("m1"), BERLIN, Body("hello"), "sim-1", Priority.NORMAL, NOON)
ALL = tuple(Priority)
STOPPED = OptOut(BERLIN, NOON - timedelta(minutes=1), OptOutSource.STOP)


def case(to: str = "", *, country: str = "DE", now: datetime = NOON, **policy: object) -> Case:
    """A message at the door; `policy` in words of the settings."""
    message = replace(TEXT, number=Msisdn(to)) if to else TEXT
    rules = Policy(**policy)  # type: ignore[arg-type]
    return Case(message, None, (), row_exists=True, now=now, policy=rules, country=country)


def code(verdict: Refuse | Hold | None) -> str:
    """What a rule says; "" lets pass."""
    assert not isinstance(verdict, Refuse) or verdict.state is MessageState.FAILED
    return verdict.code if verdict else ""


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("+4917139200123", ""),
        ("017139200123", ""),  # Another rule asks about it, once the SIM is there.
        ("*21#", "NUMBER_SERVICE_CODE"),
        ("555-1234", "NUMBER_INVALID"),
        ("+999123456", "NUMBER_IMPOSSIBLE"),
        ("+19005550123", "NUMBER_PREMIUM"),
    ],
)
def test_number_rule_needs_no_sim(to: str, expected: str) -> None:
    """What is wrong with a number in itself is said at once."""
    assert expected == code(number(case(to, country="")))


@pytest.mark.parametrize(
    ("to", "country", "expected"),
    [
        ("+999123456", "DE", ""),  # The number rule's.
        ("017139200123", "DE", ""),
        ("72727", "DE", ""),
        ("017139200123", "", "NUMBER_NEEDS_COUNTRY"),
        ("017139200123", "US", "NUMBER_NOT_NATIONAL"),
        ("112", "DE", "NUMBER_EMERGENCY"),
        ("09001234567", "DE", "NUMBER_PREMIUM"),
        ("81000", "FR", "NUMBER_PREMIUM"),
    ],
)
def test_national_number_rule_reads_it_in_the_sims_country(
    to: str, country: str, expected: str
) -> None:
    """A number without + means nothing by itself."""
    assert expected == code(national_number(case(to, country=country)))


def test_number_that_the_site_allows_passes() -> None:
    """Premium rates and service codes are the site's to permit; emergency numbers are nobody's."""
    assert number(case("*21#", allow_service_codes=True)) is None
    assert number(case("+19005550123", allow_premium=True)) is None
    assert national_number(case("09001234567", allow_premium=True)) is None
    assert code(national_number(case("112", allow_premium=True, allow_service_codes=True)))


@pytest.mark.parametrize(
    ("allow", "block", "to", "expected"),
    [
        ((), (), "+15550000001", ""),
        ((), ("+1555",), "+15550000001", "NUMBER_BLOCKED"),
        ((), ("+1555",), "+12125550123", ""),
        (("+49",), (), "+15550000001", "NUMBER_NOT_ALLOWED"),
        (("+49",), (), "017139200123", ""),
        (("+49",), ("+4917",), "017139200123", "NUMBER_BLOCKED"),
        (("+49171",), ("+4917",), "017139200123", ""),
        (("+49", "+49171"), ("+4917",), "+4917139200123", ""),
        (("+49",), (), "72727", "NUMBER_NOT_ALLOWED"),
        (("+49", "727"), (), "72727", ""),
        ((), ("0171",), "017139200123", ""),  # Prefixes are of the canonical form.
    ],
)
def test_prefix_rule_lets_the_longest_decide(
    allow: tuple[str, ...], block: tuple[str, ...], to: str, expected: str
) -> None:
    """Whatever the order of the lists, and however the number is written."""
    asked = case(to, allow_prefixes=allow, block_prefixes=block)
    assert expected == code(prefix(asked))
    turned = case(to, allow_prefixes=allow[::-1], block_prefixes=block[::-1])
    assert expected == code(prefix(turned))


def test_prefix_refusal_shows_no_whole_number() -> None:
    """A prefix may be as long as somebody's number."""
    verdict = prefix(case("+15550000001", block_prefixes=("+15550000001",)))
    assert isinstance(verdict, Refuse)
    assert "+15550000001" not in verdict.detail


def test_list_key_is_one_for_all_ways_to_write_a_number() -> None:
    """What cannot be read stands for itself."""
    assert BERLIN == list_key(Msisdn("017139200123"), "DE") == list_key(BERLIN, "")
    assert Msisdn("017139200123") == list_key(Msisdn("017139200123"), "")


def listed(entry: OptOut, message: Message = TEXT, **policy: object) -> Case:
    """A message to a number of the list."""
    return replace(case(**policy), opt_out=entry, message=message)  # type: ignore[arg-type]


def test_opted_out_recipient_is_refused() -> None:
    """Also without any setting."""
    assert code(opt_out(listed(STOPPED))) == "OPTED_OUT"


@pytest.mark.parametrize(
    ("entry", "received_s", "passes"),
    [
        (STOPPED, 0, True),
        (replace(STOPPED, confirmation=TEXT.uid), 0, True),  # Another attempt of the same one.
        (replace(STOPPED, confirmation=MessageUid("m0")), 0, False),
        (replace(STOPPED, source=OptOutSource.OPERATOR), 0, False),
        (replace(STOPPED, since=NOON - timedelta(seconds=301)), 0, False),
        (STOPPED, -61, False),  # It was queued before the recipient said stop.
    ],
)
def test_confirmation_of_a_stop_may_go_once_and_soon(
    entry: OptOut, received_s: int, passes: bool
) -> None:
    """Only what the panel handed over after the recipient's own text, where the site wants it."""
    message = replace(TEXT, received_at=NOON + timedelta(seconds=received_s))
    assert passes == (opt_out(listed(entry, message, optout_confirm_s=300.0)) is None)
    assert code(opt_out(listed(entry, message))) == "OPTED_OUT"


NIGHT = datetime(2026, 5, 1, 23, 0, tzinfo=UTC)


def test_quiet_hours_hold_by_the_recipients_clock() -> None:
    """01:00 in Berlin is 19:00 in New York."""
    held = quiet_hours(case("+4917139200123", now=NIGHT, quiet_classes=ALL))
    assert isinstance(held, Hold)
    assert (held.code, held.until) == ("QUIET_HOURS", datetime(2026, 5, 2, 6, tzinfo=UTC))
    assert quiet_hours(case("+12125550123", now=NIGHT, quiet_classes=ALL)) is None


def test_quiet_hours_hold_only_the_classes_named() -> None:
    """One-time passwords go at any hour, and by default everything does."""
    assert quiet_hours(case(now=NIGHT)) is None
    assert quiet_hours(case(now=NIGHT, quiet_classes=(Priority.LOW,))) is None
    assert code(quiet_hours(case(now=NIGHT, quiet_classes=(Priority.NORMAL,)))) == "QUIET_HOURS"


@pytest.mark.parametrize(
    ("to", "country", "quiet"),
    [
        ("+882130000000", "DE", True),  # nowhere: the SIM's country has one zone
        ("+882130000000", "US", False),  # it has many: the site's, which is Tokyo
        ("+882130000000", "", False),
        ("72727", "DE", True),
    ],
)
def test_quiet_hours_of_a_recipient_without_zone_are_the_sims_or_the_sites(
    to: str, country: str, quiet: bool
) -> None:
    """01:00 in Berlin is 08:00 in Tokyo."""
    asked = case(to, country=country, now=NIGHT, quiet_classes=ALL, time_zone="Asia/Tokyo")
    assert quiet == (quiet_hours(asked) is not None)


def test_quiet_hours_of_an_unknown_range_are_those_of_its_calling_code() -> None:
    """Where somebody behind it may sleep, the SIM's country and the site's zone do not count."""
    morning = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)  # 14:00 in Berlin, 05:00 in Los Angeles.
    held = quiet_hours(case("+15550000001", now=morning, quiet_classes=ALL))
    assert isinstance(held, Hold)
    assert held.detail.startswith("it is quiet in one of ")
    evening = datetime(2026, 5, 1, 21, 30, tzinfo=UTC)  # 22:30 in London, 23:30 in Berlin.
    assert code(quiet_hours(case("+447700900123", now=evening, quiet_classes=ALL))) != ""
    assert quiet_hours(case("+447700900123", now=NOON, quiet_classes=ALL)) is None


def test_quiet_hours_without_an_hour_between_refuse_at_once() -> None:
    """A hold that never ends is none; the panel is told."""
    asked = case(quiet_classes=ALL, quiet_from="12:00", quiet_until="11:00")
    several = replace(asked, message=replace(TEXT, number=Msisdn("+18005550123")))
    assert code(quiet_hours(several)) == "QUIET_ALWAYS"
