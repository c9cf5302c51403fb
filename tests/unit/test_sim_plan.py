"""What the panel's SIM rows should become."""

import pytest

from droidrack.core.ids import Slot
from droidrack.core.settings import SlotSettings
from droidrack.core.sim_plan import Row, Step, plan_rows

ROW = Row("sim-1", Slot(0), "SIM 1", "DE")
BLUE = SlotSettings(Slot(0), "Blue network", "DE")


def planned(
    rows: list[Row], wanted: list[SlotSettings], cards: dict[int, str]
) -> list[tuple[int, str, str, str]]:
    """Slot, step, label and country of each plan."""
    plans = plan_rows(rows, wanted, {Slot(slot): country for slot, country in cards.items()})
    return [(plan.slot, plan.step.value, plan.label, plan.country) for plan in plans]


@pytest.mark.parametrize(
    ("rows", "wanted", "cards", "plans"),
    [
        # Without [[phones.slots]]: every card has a row, the panel's label stays.
        ([], [], {0: "DE", 1: ""}, [(0, "create", "SIM 1", "DE"), (1, "create", "SIM 2", "")]),
        ([ROW], [], {0: "DE"}, [(0, "keep", "SIM 1", "DE")]),
        ([ROW], [], {0: "AT"}, [(0, "update", "SIM 1", "AT")]),
        ([ROW], [], {0: ""}, [(0, "keep", "SIM 1", "DE")]),
        ([ROW], [], {}, [(0, "keep", "SIM 1", "DE")]),
        # With [[phones.slots]]: label and country are the operator's.
        ([], [BLUE], {0: "AT", 1: "AT"}, [(0, "create", "Blue network", "DE")]),
        ([], [BLUE], {}, []),
        ([ROW], [BLUE], {0: "AT"}, [(0, "update", "Blue network", "DE")]),
        (
            [Row("sim-1", Slot(0), "Blue network", "")],
            [BLUE],
            {0: ""},
            [(0, "update", "Blue network", "DE")],
        ),
        ([Row("sim-2", Slot(1), "Old", "DE")], [BLUE], {1: "DE"}, [(1, "surplus", "Old", "DE")]),
    ],
)
def test_plan_of_rows(
    rows: list[Row],
    wanted: list[SlotSettings],
    cards: dict[int, str],
    plans: list[tuple[int, str, str, str]],
) -> None:
    """Created where a used slot has a card and no row, changed where it drifted, never deleted."""
    assert plans == planned(rows, wanted, cards)


def test_plan_says_what_drifted() -> None:
    """The operator reads what changes into what, and that a card is missing."""
    (plan,) = plan_rows([ROW], [SlotSettings(Slot(0), "Blue", "AT")], {})
    assert "label 'SIM 1' → 'Blue', country DE → AT, no card in this slot now" == plan.why
    assert Step.UPDATE is plan.step
