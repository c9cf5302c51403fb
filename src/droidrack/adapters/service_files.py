"""Puts the files of a service in place, as root does once per host."""

import os
import tempfile
from pathlib import Path, PurePosixPath

from droidrack.adapters.vault_seal import KEY_BYTES, KEY_FILE
from droidrack.core.errors import ConfigError
from droidrack.core.service_unit import HostFile


def state_of(file: HostFile, root: Path) -> str:
    """Whether a file below `root` is "new", "unchanged", "changed" or (a secret one) "kept".

    Raises:
        ConfigError: one is there that cannot be read.
    """
    place = _below(root, file)
    try:
        present = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "new"
    except (OSError, UnicodeDecodeError) as exc:
        raise _refused(place, exc) from exc
    if file.secret:
        return "kept"
    return "unchanged" if present == file.text else "changed"


def put(file: HostFile, root: Path) -> None:
    """Put a file in place below `root`, whole or not at all; directories are made.

    Raises:
        ConfigError: this user may not, or the disk is full.
    """
    place = _below(root, file)
    try:
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        # 0600 from its first moment; the final mode comes before the name.
        descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        fresh = Path(name)
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:
                stream.write(file.text)
                stream.flush()
                os.fchmod(stream.fileno(), file.mode)
                os.fsync(stream.fileno())
            fresh.replace(place)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as exc:
        raise _refused(place, exc) from exc


def vault_key(path: PurePosixPath, vault: Path) -> HostFile:
    """The key that seals the sessions: the vault's own where it has one, else a new one.

    Args:
        path: where the service manager reads it.
        vault: the directory of the sealed sessions; it need not be there.
    """
    own = vault / KEY_FILE
    try:
        text = own.read_text(encoding="ascii") if own.exists() else os.urandom(KEY_BYTES).hex()
    except OSError as exc:
        raise _refused(own, exc) from exc
    return HostFile(path, text.strip() + "\n", mode=0o400, secret=True)


def _below(root: Path, file: HostFile) -> Path:
    return root / file.path.relative_to("/")


def _refused(path: Path, exc: Exception) -> ConfigError:
    reason = getattr(exc, "strerror", None) or "cannot be read"
    return ConfigError(
        f"{path}: {reason.lower()}",
        hint="run it as root: sudo droidrack service install; --dry-run shows the files to anybody",
    )
