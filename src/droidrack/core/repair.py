"""What to do next about a phone that is not well: the ladder, its conditions and its budget.

Each rung is tried once in one illness, the mildest first, and the next only when the one before
had its time. What touches others comes late and under conditions: the adb server is restarted only
where none of its phones works, a port is switched only where it was proven to cut, a phone is
rebooted only where the operator allowed it. When a whole hub is gone nothing is done to its phones
at all: there is one cause, and a person is told once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from droidrack.core.ids import UsbPath
from droidrack.core.presence import Presence
from droidrack.core.transport import READY
from droidrack.core.usb import ancestors, common_ancestor


class Ailment(StrEnum):
    """What a phone suffers from, by the views of kernel, adb server and inventory."""

    OFFLINE = "offline"
    UNAUTHORIZED = "unauthorized"
    NO_PERMISSIONS = "no permissions"
    SILENT = "silent"  # adb says it is well, and it answers nothing.
    NOT_IN_ADB = "not in adb"
    NO_DEBUGGING = "no USB debugging"
    NOT_IN_TREE = "not on USB"
    GONE = "gone"  # It left adb's list, and whether it is on USB cannot be told.


class Rung(StrEnum):
    """One attempt. The last one is to leave it alone and call a person."""

    WAIT = "wait"
    RECONNECT = "reconnect"
    RESTART_SERVER = "restart adb server"
    CYCLE_PORT = "switch the port off and on"
    REBOOT = "reboot"
    QUARANTINE = "leave it to a person"


R = Rung

LADDERS: Mapping[Ailment, tuple[Rung, ...]] = {
    Ailment.OFFLINE: (R.WAIT, R.RECONNECT, R.RESTART_SERVER, R.CYCLE_PORT, R.QUARANTINE),
    # Once: the phone shows its prompt again. More would only make more prompts.
    Ailment.UNAUTHORIZED: (R.WAIT, R.RECONNECT, R.QUARANTINE),
    Ailment.NO_PERMISSIONS: (R.QUARANTINE,),
    Ailment.SILENT: (
        R.WAIT, R.RECONNECT, R.RESTART_SERVER, R.CYCLE_PORT, R.REBOOT, R.QUARANTINE,
    ),
    Ailment.NOT_IN_ADB: (R.WAIT, R.RESTART_SERVER, R.CYCLE_PORT, R.QUARANTINE),
    Ailment.NO_DEBUGGING: (R.WAIT, R.QUARANTINE),
    Ailment.NOT_IN_TREE: (R.WAIT, R.CYCLE_PORT, R.QUARANTINE),
    Ailment.GONE: (R.WAIT, R.QUARANTINE),
}  # fmt: skip

PATIENCE: Mapping[Rung, float] = {
    R.WAIT: 1.0,
    R.RECONNECT: 1.0,  # A farm that tried at once saw phones fall offline again.
    R.RESTART_SERVER: 1.0,
    R.CYCLE_PORT: 2.0,  # Hub and phone enumerate anew, and the server finds them.
    R.REBOOT: 6.0,  # Slow phones boot for three minutes.
    R.QUARANTINE: 0.0,
}
"""How long a rung is given, in units of the configured patience."""

TREATED = frozenset(R) - {R.WAIT, R.QUARANTINE}
"""Rungs that do something, and count for the budget."""


@dataclass(frozen=True, slots=True)
class Means:
    """What may be used for this phone now, and what is left."""

    own_server: bool  # its adb server is ours to restart
    all_affected: bool  # no phone of that server works
    port_cuts: bool  # there is a proof that its port really cuts the power
    reboot_allowed: bool
    budget_left: int


@dataclass(frozen=True, slots=True)
class Step:
    """The next rung, and why others before it were left out."""

    rung: Rung
    left_out: tuple[str, ...] = ()


def ailment_of(adb_state: str, presence: Presence | None, *, answers: bool) -> Ailment | None:
    """What a configured phone suffers from; None: nothing.

    Args:
        adb_state: as its adb server lists it; "" for not at all.
        presence: what the views say of one that is not listed; None: nobody looked.
        answers: whether one that adb calls well does answer.
    """
    if adb_state == READY:
        return None if answers else Ailment.SILENT
    if adb_state.startswith(("unauthorized", "authorizing")):
        return Ailment.UNAUTHORIZED
    if adb_state.startswith("no permissions"):
        return Ailment.NO_PERMISSIONS
    if adb_state:
        return Ailment.OFFLINE
    views = {
        Presence.NOT_IN_TREE: Ailment.NOT_IN_TREE,
        Presence.NO_DEBUGGING: Ailment.NO_DEBUGGING,
        Presence.NOT_IN_ADB: Ailment.NOT_IN_ADB,
    }
    return views.get(presence, Ailment.GONE) if presence else Ailment.GONE


def next_step(ailment: Ailment, tried: Iterable[Rung], means: Means) -> Step | None:
    """The mildest rung that is left and permitted; None: it was left to a person already."""
    done = set(tried)
    if Rung.QUARANTINE in done:
        return None
    left_out: list[str] = []
    for rung in LADDERS[ailment]:
        if rung in done:
            continue
        if reason := _barred(rung, means):
            left_out.append(f"{rung}: {reason}")
            continue
        return Step(rung, tuple(left_out))
    raise AssertionError("each ladder ends with leaving it to a person, which nothing bars")


def _barred(rung: Rung, means: Means) -> str:
    """Why a rung may not be used; "": it may."""
    if rung in TREATED and means.budget_left <= 0:
        return "the hour's attempts are used up"
    if rung is Rung.RESTART_SERVER and not means.own_server:
        return "the adb server is not ours"
    if rung is Rung.RESTART_SERVER and not means.all_affected:
        return "other phones of this adb server work"
    if rung is Rung.CYCLE_PORT and not means.port_cuts:
        return "its port is not proven to cut the power (`droidrack usb prove`)"
    if rung is Rung.REBOOT and not means.reboot_allowed:
        return "not allowed ([repair] reboot)"
    return ""


# --- The budget -------------------------------------------------------------------------------

HOUR_S = 3600.0


class Budget:
    """Attempts at one thing within the last hour, whoever makes them. Times are monotonic."""

    def __init__(self, per_hour: int) -> None:
        self.per_hour = per_hour
        self._spent: list[float] = []

    def left(self, now: float) -> int:
        """How many attempts may still be made."""
        self._spent = [at for at in self._spent if now - at < HOUR_S]
        return max(0, self.per_hour - len(self._spent))

    def spend(self, now: float) -> bool:
        """Take one; False: none is left."""
        if not self.left(now):
            return False
        self._spent.append(now)
        return True


# --- Flapping ---------------------------------------------------------------------------------

FLAP_WINDOW_S = 600.0
FLAP_LIMIT = 8
"""Departures in the window that are still taken for a person at the shelf, or for bad luck."""

FLAP_HOLD_FIRST_S = 30.0
FLAP_HOLD_LIMIT_S = 900.0


def flap_hold_s(departures: Sequence[float], now: float) -> float:
    """How long a phone that came back is kept waiting before it works; 0: not at all.

    Doubles with each departure too many: a bad cable costs a few calls an hour, not a few a minute.
    """
    recent = sum(now - at < FLAP_WINDOW_S for at in departures)
    excess = recent - FLAP_LIMIT
    if excess <= 0:
        return 0.0
    return min(FLAP_HOLD_FIRST_S * 2.0 ** min(excess - 1, 16), FLAP_HOLD_LIMIT_S)


# --- A hub that drops -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HubDrop:
    """Phones that are gone together, and the nearest hub above all of them."""

    hub: UsbPath
    phones: tuple[str, ...]


def dropped_hubs(lost: Mapping[str, UsbPath], staying: Iterable[UsbPath]) -> tuple[HubDrop, ...]:
    """The hubs that lost every phone they had, if they had several.

    Args:
        lost: the phones that are gone, by name, with the sockets they were in.
        staying: sockets of the phones that are still there.

    Returns:
        One entry for each common cause; a phone is in one at most. Where a root hub lost all,
        the nearest hub above its phones is named, which may be the root itself.
    """
    alive = {hub for path in staying for hub in ancestors(path)}
    groups: dict[UsbPath, dict[str, UsbPath]] = {}
    for name, path in lost.items():
        dead = [hub for hub in ancestors(path) if hub not in alive]
        if dead:
            groups.setdefault(dead[-1], {})[name] = path
    drops = []
    for members in groups.values():
        hub = common_ancestor(members.values())
        if len(members) > 1 and hub is not None:
            drops.append(HubDrop(hub, tuple(sorted(members))))
    return tuple(sorted(drops, key=lambda drop: drop.hub))
