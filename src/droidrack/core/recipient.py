"""The rules of the door about the recipient: the number, the lists, the hour.

As in `rules.py`, each asks about one matter, and None lets pass.
"""

from collections.abc import Iterable

from droidrack.core.case import Case, Hold, Refuse, SimReading, Verdict, failed
from droidrack.core.ids import Msisdn, Slot
from droidrack.core.numbering import (
    Form,
    Reading,
    Unreadable,
    country_zones,
    form_of,
    read_number,
)
from droidrack.core.optout import may_confirm
from droidrack.core.quiet import quiet_until
from droidrack.core.settings import PhoneSettings

PREFIX_SHOWN = 6
"""Characters of a prefix that a detail repeats: a longer one may be somebody's whole number."""


def country_at(phone: PhoneSettings, slot: Slot, sims: Iterable[SimReading]) -> str:
    """What a slot's numbers are read in: the operator's word, else the country of its card.

    ISO 3166, two capitals; "" where nobody says.
    """
    card = next((sim.country for sim in sims if sim.slot == slot), "")
    return phone.country_of(slot) or card


def list_key(number: Msisdn, country: str) -> Msisdn:
    """The number as lists know it: canonical where it can be read, else as it was given."""
    reading = read_number(number, country)
    return reading.canonical if isinstance(reading, Reading) else number


def number(case: Case) -> Refuse | None:
    """The number may be dialled, as far as it says so without the SIM."""
    form = form_of(case.message.number)
    if form is Form.SERVICE and not case.policy.allow_service_codes:
        return failed("NUMBER_SERVICE_CODE", "it holds * or #")
    if form is Form.NATIONAL:
        return None
    return _judge(case, read_number(case.message.number, ""))


def national_number(case: Case) -> Refuse | None:
    """A number without + is one of the SIM's country."""
    if form_of(case.message.number) is not Form.NATIONAL:
        return None
    return _judge(case, read_number(case.message.number, case.country))


def prefix(case: Case) -> Refuse | None:
    """The site's lists permit the number; the longest prefix that fits it decides."""
    policy = case.policy
    if not policy.allow_prefixes and not policy.block_prefixes:
        return None
    key = list_key(case.message.number, case.country).reveal()
    allowed, blocked = _longest(policy.allow_prefixes, key), _longest(policy.block_prefixes, key)
    if len(blocked) > len(allowed):
        shown = blocked if len(blocked) <= PREFIX_SHOWN else f"{blocked[:PREFIX_SHOWN]}…"
        return failed("NUMBER_BLOCKED", f"by the prefix {shown}")
    if policy.allow_prefixes and not allowed:
        return failed("NUMBER_NOT_ALLOWED", "no prefix of the site's allow list fits")
    return None


def opt_out(case: Case) -> Refuse | None:
    """The recipient did not ask for no more messages, or this is the one that confirms it."""
    entry = case.opt_out
    if entry is None or may_confirm(entry, case.message, case.now, case.policy.optout_confirm_s):
        return None
    return failed("OPTED_OUT", f"since {entry.since:%Y-%m-%d %H:%M}Z ({entry.source})")


def quiet_hours(case: Case) -> Verdict | None:
    """The recipient is not asleep, wherever he may be."""
    if case.message.priority not in case.policy.quiet_classes:
        return None
    zones = _zones(case)
    until = quiet_until(case.now, case.policy.quiet_hours, zones)
    where = zones[0] if len(zones) == 1 else f"one of {len(zones)} zones"
    if until is None:
        return failed("QUIET_ALWAYS", f"it is quiet in {where} at every hour")
    return Hold("QUIET_HOURS", f"it is quiet in {where}", until) if until > case.now else None


def _judge(case: Case, reading: Reading | Unreadable) -> Refuse | None:
    if isinstance(reading, Unreadable):
        return failed(reading.code, reading.detail)
    if reading.emergency:
        return failed("NUMBER_EMERGENCY", f"in {case.country}")
    if reading.premium and not case.policy.allow_premium:
        return failed("NUMBER_PREMIUM")
    return None


def _zones(case: Case) -> tuple[str, ...]:
    """Where the recipient may be; else where the SIM is at home, if that is one zone; else here."""
    reading = read_number(case.message.number, case.country)
    if isinstance(reading, Reading) and reading.zones:
        return reading.zones
    home = country_zones(case.country) if case.country else ()
    return home if len(home) == 1 else (case.policy.time_zone,)


def _longest(prefixes: Iterable[str], key: str) -> str:
    return max((each for each in prefixes if key.startswith(each)), key=len, default="")
