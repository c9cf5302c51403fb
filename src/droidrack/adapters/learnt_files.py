"""What was learnt of builds and proven of phones, as small JSON files in the state directory.

One file per build and per phone, named by a hash, for a fingerprint is no file name. The files say
which codes reach the phones, so the directory is its owner's alone.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from droidrack.adapters.private_files import (
    make_private_directory,
    remove_private,
    write_private,
)
from droidrack.core.capability import Proof
from droidrack.core.errors import ParseError
from droidrack.core.guard import GuardReading
from droidrack.core.ids import DeviceUuid
from droidrack.core.learn import Codes, from_json, to_json
from droidrack.core.standing import Order, OrderKind

NOTE_LIMIT_BYTES = 1 << 20
"""Codes of a build take some 40 KiB; a larger file is none of ours."""

UNREADABLE = "the note that keeps it from sending cannot be read"


class FileNotebook:
    """See `ports.Notebook`."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def codes(self, build: str) -> Codes | None:
        """What was read of a build's framework."""
        note = self._read(self._path("codes", build))
        # The name is a hash: the build within says whose codes they are.
        if not isinstance(note, dict) or note.get("build") != build:
            return None
        with suppress(ParseError):
            return from_json(note.get("codes"))
        return None

    def keep_codes(self, build: str, codes: Codes) -> None:
        """Keep it, replacing what was kept."""
        if build:
            note = {"build": build, "codes": to_json(codes)}
            self._write(self._path("codes", build), note)

    def proof(self, device: DeviceUuid) -> Proof | None:
        """As what a phone was proven last."""
        note = self._read(self._path("proof", device))
        if not isinstance(note, dict):
            return None
        build, codes = note.get("build"), note.get("codes")
        return Proof(build, codes) if isinstance(build, str) and isinstance(codes, str) else None

    def keep_proof(self, device: DeviceUuid, proof: Proof) -> None:
        """Keep it, replacing an earlier one."""
        self._write(self._path("proof", device), {"build": proof.build, "codes": proof.codes})

    def guard(self, device: DeviceUuid) -> tuple[GuardReading, ...]:
        """What the phone's own limit was read as, oldest first."""
        note = self._read(self._path("guard", device))
        lines = note.get("readings") if isinstance(note, dict) else None
        readings = [_reading(line) for line in lines] if isinstance(lines, list) else []
        return tuple(reading for reading in readings if reading is not None)

    def keep_guard(self, device: DeviceUuid, readings: tuple[GuardReading, ...]) -> None:
        """Keep them, replacing what was kept."""
        lines = [[one.boot_id, one.count, one.interval_ms] for one in readings]
        self._write(self._path("guard", device), {"readings": lines})

    def quarantine(self, device: DeviceUuid) -> str:
        """Why a phone must not send; "" where it may."""
        path = self._path("quarantine", device)
        note = self._read(path)
        reason = note.get("reason") if isinstance(note, dict) else None
        if isinstance(reason, str) and reason:
            return reason
        return UNREADABLE if _maybe_there(path) else ""

    def set_quarantine(self, device: DeviceUuid, reason: str) -> None:
        """Keep a phone from sending, over restarts too; "" lets it send again."""
        path = self._path("quarantine", device)
        if reason:
            self._write(path, {"device": device, "reason": reason})
        else:
            remove_private(path)

    def order(self, phone: str) -> Order | None:
        """What an operator ordered of a phone; one that cannot be read is a pause."""
        path = self._path("order", phone)
        note = self._read(path)
        if isinstance(note, dict) and isinstance(note.get("why"), str):
            kinds = (kind for kind in OrderKind if kind == note.get("kind"))
            return Order(next(kinds, OrderKind.PAUSE), note["why"])
        return Order(OrderKind.PAUSE, UNREADABLE) if _maybe_there(path) else None

    def set_order(self, phone: str, order: Order | None) -> None:
        """Keep an order over restarts, or take it back."""
        path = self._path("order", phone)
        if order is None:
            remove_private(path)
        else:
            self._write(path, {"phone": phone, "kind": order.kind, "why": order.why})

    def sms_app(self, device: DeviceUuid) -> str:
        """The default SMS app that a phone had at first."""
        note = self._read(self._path("sms-app", device))
        app = note.get("app") if isinstance(note, dict) else None
        return app if isinstance(app, str) else ""

    def keep_sms_app(self, device: DeviceUuid, app: str) -> None:
        """Keep it, replacing what was kept."""
        self._write(self._path("sms-app", device), {"app": app})

    def _path(self, kind: str, name: str) -> Path:
        return self._home / f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:32]}.json"

    def _read(self, path: Path) -> object:
        """The note; None where there is none that can be read."""
        try:
            with path.open("rb") as file:
                content = file.read(NOTE_LIMIT_BYTES + 1)
        except OSError:
            return None
        if len(content) > NOTE_LIMIT_BYTES:
            return None
        with suppress(ValueError, RecursionError):
            value: object = json.loads(content)
            return value
        return None

    def _write(self, path: Path, note: Mapping[str, object]) -> None:
        make_private_directory(self._home)
        write_private(path, json.dumps(note, ensure_ascii=False).encode())


def _maybe_there(path: Path) -> bool:
    """Whether there may be a note: what keeps a phone from sending must not be overlooked."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _reading(line: object) -> GuardReading | None:
    match line:
        case [str() as boot_id, int() | None as count, int() | None as interval_ms]:
            return GuardReading(boot_id, count, interval_ms)
    return None
