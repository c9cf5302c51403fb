"""`droidrack doctor`'s look at phones: who is on the adb servers, and what keeps whom from working.

Everything asked of a phone only reads.
"""

import asyncio
from collections.abc import Sequence

from droidrack.app.arrival import Seen, matches, survey
from droidrack.app.finding import stored_session
from droidrack.app.handset import Handset
from droidrack.app.inbound import CLOSED_BY_RELEASE
from droidrack.app.inbox_store import InboxStore
from droidrack.app.world import World
from droidrack.core.checkup import Finding, Severity, failing, fine, warning
from droidrack.core.door import SimReading
from droidrack.core.errors import RackError
from droidrack.core.presence import diagnose
from droidrack.core.profile import Profile
from droidrack.core.rack_map import described, find_socket, view_of
from droidrack.core.settings import PhoneSettings
from droidrack.core.transport import READY, advice
from droidrack.core.usb import UsbTree
from droidrack.ports import Bus, PhoneRecord

SETTLE_S = 2.0
"""How long an adb server is listened to: a fresh one needs moments to find its phones."""

AT_ONCE = 16
"""Phones that are asked at a time."""


_UNTOLD = warning(
    "sessions",
    "which phones are paired cannot be told: the journal, which knows them, cannot be read",
    "see what is said of the journal, and pair no phone before that: their sessions are kept apart",
)


async def check_phones(
    world: World,
    buses: Sequence[Bus],
    records: Sequence[PhoneRecord] | None,
    tree: UsbTree | None = None,
) -> list[Finding]:
    """Every configured phone, and every other one that is there.

    `records`: the journal's phones; None: it cannot be read. `tree`: the kernel's view.
    """
    seen = await survey(buses, settle_s=SETTLE_S)
    findings = [_lone(entry, world.settings.phones) for entry in seen]
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(phone: PhoneSettings) -> list[Finding]:
        async with turn:
            return await _check(world, phone, seen, records, tree)

    checked = await asyncio.gather(*(one(phone) for phone in world.settings.phones))
    return [
        *([_UNTOLD] if records is None else []),
        *(finding for finding in findings if finding is not None),
        *(finding for phone in checked for finding in phone),
    ]


def _lone(entry: Seen, phones: Sequence[PhoneSettings]) -> Finding | None:
    """What is to be said of a phone that no entry of the configuration means."""
    sighting, subject = entry.sighting, f"adb {entry.sighting.serial}"
    if any(_means(phone, entry) for phone in phones):
        return None
    if sighting.state != READY:
        known = advice(sighting.state)
        return Finding(Severity.ERROR, subject, f"{sighting.state}: {known.meaning}", known.remedy)
    if entry.arrival is None:
        return warning(subject, f"does not say who it is: {entry.complaint}", "restart the phone")
    serial = entry.arrival.serialno or sighting.serial
    return warning(
        subject,
        f"{entry.arrival.model}, Android {entry.arrival.release}: not in devices.toml",
        f'add a [[phones]] table with a name and serial = "{serial}"'
        + (f' or usb = "{sighting.usb}"' if sighting.usb else ""),
    )


def _means(phone: PhoneSettings, entry: Seen) -> bool:
    serialno = entry.arrival.serialno if entry.arrival else ""
    return matches(phone, entry.sighting, serialno)


async def _check(
    world: World,
    phone: PhoneSettings,
    seen: Sequence[Seen],
    records: Sequence[PhoneRecord] | None,
    tree: UsbTree | None,
) -> list[Finding]:
    subject = f"phone {phone.name}"
    found = await _presence(world, phone, seen, subject, tree)
    if records is not None:  # Without them a kept session looks like none.
        found.append(_session(world, phone, records, subject))
    return found


async def _presence(
    world: World,
    phone: PhoneSettings,
    seen: Sequence[Seen],
    subject: str,
    tree: UsbTree | None,
) -> list[Finding]:
    fitting = [entry for entry in seen if _means(phone, entry)]
    if not fitting:
        return [_absence(world, phone, subject, tree)]
    if len(fitting) > 1:
        there = ", ".join(entry.sighting.serial for entry in fitting)
        return [
            Finding(
                Severity.ERROR,
                subject,
                f"several attached phones fit its entry: {there}",
                "tell them apart by usb in devices.toml",
            )
        ]
    (entry,) = fitting
    if entry.sighting.state != READY:
        known = advice(entry.sighting.state)
        state = f"{entry.sighting.state}: {known.meaning}"
        return [Finding(Severity.ERROR, subject, state, known.remedy)]
    if entry.arrival is None:
        return [Finding(Severity.ERROR, subject, entry.complaint, "restart the phone")]
    try:
        handset = await Handset.meet(world, entry.arrival)
    except RackError as error:
        return [failing(subject, error)]
    stopped = world.notebook.quarantine(handset.device)
    found = [
        fine(
            subject,
            f"{handset.identity}, Android {handset.identity.release}, {entry.sighting.serial}",
        ),
        *_sims(handset.sims, subject),
        *_profile(handset.profile, subject),
        *await _inbox(world, handset, subject),
    ]
    if stopped:
        how = "check its SIMs, then let it send again"
        found.append(Finding(Severity.ERROR, subject, f"quarantined: {stopped}", how))
    return found


def _absence(world: World, phone: PhoneSettings, subject: str, tree: UsbTree | None) -> Finding:
    """Why an expected phone is not listed, as far as the kernel tells."""
    found = diagnose(view_of(phone, "", None, tree))
    where = described(world.settings.ports, find_socket(phone, tree))
    seen = f"not attached: {found.seen}" + (f", {where}" if where else "")
    return Finding(Severity.ERROR, subject, seen, found.remedy)


def _sims(sims: Sequence[SimReading], subject: str) -> list[Finding]:
    ready = [sim for sim in sims if sim.sub_id is not None and sim.state and sim.state.usable]
    shown = ", ".join(f"slot {sim.slot} {sim.state}" for sim in sims) or "no slot"
    if ready:
        return [fine(subject, f"SIMs: {shown}")]
    return [
        Finding(
            Severity.ERROR,
            subject,
            f"no SIM is ready: {shown}",
            "insert a SIM, unlock it, and wait until the phone shows its network",
        )
    ]


def _profile(profile: Profile, subject: str) -> list[Finding]:
    used = [row for row in profile.rows.values() if row.transaction]
    unproven = sorted(row.name for row in used if not row.verified)
    findings = []
    if unproven:
        findings.append(
            warning(
                subject,
                f"profile {profile.name}: {len(unproven)} of {len(used)} calls are known from "
                "Android's source and not from a phone's capture",
                "nothing to do: the phone's own read-only answers are checked before it sends",
            )
        )
    if not (profile.facts.store_readable or profile.facts.radio_verdict):
        findings.append(
            warning(
                subject,
                "this release proves a sending only to a controller that listens meanwhile",
                "what is open when the controller restarts stays unknown: see unknown_as in "
                "devices.toml, or use a phone with a later Android",
            )
        )
    if profile.doubtful:
        findings.append(
            warning(
                subject,
                f"barred on this build: {', '.join(profile.doubtful)}",
                "let droidrack read the phone's own codes",
            )
        )
    return findings


async def _inbox(world: World, handset: Handset, subject: str) -> list[Finding]:
    """Whether the texts that arrive on this phone can be read."""
    if not world.settings.inbound.enabled:
        return [fine(subject, "texts that arrive are not read: [inbound] enabled = false")]
    reason, remedy = CLOSED_BY_RELEASE, "use a phone with Android 10 or later for replies"
    if handset.profile.facts.store_readable:
        try:
            await InboxStore(handset).newest(1)
        except RackError as error:
            reason, remedy = error.message, error.hint
        else:
            return [fine(subject, "texts that arrive can be read")]
    return [warning(subject, f"texts that arrive: not available: {reason}", remedy)]


def _session(
    world: World, phone: PhoneSettings, records: Sequence[PhoneRecord], subject: str
) -> Finding:
    """Whether a session is kept. The panel is not asked: each call with a token has effects."""
    try:
        known = stored_session(world.vault, records, phone)
        token = world.pairing_token(phone) if known is None else None
    except RackError as error:
        return failing(subject, error)
    if known is not None:
        return fine(
            subject,
            f"paired as gateway {known[1].gateway_uid}; whether the panel still takes its session "
            "shows at its next poll",
        )
    if token is not None:
        return warning(
            subject, "not paired yet; its pairing token is laid down", "start `droidrack run`"
        )
    return Finding(
        Severity.ERROR,
        subject,
        "not paired, and no pairing token is laid down",
        f"make a token in the panel and run `droidrack pair --phone {phone.name} --token-stdin`",
    )
