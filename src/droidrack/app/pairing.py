"""Pairing: a token becomes a session, and the panel's SIM rows become cards."""

from dataclasses import replace

from droidrack import __version__
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.errors import PanelError, PanelRefused, SessionOver
from droidrack.core.ids import DeviceUuid, Token
from droidrack.core.settings import PhoneSettings
from droidrack.core.sim_plan import Row, RowPlan, Step, plan_rows
from droidrack.ports import (
    Event,
    PanelSim,
    PhoneRecord,
    Registration,
    SimRecord,
    StoredSession,
)

NOT_FOUND = 404


async def register(
    world: World, handset: Handset, settings: PhoneSettings, token: Token
) -> StoredSession:
    """Pair a phone: the session is in the vault when this returns. `complete_rows` comes next.

    Raises:
        PanelError: the panel refused, or its answer was lost; then the token may be spent.
        VaultError: the session cannot be kept.
    """
    session = await world.panel.register(
        Registration(
            pairing_token=token,
            device_name=settings.name,
            device_uuid=handset.device,
            android_version=handset.identity.release,
            app_version=__version__,
        )
    )
    # Stored at once: the token behind it is spent, and the rest can be done again.
    stored = StoredSession(session.token, session.gateway_uid, session.sims)
    world.vault.store(handset.device, stored)
    return stored


async def complete_rows(
    world: World, handset: Handset, settings: PhoneSettings, session: StoredSession
) -> StoredSession:
    """Let the panel's SIM rows say what the phone has and what devices.toml says of it.

    A used slot that has a card and no row gets one; a row whose label or country is another by now
    is changed. Nothing is deleted. An earlier life may have died between the session and its rows,
    and a card may come later. Every row is in the vault before the next one is asked for; what the
    panel refuses is left as it is.

    Raises:
        PanelUnavailable, PanelBusy, SessionOver: without a definite answer about each row to be
            created, a message for one of them would fail as if nobody knew its SIM. A change that
            the panel does not take now is tried when the phone is next met.
        VaultError: a row cannot be kept.
    """
    plans = row_plans(handset, settings, session)
    for plan in (plan for plan in plans if plan.step is Step.CREATE):
        try:
            session = await create_row(world, handset.device, session, plan)
        except PanelRefused as refusal:
            world.tell("SIM row not created", slot=plan.slot, reason=refusal.message)
    for plan in (plan for plan in plans if plan.step is Step.UPDATE):
        try:
            session = await update_row(world, handset, session, plan)
        except SessionOver:
            raise
        except PanelError as error:
            world.tell("SIM row not updated", sim=plan.uid, reason=error.message)
    return session


def row_plans(
    handset: Handset, settings: PhoneSettings, session: StoredSession
) -> tuple[RowPlan, ...]:
    """What the rows of an attached phone should become."""
    rows = [Row(row.uid, row.slot, row.label, row.country) for row in session.sims]
    cards = {slot: handset.country(slot) for slot in handset.carded}
    return plan_rows(rows, settings.slots, cards)


async def create_row(
    world: World, device: DeviceUuid, session: StoredSession, plan: RowPlan
) -> StoredSession:
    """Create a row at the panel; it is in the vault when this returns."""
    row = await world.panel.create_sim(session.token, plan.slot, plan.label, plan.country)
    row = replace(row, country=plan.country)
    return _kept(world, device, session, (*session.sims, row))


async def update_row(
    world: World, handset: Handset, session: StoredSession, plan: RowPlan
) -> StoredSession:
    """Change a row at the panel; a row that the panel has no more is forgotten here."""
    # The panel wants the state with every change; the next heartbeat tells it again.
    active = plan.slot in handset.carded
    try:
        changed = await world.panel.update_sim(
            session.token, plan.uid, label=plan.label, country=plan.country, active=active
        )
    except PanelRefused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        world.tell("SIM row gone from the panel", sim=plan.uid, reason=refusal.message)
        rest = tuple(row for row in session.sims if row.uid != plan.uid)
        return _kept(world, handset.device, session, rest)
    changed = replace(changed, country=plan.country)
    rows = tuple(changed if row.uid == plan.uid else row for row in session.sims)
    return _kept(world, handset.device, session, rows)


async def delete_row(
    world: World, device: DeviceUuid, session: StoredSession, uid: str
) -> StoredSession:
    """Delete a row at the panel; one that is gone already is forgotten here."""
    try:
        await world.panel.delete_sim(session.token, uid)
    except PanelRefused as refusal:
        if refusal.status != NOT_FOUND:
            raise
        world.tell("the panel had no such row any more", sim=uid)
    rest = tuple(row for row in session.sims if row.uid != uid)
    return _kept(world, device, session, rest)


def _kept(
    world: World, device: DeviceUuid, session: StoredSession, rows: tuple[PanelSim, ...]
) -> StoredSession:
    session = replace(session, sims=rows)
    world.vault.store(device, session)
    return session


async def remember(
    world: World, handset: Handset, settings: PhoneSettings, session: StoredSession
) -> None:
    """Note in the journal who this phone is, and bind SIM rows that are not bound yet."""
    now = world.clock.now()
    await world.journal.remember_phone(
        PhoneRecord(
            device=handset.device,
            name=settings.name,
            serial=handset.serialno,
            gateway_uid=session.gateway_uid,
            fingerprint=handset.identity.fingerprint,
            usb=handset.recognised.usb,
            mark=handset.recognised.mark,
            seen_at=now,
        )
    )
    await bind_rows(world, handset, session)


async def bind_rows(world: World, handset: Handset, session: StoredSession) -> None:
    """Bind each SIM row to the card that sits in its slot when it is first seen there.

    From then on only the operator changes that (`droidrack sims bind`). A card that does not tell
    its ICCID yet, although this phone's cards can, is bound later.
    """
    now = world.clock.now()
    tells = handset.profile.facts.identity_readable
    bound = await handset.bindings()
    cards = {sim.slot: sim for sim in handset.sims}
    for row in session.sims:
        sim = cards.get(row.slot)
        if row.uid in bound or sim is None or sim.sub_id is None or (tells and not sim.iccid):
            continue
        record = SimRecord(handset.device, row.uid, row.slot, sim.iccid, row.label, now)
        await world.journal.bind_sim(record)
        text = f"SIM row {row.uid} ({row.label}) means the card in slot {row.slot}: {sim.iccid}"
        await world.journal.record(Event(now, handset.device, "sim-bound", text))
