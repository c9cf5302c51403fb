"""The repair ladder: which rung comes next, under which conditions, and when nobody tries."""

from itertools import product

import pytest

from droidrack.core.ids import UsbPath
from droidrack.core.presence import Presence
from droidrack.core.repair import (
    HOUR_S,
    LADDERS,
    PATIENCE,
    TREATED,
    Ailment,
    Budget,
    HubDrop,
    Means,
    Rung,
    ailment_of,
    dropped_hubs,
    flap_hold_s,
    next_step,
)

A, R = Ailment, Rung
ALL = Means(own_server=True, all_affected=True, port_cuts=True, reboot_allowed=True, budget_left=9)
NONE = Means(False, False, False, False, 9)
SPENT = Means(True, True, True, True, 0)


def climb(ailment: Ailment, means: Means) -> list[Rung]:
    """Every rung that is used, until a person is called."""
    tried: list[Rung] = []
    while (step := next_step(ailment, tried, means)) is not None:
        tried.append(step.rung)
    return tried


def test_ladder_with_all_means_is_climbed_rung_by_rung() -> None:
    """The mildest first; what touches other phones after what touches this one only."""
    expected = [R.WAIT, R.RECONNECT, R.RESTART_SERVER, R.CYCLE_PORT, R.REBOOT, R.QUARANTINE]
    assert expected == climb(A.SILENT, ALL)
    assert [R.WAIT, R.CYCLE_PORT, R.QUARANTINE] == climb(A.NOT_IN_TREE, ALL)


def test_ladder_without_means_waits_reconnects_and_calls_a_person() -> None:
    """What is not permitted is named."""
    assert [R.WAIT, R.RECONNECT, R.QUARANTINE] == climb(A.OFFLINE, NONE)
    step = next_step(A.SILENT, [R.WAIT, R.RECONNECT], NONE)
    assert step is not None
    words = ("not ours", "usb prove", "[repair] reboot")
    assert all(word in why for word, why in zip(words, step.left_out, strict=True))


def test_server_is_not_restarted_while_another_phone_works() -> None:
    """One sick phone is no reason to disturb the rest, on however many rungs."""
    means = Means(True, False, True, True, 9)
    assert all(R.RESTART_SERVER not in climb(ailment, means) for ailment in A)


def test_spent_budget_leaves_waiting_and_a_person() -> None:
    """Nothing is done to a phone without a budget, whatever it suffers from."""
    for ailment in A:
        assert not TREATED & set(climb(ailment, SPENT))


@pytest.mark.parametrize("ailment", A)
def test_every_ladder_ends_with_a_person(ailment: Ailment) -> None:
    """Once; and each of its rungs has its time."""
    for flags in product((True, False), repeat=4):
        for budget in (0, 1, 9):
            rungs = climb(ailment, Means(*flags, budget))
            assert R.QUARANTINE is rungs[-1]
            assert len(set(rungs)) == len(rungs)
    assert set(LADDERS[ailment]) <= set(PATIENCE)


@pytest.mark.parametrize(
    ("state", "presence", "answers", "expected"),
    [
        ("device", None, True, None),
        ("device", None, False, A.SILENT),
        ("offline", None, False, A.OFFLINE),
        ("recovery", None, False, A.OFFLINE),
        ("unauthorized", None, False, A.UNAUTHORIZED),
        ("no permissions", None, False, A.NO_PERMISSIONS),
        ("", Presence.NOT_IN_TREE, False, A.NOT_IN_TREE),
        ("", Presence.NO_DEBUGGING, False, A.NO_DEBUGGING),
        ("", Presence.NOT_IN_ADB, False, A.NOT_IN_ADB),
        ("", Presence.TREE_UNKNOWN, False, A.GONE),
        ("", None, False, A.GONE),
    ],
)
def test_ailment_is_told_by_all_views(
    state: str, presence: Presence | None, answers: bool, expected: Ailment | None
) -> None:
    """Three faults of one that is not listed are three ailments."""
    assert expected is ailment_of(state, presence, answers=answers)


def test_budget_counts_an_hour() -> None:
    """Two attempts, a refusal, and again when the first is an hour old."""
    budget = Budget(2)
    assert [True, True, False] == [budget.spend(now) for now in (0.0, 10.0, 20.0)]
    assert 0 == budget.left(HOUR_S - 1)
    assert budget.spend(HOUR_S + 1)
    assert not budget.spend(HOUR_S + 2)


def test_flapping_phone_is_kept_waiting_longer_each_time() -> None:
    """Eight departures are a person's; then the pause doubles up to a quarter of an hour."""
    left = [10.0 * n for n in range(18)]
    holds = [flap_hold_s(left[: n + 1], left[n]) for n in range(18)]

    assert [0.0] * 8 + [30.0, 60.0, 120.0, 240.0, 480.0] == holds[:13]
    assert 900.0 == holds[-1]
    assert 0.0 == flap_hold_s(left, 10_000.0)


def paths(**ports: str) -> dict[str, UsbPath]:
    """Phones by name."""
    return {name: UsbPath(path) for name, path in ports.items()}


def test_hub_that_lost_all_its_phones_is_named_once() -> None:
    """Thirty phones, one cause; a phone elsewhere that left too is a case of its own."""
    lost = paths(**{f"p{n}": f"1-2.{n}" for n in range(1, 31)}, alone="1-3.1")
    (drop,) = dropped_hubs(lost, [UsbPath("1-3.2")])

    assert ("1-2", 30) == (drop.hub, len(drop.phones))
    assert "alone" not in drop.phones


@pytest.mark.parametrize(
    ("lost", "staying", "expected"),
    [
        (paths(a="1-2.1", b="1-2.2"), ["1-2.3"], ()),  # The hub itself is well.
        (paths(a="1-2.1"), [], ()),  # One phone is one phone.
        (paths(a="1-2.4.1", b="1-2.4.2"), ["1-2.1"], (HubDrop(UsbPath("1-2.4"), ("a", "b")),)),
        (paths(a="1-2.1", b="1-3.1"), ["2-1"], (HubDrop(UsbPath("usb1"), ("a", "b")),)),
        (
            paths(a="1-2.1", b="1-2.2", c="1-5.1", d="1-5.2"),
            ["1-7"],
            (HubDrop(UsbPath("1-2"), ("a", "b")), HubDrop(UsbPath("1-5"), ("c", "d"))),
        ),
        (paths(a="1-2.1", b="2-2.1"), [], ()),  # Different controllers.
    ],
)
def test_hub_drop_is_told_from_single_phones(
    lost: dict[str, UsbPath], staying: list[str], expected: tuple[HubDrop, ...]
) -> None:
    """By who is still there below the same hub."""
    assert expected == dropped_hubs(lost, [UsbPath(path) for path in staying])
