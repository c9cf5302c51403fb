"""Numbers, quiet hours and prefixes, whatever is asked."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from droidrack.core.case import Case, Rule
from droidrack.core.codes import CODES
from droidrack.core.door import LAST, OUTRIGHT, last_word, overdue, refuse_outright, trace
from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import Message, Priority
from droidrack.core.numbering import Form, Reading, read_number
from droidrack.core.optout import OptOut, OptOutSource
from droidrack.core.quiet import HORIZON, QuietHours, quiet_until
from droidrack.core.settings import Policy

COUNTRIES = st.sampled_from(["", "DE", "US", "FR", "IT", "RU", "VN", "BR", "XX", "de"])
DIGITS = st.text("0123456789", max_size=17)
NUMBERS = st.one_of(
    st.text(max_size=18),
    DIGITS,
    DIGITS.map("+{}".format),
    DIGITS.map("+4917{}".format),
    DIGITS.map("+1212{}".format),
    st.text("+*#0123456789", max_size=12),
)
ZONES = st.lists(
    st.sampled_from(
        [
            "Europe/Berlin",
            "America/New_York",
            "America/St_Johns",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "Pacific/Chatham",
            "Africa/Casablanca",
            "Pacific/Guam",
        ]
    ),
    max_size=4,
    unique=True,
)
TIMES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
MOMENTS = st.integers(0, 2 * 366 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(number=NUMBERS, country=COUNTRIES)
@settings(max_examples=400)
def test_number_is_read_or_refused_with_a_known_code(number: str, country: str) -> None:
    """Nothing raises; canonical forms of what has one are international and stay what they are."""
    reading = read_number(Msisdn(number), country)
    if not isinstance(reading, Reading):
        assert reading.code in CODES
        assert len(number) < 3 or number not in reading.detail
    elif reading.form in (Form.INTERNATIONAL, Form.NATIONAL):
        again = read_number(reading.canonical, "")
        assert isinstance(again, Reading)
        assert again.form is Form.INTERNATIONAL
        assert again.canonical == reading.canonical
    else:
        assert reading.canonical == Msisdn(number)


@given(at=MOMENTS, start=TIMES, end=TIMES, zones=ZONES)
@settings(max_examples=400)
def test_quiet_hours_end_where_it_is_quiet_nowhere(
    at: datetime, start: time, end: time, zones: list[str]
) -> None:
    """By each zone's own wall clock, over all changes of summer time, and not a minute late."""
    hours = QuietHours(start, end)
    until = quiet_until(at, hours, zones)

    def quiet(moment: datetime) -> bool:
        return any(hours.cover(moment.astimezone(ZoneInfo(zone)).time()) for zone in zones)

    if until is None:
        steps = range(0, int(HORIZON.total_seconds() // 60) - 24 * 60, 30)
        assert all(quiet(at + timedelta(minutes=step)) for step in steps)
        return
    assert until >= at
    assert not quiet(until)
    assert (until == at) == (not quiet(at))
    if until > at:
        assert until - at <= HORIZON + timedelta(days=1)
        # A minute before its end it was still quiet, but for ends that fall into a lost hour.
        before = until - timedelta(minutes=61)
        assert before <= at or any(
            quiet(until - timedelta(minutes=minute)) for minute in range(1, 62)
        )


MESSAGES = st.builds(
    Message,
    uid=st.just(MessageUid("m1")),
    number=NUMBERS.map(Msisdn),
    body=st.text(max_size=40).map(Body),
    sim_uid=st.just("sim-1"),
    priority=st.sampled_from(Priority),
    received_at=MOMENTS,
    valid_until=st.none(),
)
PREFIXES = st.lists(st.sampled_from(["+", "+1", "+49", "+4917", "0", "11"]), max_size=3).map(tuple)
POLICIES = st.builds(
    Policy,
    message_ttl_s=st.sampled_from([0.0, 600.0]),
    high_ttl_s=st.sampled_from([0.0, 60.0]),
    allow_service_codes=st.booleans(),
    allow_premium=st.booleans(),
    allow_prefixes=PREFIXES,
    block_prefixes=PREFIXES,
    quiet_from=TIMES.map("{:%H:%M}".format),
    quiet_until=TIMES.map("{:%H:%M}".format),
    quiet_classes=st.lists(st.sampled_from(Priority), unique=True).map(tuple),
    optout_confirm_s=st.sampled_from([0.0, 300.0]),
)
OPT_OUTS = st.one_of(
    st.none(),
    st.builds(
        OptOut,
        number=st.just(Msisdn("+4917139200123")),
        since=MOMENTS,
        source=st.sampled_from(OptOutSource),
    ),
)


@given(message=MESSAGES, policy=POLICIES, opt_out=OPT_OUTS, now=MOMENTS, country=COUNTRIES)
@settings(max_examples=300)
def test_every_verdict_has_its_code_and_its_rule(
    message: Message, policy: Policy, opt_out: OptOut | None, now: datetime, country: str
) -> None:
    """Every refusal can be looked up, names its rule and gives no number away."""
    case = Case(
        message, None, (), row_exists=True, now=now, policy=policy, country=country, opt_out=opt_out
    )
    steps = trace(case)
    for step in steps:
        if step.verdict is not None:
            assert CODES[step.verdict.code].remedy
            assert step.verdict.rule == step.rule
            number = message.number.reveal()
            assert len(number) < 6 or number not in step.verdict.detail
    partial = ((refuse_outright, OUTRIGHT), (last_word, LAST), (overdue, {Rule.EXPIRY}))
    for asked, rules in partial:
        verdicts = [step.verdict for step in steps if step.rule in rules and step.verdict]
        assert asked(case) == next(iter(verdicts), None)
    if opt_out is not None and policy.optout_confirm_s == 0:
        assert "OPTED_OUT" in {step.verdict.code for step in steps if step.verdict}
    dry = replace(case, opt_out=None)
    assert "OPTED_OUT" not in {step.verdict.code for step in trace(dry) if step.verdict}
