"""What the panel's SIM rows should become: created, updated, or left; deleted only by a person.

A row means a slot. `devices.toml` says which slots are used and how they are called; where it says
nothing, every slot with a card is used and the panel's own label stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from droidrack.core.ids import Slot
from droidrack.core.settings import SlotSettings


class Step(StrEnum):
    """What is to be done with one row."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    SURPLUS = "surplus"  # devices.toml uses other slots. It goes only when a person says so.


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the panel last told it; `country` "" where nobody remembers."""

    uid: str
    slot: Slot
    label: str
    country: str


@dataclass(frozen=True, slots=True)
class RowPlan:
    """One row and its step; `label` and `country` are those to be, `why` is for the operator."""

    step: Step
    slot: Slot
    uid: str = ""
    label: str = ""
    country: str = ""
    why: str = ""


def plan_rows(
    rows: Iterable[Row], wanted: Iterable[SlotSettings], cards: Mapping[Slot, str]
) -> tuple[RowPlan, ...]:
    """The step of each row and of each slot that lacks one, by slot.

    Args:
        rows: of the phone's session.
        wanted: the slots that devices.toml names; none: every slot with a card.
        cards: the slots with a card in use, each with the country that the phone tells of its home
            network; "" where it tells none.
    """
    entries = {entry.slot: entry for entry in wanted}
    known = list(rows)
    plans = [_of_row(row, entries, cards) for row in known]
    lacking = cards.keys() - {row.slot for row in known}
    for slot in lacking:
        if entries and slot not in entries:
            continue
        entry = entries.get(slot)
        label = entry.label if entry else f"SIM {slot + 1}"
        country = entry.country if entry else cards[slot]
        why = "a card without a row"
        plans.append(RowPlan(Step.CREATE, slot, label=label, country=country, why=why))
    return tuple(sorted(plans, key=lambda plan: (plan.slot, plan.uid)))


def _of_row(row: Row, entries: Mapping[Slot, SlotSettings], cards: Mapping[Slot, str]) -> RowPlan:
    entry = entries.get(row.slot)
    if entries and entry is None:
        why = "devices.toml does not use this slot"
        return RowPlan(Step.SURPLUS, row.slot, row.uid, row.label, row.country, why)
    label = entry.label if entry else row.label
    country = (entry.country if entry else cards.get(row.slot, "")) or row.country
    whys = []
    if label != row.label:
        whys.append(f"label {row.label!r} → {label!r}")
    if country != row.country:
        whys.append(f"country {row.country or 'not known'} → {country}")
    step = Step.UPDATE if whys else Step.KEEP
    if row.slot not in cards:
        whys.append("no card in this slot now")
    return RowPlan(step, row.slot, row.uid, label, country, ", ".join(whys))
