"""How the rack is now, as values for tables, JSON and metrics. Keys are stable.

Card identities are masked; no number, text or token is in it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from droidrack import __version__
from droidrack.app.oversight import Oversight, Ringing
from droidrack.app.panel_line import PanelLine
from droidrack.app.rack import Rack
from droidrack.app.repairing import Case
from droidrack.app.servers import Absence
from droidrack.app.views import Shown
from droidrack.app.worker import Worker
from droidrack.app.world import World
from droidrack.core.ids import DeviceUuid
from droidrack.core.rack_map import described, label_of
from droidrack.core.repair import TREATED, Rung
from droidrack.core.sim_health import SimHealth
from droidrack.core.vitals import Vitals
from droidrack.ports import Tally


async def status(world: World, rack: Rack, since: datetime) -> Shown:
    """The whole rack. `since`: when the controller started."""
    tallies = await world.journal.tallies()
    workers = rack.workers
    return {
        "version": __version__,
        "now": _iso(world.clock.now()),
        "since": _iso(since),
        "totals": _totals(workers, tallies),
        "hubs_lost": [
            {"hub": described(world.settings.ports, drop.hub), "phones": list(drop.phones)}
            for drop in rack.repairs.hubs
        ],
        "servers_lost": [
            {
                "server": absence.outage.server,
                "since": _iso(absence.since),
                "seen": absence.outage.seen,
                "remedy": absence.outage.remedy,
                "phones": _away_with(absence, workers),
            }
            for absence in rack.servers.lost
        ],
        "panel_lost": _panel(world.panel_line, workers),
        "phones": [
            {**_phone(worker, tallies), **_place(world, worker), "repair": _repair(world, case)}
            for worker in workers
            for case in [rack.repairs.cases.get(worker.name)]
        ],
    }


def _panel(line: PanelLine, workers: Sequence[Worker]) -> Shown | None:
    """The outage of the panel, with the phones that ask it in vain."""
    if (outage := line.outage) is None:
        return None
    return {
        "panel": line.at,
        "since": _iso(outage.since),
        "seen": outage.seen,
        "remedy": outage.remedy,
        "phones": [worker.name for worker in workers if worker.device in outage.devices],
    }


def _away_with(absence: Absence, workers: Sequence[Worker]) -> list[str]:
    return [w.name for w in workers if w.outage == absence.outage and not w.occupied]


def _totals(workers: Sequence[Worker], tallies: Mapping[DeviceUuid, Tally]) -> Shown:
    mine = [_tally(worker, tallies) for worker in workers]
    rate = sum(worker.oversight.conduct.sent_per_minute for worker in workers)
    return {
        "phones": len(workers),
        "states": dict(Counter(worker.standing.state.value for worker in workers)),
        "waiting": sum(tally.waiting for tally in mine),
        "open": sum(tally.open for tally in mine),
        "unknown": sum(tally.unknown for tally in mine),
        "unreported": sum(tally.unreported for tally in mine),
        "sent_per_minute": round(rate, 2),
        "alarms": sum(len(worker.oversight.ringing) for worker in workers),
    }


def _phone(worker: Worker, tallies: Mapping[DeviceUuid, Tally]) -> Shown:
    standing, oversight, arrival = worker.standing, worker.oversight, worker.arrival
    order = oversight.order
    return {
        "phone": worker.name,
        "state": standing.state.value,
        "cause": standing.cause or None,
        "since": _iso(standing.since),
        "evidence": standing.evidence or None,
        "remedy": standing.remedy or None,
        "order": {"kind": order.kind.value, "why": order.why} if order else None,
        "device": worker.device,
        "serial": worker.adb_serial if arrival else None,
        "model": (arrival.model or None) if arrival else None,
        "android": (arrival.release or None) if arrival else None,
        "sims": [_sim(sim) for sim in oversight.sims],
        "vitals": _vitals(oversight.vitals) if oversight.vitals else None,
        "queue": _queue(_tally(worker, tallies)),
        "work": _work(oversight),
        "alarms": [_alarm(ringing) for ringing in oversight.ringing],
    }


def _place(world: World, worker: Worker) -> Shown:
    """Where it is, was seen last, or belongs, so that a person finds it when it is away."""
    usb = worker.socket
    return {"usb": usb, "port": label_of(world.settings.ports, usb) or None}


def _repair(world: World, case: Case | None) -> Shown | None:
    """What is done about a phone that is not well."""
    if case is None:
        return None
    ill_s = world.clock.monotonic() - case.since
    return {
        "ailment": case.ailment.value,
        "since": _iso(world.clock.now() - timedelta(seconds=ill_s)),
        "seen": case.why,
        "tried": [rung.value for rung in case.tried if rung in TREATED],
        "given_up": Rung.QUARANTINE in case.tried,
        "remedy": case.remedy or None,
    }


def _tally(worker: Worker, tallies: Mapping[DeviceUuid, Tally]) -> Tally:
    return tallies.get(worker.device, Tally()) if worker.device else Tally()


def _sim(sim: SimHealth) -> Shown:
    return {
        "slot": sim.slot,
        "state": sim.state.value if sim.state else None,
        "iccid": sim.iccid.masked() if sim.iccid else None,
        "operator": sim.operator,
        "roaming": sim.roaming,
        "in_service": sim.in_service,
        "signal_dbm": sim.signal_dbm,
        "technology": sim.technology,
        "hold": sim.hold or None,
    }


def _vitals(vitals: Vitals) -> Shown:
    battery, free = vitals.battery, vitals.storage_free_bytes
    return {
        "battery_percent": battery.percent if battery else None,
        "battery_c": battery.temperature_c if battery else None,
        "battery_mv": battery.voltage_mv if battery else None,
        "battery_status": battery.status_name if battery else None,
        "battery_health": battery.health_name if battery else None,
        "powered": (battery.usb_powered or battery.ac_powered) if battery else None,
        "storage_free_mb": None if free is None else free // 1_000_000,
        "clock_offset_s": None if vitals.clock_offset_s is None else round(vitals.clock_offset_s),
        "doze": vitals.doze,
        "sms_app": vitals.sms_app,
        "dialog": vitals.asks_a_person,
    }


def _queue(tally: Tally) -> Shown:
    return {
        "waiting": tally.waiting,
        "open": tally.open,
        "unknown": tally.unknown,
        "unreported": tally.unreported,
        "waiting_since": _iso(tally.waiting_since),
        "unreported_since": _iso(tally.unreported_since),
    }


def _work(oversight: Oversight) -> Shown:
    counts, conduct = oversight.conduct.counts, oversight.conduct
    return {
        "calls": counts.calls,
        "sent": counts.sent,
        "failed": counts.failed,
        "unknown": counts.unknown,
        "sent_per_minute": round(conduct.sent_per_minute, 2),
        "silent_s": round(conduct.silent_s),
        "proven_at": _iso(conduct.proven_at),
    }


def _alarm(ringing: Ringing) -> Shown:
    alarm = ringing.alarm
    return {
        "kind": alarm.kind,
        "severity": alarm.severity.value,
        "text": alarm.text,
        "remedy": alarm.remedy,
        "slot": alarm.slot,
        "since": _iso(ringing.since),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
