"""Whether a phone has finished booting.

A phone that was told to restart answers on for seconds, and one that came back answers long before
it can send: its framework, the storage that holds its messages, its SIMs and its registration come
one after another. Each has a proof of its own, and only all of them together count.
"""

from dataclasses import dataclass

from droidrack.core.standing import PhoneState
from droidrack.core.telephony import SimState

REGISTER_S = 60.0
"""A modem in coverage registers within some 20 s of its SIM. Longer is no boot but no service,
which holds the SIM and not the phone."""

_COMING = frozenset({SimState.UNKNOWN, SimState.NOT_READY, SimState.PRESENT})
"""A card that is still being read; all other states stay until a person does something."""


@dataclass(frozen=True, slots=True)
class BootReading:
    """What a phone says of its boot. None: it does not say, which holds nothing back."""

    boot_id: str
    completed: bool  # `sys.boot_completed`
    user_state: str = ""  # Of user 0, as `am get-started-user-state` prints it.
    uptime_s: float | None = None
    sims: tuple[SimState | None, ...] = ()
    registered: tuple[bool, ...] = ()  # By slot: the network's name is known.


def unfinished(reading: BootReading, *, left_boot: str) -> tuple[PhoneState, str] | None:
    """What a phone still lacks; None: its boot is complete.

    Args:
        reading: what it says now.
        left_boot: the boot id that it was told to leave; "" where nobody restarted it.
    """
    if left_boot and reading.boot_id == left_boot:
        return PhoneState.BOOTING, "it was told to restart and still runs its former boot"
    if not reading.completed:
        return PhoneState.BOOTING, "Android has not finished booting"
    if "RUNNING_" in reading.user_state and "RUNNING_UNLOCKED" not in reading.user_state:
        return PhoneState.LOCKED, f"its user is {reading.user_state.strip()}"
    if reading.uptime_s is None or reading.uptime_s >= REGISTER_S:
        return None
    if any(state in _COMING for state in reading.sims):
        return PhoneState.BOOTING, "a SIM is still being read"
    usable = [state is not None and state.usable for state in reading.sims]
    if any(ready and not known for ready, known in zip(usable, reading.registered, strict=False)):
        return PhoneState.BOOTING, "a SIM is not registered with a network yet"
    return None
