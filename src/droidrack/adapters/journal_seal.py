"""Is this the journal that was written last?

A journal that was deleted, or restored from an older copy, does not know what was sent since: the
panel would offer it again, and it would go out twice. So a small file beside the journal keeps its
identity and how often it was opened, and a journal that is behind it is refused.

A copy of the whole directory goes back together with its seal; nothing in it can tell.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from droidrack.adapters.private_files import read_private, write_private
from droidrack.core.errors import JournalDamaged, JournalError, VaultError


@dataclass(frozen=True, slots=True)
class Opening:
    """Which journal, opened for the how-manieth time."""

    journal: str
    count: int


def last_opening(path: Path) -> Opening | None:
    """What the seal says; None where there is none yet.

    Raises:
        JournalError: there is a seal that cannot be read.
    """
    if not path.exists():
        return None
    try:
        fields = json.loads(read_private(path))
        return Opening(str(fields["journal"]), int(fields["count"]))
    except (VaultError, ValueError, KeyError, TypeError) as error:
        raise JournalError(
            f"{path}: the journal's seal cannot be read: {error}",
            hint="make sure that the journal is the newest one there is, then start once with "
            "`droidrack run --accept-journal`",
        ) from error


def check(name: str, found: Opening, last: Opening | None) -> None:
    """Refuse a journal that is behind its seal.

    Args:
        name: of the journal, for the operator.
        found: what the journal itself says; `count` before this opening.
        last: what the seal says.
    """
    if last is None or (found.journal == last.journal and found.count >= last.count):
        return
    what = (
        f"an older copy of itself (opened {found.count} times, last seen {last.count})"
        if found.journal == last.journal
        else "another one than was used here last, or a new one where one has been"
    )
    raise JournalError(
        f"{name}: this journal is {what}. What was sent since it was written would be sent again",
        hint="put the newest journal back. If it is lost, let the panel end every message that may "
        "have been sent, then start once with `droidrack run --accept-journal`",
    )


def keep(path: Path, opening: Opening) -> None:
    """Write the seal.

    Raises:
        JournalDamaged: the disk does not take it.
    """
    try:
        write_private(
            path, json.dumps({"journal": opening.journal, "count": opening.count}).encode()
        )
    except VaultError as error:
        raise JournalDamaged(error.message, hint=error.hint) from error
