"""The phone's side of a binder call, for tests: the `service` tool and the generated Java stub.

It knows the tool's argument types and how Java reads a parcel, and it takes method signatures from
the reference table in tests/data. It shares nothing with droidrack's own encoder.
"""

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "isms.json").read_text("utf-8"))
LEVELS = {level["api"]: level for level in REFERENCE["levels"]}
SERVICES = {"isms": "ISms", "isub": "ISub", "iphonesubinfo": "IPhoneSubInfo"}


def methods(api: int, service: str) -> dict[str, Any]:
    """The records of one interface at one level, by method name."""
    level = LEVELS[api] if service == "isms" else LEVELS[api][service]
    return {name: one for name, one in level.items() if isinstance(one, dict) and "params" in one}


def tool(api: int, argv: Sequence[str]) -> tuple[str, int, bytes]:
    """What the tool sends: service name, transaction code, parcel body."""
    assert ["service", "call"] == list(argv[:2])
    body = b""
    words = iter(argv[4:])
    for kind in words:
        value = next(words)
        if kind == "i32":
            body += struct.pack("<i", int(value))
        elif kind == "i64" and api >= 23:
            body += struct.pack("<q", int(value))
        elif kind == "s16":
            units = value.encode("utf-16-le")
            padded = units + b"\0" * (4 - len(units) % 4)
            body += struct.pack("<i", len(units) // 2) + padded
        else:
            raise AssertionError(f"the tool of API {api} has no argument type {kind}")
    return argv[2], int(argv[3]), body


class Stub:
    """Reads a parcel as the Java stub of a method does, by position."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def read(self, params: Sequence[Sequence[str]]) -> dict[str, Any]:
        """All arguments by their Java names; surplus bytes are an error."""
        values = {name: self._one(kind) for kind, name in params}
        assert len(self._body) == self._at, "parcel data not fully consumed"
        return values

    def _one(self, kind: str) -> Any:
        if kind == "List<String>":
            count = self._int()
            return None if count < 0 else [self._string() for _ in range(count)]
        if kind == "List<PendingIntent>":
            assert self._int() < 0, "only a null list is expected"
            return None
        if kind == "PendingIntent":
            assert self._int() == 0, "only a null PendingIntent is expected"
            return None
        readers = {"int": self._int, "long": self._long, "String": self._string}
        return self._int() != 0 if kind == "boolean" else readers[kind]()

    def _take(self, size: int) -> bytes:
        piece = self._body[self._at : self._at + size]
        assert size == len(piece), "the parcel is too short: Java would read 0 or null"
        self._at += size
        return piece

    def _int(self) -> int:
        return int(struct.unpack("<i", self._take(4))[0])

    def _long(self) -> int:
        return int(struct.unpack("<q", self._take(8))[0])

    def _string(self) -> str | None:
        length = self._int()
        if length < 0:
            return None
        raw = self._take(2 * length + 4 - 2 * length % 4)
        return raw[: 2 * length].decode("utf-16-le")
