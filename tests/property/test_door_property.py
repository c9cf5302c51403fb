"""Whatever arrives at the door: it decides, and only a right card passes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.door import Case, Go, Hold, Refuse, SimBinding, SimReading, decide, trace
from droidrack.core.ids import Body, Iccid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.message import Message, MessageState, Priority
from droidrack.core.settings import Policy
from droidrack.core.sms import segment
from droidrack.core.telephony import SimState

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MOMENTS = st.integers(-10_000, 10_000).map(lambda s: NOON + timedelta(seconds=s))
ICCIDS = st.sampled_from([None, Iccid("8901260000000000011"), Iccid("8901260000000000029")])
SLOTS = st.sampled_from([Slot(0), Slot(1)])
READINGS = st.builds(
    SimReading,
    slot=SLOTS,
    state=st.one_of(st.none(), st.sampled_from(SimState)),
    sub_id=st.one_of(st.none(), st.integers(1, 9).map(SubId)),
    iccid=ICCIDS,
    in_service=st.sampled_from([True, False, None]),
)
MESSAGES = st.builds(
    Message,
    uid=st.just(MessageUid("m1")),
    number=st.one_of(st.text(max_size=20), st.just("+15550000001")).map(Msisdn),
    body=st.text(max_size=200).map(Body),
    sim_uid=st.just("sim-1"),
    priority=st.sampled_from(Priority),
    received_at=MOMENTS,
    valid_until=st.one_of(st.none(), MOMENTS),
)
POLICIES = st.builds(
    Policy,
    max_segments=st.integers(1, 6),
    message_ttl_s=st.floats(0, 20_000),
    sim_wait_s=st.floats(0, 20_000),
)


@given(
    message=MESSAGES,
    binding=st.one_of(st.none(), st.builds(SimBinding, st.just("sim-1"), SLOTS, ICCIDS)),
    sims=st.lists(READINGS, max_size=2, unique_by=lambda sim: sim.slot).map(tuple),
    row_exists=st.booleans(),
    held_s=st.floats(0, 20_000),
    now=MOMENTS,
    policy=POLICIES,
)
def test_door_passes_only_what_is_whole_in_time_and_on_its_card(
    message: Message,
    binding: SimBinding | None,
    sims: tuple[SimReading, ...],
    row_exists: bool,
    held_s: float,
    now: datetime,
    policy: Policy,
) -> None:
    """Every case has a decision; a passing one satisfies every rule by itself."""
    case = Case(
        message=message,
        binding=binding,
        sims=sims,
        row_exists=row_exists,
        held_s=held_s,
        now=now,
        policy=policy,
    )
    decision = decide(case)
    verdicts = [step.verdict for step in trace(case) if step.verdict is not None]
    assert [decision] == verdicts[:1] or (not verdicts and isinstance(decision, Go))
    if isinstance(decision, Go):
        assert binding is not None
        assert decision.sim in sims
        assert decision.sim.slot == binding.slot
        assert binding.iccid in (None, decision.sim.iccid)
        assert decision.sim.sub_id == decision.sub_id
        assert decision.sim.state is not None
        assert decision.sim.state.usable
        assert decision.segments == segment(message.body.reveal()).count <= policy.max_segments
        assert message.valid_until is None or now < message.valid_until
        digits = message.number.reveal().removeprefix("+")
        assert digits.isascii()
        assert digits.isdigit()
    elif isinstance(decision, Refuse):
        assert decision.state in (MessageState.FAILED, MessageState.EXPIRED)
        assert decision.code
    else:
        assert isinstance(decision, Hold)
        assert decision.code
