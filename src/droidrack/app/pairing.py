"""Pairing: a token becomes a session, and the panel's SIM rows become cards."""

from dataclasses import replace

from droidrack import __version__
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.errors import PanelRefused
from droidrack.core.ids import Token
from droidrack.core.settings import PhoneSettings
from droidrack.ports import (
    Event,
    PhoneRecord,
    Registration,
    SimRecord,
    StoredSession,
)


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
    """Create the panel's SIM row of each used slot that has a card and no row yet.

    An earlier life may have died between the session and its rows, and a card may come later. Every
    row is in the vault before the next one is asked for; a row that the panel refuses is left out.

    Raises:
        PanelUnavailable, PanelBusy, SessionOver: without a definite answer about each row a message
            for one of them would fail as if nobody knew its SIM.
        VaultError: a row cannot be kept.
    """
    known = {row.slot for row in session.sims}
    wanted = {entry.slot: entry for entry in settings.slots}
    for sim in handset.sims:
        if sim.slot in known or (wanted and sim.slot not in wanted) or sim.sub_id is None:
            continue
        entry = wanted.get(sim.slot)
        label = entry.label if entry else f"SIM {sim.slot + 1}"
        country = entry.country if entry else handset.country(sim.slot)
        try:
            row = await world.panel.create_sim(session.token, sim.slot, label, country)
        except PanelRefused as refusal:
            world.tell("SIM row not created", slot=sim.slot, reason=refusal.message)
            continue
        session = replace(session, sims=(*session.sims, row))
        world.vault.store(handset.device, session)
    return session


async def remember(
    world: World, handset: Handset, settings: PhoneSettings, session: StoredSession
) -> None:
    """Note in the journal who this phone is, and bind SIM rows that are not bound yet."""
    now = world.clock.now()
    await _note_update(world, handset, settings)
    await world.journal.remember_phone(
        PhoneRecord(
            device=handset.device,
            name=settings.name,
            serial=handset.serialno,
            gateway_uid=session.gateway_uid,
            fingerprint=handset.identity.fingerprint,
            seen_at=now,
        )
    )
    await bind_rows(world, handset, session)


async def _note_update(world: World, handset: Handset, settings: PhoneSettings) -> None:
    """Tell that a phone has another build than before: an update may have set anything back."""
    known = {record.device: record.fingerprint for record in await world.journal.phones()}
    before, build = known.get(handset.device, ""), handset.identity.fingerprint
    if not before or before == build:
        return
    hint = "its recipes are due for a check: droidrack provision drift RECIPE"
    world.tell("phone has another build", phone=settings.name, before=before, now=build, hint=hint)
    text = f"another build: {before} → {build}; {hint}"
    await world.journal.record(Event(world.clock.now(), handset.device, "build-changed", text))


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
