"""The cable between a phone and its adb server, and everything that can go wrong with it.

A `Link` outlives connections: it is the phone's side of trust, presence and bad luck. Faults are
set from outside (a test, a crash sweep, a person at the control socket); the simulated adbd looks
at them where a real one would meet them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from droidrack.virtual.adbd_auth import KeyStore


class CutPoint(StrEnum):
    """Where in a command's life its answer is lost."""

    OPEN = "open"  # The phone accepted the command and never ran it.
    EXECUTED = "executed"  # The phone ran it; no byte of its answer gets out.


@dataclass(frozen=True, slots=True)
class Cut:
    """One cut that waits for its command."""

    after: CutPoint
    match: str = ""  # a part of the command line; empty: any command
    reset: bool = False  # break the whole connection, not only this command's stream


Hook = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """The hook of a link that hangs on no adb server."""


class Link:
    """Presence, trust and faults of one phone's connection.

    `latency_s` delays every service the phone opens. `silent`: connections are accepted, but the
    handshake never comes (a phone that boots or hangs: "offline"). `on_gone` and `on_back` are the
    rig's: they make the adb server forget and find the phone, as USB would.
    """

    def __init__(self) -> None:
        self.keys = KeyStore()
        self.latency_s = 0.0
        self.silent = False
        self.shy = 0  # Handshakes that it will still leave unanswered.
        self.plugged = True
        self.port = ""  # The USB port it is in, such as 1-2.3; "": on the network.
        self.thawed = asyncio.Event()
        self.thawed.set()
        self.held_up = 0  # Messages that arrived at a frozen phone and wait to be read.
        self.connections: set[Callable[[], None]] = set()
        self.on_gone: Hook = nothing
        self.on_back: Hook = nothing
        self._cuts: list[Cut] = []

    def freeze(self) -> None:
        """Stop reading and writing, keep the socket: the server still shows "device"."""
        self.thawed.clear()

    def thaw(self) -> None:
        """Go on with all that has piled up, commands of callers who gave up included."""
        self.thawed.set()

    async def arrival(self) -> None:
        """Let a message in that has arrived: at once, or when a frozen phone reads again."""
        self.held_up += 1
        try:
            await self.thawed.wait()
        finally:
            self.held_up -= 1

    def drop(self) -> None:
        """Reset every connection (RST). The adb server shows "offline" and tries again."""
        for reset in tuple(self.connections):
            reset()

    def cut_next(
        self, after: str = "open", *, match: str = "", reset: bool = False, times: int = 1
    ) -> None:
        """Lose the answer of the next command, or of several, that contains `match`."""
        self._cuts += [Cut(CutPoint(after), match, reset)] * times

    def mend(self) -> None:
        """Forget the cuts that still wait."""
        self._cuts.clear()

    def take_cut(self, command: str) -> Cut | None:
        """The cut that waits for this command, used up."""
        for cut in self._cuts:
            if cut.match in command:
                self._cuts.remove(cut)
                return cut
        return None

    async def unplug(self) -> None:
        """Pull the cable: the connection breaks and the adb server loses the phone."""
        self.plugged = False
        self.drop()
        await self.on_gone()

    async def replug(self) -> None:
        """Plug the cable in again."""
        self.plugged = True
        await self.on_back()

    async def deny(self) -> None:
        """Revoke all keys and refuse new ones: "unauthorized" until `allow`."""
        self.keys.revoke()
        self.drop()
        await self.on_gone()
        await self.on_back()

    async def allow(self) -> None:
        """Trust the waiting key and every later one, and connect again."""
        self.keys.consent()
        self.drop()
        await self.on_gone()
        await self.on_back()

    def greets(self) -> bool:
        """Whether it answers the handshake that was just begun."""
        if self.shy:
            self.shy -= 1
            return False
        return not self.silent

    async def hang(self, handshakes: int) -> None:
        """Hang in this many handshakes ("offline"), the one that follows now included."""
        self.shy = handshakes
        self.drop()

    async def silence(self, silent: bool = True) -> None:
        """Hang in the handshake ("offline"), or stop doing so."""
        self.silent = silent
        self.drop()
