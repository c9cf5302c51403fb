"""`droidrack decode`: what each parser understands, as plain values ready for JSON.

The keys are those of the corpus of phone outputs (`tests/corpus/README.md`): a value that is not
known is null, a thing that the phone did not print has no key.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from operator import itemgetter

from droidrack.core.errors import ParseError
from droidrack.core.parse.battery import parse_battery
from droidrack.core.parse.devices import parse_devices
from droidrack.core.parse.getprop import parse_getprop
from droidrack.core.parse.isub import parse_isub, whole_iccid
from droidrack.core.parse.rows import Row, Table, parse_rows
from droidrack.core.parse.service_call import parse_service_call
from droidrack.core.parse.telephony_registry import parse_telephony_registry
from droidrack.core.parse.text import boolean, integer
from droidrack.core.telephony import (
    FIRST_DUMMY_SUB_ID,
    NOT_PRINTED,
    PhoneState,
    ServiceState,
    ServiceStateLog,
    Signal,
    Subscription,
    real_sub_id,
)

Json = dict[str, object]


def decode(family: str, text: str) -> Json:
    """Decode the output of a command of `family` (a key of `FAMILIES`).

    Raises:
        ParseError: the family does not exist, or its parser does not know this layout.
    """
    decoder = FAMILIES.get(family)
    if decoder is None:
        raise ParseError(family[:40], f"no such family; known: {', '.join(FAMILIES)}")
    return decoder(text)


# --- Telephony registry --------------------------------------------------------------------------


def _telephony_registry(text: str) -> Json:
    registry = parse_telephony_registry(text)
    decoded: Json = {}
    if registry.phones:
        decoded["phones"] = [_phone(phone) for phone in registry.phones]
    elif registry.logs:
        decoded["local_logs"] = [_log(log) for log in registry.logs]
    if registry.active_data_printed:
        decoded["active_data_sub_id"] = registry.active_data_sub_id
    return decoded


def _phone(phone: PhoneState) -> Json:
    parts: Json = {
        "call": {"call_state": phone.call.name if phone.call is not None else None},
        "data_connection": {
            "data_connection_state": phone.data_connection.name
            if phone.data_connection is not None
            else None
        },
        "service": _service(phone.service) if phone.service is not None else {},
        "signal": {"signal": _signal(phone.signal) if phone.signal is not None else None},
    }
    decoded: Json = {"phone_id": phone.phone_id}
    for part, keys in parts.items():
        if phone.unavailable.get(part) is not NOT_PRINTED and isinstance(keys, dict):
            decoded |= keys
    return decoded


def _service(service: ServiceState) -> Json:
    values: Json = {
        "service_state": service.voice,
        "data_reg_state": service.data,
        "emergency_only": service.emergency_only,
        "operator_long": service.operator_long,
        "operator_short": service.operator_short,
        "operator_numeric": service.operator_numeric,
        "roaming": service.roaming,
        "voice_rat": service.voice_rat,
        "data_rat": service.data_rat,
        "carrier_aggregation": service.carrier_aggregation,
        "nr_state": service.nr_state,
    }
    return {key: _plain(value) for key, value in values.items() if key not in service.not_printed}


def _signal(signal: Signal) -> Json:
    decoded: Json = {"primary": _plain(signal.rat), "dbm": signal.dbm}
    if signal.level is not None:
        decoded["level"] = signal.level
    if signal.oem_level is not None:
        decoded["oem_level"] = signal.oem_level
    if signal.nr is not None:
        decoded["nr"] = {"dbm": signal.nr.dbm, "level": signal.nr.level}
    return decoded


def _log(log: ServiceStateLog) -> Json:
    head: Json = {
        "timestamp": log.at,
        "event": log.event,
        "sub_id": log.sub_id,
        "phone_id": log.phone_id,
    }
    return head | _service(log.service)


# --- Subscriptions -------------------------------------------------------------------------------


def _isub(text: str) -> Json:
    known = parse_isub(text)
    decoded: Json = {
        "subscriptions": [_subscription(s) for s in known.subscriptions],
        "active_sub_ids": list(known.active_sub_ids),
    }
    if known.defaults:
        decoded["defaults"] = dict(known.defaults)
    if known.defaults or known.slot_to_sub:
        # A dump with its head but no slot line is one of a phone without a SIM.
        decoded["slot_to_sub"] = {str(k): list(v) for k, v in known.slot_to_sub.items()}
    if known.sim_state_words:
        decoded["sim_state"] = [word or None for word in known.sim_state_words]
    return decoded


def _subscription(subscription: Subscription) -> Json:
    decoded: Json = {
        "sub_id": subscription.sub_id,
        "slot": subscription.slot,
        "display_name": subscription.display_name,
        "carrier": subscription.carrier,
        "mcc": subscription.mcc,
        "mnc": subscription.mnc,
        "active": subscription.active,
    }
    if subscription.iccid is not None:
        decoded["iccid"] = subscription.iccid.reveal()
    for key in ("country", "embedded"):
        if key not in subscription.not_printed:
            decoded[key] = getattr(subscription, key)
    return decoded


def _siminfo(text: str) -> Json:
    table = parse_rows(text)
    decoded = _table(table)
    if table.error is None:
        profiles = sorted((_profile(row) for row in table.rows), key=itemgetter(0))
        decoded["subscriptions"] = [profile for _, profile in profiles]
    return decoded


def _profile(row: Row) -> tuple[int, Json]:
    """A row of the `siminfo` table, after its place in the order of ids.

    The strings of MCC and MNC keep the leading zeros that the integers lose.
    """
    sub_id, slot = real_sub_id(integer(row.get("_id"))), integer(row.get("sim_id"))
    in_slot = slot is not None and slot >= 0
    profile: Json = {
        "sub_id": sub_id,
        "slot": slot if in_slot else None,
        "display_name": row.get("display_name"),
        "carrier": row.get("carrier_name"),
        "mcc": row.get("mcc_string", row.get("mcc")) or None,
        "mnc": row.get("mnc_string", row.get("mnc")) or None,
        "active": in_slot,
    }
    iccid = whole_iccid(row.get("icc_id"))
    if iccid is not None:
        profile["iccid"] = iccid.reveal()
    if "iso_country_code" in row:
        profile["country"] = row["iso_country_code"] or None
    if "is_embedded" in row:
        profile["embedded"] = boolean(row["is_embedded"])
    return (FIRST_DUMMY_SUB_ID if sub_id is None else sub_id), profile


# --- The others ----------------------------------------------------------------------------------

_PER_SLOT = {
    "sim_state": "gsm.sim.state",
    "operator_alpha": "gsm.operator.alpha",
    "operator_numeric": "gsm.operator.numeric",
    "sim_operator_alpha": "gsm.sim.operator.alpha",
    "sim_operator_numeric": "gsm.sim.operator.numeric",
    "network_type": "gsm.network.type",
}
_PHONE_TYPES = {"0": "NONE", "1": "GSM", "2": "CDMA"}


def _getprop(text: str) -> Json:
    properties = parse_getprop(text)
    slots: list[Json] = [{"slot": slot} for slot in range(properties.slot_count)]

    def fill(key: str, prop: str, meaning: Callable[[str | None], object]) -> None:
        entries = properties.per_slot(prop)
        for slot, entry in zip(slots, entries or (), strict=False):
            slot[key] = meaning(entry)

    for key, prop in _PER_SLOT.items():
        fill(key, prop, lambda entry: entry)
    fill("roaming", "gsm.operator.isroaming", boolean)
    fill("phone_type", "gsm.current.phone-type", lambda entry: _PHONE_TYPES.get(entry or ""))
    return {"props": dict(properties.values), "per_slot": slots}


def _service_call(text: str) -> Json:
    reply = parse_service_call(text)
    if reply.error is not None:
        return {"error": asdict(reply.error)}
    decoded: Json = {
        "words": list(reply.words),
        "status": reply.status,
        "exception": asdict(reply.exception) if reply.exception else None,
    }
    if reply.has_string:
        decoded["string"] = reply.string
    if reply.has_int:
        decoded["int"] = reply.int
    return decoded


def _content_sms(text: str) -> Json:
    return _table(parse_rows(text))


def _table(table: Table) -> Json:
    if table.error is not None:
        return {"rows": None, "error": asdict(table.error)}
    return {"rows": [dict(row) for row in table.rows]}


def _battery(text: str) -> Json:
    battery = parse_battery(text)
    decoded = {key: value for key, value in asdict(battery).items() if value is not None}
    if battery.status is not None:
        decoded["status_name"] = battery.status_name
    if battery.health is not None:
        decoded["health_name"] = battery.health_name
    return decoded


def _devices(text: str) -> Json:
    return {"devices": [asdict(device) for device in parse_devices(text)]}


def _plain(value: object) -> object:
    """An enum's word; anything else as it is."""
    return str(value) if isinstance(value, str) else value


FAMILIES: Mapping[str, Callable[[str], Json]] = {
    "telephony_registry": _telephony_registry,
    "isub": _isub,
    "siminfo": _siminfo,
    "getprop": _getprop,
    "service_call": _service_call,
    "content_sms": _content_sms,
    "battery": _battery,
    "devices": _devices,
}
"""A decoder for each family of outputs."""
