"""Rules of `devices.toml` that look at more than one key, or at this machine.

They run over the file as it was parsed, also where single keys are wrong already, so that one
reading names every mistake. Each rule therefore looks at its values with care: what has the wrong
type is somebody else's mistake and is passed over here.
"""

import difflib
import ipaddress
import re
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from droidrack.adapters.config_file import POLL_MIN_S, IntervalsTable
from droidrack.core.numbering import country_fault
from droidrack.core.optout_words import LANGUAGES
from droidrack.core.redact import looks_like_token, redact
from droidrack.core.settings import Pacing, Policy

Place = tuple[str | int, ...]
"""Where in the file: keys and indexes, such as `("phones", 3, "usb")`."""

Mistake = tuple[Place, str]
"""Where, and what is wrong there; the text never holds a value that may be a secret."""

Owner = tuple[Place, dict[str, Any]]
"""A table of the file with its place."""

ADB_PORT = 5037  # where every adb tool expects, and if need be starts, its server

_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_COUNTRY = re.compile(r"[A-Z]{2}")  # What has another form is pydantic's mistake.

TO_REFERENCE = "give the token by reference: token_env or token_file"


def broken_rules(tree: dict[str, Any], base: Path) -> Iterator[Mistake]:
    """Every broken rule of a parsed file; relative paths count from `base`."""
    yield from _secrets(tree)
    yield from _panel(_table(tree, "panel"), base)
    yield from _poll(_table(tree, "intervals"), _table(tree, "panel"))
    yield from _policy(_table(tree, "policy"))
    yield from _inbound(_table(tree, "inbound"), base)
    yield from _adb(_tables(tree, "adb"))
    phones = _tables(tree, "phones")
    yield from _names(phones)
    yield from _matches(phones)
    for index, phone in phones:
        yield from _phone(("phones", index), phone)
    owners = _owners(tree, phones)
    for place, owner in owners:
        yield from _quotas(place, owner)
    yield from _ports(_tables(tree, "ports"))
    yield from _groups(_table(tree, "groups"), phones)
    yield from _fit(tree, owners)


def is_loopback(url: str) -> bool:
    """Whether the host of a URL is this machine, judged without asking a name server."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return _is_loopback_host(host)


def suggestion(word: str, known: list[str]) -> str:
    """`; did you mean "x"?` for the nearest known word, "" where none is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.75)
    return f'; did you mean "{near[0]}"?' if near else ""


def _is_loopback_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _secrets(tree: object, place: Place = ()) -> Iterator[Mistake]:
    """A token pasted anywhere, under whatever key."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _secrets(value, (*place, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _secrets(value, (*place, index))
    elif isinstance(tree, str) and looks_like_token(tree):
        yield place, f"a token must not be written in this file; {TO_REFERENCE}"


def _panel(panel: dict[str, Any], base: Path) -> Iterator[Mistake]:
    url, zone, ca_file = panel.get("url"), panel.get("time_zone"), panel.get("ca_file")
    if isinstance(url, str):
        fault = _url_fault(url, plain_allowed=panel.get("allow_plain_http") is True)
        if fault:
            yield ("panel", "url"), fault
    if isinstance(zone, str) and not _zone_exists(zone):
        yield ("panel", "time_zone"), _zone_fault(zone)
    if isinstance(ca_file, str) and ca_file and not _is_file(ca_file, base):
        yield ("panel", "ca_file"), f'expected a PEM file, seen no file at "{redact(ca_file)}"'


def _is_file(text: str, base: Path) -> bool:
    try:
        return (base / Path(text).expanduser()).is_file()
    except RuntimeError:  # `~nobody/…`
        return False


def _policy(policy: dict[str, Any]) -> Iterator[Mistake]:
    zone = policy.get("time_zone")
    if isinstance(zone, str) and not _zone_exists(zone):
        yield ("policy", "time_zone"), _zone_fault(zone)
    allowed, blocked = policy.get("allow_prefixes"), policy.get("block_prefixes")
    for index, prefix in enumerate(blocked if isinstance(blocked, list) else []):
        if isinstance(allowed, list) and prefix in allowed:
            yield (
                ("policy", "block_prefixes", index),
                "expected a prefix that allow_prefixes does not hold as well: the longest decides",
            )


def _inbound(inbound: dict[str, Any], base: Path) -> Iterator[Mistake]:
    """Who wants the texts that arrive: told apart by name, with a secret and a safe address."""
    first: dict[str, str] = {}
    for kind in ("webhooks", "hooks"):
        for index, entry in _tables(inbound, kind):
            name, here = entry.get("name"), f"{kind}[{index}]"
            if isinstance(name, str) and first.setdefault(name.casefold(), here) != here:
                other = first[name.casefold()]
                fault = f'"{name}" is the name of inbound.{other} already'
                yield ("inbound", kind, index, "name"), fault
    for index, webhook in _tables(inbound, "webhooks"):
        yield from _webhook(("inbound", "webhooks", index), webhook, base)
    languages = inbound.get("languages", [])
    for index, language in enumerate(languages if isinstance(languages, list) else []):
        if isinstance(language, str) and len(language) == 2 and language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            yield ("inbound", "languages", index), f'expected one of {known}, seen "{language}"'


def _webhook(place: Place, webhook: dict[str, Any], base: Path) -> Iterator[Mistake]:
    url, ca_file = webhook.get("url"), webhook.get("ca_file")
    if ("secret_env" in webhook) == ("secret_file" in webhook):
        yield place, "expected either secret_env or secret_file, seen both or neither"
    if isinstance(url, str):
        plain_allowed = webhook.get("allow_plain_http") is True
        # A query is the receiver's affair.
        fault = _url_fault(url.partition("?")[0], plain_allowed=plain_allowed, whose="a webhook's")
        if fault:
            yield (*place, "url"), fault
    if isinstance(ca_file, str) and ca_file and not _is_file(ca_file, base):
        yield (*place, "ca_file"), f'expected a PEM file, seen no file at "{redact(ca_file)}"'


def _url_fault(url: str, *, plain_allowed: bool, whose: str = "the panel's") -> str:
    """What is wrong with an address; the address itself is not repeated."""
    if " " in url or not url.isprintable():
        return "expected an address such as https://panel.example.com, seen blanks in it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "expected an address such as https://panel.example.com, seen a host or port amiss"
    if parts.username is not None or parts.password is not None:
        return f"a user name or password must not be written in {whose} address; remove it"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "expected an address with its scheme, such as https://panel.example.com"
    if parts.query or parts.fragment:
        return "expected an address that ends with its path, seen a query or a fragment"
    if parts.scheme == "http" and not plain_allowed and not is_loopback(url):
        return (
            f'expected https, seen http to "{parts.hostname}": tokens and texts would travel '
            "readable; use https, or set allow_plain_http = true if that network is yours"
        )
    return ""


def _zone_exists(zone: str) -> bool:
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _zone_fault(zone: str) -> str:
    known = sorted(zoneinfo.available_timezones())
    if not known:
        return "this host has no time zone database; install the package tzdata"
    return f'expected a time zone such as Europe/Berlin, seen "{zone}"{suggestion(zone, known)}'


def _poll(intervals: dict[str, Any], panel: dict[str, Any]) -> Iterator[Mistake]:
    poll_s, url = intervals.get("poll_s"), panel.get("url")
    if not isinstance(poll_s, int | float) or not isinstance(url, str) or is_loopback(url):
        return
    low = IntervalsTable.model_fields["poll_s"].metadata[0].ge
    if low <= poll_s < POLL_MIN_S:  # Below `low` the key's own constraint has spoken already.
        expected = IntervalsTable.model_fields["poll_s"].description
        yield ("intervals", "poll_s"), f"expected {expected}, seen {poll_s}"


def _adb(servers: list[tuple[int, dict[str, Any]]]) -> Iterator[Mistake]:
    addresses: dict[tuple[object, int], int] = {}
    targets: dict[str, int] = {}
    for index, server in servers:
        place: Place = ("adb", index)
        host, port, own = server.get("host", "127.0.0.1"), server.get("port", 0), server.get("own")
        if own is False and port == 0:
            yield (*place, "port"), "expected the port of the given server (own = false), seen none"
        if own is not False and port == ADB_PORT:
            yield (
                (*place, "port"),
                f"expected another port than {ADB_PORT} for an own server: every adb tool uses it; "
                "leave the key out for a free port, or set own = false",
            )
        if own is not False and isinstance(host, str) and not _is_loopback_host(host):
            yield (
                (*place, "host"),
                f'expected a loopback address for an own server, seen "{host}"; an adb server '
                "obeys whoever reaches it",
            )
        if isinstance(port, int) and port and addresses.setdefault((host, port), index) != index:
            yield place, f"the same server as adb[{addresses[host, port]}]"
        connect = server.get("connect", [])
        for at, target in enumerate(connect if isinstance(connect, list) else []):
            if isinstance(target, str) and targets.setdefault(target, index) != index:
                yield (
                    (*place, "connect", at),
                    f'"{target}" is connected by adb[{targets[target]}] already',
                )


def _names(phones: list[tuple[int, dict[str, Any]]]) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, phone in phones:
        name = phone.get("name")
        if isinstance(name, str) and first.setdefault(name.casefold(), index) != index:
            yield (
                ("phones", index, "name"),
                f'"{name}" is the name of phones[{first[name.casefold()]}] already '
                "(capitals make no difference)",
            )


def _matches(phones: list[tuple[int, dict[str, Any]]]) -> Iterator[Mistake]:
    """No phone on the bus may answer to two entries."""
    by_usb: dict[str, int] = {}
    by_serial: dict[str, tuple[int, object]] = {}
    for index, phone in phones:
        serial, usb = phone.get("serial"), phone.get("usb")
        if isinstance(usb, str) and by_usb.setdefault(usb, index) != index:
            yield ("phones", index, "usb"), f'"{usb}" is the port of phones[{by_usb[usb]}] already'
        if not isinstance(serial, str):
            continue
        other, other_usb = by_serial.setdefault(serial, (index, usb))
        if other != index and (usb is None or other_usb is None):
            yield (
                ("phones", index, "serial"),
                f'"{serial}" is the serial of phones[{other}] already; give both phones their '
                "usb path, which tells them apart",
            )


def _ports(ports: list[tuple[int, dict[str, Any]]]) -> Iterator[Mistake]:
    """A socket has one label, and a label means one socket."""
    for key in ("usb", "label"):
        first: dict[str, int] = {}
        for index, port in ports:
            value = port.get(key)
            if isinstance(value, str) and first.setdefault(value, index) != index:
                yield (
                    ("ports", index, key),
                    f"{redact(value)!r} stands in ports[{first[value]}] already",
                )


def _groups(groups: dict[str, Any], phones: list[tuple[int, dict[str, Any]]]) -> Iterator[Mistake]:
    """A group's name fits a command line, and its phones exist."""
    names = [name for _, phone in phones if isinstance(name := phone.get("name"), str)]
    for group, members in groups.items():
        if not _GROUP.fullmatch(group):
            yield ("groups", group), "expected a name of letters, digits, dots, dashes, underscores"
        for index, member in enumerate(members if isinstance(members, list) else []):
            if isinstance(member, str) and member not in names:
                near = suggestion(member, names)
                yield ("groups", group, index), f"no phone is called {redact(member)!r}{near}"


def _phone(place: Place, phone: dict[str, Any]) -> Iterator[Mistake]:
    if "serial" not in phone and "usb" not in phone:
        yield place, "expected a serial, a usb path or both, seen neither"
    if "token_env" in phone and "token_file" in phone:
        yield place, "expected token_env or token_file, seen both; keep one"
    first: dict[int, int] = {}
    for index, entry in _tables(phone, "slots"):
        slot = entry.get("slot")
        if isinstance(slot, int) and first.setdefault(slot, index) != index:
            yield (
                (*place, "slots", index, "slot"),
                f"slot {slot} is described by slots[{first[slot]}] already",
            )
        country = entry.get("country")
        if isinstance(country, str) and (fault := _country_fault(country)):
            yield (*place, "slots", index, "country"), fault


def _country_fault(country: str) -> str:
    return country_fault(country) if _COUNTRY.fullmatch(country) else ""


def _quotas(place: Place, owner: dict[str, Any]) -> Iterator[Mistake]:
    """Of `[quota]`, and of those that lie over it."""
    zone = _table(owner, "quota").get("time_zone")
    if isinstance(zone, str) and not _zone_exists(zone):
        yield (*place, "quota", "time_zone"), _zone_fault(zone)


def _fit(tree: dict[str, Any], owners: list[Owner]) -> Iterator[Mistake]:
    """The longest permitted message fits every window and quota: else it would wait for good."""
    longest = _table(tree, "policy").get("max_segments", Policy().max_segments)
    for place, room in _rooms(tree, owners):
        if isinstance(longest, int) and isinstance(room, int) and 0 < room < longest:
            yield (
                place,
                f"expected at least {longest}, the policy's max_segments, seen {room}: a text "
                "that long would never be sent",
            )


def _rooms(tree: dict[str, Any], owners: list[Owner]) -> Iterator[tuple[Place, object]]:
    """Every number of segments that a whole message has to fit into."""
    if "window_segments" not in _table(tree, "pacing"):
        yield ("pacing", "window_segments"), Pacing().window_segments
    for place, owner in owners:
        pacing, quota = _table(owner, "pacing"), _table(owner, "quota")
        yield (*place, "pacing", "window_segments"), pacing.get("window_segments")
        for at, window in _tables(pacing, "window"):
            yield (*place, "pacing", "window", at, "segments"), window.get("segments")
        for key in ("segments_per_hour", "segments_per_day"):
            yield (*place, "quota", key), quota.get(key)


def _owners(tree: dict[str, Any], phones: list[tuple[int, dict[str, Any]]]) -> list[Owner]:
    """The file, its phones and their slots: whoever may have a pacing or a quota."""
    owners: list[Owner] = [((), tree)]
    for index, phone in phones:
        place: Place = ("phones", index)
        owners.append((place, phone))
        owners += [((*place, "slots", at), slot) for at, slot in _tables(phone, "slots")]
    return owners


def _table(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _tables(parent: dict[str, Any], key: str) -> list[tuple[int, dict[str, Any]]]:
    value = parent.get(key)
    entries = value if isinstance(value, list) else []
    return [(index, entry) for index, entry in enumerate(entries) if isinstance(entry, dict)]
