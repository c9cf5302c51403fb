"""A support bundle on disk: a compressed tar that only its owner may read, whole or not at all."""

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from droidrack.core.errors import ConfigError


def write_bundle(path: Path, files: Mapping[str, str], *, at: float) -> None:
    """Write the texts as members of a new archive, in a folder of its own.

    Args:
        path: must not exist.
        files: by their names within the archive.
        at: seconds since 1970, the time of all members.

    Raises:
        ConfigError: the file exists or cannot be written.
    """
    root = path.name.partition(".")[0] or "bundle"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(
            f"{path}: {(exc.strerror or 'cannot be written').lower()}",
            hint="name a file that does not exist yet, in a directory that you may write",
        ) from exc
    try:
        with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
            for name in sorted(files):
                content = files[name].encode("utf-8", "replace")
                member = tarfile.TarInfo(f"{root}/{name}")
                member.size, member.mode, member.mtime = len(content), 0o600, int(at)
                archive.addfile(member, io.BytesIO(content))
    except OSError as exc:
        path.unlink(missing_ok=True)
        raise ConfigError(f"{path}: {(exc.strerror or 'cannot be written').lower()}") from exc
