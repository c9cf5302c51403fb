"""Where a phone stands: its states, the legal moves between them, and what each asks of a person.

A move that is not in the table does not exist: asking for it is our bug. Four states are the adb
server's word, and a cable brings them from anywhere. From there a phone works its way up; nothing
leads to traffic but `RECOVERING`, and nothing leads there but `UNPROVEN`. The working states are
one stage of that way: which of them shows follows from wishes and facts (`working`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from droidrack.core.transport import advice


class PhoneState(StrEnum):
    """Where a phone stands, as the operator sees it."""

    ABSENT = "absent"
    UNAUTHORIZED = "unauthorized"
    NO_PERMISSIONS = "no permissions"
    OFFLINE = "offline"  # Listed, but in no state to run a command.
    BOOTING = "booting"  # Its shell answers; Android, its SIMs or the network do not yet.
    LOCKED = "locked storage"  # Nobody unlocked it since its boot: its SMS store is closed.
    MEETING = "meeting"  # It is here and being asked who and how it is.
    UNSUPPORTED = "unsupported"
    NEEDS_PAIRING = "needs pairing"  # It was never paired from here, or not since a reset.
    UNPROVEN = "unproven"  # Its read-only calls have not agreed with its dumps yet.
    RECOVERING = "recovering"
    QUARANTINED = "quarantined"  # Nothing is sent until a person lifts it.
    LEASED = "leased"  # Another process works on it; the cause says which.
    READY = "ready"
    DEGRADED = "degraded"  # It works, and something about it needs a look.
    DRAINING = "draining"  # It takes nothing new and ends what it has.
    SESSION_OVER = "session over"  # The panel ended its session: it goes on with what it took.
    PAUSED = "paused"  # An operator stopped it: no new call is made.
    TROUBLED = "troubled"  # It is here but does not work; the cause says why.


S = PhoneState

ON_CABLE = frozenset({S.ABSENT, S.UNAUTHORIZED, S.NO_PERMISSIONS, S.OFFLINE})
"""The adb server's word about a phone that no command reaches."""

WORKING = frozenset({S.READY, S.DEGRADED, S.DRAINING, S.PAUSED, S.SESSION_OVER})
"""A phone on duty."""

_ARRIVING = frozenset({S.BOOTING, S.LOCKED, S.MEETING})
_ENDS = frozenset({S.UNSUPPORTED, S.TROUBLED})

MOVES: dict[PhoneState, frozenset[PhoneState]] = {
    **dict.fromkeys(ON_CABLE, ON_CABLE | _ARRIVING | {S.TROUBLED}),
    # A duty may begin anew at any time, by a fault or because the phone restarted.
    S.BOOTING: ON_CABLE | _ARRIVING | {S.TROUBLED},
    S.LOCKED: ON_CABLE | _ARRIVING | {S.TROUBLED},
    S.MEETING: ON_CABLE | _ARRIVING | _ENDS | {S.NEEDS_PAIRING, S.UNPROVEN},
    S.NEEDS_PAIRING: ON_CABLE | _ARRIVING | _ENDS | {S.UNPROVEN},
    S.UNPROVEN: ON_CABLE | _ARRIVING | _ENDS | {S.LEASED, S.RECOVERING},
    S.LEASED: ON_CABLE | _ARRIVING | _ENDS | {S.RECOVERING},
    S.RECOVERING: ON_CABLE | _ARRIVING | _ENDS | WORKING | {S.LEASED, S.QUARANTINED},
    S.QUARANTINED: ON_CABLE | _ARRIVING | _ENDS | WORKING | {S.LEASED},
    **dict.fromkeys(WORKING, ON_CABLE | _ARRIVING | _ENDS | WORKING | {S.LEASED}),
    **dict.fromkeys(_ENDS, ON_CABLE | _ARRIVING | _ENDS),
}


def may_move(current: PhoneState, target: PhoneState) -> bool:
    """Whether the table holds this move; staying is none."""
    return target in MOVES[current]


REMEDIES: dict[PhoneState, str] = {
    S.ABSENT: "check cable, hub and power; `droidrack devices` lists what adb sees",
    S.UNAUTHORIZED: advice("unauthorized").remedy,
    S.NO_PERMISSIONS: advice("no permissions").remedy,
    S.OFFLINE: advice("offline").remedy,
    S.BOOTING: "wait; a phone that stays here for minutes needs a look at its screen",
    S.LOCKED: "unlock the phone's screen once; without a secure lock this passes by itself",
    S.MEETING: "",
    S.UNSUPPORTED: "run `droidrack probe`, or add a site profile",
    S.NEEDS_PAIRING: "run `droidrack pair` with a new token from the panel",
    S.UNPROVEN: "run `droidrack probe` to see every answer",
    S.RECOVERING: "wait; earlier attempts get their verdicts first",
    S.QUARANTINED: "see to the cause, then `droidrack probe --resume`",
    S.LEASED: "wait; the other process gives it back",
    S.READY: "",
    S.DEGRADED: "see its alarms in `droidrack status`",
    S.DRAINING: "`droidrack resume` lets it take messages again",
    S.SESSION_OVER: "run `droidrack pair` with a new token from the panel",
    S.PAUSED: "`droidrack resume` lets it send again",
    S.TROUBLED: "it is tried again; see the cause",
}
"""What a person can do about a state where nothing better is known; "" where there is nothing."""


@dataclass(frozen=True, slots=True)
class Standing:
    """State of a phone, why it is so, since when, what was seen, and what to do."""

    state: PhoneState
    cause: str
    since: datetime  # Of the state; a new cause of the same state does not begin it anew.
    evidence: str = ""
    remedy: str = ""


def moved(
    standing: Standing,
    state: PhoneState,
    *,
    at: datetime,
    cause: str,
    evidence: str = "",
    remedy: str = "",
) -> Standing:
    """The standing after a move. The same state takes the new cause and keeps its beginning.

    Raises:
        ValueError: the table does not hold this move.
    """
    shown = remedy or REMEDIES[state]
    if state is standing.state:
        return replace(standing, cause=cause, evidence=evidence, remedy=shown)
    if not may_move(standing.state, state):
        raise ValueError(f"no move leads from {standing.state} to {state}")
    return Standing(state, cause, at, evidence, shown)


def sighted(adb_state: str) -> PhoneState | None:
    """What the adb server's word means for a phone; None for one that runs commands."""
    if adb_state == "device":
        return None
    words = {"unauthorized": S.UNAUTHORIZED, "authorizing": S.UNAUTHORIZED}
    words["no permissions"] = S.NO_PERMISSIONS
    return next((state for word, state in words.items() if adb_state.startswith(word)), S.OFFLINE)


class OrderKind(StrEnum):
    """What an operator may want of a phone. Values are what the notebook stores."""

    PAUSE = "pause"  # No new call, no new message.
    DRAIN = "drain"  # No new message; what it took is sent.


@dataclass(frozen=True, slots=True)
class Order:
    """An operator's wish, which stands until it is taken back."""

    kind: OrderKind
    why: str  # Who, when and why, for people.


@dataclass(frozen=True, slots=True)
class Duty:
    """What decides how a phone on duty shows. Texts say why; "" stands for no."""

    paused: str = ""
    draining: str = ""
    unpaired: str = ""
    alarms: Sequence[str] = ()


def working(duty: Duty) -> tuple[PhoneState, str]:
    """How a phone on duty shows, with its cause: a person's wish first, then what it lacks."""
    if duty.paused:
        return S.PAUSED, duty.paused
    if duty.draining:
        return S.DRAINING, duty.draining
    if duty.unpaired:
        return S.SESSION_OVER, duty.unpaired
    if duty.alarms:
        return S.DEGRADED, "; ".join(duty.alarms)
    return S.READY, ""
