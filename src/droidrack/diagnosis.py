"""Wires the check-up of `droidrack doctor`: facts of host, journal, panel and phones to findings.

Beside `compose`, and like it allowed to know adapters; what the facts mean is decided in
`core/checkup.py` and `app/checkup.py`. One trouble never hides another: each part is looked at
even where an earlier one failed.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from droidrack import __version__, compose, compose_journal
from droidrack.app.arrival import Seen, matches
from droidrack.app.arrival import survey as arrival_survey
from droidrack.app.capturing import Sample, capture
from droidrack.app.checkup import check_phones
from droidrack.app.finding import Found, find
from droidrack.app.world import Tell, World
from droidrack.core.checkup import Finding, failing, fine, judge_panel, judge_state_dir, warning
from droidrack.core.errors import BridgeDown, ConfigError, PhoneGone, RackError
from droidrack.core.host_check import judge_host
from droidrack.core.ids import UsbPath
from droidrack.core.message import MessageState
from droidrack.core.port_proof import PortVerdict
from droidrack.core.rack_map import Listed, Spot, label_of, map_rack
from droidrack.core.rack_map import as_json as map_line
from droidrack.core.settings import AdbSettings, Settings
from droidrack.core.support import README, Cleaner, Json, aliases_of
from droidrack.core.usb import UsbTree
from droidrack.ports import Bus, PhoneRecord

COUNTED = 1000
"""Messages of a state that are counted at most; more is `1000 or more`."""

JOURNAL_PARTS = ("", "-wal", "-shm", ".lock", ".seal", ".audit")
"""Not any file of such a name: a copy beside it may be anybody's."""


def adb_program() -> str:
    """Path and version of the adb that an own server runs; BridgeDown where there is none."""
    from droidrack.adapters.host_facts import adb_version

    return adb_version()


def effective_values(path: Path) -> list[dict[str, str]]:
    """Each key of a valid configuration with the value in force and where it came from."""
    from droidrack.adapters import config

    return [
        {"key": item.key, "value": item.value, "origin": item.origin}
        for item in config.effective(config.load(path))
    ]


async def examine(settings: Settings) -> list[Finding]:
    """Everything that a valid configuration names."""
    from droidrack.adapters.access import denial
    from droidrack.adapters.host_facts import look_at
    from droidrack.adapters.host_survey import host_facts

    state_dir = Path(settings.state_dir)
    place, vault = look_at(state_dir), state_dir / compose_journal.VAULT_DIR
    findings = judge_state_dir(place)
    if not place.denied and vault.exists() and (refused := denial(vault)):
        findings.append(failing("vault", refused))
    facts = host_facts(state_dir / compose.ADB_DIR)
    given = {adb.port for adb in settings.adb if not adb.own}
    findings += judge_host(facts, settings.ports, len(settings.phones), given=given)
    findings += await _check_journal(settings)
    findings += await _check_panel(settings)
    findings += await _check_endpoints(settings)
    for adb in settings.adb:
        findings += await _check_adb(settings, adb)
    findings += await _check_phones(settings, facts.tree)
    return findings


async def _check_journal(settings: Settings) -> list[Finding]:
    from droidrack.adapters.access import require
    from droidrack.adapters.journal_schema import HEAD
    from droidrack.adapters.journal_sql import SqlJournal

    path = Path(settings.state_dir) / compose_journal.JOURNAL_FILE
    try:
        if not compose_journal.has_journal(settings):
            return [fine("journal", f"{path} is not there yet; the first controller makes it")]
        for part in (Path(f"{path}{suffix}") for suffix in JOURNAL_PARTS):
            require(part, write=part.exists())  # Read here only; a controller has to write it.
    except RackError as error:
        return [failing("journal", error)]
    journal = SqlJournal(path, observe=True)
    try:
        await journal.open()
        counts = [
            f"{len(await journal.messages(states=[state], limit=COUNTED))} {state.value}"
            for state in (MessageState.ACCEPTED, MessageState.UNKNOWN)
        ]
        holder = journal.holder()
    except RackError as error:
        return [failing("journal", error)]
    finally:
        await journal.close()
    size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))
    return [
        fine("journal", f"revision {HEAD}, {size / 1024**2:.1f} MiB, {', '.join(counts)}"),
        fine("controller", f"{holder} is at work" if holder else "none is running"),
    ]


async def _check_panel(settings: Settings) -> list[Finding]:
    try:
        async with compose.open_panel(settings) as panel:
            sight = await panel.look()
    except RackError as error:
        return [failing("panel", error)]
    return judge_panel(settings.panel.url, sight, datetime.now(UTC))


async def _check_endpoints(settings: Settings) -> list[Finding]:
    """Who wants the texts that arrive: wired as a controller would, and not called."""
    try:
        async with compose.open_endpoints(settings) as endpoints:
            names = ", ".join(endpoint.name for endpoint in endpoints)
    except RackError as error:
        return [failing("inbound", error)]
    return [fine("inbound", f"texts go to {names}")] if names else []


async def _check_adb(settings: Settings, adb: AdbSettings) -> list[Finding]:
    """A given server must answer; an own one is started where no controller runs one."""
    what = "own adb server" if adb.own else f"adb server {adb.host}:{adb.port}"
    try:
        async with compose.open_bus(
            adb, Path(settings.state_dir), _unheard, borrow=True, check=True
        ):
            return [fine(what, "answers")]
    except RackError as error:
        return [failing(what, error)]


async def _check_phones(settings: Settings, tree: UsbTree | None) -> list[Finding]:
    records: Sequence[PhoneRecord] | None = None
    with suppress(RackError):  # Said of the journal already.
        records = await compose_journal.known_phones(settings)
    try:
        async with (
            compose.open_world(settings, _unheard) as world,
            compose.open_buses(settings, _unheard) as buses,
        ):
            return await check_phones(world, buses, records, tree)
    except BridgeDown:
        return [warning("phones", "not looked at", "see what is said of the adb server")]
    except RackError as error:
        return [failing("phones", error)]


def _unheard(event: str, /, **facts: object) -> None:
    """What is told on the way becomes a finding or is of no account."""


async def map_of(settings: Settings, tell: Tell) -> tuple[Spot, ...]:
    """Where every phone of the rack is, by the kernel, the adb servers and the configuration.

    Where no adb server answers, the kernel's view stands alone.
    """
    from droidrack.adapters.sysfs import usb_tree

    try:
        seen = await compose.survey(settings, tell)
    except BridgeDown as error:
        tell("no adb server answers: what follows is the kernel's view alone", why=error.message)
        seen = []
    return map_rack(settings.phones, settings.ports, listed(settings, seen), usb_tree())


def listed(settings: Settings, seen: Sequence[Seen]) -> tuple[Listed, ...]:
    """The lines of a survey with the entry that each fits, for the rack's map."""
    lines = []
    for entry in seen:
        serialno = entry.arrival.serialno if entry.arrival else ""
        fitting = [p.name for p in settings.phones if matches(p, entry.sighting, serialno)]
        name = fitting[0] if len(fitting) == 1 else ""
        sighting = entry.sighting
        lines.append(Listed(sighting.serial, sighting.state, sighting.usb, serialno, name))
    return tuple(lines)


def proven_ports(settings: Settings) -> list[dict[str, Json]]:
    """What was found out about ports, for a table; `holds` null: this host shows no USB tree."""
    from droidrack.adapters.access import require
    from droidrack.adapters.sysfs import usb_tree
    from droidrack.adapters.usb_power import PROOFS_FILE, PortProofs
    from droidrack.core.port_proof import fingerprint_of

    require(Path(settings.state_dir) / PROOFS_FILE, write=False)
    tree = usb_tree()
    return [
        {
            "port": proof.port,
            "label": label_of(settings.ports, proof.port) or None,
            "verdict": proof.verdict.value,
            "holds": None if tree is None else fingerprint_of(tree, proof.port) == proof.hub,
            "phone": proof.phone,
            "at": proof.at.isoformat(timespec="seconds"),
        }
        for proof in PortProofs(Path(settings.state_dir)).all()
    ]


def seen_port(port: str) -> tuple[UsbPath, str]:
    """The socket's name for a port, and the mark of its hub.

    Raises:
        ConfigError: the kernel shows no such port.
    """
    from droidrack.adapters.sysfs import usb_tree
    from droidrack.core.port_proof import fingerprint_of

    tree = usb_tree()
    place = tree.place(UsbPath(port)) if tree else UsbPath(port)
    hub = fingerprint_of(tree, place) if tree else ""
    if not hub:
        raise ConfigError(
            f"port {port[:64]}: this host shows no such USB port",
            hint="`droidrack map` shows the ports there are",
        )
    return place, hub


async def prove_port(settings: Settings, port: str, tell: Tell) -> PortVerdict:
    """Prove a port by the phone in it, and record what came out.

    Raises:
        ConfigError: no such port, or a controller is running: its phone would be taken away.
        PhoneError: no phone in it, or the port cannot be switched.
    """
    from droidrack.adapters.clock import SystemClock
    from droidrack.adapters.usb_power import PortProofs, Uhubctl
    from droidrack.app.proving import prove
    from droidrack.core.port_proof import Proof

    place, hub = seen_port(port)
    state_dir = Path(settings.state_dir)
    if holder := _controller(settings):
        raise ConfigError(
            f"{holder} is at work and would lose the phone in port {port}",
            hint="stop the controller, prove the ports, start it again",
        )
    async with compose.open_buses(settings, tell) as buses:
        bus = await _bus_with(buses, place)
        verdict, phone = await prove(bus, place, Uhubctl().switch, SystemClock())
    PortProofs(state_dir).keep(Proof(place, hub, verdict, phone, datetime.now(UTC)))
    return verdict


def _controller(settings: Settings) -> str:
    """Who holds the journal; "" where no controller is at work."""
    from droidrack.adapters.journal_sql import SqlJournal

    return SqlJournal(
        Path(settings.state_dir) / compose_journal.JOURNAL_FILE, observe=True
    ).holder()


async def _bus_with(buses: Sequence[Bus], port: UsbPath) -> Bus:
    seen = await arrival_survey(buses, settle_s=compose.SETTLE_S)
    found = [entry.bus for entry in seen if entry.sighting.usb == port]
    if not found:
        raise PhoneGone(
            f"port {port}: no adb server shows a phone in it",
            hint="plug a phone in whose USB debugging works; `droidrack map` shows the ports",
        )
    return found[0]


# --- The support bundle -----------------------------------------------------------------------

EVENTS_KEPT = 500
LOG_TAIL_BYTES = 64 * 1024


async def bundle(
    config: Path, settings: Settings, tell: Tell, *, phones: bool = True
) -> dict[str, str]:
    """The files of a support bundle, cleaned. What cannot be read is said in its file's place."""
    findings = await examine(settings)
    spots = await map_of(settings, tell)
    serials = {phone.name: [phone.serial] for phone in settings.phones}
    for record in await _records(settings):
        serials.setdefault(record.name, []).append(record.serial)
    for spot in spots:
        serials.setdefault(spot.phone or f"the phone at {spot.usb}", []).append(spot.serial)
    cleaner = Cleaner(aliases_of(serials))
    parts: dict[str, Json] = {
        "doctor.json": [finding_json(finding) for finding in findings],
        "config.json": [dict(value) for value in effective_values(config)],
        "map.json": [map_line(spot) for spot in spots],
        "ports.json": proven_ports(settings),
        "events.json": await _events(settings),
    }
    texts = {"README.txt": README, "adb-server.log": cleaner.text(_log_tail(settings))}
    # Our own words, in which a version's digits would be taken for a number.
    texts["versions.json"] = json.dumps(_versions(), indent=1) + "\n"
    for name, part in parts.items():
        texts[name] = json.dumps(cleaner.json(part), ensure_ascii=False, indent=1) + "\n"
    if phones:
        texts |= await _phone_texts(settings, tell, cleaner)
    return texts


def write_bundle(path: Path, files: Mapping[str, str], *, at: float) -> None:
    """Put a bundle down; ConfigError where the file exists or cannot be written."""
    from droidrack.adapters import bundle_file

    bundle_file.write_bundle(path, files, at=at)


def finding_json(finding: Finding) -> dict[str, str | None]:
    """A finding for scripts."""
    return {
        "severity": finding.severity.value,
        "subject": finding.subject,
        "seen": finding.seen,
        "remedy": finding.remedy or None,
    }


def _versions() -> dict[str, Json]:
    from droidrack.adapters.usb_power import Uhubctl

    try:
        adb = adb_program()
    except RackError as error:
        adb = error.message
    return {
        "droidrack": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "adb": adb,
        "uhubctl": Uhubctl().tool,
    }


async def _records(settings: Settings) -> Sequence[PhoneRecord]:
    try:
        return await compose_journal.known_phones(settings)
    except RackError:
        return ()  # Said by doctor's finding about the journal.


async def _events(settings: Settings) -> list[Json]:
    try:
        if not compose_journal.has_journal(settings):
            return []
        async with compose_journal.observe_journal(settings) as journal:
            events = await journal.events(limit=EVENTS_KEPT)
    except RackError as error:
        return [{"unreadable": error.message}]
    return [
        {"at": e.at.isoformat(), "phone": e.phone or None, "kind": e.kind, "text": e.text}
        for e in events
    ]


def _log_tail(settings: Settings) -> str:
    from droidrack.adapters.adb_server import OwnServer

    path = OwnServer(Path(settings.state_dir) / compose.ADB_DIR).log
    try:
        return path.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
    except OSError as exc:
        return f"not there: {exc.strerror}\n"


async def _phone_texts(settings: Settings, tell: Tell, cleaner: Cleaner) -> dict[str, str]:
    """Each attached phone's dumps, or why there are none."""
    texts: dict[str, str] = {}
    try:
        async with (
            compose.open_world(settings, tell) as world,
            compose.open_buses(settings, tell) as buses,
        ):
            found = await find(buses, settings.phones)
            for name, phone in found.items():
                try:
                    samples = await _samples(world, phone)
                except RackError as error:
                    texts[f"phones/{name}/missing.txt"] = cleaner.text(f"{error.message}\n")
                else:
                    for number, sample in enumerate(samples):
                        file = f"phones/{name}/{number:02d}-{sample.family}.txt"
                        said = f"$ {sample.command}\n{sample.note}\n{sample.text}"
                        texts[file] = cleaner.aliased(said)
    except RackError as error:
        texts["phones/missing.txt"] = cleaner.text(f"{error.message}\n")
    return texts


async def _samples(world: World, found: Found) -> list[Sample]:
    if isinstance(found, RackError):
        raise found
    return await capture(world, found)
