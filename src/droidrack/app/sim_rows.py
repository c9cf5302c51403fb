"""The panel's SIM rows beside the cards: what each means, what it was bound to, what is there now.

Three memories may drift apart: the rows as the panel last told them (in the vault), the cards they
were bound to (in the journal), and the cards in the phone. A row sends only where all three agree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from droidrack.app.bench import BENCH_ROW
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.codes import CODES
from droidrack.core.door import SimBinding, SimReading, sim_hold
from droidrack.core.errors import PhoneRefused
from droidrack.core.ids import Iccid, Slot
from droidrack.ports import Event, PanelSim, SimRecord


@dataclass(frozen=True, slots=True)
class SimLine:
    """One row or one card. `drift` is "" where all agree; `remedy` says what to do about it."""

    slot: Slot
    sim_uid: str  # "": a card without a row
    label: str
    active: bool | None  # as the panel last told it
    bound: Iccid | None
    card: Iccid | None
    drift: str = ""
    remedy: str = ""


def compare(
    rows: Sequence[PanelSim] | None,
    bindings: Sequence[SimRecord] | None,
    cards: Sequence[SimReading] | None,
) -> tuple[SimLine, ...]:
    """Lay the three memories side by side, by slot.

    Args:
        rows: of the phone's session; None: it has none.
        bindings: None: there is no journal to ask.
        cards: the phone's slots as read now; None: it is not attached.
    """
    bound = {record.sim_uid: record for record in bindings or () if record.sim_uid != BENCH_ROW}
    seated = {sim.slot: sim for sim in cards or ()}
    paired, rows = rows is not None, rows or ()
    lines = [
        _row_line(
            row, bound.get(row.uid), seated, asked=cards is not None, kept=bindings is not None
        )
        for row in rows
    ]
    known = {row.uid for row in rows}
    lines += [_orphan(record) for uid, record in bound.items() if uid not in known]
    with_row = {row.slot for row in rows}
    lines += [
        _card_line(sim, paired=paired)
        for sim in cards or ()
        if sim.sub_id is not None and sim.slot not in with_row
    ]
    return tuple(sorted(lines, key=lambda line: (line.slot, line.sim_uid)))


def _row_line(
    row: PanelSim,
    record: SimRecord | None,
    seated: Mapping[Slot, SimReading],
    *,
    asked: bool,
    kept: bool,
) -> SimLine:
    sim = seated.get(row.slot)
    drift = remedy = ""
    if record is None and kept:
        drift = "bound to no card yet"
        remedy = "the controller binds it when it next meets the phone with a card in this slot"
    elif asked:
        iccid = record.iccid if record else None
        hold = sim_hold(SimBinding(row.uid, row.slot, iccid), sim)
        if hold is not None:
            drift, remedy = f"{hold.code}: {hold.detail}", CODES[hold.code].remedy
    return SimLine(
        slot=row.slot,
        sim_uid=row.uid,
        label=row.label,
        active=row.active,
        bound=record.iccid if record else None,
        card=sim.iccid if sim else None,
        drift=drift,
        remedy=remedy,
    )


def _orphan(record: SimRecord) -> SimLine:
    return SimLine(
        slot=record.slot,
        sim_uid=record.sim_uid,
        label=record.label,
        active=None,
        bound=record.iccid,
        card=None,
        drift="the phone's session knows no such row any more",
        remedy="nothing to do: messages for it are refused as SIM_UNKNOWN",
    )


def _card_line(sim: SimReading, *, paired: bool) -> SimLine:
    return SimLine(
        slot=sim.slot,
        sim_uid="",
        label="",
        active=None,
        bound=None,
        card=sim.iccid,
        drift="a card without a row at the panel" if paired else "",
        remedy="the controller creates one when it next meets the phone, if devices.toml wants "
        "this slot; or `droidrack sims create`"
        if paired
        else "",
    )


async def rebind(world: World, handset: Handset, row: PanelSim) -> tuple[str, str]:
    """Bind a row to the card now in its slot; the card before and the card now, masked.

    Raises:
        PhoneRefused: the slot holds no card that is ready.
    """
    sim = next((sim for sim in handset.sims if sim.slot == row.slot), None)
    if sim is None or sim.sub_id is None:
        raise PhoneRefused(
            f"{handset.phone.serial}: slot {row.slot} holds no card that is ready",
            serial=handset.phone.serial,
            hint="insert the card, unlock it, and wait until the phone shows its network",
        )
    now = world.clock.now()
    bound = {record.sim_uid: record for record in await world.journal.sims(handset.device)}
    before = bound[row.uid].iccid if row.uid in bound else None
    await world.journal.bind_sim(
        SimRecord(handset.device, row.uid, row.slot, sim.iccid, row.label, now)
    )
    text = f"SIM row {row.uid} ({row.label}) was bound anew to the card in slot {row.slot}"
    await world.journal.record(Event(now, handset.device, "sim-bound", text))
    return str(before or "none"), str(sim.iccid or "one that does not tell its ICCID")
