"""The door before the radio: who may pass, who waits, and who never will."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from droidrack.core.door import (
    Case,
    Decision,
    Go,
    Hold,
    Refuse,
    SimBinding,
    SimReading,
    decide,
    expires_at,
    refuse_outright,
)
from droidrack.core.ids import Body, Iccid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.message import Message, MessageState, Priority
from droidrack.core.settings import Policy
from droidrack.core.telephony import SimState

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
OURS, OTHER = Iccid("8901260000000000011"), Iccid("8901260000000000029")
SIM = SimReading(Slot(0), SimState.READY, SubId(7), OURS, in_service=True)
SECOND = SimReading(Slot(1), SimState.READY, SubId(9), OTHER, in_service=True)
BOUND = SimBinding("sim-1", Slot(0), OURS)
POLICY = Policy(max_segments=3, sim_wait_s=120.0)
HELLO = Message(
    MessageUid("m1"), Msisdn("+15550000001"), Body("hello"), "sim-1", Priority.NORMAL, NOON
)


def at_door(
    message: Message = HELLO,
    *,
    binding: SimBinding | None = BOUND,
    sim: SimReading | None = SIM,
    row_exists: bool = True,
    held_s: float = 0.0,
    now: datetime = NOON,
    policy: Policy = POLICY,
    country: str = "DE",
) -> Decision:
    """The decision on a phone whose second slot is always in order."""
    sims = (SECOND,) if sim is None else (sim, SECOND)
    case = Case(
        message=message,
        binding=binding,
        sims=sims,
        row_exists=row_exists,
        held_s=held_s,
        now=now,
        policy=policy,
        country=country,
    )
    return decide(case)


def failed(code: str) -> tuple[MessageState, str]:
    """A refusal for good."""
    return MessageState.FAILED, code


def refusal(decision: Decision) -> tuple[MessageState, str]:
    """State and code of what must be a refusal."""
    assert isinstance(decision, Refuse), decision
    return decision.state, decision.code


def test_door_with_the_right_card_lets_pass() -> None:
    """The answer names the card's present subscription and the segments it will cost."""
    assert Go(SIM, SubId(7), 1) == at_door()
    long = replace(HELLO, body=Body("x" * 161))
    assert Go(SIM, SubId(7), 2) == at_door(long)


@pytest.mark.parametrize("number", ["72727", "017139200123", "004917139200123", "+15550000001"])
def test_door_with_a_dialable_number_lets_pass(number: str) -> None:
    """Short codes, national and international forms are dialled as they are."""
    assert isinstance(at_door(replace(HELLO, number=Msisdn(number))), Go)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "12",
        "+12",
        "1234567890123456",
        "+1 555",
        "555-1234",
        "٠١٢٣",
        "abc",
        "+",
        "1\n23",
    ],
)
def test_door_with_another_number_refuses(number: str) -> None:
    """Nothing is guessed out of a number."""
    assert failed("NUMBER_INVALID") == refusal(at_door(replace(HELLO, number=Msisdn(number))))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "BODY_EMPTY"),
        ("a\0b", "BODY_INVALID"),
        ("half \ud83d", "BODY_INVALID"),
        ("x" * 460, "TOO_MANY_SEGMENTS"),
        ("я" * 202, "TOO_MANY_SEGMENTS"),
    ],
)
def test_door_with_an_impossible_text_refuses(body: str, code: str) -> None:
    """What no call can carry, or the site does not want so long, fails with its code."""
    assert failed(code) == refusal(at_door(replace(HELLO, body=Body(body))))


@pytest.mark.parametrize(("body", "segments"), [("x" * 459, 3), ("я" * 201, 3), (" ", 1)])
def test_door_at_the_limit_of_segments_lets_pass(body: str, segments: int) -> None:
    """The limit itself is allowed; white space is a text like any other."""
    decision = at_door(replace(HELLO, body=Body(body)))
    assert Go(SIM, SubId(7), segments) == decision


def test_door_with_an_unknown_row_refuses() -> None:
    """A SIM row that this phone does not have cannot become known by waiting."""
    assert failed("SIM_UNKNOWN") == refusal(at_door(binding=None, row_exists=False))


def test_door_with_a_row_without_a_card_holds() -> None:
    """A row that the panel told of waits for the first card in its slot, and not for ever."""
    held = at_door(binding=None)
    assert isinstance(held, Hold)
    assert "SIM_NOT_READY" == held.code
    old = replace(HELLO, received_at=NOON - timedelta(seconds=120))
    assert failed("SIM_NOT_READY") == refusal(at_door(old, binding=None, held_s=120))


@pytest.mark.parametrize(
    ("sim", "code"),
    [
        (None, "SIM_ABSENT"),
        (replace(SIM, state=SimState.ABSENT, sub_id=None, iccid=None), "SIM_ABSENT"),
        (replace(SIM, state=None), "SIM_ABSENT"),
        (replace(SIM, state=SimState.PIN_REQUIRED), "SIM_NOT_READY"),
        (replace(SIM, sub_id=None), "SIM_NOT_READY"),
        (replace(SIM, iccid=None), "SIM_NOT_READY"),
        (replace(SIM, iccid=OTHER), "SIM_CHANGED"),
        (replace(SIM, in_service=False), "NO_SERVICE"),
    ],
)
def test_door_without_the_card_holds_and_then_refuses(sim: SimReading | None, code: str) -> None:
    """It waits for its own card, never takes the other one, and fails with the same reason."""
    held = at_door(sim=sim)
    assert isinstance(held, Hold)
    assert code == held.code

    almost = NOON + timedelta(seconds=119.9)
    assert isinstance(at_door(sim=sim, held_s=119.9, now=almost), Hold)
    over = NOON + timedelta(seconds=120)
    assert failed(code) == refusal(at_door(sim=sim, held_s=120, now=over))


@pytest.mark.parametrize(
    ("held_s", "waited_s", "refused"),
    [
        (86_400, 0, False),  # The SIM has been away for a day, the message just came.
        (0, 86_400, False),  # The message is a day old, and the SIM was there until now.
        (120, 120, True),
        (120, -3_600, True),  # The host's clock was set back: the steady one decides.
        (60, -3_600, False),
    ],
)
def test_door_counts_the_wait_from_the_hold_or_the_message(
    held_s: float, waited_s: float, refused: bool
) -> None:
    """Each message gets its full wait, and no jump of the clock takes it away or prolongs it."""
    message = replace(HELLO, received_at=NOON - timedelta(seconds=waited_s))
    away = replace(SIM, state=SimState.ABSENT)
    assert refused is isinstance(at_door(message, sim=away, held_s=held_s), Refuse)


@pytest.mark.parametrize("in_service", [True, None])
def test_door_with_unknown_service_lets_pass(in_service: bool | None) -> None:
    """What a dump did not say holds nothing."""
    assert isinstance(at_door(sim=replace(SIM, in_service=in_service)), Go)


def test_door_of_a_phone_that_hides_its_cards_goes_by_the_slot() -> None:
    """Where no ICCID was known at the binding, the slot is all there is."""
    blind = replace(BOUND, iccid=None)
    assert isinstance(at_door(binding=blind, sim=replace(SIM, iccid=None)), Go)


@pytest.mark.parametrize(
    ("valid_s", "ttl_s", "expected_s"),
    [(None, 0.0, None), (60, 0.0, 60), (None, 90.0, 90), (60, 90.0, 60), (120, 90.0, 90)],
)
def test_expiry_is_the_earlier_of_the_message_s_and_the_site_s(
    valid_s: int | None, ttl_s: float, expected_s: int | None
) -> None:
    """Neither limit lengthens the other."""
    until = NOON + timedelta(seconds=valid_s) if valid_s else None
    expected = NOON + timedelta(seconds=expected_s) if expected_s else None
    policy = replace(POLICY, message_ttl_s=ttl_s)
    assert expected == expires_at(replace(HELLO, valid_until=until), policy)


def test_door_refuses_expired_messages_before_anything_else() -> None:
    """At the very moment of its limit a message is over, whatever else is wrong with it."""
    limited = replace(HELLO, valid_until=NOON, body=Body(""))
    expired = (MessageState.EXPIRED, "EXPIRED")
    assert expired == refusal(at_door(limited, binding=None, row_exists=False, sim=None))
    earlier = NOON - timedelta(microseconds=1)
    assert isinstance(at_door(replace(limited, body=Body("x")), now=earlier), Go)


def test_refusals_and_holds_show_no_number_and_no_text() -> None:
    """What is written to the journal and the log names the rule, not the message."""
    secret = replace(HELLO, number=Msisdn("not-5557770001"), body=Body("private"))
    body = replace(HELLO, body=Body("private" * 99))
    for decision in (at_door(secret), at_door(body), at_door(sim=None), at_door(binding=None)):
        assert "5557770001" not in repr(decision)
        assert "private" not in repr(decision)


def test_decision_names_the_rule_that_decided() -> None:
    """The first verdict of the list is the decision, and the others can still be asked."""
    late = replace(HELLO, body=Body(""), valid_until=NOON)
    decision = at_door(late)
    assert isinstance(decision, Refuse)
    assert ("EXPIRED", "expiry") == (decision.code, decision.rule)
    held = at_door(sim=None)
    assert isinstance(held, Hold)
    assert "sim" == held.rule


@pytest.mark.parametrize(
    ("priority", "policy", "lives_s"),
    [
        (Priority.HIGH, Policy(message_ttl_s=600, high_ttl_s=60), 60),
        (Priority.NORMAL, Policy(message_ttl_s=600, high_ttl_s=60), 600),
        (Priority.LOW, Policy(low_ttl_s=3600), 3600),
        (Priority.HIGH, Policy(message_ttl_s=600, high_ttl_s=3600), 3600),
    ],
)
def test_message_expires_by_the_time_of_its_class(
    priority: Priority, policy: Policy, lives_s: int
) -> None:
    """A class with a time of its own does not ask for the common one."""
    message = replace(HELLO, priority=priority)
    assert NOON + timedelta(seconds=lives_s) == expires_at(message, policy)
    own = replace(message, valid_until=NOON + timedelta(seconds=30))
    assert NOON + timedelta(seconds=30) == expires_at(own, policy)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (HELLO, None),
        (replace(HELLO, body=Body("")), "BODY_EMPTY"),
        (replace(HELLO, body=Body("x" * 460)), "TOO_MANY_SEGMENTS"),
        (replace(HELLO, number=Msisdn("555-1234")), "NUMBER_INVALID"),
        (replace(HELLO, number=Msisdn("0171")), None),  # Needs the SIM's country.
    ],
)
def test_what_is_wrong_in_itself_is_refused_without_a_phone(
    message: Message, code: str | None
) -> None:
    """Neither a SIM nor a time is looked at."""
    case = Case(message, None, (), row_exists=False, now=NOON, policy=POLICY)
    verdict = refuse_outright(case)
    assert code == (verdict.code if verdict else None)
