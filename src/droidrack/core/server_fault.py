"""Why an adb server of ours is no good any more: what was seen, who did it, what to do.

A server that somebody killed, one that crashed and one that spins need different people: the first
another program of this host, the second a look at its log, the third the phone that made it spin.
"""

import signal
from dataclasses import dataclass
from enum import StrEnum


class ServerFault(StrEnum):
    """The kinds."""

    KILLED = "killed by another"
    CRASHED = "crashed"
    ENDED = "ended"
    SPINNING = "runs and does not answer"
    RESTARTED = "restarted on purpose"


@dataclass(frozen=True, slots=True)
class ServerEnd:
    """One end of a server, for the log."""

    fault: ServerFault
    seen: str
    hint: str


_BY_OTHERS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


def judge_end(exit_code: int | None, *, asked: bool = False, silence: str = "") -> ServerEnd:
    """What became of a server.

    Args:
        exit_code: of its process, negative for a signal; None: it still runs.
        asked: we restarted it ourselves.
        silence: how it failed to answer, where it still runs.
    """
    if asked:
        return ServerEnd(ServerFault.RESTARTED, "restarted to bring its phones back", "")
    if exit_code is None:
        return ServerEnd(
            ServerFault.SPINNING,
            silence or "no answer",
            "a phone that announces nonsense makes it spin: see which one came last, and replug it",
        )
    if exit_code >= 0:
        return ServerEnd(
            ServerFault.ENDED,
            f"exited with exit code {exit_code}",
            "its own words are in adb-server.log in the state directory",
        )
    number = signal.Signals(-exit_code)
    if number in _BY_OTHERS:
        return ServerEnd(
            ServerFault.KILLED,
            f"exited with signal {number.name}",
            "another program of this host killed it (`pkill adb`, a script, the kernel for lack of "
            "memory): find it, for each time every phone is away for a moment",
        )
    return ServerEnd(
        ServerFault.CRASHED,
        f"exited with signal {number.name}",
        "a fault of adb's own; its last words are in adb-server.log in the state directory",
    )
