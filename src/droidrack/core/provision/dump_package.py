"""What the package manager says of one package. Read by label, never by place.

Source: AOSP `PackageManagerService.dump` and `Settings.dumpPackageLPr`; labels stable from 5 to 16.
"""

import re
from dataclasses import dataclass

_VERSION = re.compile(r"^\s+versionCode=(\d+)", re.MULTILINE)
_VERSION_NAME = re.compile(r"^\s+versionName=(\S+)", re.MULTILINE)
_PERMISSION = re.compile(r"^\s+([\w.]+\.[\w.]+): granted=(true|false)", re.MULTILINE)
_REQUESTED = re.compile(r"^(\s+)requested permissions:\n((?:\1 +\S.*\n?)*)", re.MULTILINE)
_USER_0 = re.compile(r"^\s+User 0:.*?\binstalled=(true|false)\b.*?\benabled=(\d)", re.MULTILINE)

ENABLED_STATES = {"0": "enabled", "1": "enabled", "2": "disabled", "3": "disabled",
                  "4": "disabled"}  # fmt: skip
"""`PackageManager.COMPONENT_ENABLED_STATE_*`: default, enabled, disabled, disabled-user,
disabled-until-used."""


@dataclass(frozen=True, slots=True)
class PackageDump:
    """One package as user 0 has it."""

    version_code: int
    version_name: str
    installed: bool
    enabled: bool
    requested: frozenset[str]
    granted: frozenset[str]


def read_package_dump(text: str, package: str) -> PackageDump | None:
    """The package's part of `dumpsys package NAME`; None where it is not on the phone."""
    start = text.find(f"Package [{package}]")
    if start < 0:
        return None
    hidden = text.find("Hidden system packages:", start)
    block = text[start : hidden if hidden > 0 else None]
    version = _VERSION.search(block)
    name = _VERSION_NAME.search(block)
    user = _USER_0.search(block)
    requested = _REQUESTED.search(block)
    return PackageDump(
        version_code=int(version[1]) if version else 0,
        version_name=name[1] if name else "",
        installed=user is None or user[1] == "true",
        enabled=user is None or ENABLED_STATES.get(user[2]) == "enabled",
        requested=frozenset(
            line.split(":")[0].strip() for line in (requested[2].splitlines() if requested else ())
        ),
        granted=frozenset(name for name, state in _PERMISSION.findall(block) if state == "true"),
    )


def read_paths(text: str) -> tuple[str, ...]:
    """The files of a package, as `pm path` lists them."""
    lines = (line.strip() for line in text.splitlines())
    return tuple(line.removeprefix("package:") for line in lines if line.startswith("package:"))


def read_digests(text: str) -> frozenset[str]:
    """Digests of `sha256sum`'s lines."""
    found = re.findall(r"^([0-9a-f]{64})\b", text, re.MULTILINE)
    return frozenset(found)
