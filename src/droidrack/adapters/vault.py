"""Keeps the session tokens that the panel issued, one sealed file for each phone.

One file per phone: writing one session cannot harm another, and a damaged one costs one pairing.
`MemoryVault` is the same for simulations, which have no disk.
"""

import base64
import binascii
import json
import re
from pathlib import Path
from typing import Any

from droidrack.adapters.private_files import (
    check_private_directory,
    make_private_directory,
    read_private,
    remove_private,
    translated,
    write_private,
)
from droidrack.adapters.vault_seal import Sealer, own_key, own_sealer
from droidrack.core.errors import VaultError
from droidrack.core.ids import DeviceUuid, Slot, Token
from droidrack.ports import PanelSim, StoredSession

FORMAT = 1
SUFFIX = ".session"

_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


def vault_key(directory: Path) -> bytes:
    """The key of the vault in this directory, for others to derive theirs; made where none is.

    Raises:
        VaultError: the key is gone while sessions sealed with it are there; or see the vault.
    """
    make_private_directory(directory)
    return own_key(directory, may_create=not any(directory.glob(f"*{SUFFIX}")))


class FileVault:
    """Vault in a directory of mode 0700. The first `store` makes the directory and its key."""

    def __init__(self, directory: Path, sealer: Sealer | None = None) -> None:
        """Touch nothing yet; `sealer` None: the one with this host's key."""
        self._directory = directory
        self._sealer = sealer

    def load(self, device: DeviceUuid) -> StoredSession | None:
        path = self._path(device)
        with translated(path):
            if not self._directory.exists():
                return None
            check_private_directory(self._directory)
            if not path.exists():
                return None
        content, key = read_private(path), self._key()
        try:
            return _from_plain(key.open(device, _unwrapped(content)))
        except VaultError as exc:
            raise VaultError(
                f"{path}: {exc.message}",
                hint=f"restore the file or its key; otherwise remove {path} and pair this phone "
                "again",
            ) from exc

    def store(self, device: DeviceUuid, session: StoredSession) -> None:
        path = self._path(device)
        make_private_directory(self._directory)
        write_private(path, _wrapped(self._key().seal(device, _to_plain(session))))

    def forget(self, device: DeviceUuid) -> None:
        path = self._path(device)
        with translated(path):
            if self._directory.exists():
                remove_private(path)

    def _path(self, device: DeviceUuid) -> Path:
        if not _DEVICE.fullmatch(device):
            raise ValueError(f"no device uuid: {device!r}")
        return self._directory / f"{device}{SUFFIX}"

    def _key(self) -> Sealer:
        if self._sealer is None:
            empty = not any(self._directory.glob(f"*{SUFFIX}"))
            self._sealer = own_sealer(self._directory, may_create=empty)
        return self._sealer


class MemoryVault:
    """Vault of one process; what it holds dies with it, or is handed to the next one."""

    def __init__(self) -> None:
        self._sessions: dict[DeviceUuid, StoredSession] = {}

    def load(self, device: DeviceUuid) -> StoredSession | None:
        return self._sessions.get(device)

    def store(self, device: DeviceUuid, session: StoredSession) -> None:
        self._sessions[device] = session

    def forget(self, device: DeviceUuid) -> None:
        self._sessions.pop(device, None)


def _to_plain(session: StoredSession) -> bytes:
    plain = {
        "token": session.token.reveal(),
        "gateway_uid": session.gateway_uid,
        "sims": [
            {
                "uid": sim.uid,
                "slot": sim.slot,
                "label": sim.label,
                "active": sim.active,
                "country": sim.country,
            }
            for sim in session.sims
        ],
    }
    return json.dumps(plain).encode()


def _from_plain(plain: bytes) -> StoredSession:
    session = _json_object(plain)
    try:
        return StoredSession(
            Token(session["token"]),
            session["gateway_uid"],
            tuple(
                PanelSim(
                    sim["uid"],
                    Slot(sim["slot"]),
                    sim["label"],
                    sim["active"],
                    sim.get("country", ""),  # Earlier releases did not keep it.
                )
                for sim in session["sims"]
            ),
        )
    except (KeyError, TypeError) as exc:
        raise VaultError("a part of the session is missing") from exc


def _wrapped(sealed: bytes) -> bytes:
    return json.dumps({"format": FORMAT, "sealed": base64.b64encode(sealed).decode()}).encode()


def _unwrapped(content: bytes) -> bytes:
    envelope = _json_object(content)
    if envelope.get("format") != FORMAT:
        raise VaultError(f"expected format {FORMAT}, seen another")
    try:
        return base64.b64decode(envelope.get("sealed", ""), validate=True)
    except (binascii.Error, TypeError, ValueError) as exc:
        raise VaultError("the sealed part is not base64") from exc


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError as exc:  # JSONDecodeError and UnicodeDecodeError alike.
        raise VaultError("it is not JSON") from exc
    if not isinstance(value, dict):
        raise VaultError("it is not a JSON object")
    return value
