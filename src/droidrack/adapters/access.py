"""Who may use the files of the state directory, and what to do for who may not.

The one place that makes an error of what the system forbids. Mostly an operator forgot to become
the user of the controller, and is told so whichever file was met first.
"""

import errno
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from droidrack.core.errors import StateDenied

FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def require(path: Path, *, write: bool = True) -> None:
    """StateDenied unless this user may read a file or directory, and with `write` change it."""
    if refused := denial(path, write=write):
        raise refused


def denial(path: Path, *, write: bool = True) -> StateDenied | None:
    """Why this user may not use a file or directory; None where nothing speaks against it.

    What is not there can be read as nothing; to be written, it needs a directory that takes it.
    """
    found, path = Path("/"), path.absolute()
    for place in (*reversed(path.parents), path):
        if not place.exists():  # Its directory may be searched: that was looked at before.
            break
        found = place
        if place != path and not _may(place, os.X_OK):
            return _refused(place, "enter")
    if found != path:
        return _refused(found, "write to") if write and not _may(found, os.W_OK) else None
    enter = os.X_OK if path.is_dir() else 0
    if not _may(path, os.R_OK | enter):
        return _refused(path, "enter" if enter else "read")
    return _refused(path, "write to") if write and not _may(path, os.W_OK) else None


def refusal(error: OSError, path: Path) -> StateDenied | None:
    """What an error of the system about a path means; None where it is not that this is forbidden.

    The path that the error itself names goes before.
    """
    if error.errno not in FORBIDDEN:
        return None
    place = Path(error.filename) if isinstance(error.filename, str) else path
    return denial(place) or _refused(place, "use")


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What the system forbids within the block as StateDenied; other errors as they are."""
    try:
        yield
    except OSError as exc:
        if refused := refusal(exc, path):
            raise refused from exc
        raise


def _may(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=True)


def _refused(path: Path, what: str) -> StateDenied:
    try:
        facts = path.stat()
    except OSError:
        return StateDenied(f"{path}: {_name(os.geteuid())} may not {what} it")
    mode = stat.S_IMODE(facts.st_mode)
    return StateDenied(
        f"{path}: {_name(os.geteuid())} may not {what} it; it belongs to {_name(facts.st_uid)}, "
        f"mode {mode:04o}",
        hint=_remedy(path, facts),
    )


def _remedy(path: Path, facts: os.stat_result) -> str:
    me, folder = os.geteuid(), stat.S_ISDIR(facts.st_mode)
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        return "its file system is mounted read-only: look at the disk, or name another state_dir"
    if facts.st_uid == me:
        return f"chmod u+rw{'x' if folder else ''} {path}"
    if path.parent.stat().st_uid == me:  # A command that ran as another user left it here.
        return f"give it to the user of its directory: `sudo chown {'-R ' * folder}{me} {path}`"
    return f"run it as that user: `sudo -u {_name(facts.st_uid)} droidrack …`"


def _name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # A container's user needs no name; sudo takes it in this form.
        return f"#{user}"
