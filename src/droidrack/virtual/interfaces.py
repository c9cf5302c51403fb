"""The simulator's own table of binder interfaces: which code is which method on which phone."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from droidrack.virtual.spec import PhoneSpec


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a method: its AIDL type and its name."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Method:
    """One transaction. `parameters` is None for a method that the model does not carry out."""

    name: str
    returns: str = "void"
    parameters: tuple[Parameter, ...] | None = None


def interface(service: str, spec: PhoneSpec) -> tuple[Method, ...]:
    """The methods of `isms`, `isub` or `iphonesubinfo` on a phone; index + 1 is the code."""
    table = _tables()[service]
    names = list(_latest(table["order"], spec.api)["methods"])
    for variant in _tables()["variant"]:
        if variant["service"] == service and _applies(variant, spec):
            for name, code in sorted(variant["inserted"].items(), key=lambda item: item[1]):
                names.insert(code - 1, name)
    return tuple(_method(name, table["signature"], spec.api) for name in names)


@cache
def _tables() -> dict[str, Any]:
    text = resources.files("droidrack.virtual").joinpath("aosp.toml").read_text("utf-8")
    return tomllib.loads(text)


def _latest(entries: list[dict[str, Any]], api: int) -> dict[str, Any]:
    return max((entry for entry in entries if entry["from"] <= api), key=lambda e: e["from"])


def _applies(variant: dict[str, Any], spec: PhoneSpec) -> bool:
    built = spec.maker in variant.get("makers", ()) or (
        "quirk" in variant and bool(getattr(spec.quirks, variant["quirk"]))
    )
    return built and spec.api in variant["levels"]


def _method(name: str, signatures: dict[str, dict[str, str]], api: int) -> Method:
    since = [level for level in map(int, signatures.get(name, {})) if level <= api]
    if not since:
        return Method(name)
    return _parsed(name, signatures[name][str(max(since))])


@cache
def _parsed(name: str, signature: str) -> Method:
    match = re.fullmatch(r"(\S+?)\((.*)\)", " ".join(signature.split()))
    if match is None:
        raise ValueError(f"aosp.toml: {name}: not a signature: {signature!r}")
    returns, inner = match.groups()
    pairs = [part.split() for part in inner.split(",") if part.strip()]
    return Method(name, returns, tuple(Parameter(type_, label) for type_, label in pairs))
