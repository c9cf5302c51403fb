"""Tells systemd how the service is: ready, reloading, stopping, alive.

The protocol of sd_notify(3): datagrams of `NAME=value` lines to the socket that the service manager
names in the environment. Started by hand there is no such socket, and nothing is told.
"""

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

NOTIFY_SOCKET = "NOTIFY_SOCKET"
STATUS_LIMIT = 200
"""Characters of a status: one line of `systemctl status`."""


class ServiceNotice:
    """The way to the service manager; every call is harmless where there is none.

    A datagram that cannot be delivered is dropped: a service does not fail because its manager is
    slow. What follows from that is the manager's to decide, by its watchdog.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = os.environ if environment is None else environment
        self._address = given.get(NOTIFY_SOCKET, "")
        if self._address.startswith("@"):  # Linux's abstract namespace.
            self._address = "\0" + self._address[1:]
        self.watchdog_s = _watchdog_s(given)

    def ready(self, status: str = "") -> None:
        """The service works, after its start or after a reload."""
        self._tell("READY=1", *_status(status))

    def reloading(self) -> None:
        """The configuration is being read again; `ready` ends that."""
        # systemd matches the reload by this stamp, in microseconds of CLOCK_MONOTONIC.
        stamp = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={stamp}")

    def stopping(self, status: str = "") -> None:
        """The service ends by itself, in order."""
        self._tell("STOPPING=1", *_status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._tell(*_status(text))

    async def beat(self) -> None:
        """Say that the loop turns, until cancelled; returns at once where nobody listens."""
        if not self._address or self.watchdog_s is None:
            return
        while True:
            self._tell("WATCHDOG=1")
            # Half of the time, as sd_watchdog_enabled(3) recommends.
            await asyncio.sleep(self.watchdog_s / 2)

    def _tell(self, *lines: str) -> None:
        if not self._address or not lines:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
            way.setblocking(False)
            with suppress(OSError):
                way.sendto("\n".join(lines).encode(), self._address)


def _status(text: str) -> tuple[str, ...]:
    line = "".join(char if char.isprintable() else " " for char in text)[:STATUS_LIMIT]
    return (f"STATUS={line}",) if line else ()


def _watchdog_s(given: Mapping[str, str]) -> float | None:
    """Within how many seconds the manager wants a sign; None: it does not wait for one."""
    for_us = given.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    usec = given.get("WATCHDOG_USEC", "")
    if not for_us or not usec.isdigit() or int(usec) == 0:
        return None
    return int(usec) / 1e6
