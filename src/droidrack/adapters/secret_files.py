"""Small files that an operator lays down and that hold one secret."""

import os
from pathlib import Path

from droidrack.core.errors import ConfigError

LIMIT_BYTES = 4096
"""Session tokens of the JWT form stay under 2 KiB, pairing tokens under 100 bytes."""


def read_secret_file(path: Path, kind: str) -> str:
    """What a file holds; "" where there is none.

    Args:
        path: where it is.
        kind: what it is called in errors, such as "token file".

    Raises:
        ConfigError: it cannot be read, or every user of the host could read it.
    """
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode & 0o777
            content = stream.read(LIMIT_BYTES)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise ConfigError(
            f"{kind} {path}: {(exc.strerror or 'cannot be read').lower()}",
            hint="make it a plain file that the user who runs droidrack can read",
        ) from exc
    if mode & 0o007:
        raise ConfigError(
            f"{kind} {path} is open to every user of this host (mode {mode:04o})",
            hint=f"chmod 600 {path}",
        )
    return content.decode("utf-8", "replace")
