"""When the local panel misbehaves."""

import random
from collections.abc import Sequence

from droidrack.virtual.panel.faults import Fault, FaultKind, FaultPlan

HANG = Fault(FaultKind.HANG)
DROP = Fault(FaultKind.DROP)


def kinds(plan: FaultPlan, endpoint: str, count: int) -> Sequence[FaultKind | None]:
    """The next draws."""
    draws = [plan.draw(endpoint, "device") for _ in range(count)]
    return [fault.kind if fault else None for fault in draws]


def test_rule_with_times_ends() -> None:
    """Twice, then well."""
    plan = FaultPlan()
    plan.add("pending", HANG, times=2)
    assert [FaultKind.HANG, FaultKind.HANG, None] == kinds(plan, "pending", 3)


def test_rule_concerns_its_endpoint_and_device() -> None:
    """Others pass, and use up nothing."""
    plan = FaultPlan()
    plan.add("pending", HANG)
    plan.add("*", DROP, device_uuid="another")
    assert [None] == kinds(plan, "report", 1)
    assert [FaultKind.HANG] == kinds(plan, "pending", 1)


def test_script_plays_in_order_before_the_rules() -> None:
    """None in a script is a good answer."""
    plan = FaultPlan()
    plan.add("report", DROP, times=None)
    plan.script("report", [None, HANG])
    assert [None, FaultKind.HANG, FaultKind.DROP] == kinds(plan, "report", 3)


def test_probability_follows_the_seed() -> None:
    """About a third of the requests, the same ones for the same seed."""

    def run(seed: int) -> Sequence[FaultKind | None]:
        plan = FaultPlan(dice=random.Random(seed))
        plan.add("pending", HANG, times=None, probability=0.3)
        return kinds(plan, "pending", 1_000)

    first = run(3)
    assert first == run(3)
    assert first != run(4)
    assert 240 < sum(kind is not None for kind in first) < 360


def test_clear_makes_the_panel_behave() -> None:
    """Rules and scripts are gone; what was played is still told."""
    plan = FaultPlan()
    plan.add("pending", HANG, times=None)
    plan.script("pending", [DROP, DROP])
    plan.draw("pending", "")
    plan.clear()
    assert plan.idle
    assert ([None], {FaultKind.DROP: 1}) == (kinds(plan, "pending", 1), plan.played)
