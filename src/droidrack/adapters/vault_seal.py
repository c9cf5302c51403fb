"""Seals session tokens, so that a copied session file opens nothing without its key.

AES-256-GCM with a fresh nonce for each seal and the phone's device uuid as associated data: a
changed file, and a file renamed to another phone's, do not open. The key comes from the service
manager (systemd's `LoadCredential=`/`LoadCredentialEncrypted=`), which keeps it away from the
files, or is made once as a 0600 file beside them, which protects single files that get copied but
not a copy of the whole directory. Rejected: an OS keyring, since a service on a rack host has no
desktop session to unlock one.
"""

import os
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from droidrack.adapters.private_files import create_private, read_private, translated
from droidrack.core.errors import VaultError

CREDENTIAL = "droidrack-vault-key"
KEY_FILE = "key"

KEY_BYTES = 32
NONCE_BYTES = 12  # NIST SP 800-38D recommends 96 bits; random ones are safe for 2^32 seals.

MAKE_KEY = "openssl rand -hex 32"


class Sealer(Protocol):
    """Makes and opens sealed bytes.

    1. `open` MUST return what `seal` was given for the same name, and MUST raise VaultError for
       anything else: other bytes, another name, another key.
    2. Sealing the same bytes twice MUST NOT give the same seal.
    """

    def seal(self, name: str, plain: bytes) -> bytes:
        """Close `plain`, bound to `name`."""
        ...

    def open(self, name: str, sealed: bytes) -> bytes:
        """Open what was sealed for `name`."""
        ...


class AesSealer:
    """Sealer with one 256-bit key. The seal is nonce, ciphertext and tag in one."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        self._cipher = AESGCM(key)

    def seal(self, name: str, plain: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes:
        if len(sealed) <= NONCE_BYTES:
            raise VaultError("the seal is cut short")
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except InvalidTag as exc:
            raise VaultError(
                "the seal does not open: it was changed, or made with another key"
            ) from exc


def own_sealer(directory: Path, *, may_create: bool) -> AesSealer:
    """The sealer with this host's key; see `own_key`."""
    return AesSealer(own_key(directory, may_create=may_create))


def own_key(directory: Path, *, may_create: bool) -> bytes:
    """This host's key: the service manager's, else the directory's.

    Args:
        directory: the vault, which exists.
        may_create: make a key file where there is no key. False where sealed files exist: a new
            key would never open them.
    """
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if credentials and (path := Path(credentials) / CREDENTIAL).exists():
        with translated(path):
            text = path.read_bytes()  # The service manager guards its own directory.
        return _decoded(path, text)
    path = directory / KEY_FILE
    if not path.exists():
        if not may_create:
            raise VaultError(
                f"{path}: the key is missing, and sessions in {directory} were sealed with it",
                hint=f"put the key back (or the credential {CREDENTIAL}); if it is lost, remove "
                f"{directory} and pair the phones again",
            )
        # Of two processes that come here at once one wins, and both read the winner's key.
        create_private(path, os.urandom(KEY_BYTES).hex().encode() + b"\n")
    return _decoded(path, read_private(path))


def _decoded(path: Path, text: bytes) -> bytes:
    try:
        key = bytes.fromhex(text.decode("ascii").strip())
    except ValueError as exc:
        raise _no_key(path) from exc
    if len(key) != KEY_BYTES:
        raise _no_key(path)
    return key


def _no_key(path: Path) -> VaultError:
    return VaultError(
        f"{path}: expected a key of {2 * KEY_BYTES} hexadecimal digits, seen something else",
        hint=f"put the right key back; a new one for a new vault is made by `{MAKE_KEY}`",
    )
