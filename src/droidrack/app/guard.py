"""Reads how far a phone's own guard against many messages lets the shell go."""

from droidrack.app.arrival import QUERY_DEADLINE_S
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.errors import VaultError
from droidrack.core.guard import (
    INTERVAL_MS,
    MAX_COUNT,
    guard_windows,
    kept_readings,
    read_guard,
)
from droidrack.core.pacing import Window


async def read_guard_windows(world: World, handset: Handset) -> tuple[Window, ...]:
    """The windows that bind this phone, by its settings now and in its last boot.

    The settings are read and never written: widening them is not ours.

    Raises:
        PhoneError: it does not answer.
    """
    answers = await handset.ask(
        {"count": f"settings get global {MAX_COUNT}", "ms": f"settings get global {INTERVAL_MS}"},
        deadline_s=2 * QUERY_DEADLINE_S,
    )
    now = read_guard(handset.boot_id, answers["count"].text, answers["ms"].text)
    earlier = world.notebook.guard(handset.device)
    kept = kept_readings(earlier, now)
    if kept != earlier:
        try:
            world.notebook.keep_guard(handset.device, kept)
        except VaultError as error:
            # Not remembered: after the next start the phone counts as one that was never read.
            world.tell("phone's limit not kept", device=handset.device, why=error.message)
    return guard_windows(kept)
