"""The trial's own judgement: what it plans, and what it takes for a wrong name."""

import math
from random import Random

import pytest
from trial_judge import Deed, Glimpse, disturbed_neighbours, misnamed, percentile
from trial_plan import MOST_EACH, Act, Kind, acts, counts, wishes

UNPLUG = Act(Kind.UNPLUG, 3, 0.0)
STORY = (Glimpse(101, "absent"), Glimpse(105, "meeting"), Glimpse(106, "ready"))


def deed(act: Act = UNPLUG, *, seen: float | None = 101, back: float | None = 106) -> Deed:
    """Begun at 100, ended at 104."""
    return Deed(act, 100, 104, seen, back)


@pytest.mark.parametrize("total", [6, 7, 32, 100])
def test_every_kind_has_its_share(total: int) -> None:
    """As many as asked for in all, and none forgotten."""
    parts = counts(total, list(Kind))
    assert total == sum(parts.values())
    assert min(parts.values()) >= 1


def test_hundred_disturbances_are_spread_over_one_half() -> None:
    """Each phone gets as many as the others; only those with two cards have them swapped."""
    planned = acts(Random(1), counts(100, list(Kind)), range(30), range(0, 30, 2), 120.0)
    each = [sum(act.phone == phone for act in planned) for phone in range(30)]
    assert 95 == len(planned)
    assert max(each) - min(each) <= 1
    assert max(each) <= MOST_EACH
    assert {0} == {act.phone % 2 for act in planned if act.kind is Kind.SWAP}
    assert all(0 <= act.at_s < 120 for act in planned)


def test_both_runs_have_the_same_traffic_under_other_names() -> None:
    """Moments, SIMs and numbers are equal, texts are not."""
    calm, disturbed = (wishes(f"7/{name}", [[0], [0, 1]], 6.0, 60.0) for name in ("one", "two"))
    assert 20 == len(calm)
    same = [[(w.at_s, w.phone, w.slot, w.number) for w in run] for run in (calm, disturbed)]
    assert same[0] == same[1]
    assert not {wish.body for wish in calm} & {wish.body for wish in disturbed}


def test_pulled_cable_that_is_shown_as_absent_is_named_right() -> None:
    """At work until noticed, absent while it lasts, on the way back, at work."""
    assert [] == misnamed(deed(), STORY)


@pytest.mark.parametrize(
    ("told", "glimpses", "expected"),
    [
        (deed(seen=None), STORY, "never shown as absent"),
        (deed(back=None), STORY[:1], "never at work again"),
        (deed(), (*STORY[:1], Glimpse(102, "ready"), *STORY[1:]), "shown as ready"),
        (deed(), (*STORY[:1], Glimpse(102, "booting"), *STORY[1:]), "shown as booting"),
        (deed(), (*STORY[:1], Glimpse(103, "meeting"), *STORY[1:]), "shown as meeting"),
        (deed(Act(Kind.SWAP, 3, 0.0)), STORY, "shown as absent"),
    ],
)
def test_wrong_name_is_found(told: Deed, glimpses: tuple[Glimpse, ...], expected: str) -> None:
    """No name at all, no way back, at work too early, and names of other faults."""
    assert any(expected in text for text in misnamed(told, glimpses))


def test_neighbour_that_is_not_at_work_is_found_between_two_moments() -> None:
    """What was shown before and after does not count."""
    seen = {5: (Glimpse(1, "meeting"), Glimpse(2, "ready"), Glimpse(9, "troubled", "slow"))}
    assert [] == disturbed_neighbours(seen, 1, 8)
    (text,) = disturbed_neighbours(seen, 1, 9)
    assert "phone 5, left alone: shown as troubled (slow)" == text


def test_percentile_is_a_value_of_the_sample() -> None:
    """Nineteen of twenty are not above the 95th; of nothing there is none."""
    assert 19 == percentile(range(1, 21), 0.95)
    assert math.isnan(percentile([], 0.95))
