"""Reads `devices.toml` into `core.settings`, or says everything that is wrong with it.

A file with three mistakes costs one reading, not three: the shape (`config_file.py`) and the rules
across keys (`config_rules.py`) are always both checked, and each mistake names its TOML path.
Values that may be secrets are never repeated in a mistake.
"""

import os
import re
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from droidrack.adapters.config_file import DevicesFile, PhoneTable, SlotTable
from droidrack.adapters.config_inbound import inbound_settings
from droidrack.adapters.config_mistakes import in_our_words, refusal, toml_value
from droidrack.adapters.config_pacing import pacing_over, quota_over
from droidrack.adapters.config_rules import Mistake, broken_rules
from droidrack.core.audit import Veil
from droidrack.core.errors import ConfigError
from droidrack.core.ids import Slot
from droidrack.core.inbound_settings import InboundSettings
from droidrack.core.message import Priority
from droidrack.core.redact import redact
from droidrack.core.report import UnknownAs
from droidrack.core.settings import (
    AdbSettings,
    AuditSettings,
    HealthSettings,
    Intervals,
    MetricsSettings,
    Pacing,
    PanelSettings,
    PhoneSettings,
    Policy,
    PortSettings,
    Quota,
    RepairSettings,
    Settings,
    SlotSettings,
)

FILE_LIMIT_BYTES = 4 * 1024 * 1024
"""A thousand phones with every key take 0.4 MiB; more is not a devices.toml."""


INHERITED = ("pacing", "quota")
"""Tables that a phone, or a slot, may lay an own one over."""


@dataclass(frozen=True, slots=True)
class Effective:
    """One key as it is in force: `value` as TOML writes it, `origin` where it came from.

    `origin` is `file`, `[pacing]` or `[quota]` (where a phone says nothing), `XDG_STATE_HOME` or
    `default`.
    """

    key: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A valid `devices.toml`: the settings it makes, and the keys it really holds."""

    path: Path
    settings: Settings
    tree: Mapping[str, Any]


def load_settings(path: Path) -> Settings:
    """The settings of a `devices.toml`.

    Raises:
        ConfigError: the file is absent, unreadable, no TOML or breaks rules; `mistakes` holds every
            one as `TOML path: what was expected, what was seen`.
    """
    return load(path).settings


def load(path: Path) -> ConfigFile:
    """The same as `load_settings`, with what `effective` needs besides."""
    tree = _parse(path, _read(path))
    base = path.absolute().parent
    found: list[Mistake] = list(broken_rules(tree, base))
    try:
        file = DevicesFile.model_validate(tree)
    except ValidationError as exc:
        found += [in_our_words(error) for error in exc.errors(include_url=False)]
        raise refusal(path, tree, found) from exc
    if found:
        raise refusal(path, tree, found)
    return ConfigFile(path, _settings(file, base), types.MappingProxyType(tree))


def effective(file: ConfigFile) -> tuple[Effective, ...]:
    """Every key with the value in force and its origin, in the order of the settings."""
    common = {table: file.tree.get(table, {}) for table in INHERITED}
    return tuple(_effective(file.settings, file.tree, {}, common, ""))


# --- Reading ----------------------------------------------------------------------------------


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(FILE_LIMIT_BYTES + 1)
    except OSError as exc:
        raise ConfigError(
            f"{path}: {(exc.strerror or 'cannot be read').lower()}",
            hint="name the file with --config, or start from devices.example.toml"
            if isinstance(exc, FileNotFoundError)
            else "make the file readable for the user who runs droidrack",
        ) from exc
    if len(content) > FILE_LIMIT_BYTES:
        raise ConfigError(f"{path}: larger than {FILE_LIMIT_BYTES} bytes; is it a devices.toml?")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(
            f"{path}:{line}: TOML is UTF-8; byte 0x{content[exc.start]:02x} is not",
            hint="save the file as UTF-8",
        ) from exc


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        reason, _, place = str(exc).rpartition(" (at ")
        found = re.fullmatch(r"line (\d+), column (\d+)\)", place)
        where = f"{found[1]}:{found[2]}" if found else str(text.count("\n") + 1)
        mistake = f"line {where.replace(':', ', column ')}: {redact(reason)}"
        raise ConfigError(
            f"{path}:{where}: not valid TOML: {redact(reason)}",
            mistakes=(mistake,),
            hint="see https://toml.io for the syntax; texts need quotes, tables [brackets]",
        ) from exc


# --- From the file's tables to plain values -------------------------------------------------------


def _settings(file: DevicesFile, base: Path) -> Settings:
    tables = file.model_fields_set
    pacing = pacing_over(Pacing(), file.pacing)
    quota = quota_over(Quota(), file.quota)
    panel = file.panel.given()
    if panel.get("ca_file"):
        panel["ca_file"] = str(_resolve(panel["ca_file"], base))
    policy = file.policy.given() if "policy" in tables else {}
    if "unknown_as" in policy:
        policy["unknown_as"] = UnknownAs(policy["unknown_as"])
    for prefixes in ("allow_prefixes", "block_prefixes"):
        if prefixes in policy:
            policy[prefixes] = tuple(policy[prefixes])
    if "quiet_classes" in policy:
        policy["quiet_classes"] = tuple(map(Priority.from_wire, policy["quiet_classes"]))
    return Settings(
        panel=PanelSettings(**panel),
        phones=tuple(_phone(phone, pacing, quota, base) for phone in file.phones),
        state_dir=_resolve(file.state_dir, base) if "state_dir" in tables else default_state_dir(),
        intervals=Intervals(**file.intervals.given()) if "intervals" in tables else Intervals(),
        policy=Policy(**policy),
        audit=_audit(file.audit.given()) if "audit" in tables else AuditSettings(),
        inbound=inbound_settings(file.inbound, base) if "inbound" in tables else InboundSettings(),
        health=HealthSettings(**file.health.given()) if "health" in tables else HealthSettings(),
        metrics=MetricsSettings(**file.metrics.given())
        if "metrics" in tables
        else MetricsSettings(),
        adb=tuple(_adb(server.given(), base) for server in file.adb)
        if "adb" in tables
        else (AdbSettings(),),
        repair=RepairSettings(**file.repair.given()) if "repair" in tables else RepairSettings(),
        ports=tuple(PortSettings(**port.given()) for port in file.ports)
        if "ports" in tables
        else (),
        groups={name: tuple(phones) for name, phones in file.groups.items()}
        if "groups" in tables
        else {},
    )


def default_state_dir() -> Path:
    """Where state lives when nobody says: the XDG base directory specification's place."""
    home = os.environ.get("XDG_STATE_HOME", "")
    # The specification: a relative path is invalid and is to be ignored.
    root = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return root / "droidrack"


def _phone(phone: PhoneTable, pacing: Pacing, quota: Quota, base: Path) -> PhoneSettings:
    given = phone.given()
    given["pacing"] = pacing_over(pacing, phone.pacing)
    given["quota"] = quota = quota_over(quota, phone.quota)
    given["slots"] = tuple(_slot(entry, quota) for entry in given.get("slots", ()))
    if "token_file" in given:
        given["token_file"] = str(_resolve(given["token_file"], base))
    given["labels"] = tuple(given.get("labels", ()))
    return PhoneSettings(**given)


def _slot(entry: SlotTable, quota: Quota) -> SlotSettings:
    own = None if entry.quota is None else quota_over(quota, entry.quota)
    return SlotSettings(Slot(entry.slot), entry.label, entry.country, own)


def _audit(given: dict[str, Any]) -> AuditSettings:
    for key in {"numbers", "bodies"} & given.keys():
        given[key] = Veil(given[key])
    return AuditSettings(**given)


def _adb(given: dict[str, Any], base: Path) -> AdbSettings:
    if "key_dir" in given:
        given["key_dir"] = _resolve(given["key_dir"], base)
    if "connect" in given:
        given["connect"] = tuple(given["connect"])
    return AdbSettings(**given)


def _resolve(text: str, base: Path) -> Path:
    """A path of the file; relative ones count from the file, not from the working directory."""
    return base / Path(text).expanduser()


# --- What is in force ---------------------------------------------------------------------------


Common = Mapping[str, Mapping[str, Any]]
"""The tables of the file that lie under a phone's own ones, by their names."""


def _effective(
    value: Any, given: Any, under: Mapping[str, str], common: Common, path: str
) -> Iterator[Effective]:
    """Walk the settings and, beside them, what the file holds at the same place.

    `under` are the keys that come from a common table, with its name.
    """
    if path and "quota" in given:  # A phone's quota lies under those of its slots.
        common = {**common, "quota": {**common["quota"], **given["quota"]}}
    for key in fields(value):
        here = f"{path}{key.name}"
        item = getattr(value, key.name)
        said = given.get(key.name)
        if is_dataclass(item):
            lower = dict.fromkeys(common.get(key.name, ()), f"[{key.name}]")
            yield from _effective(item, said or {}, lower, common, f"{here}.")
        elif isinstance(item, tuple) and item and is_dataclass(item[0]):
            for index, entry in enumerate(item):
                lower = {} if said else dict.fromkeys(_names_of(entry), under.get(key.name, ""))
                entry_said = said[index] if said else {}
                yield from _effective(entry, entry_said, lower, common, f"{here}[{index}].")
        elif not (item is None and key.name in INHERITED):
            yield Effective(here, toml_value(item), _origin(key.name, given, under))


def _names_of(value: Any) -> list[str]:
    return [key.name for key in fields(value)]


def _origin(name: str, given: Any, under: Mapping[str, str]) -> str:
    if name in given:
        return "file"
    if under.get(name):
        return under[name]
    if name == "state_dir" and os.environ.get("XDG_STATE_HOME", "").startswith("/"):
        return "XDG_STATE_HOME"
    return "default"
