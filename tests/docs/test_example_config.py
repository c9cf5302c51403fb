"""The example configuration: it loads, it is whole, and its defaults are the real ones."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from droidrack.adapters.config import load_settings
from droidrack.core.settings import (
    AdbSettings,
    AuditSettings,
    HealthSettings,
    Intervals,
    MetricsSettings,
    Pacing,
    PanelSettings,
    Policy,
    Quota,
    RepairSettings,
)

EXAMPLE = Path(__file__).parents[2] / "devices.example.toml"


def settings_keys() -> Iterator[str]:
    """Every key that a file may hold, with the name of its table."""
    from droidrack.adapters import config_file as shape

    for name in vars(shape):
        table = getattr(shape, name)
        if isinstance(table, type) and issubclass(table, shape.Table) and table is not shape.Table:
            yield from (f"{name}.{key}" for key in table.model_fields)


def held_keys(tree: dict[str, Any]) -> set[str]:
    """The keys that a parsed file holds, under the names of `settings_keys`."""
    tables = {
        "DevicesFile": [tree],
        "PanelTable": [tree["panel"]],
        "IntervalsTable": [tree["intervals"]],
        "PolicyTable": [tree["policy"]],
        "InboundTable": [tree["inbound"]],
        "WebhookTable": tree["inbound"]["webhooks"],
        "HookTable": tree["inbound"]["hooks"],
        "PacingTable": [tree["pacing"]],
        "WindowTable": tree["pacing"]["window"],
        "QuotaTable": [tree["quota"]],
        "AuditTable": [tree["audit"]],
        "HealthTable": [tree["health"]],
        "MetricsTable": [tree["metrics"]],
        "AdbTable": tree["adb"],
        "RepairTable": [tree["repair"]],
        "PortTable": tree["ports"],
        "PhoneTable": tree["phones"],
        "SlotTable": [slot for phone in tree["phones"] for slot in phone.get("slots", [])],
    }
    return {f"{name}.{key}" for name, found in tables.items() for table in found for key in table}


def test_example_loads() -> None:
    """What a newcomer copies is valid as it stands."""
    settings = load_settings(EXAMPLE)

    assert ["shelf-1-left", "shelf-1-right", "shelf-2-left"] == [
        phone.name for phone in settings.phones
    ]


def test_example_shows_every_key() -> None:
    """No key of the file's shape is left for the reader to guess."""
    assert set(settings_keys()) == held_keys(tomllib.loads(EXAMPLE.read_text()))


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("panel", PanelSettings(url="")),
        ("intervals", Intervals()),
        ("policy", Policy()),
        ("pacing", Pacing()),
        ("quota", Quota()),
        ("audit", AuditSettings()),
        ("health", HealthSettings()),
        ("metrics", MetricsSettings()),
        ("repair", RepairSettings()),
    ],
)
def test_example_shows_the_defaults(table: str, values: object) -> None:
    """A value that the example calls the default is the default."""
    shown = tomllib.loads(EXAMPLE.read_text())[table]
    for example in ("url", "window"):
        shown.pop(example, None)

    real = {key: getattr(values, key) for key in shown}
    assert {key: list(v) if isinstance(v, tuple) else v for key, v in real.items()} == shown


def test_example_first_server_is_the_default_one() -> None:
    """The first adb server of the example differs from the default only where it must."""
    first = load_settings(EXAMPLE).adb[0]
    default = AdbSettings()

    differing = {key.name for key in fields(first)} - {
        key.name for key in fields(first) if getattr(first, key.name) == getattr(default, key.name)
    }
    assert {"connect", "key_dir"} == differing


def test_example_explains_every_key() -> None:
    """Where a key first appears, a comment stands above it in the same paragraph."""
    told: set[str] = set()
    bare: list[str] = []
    for paragraph in EXAMPLE.read_text().split("\n\n"):
        commented = False
        for line in paragraph.splitlines():
            key = re.match(r"(\w+) = ", line)
            commented = commented or line.startswith("#")
            if key and key[1] not in told:
                told.add(key[1])
                bare += [] if commented else [key[1]]

    assert [] == bare
