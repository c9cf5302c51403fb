"""A running rack of virtual phones, seen from a test.

There is no pytest plug-in for asyncio here, so a rack lives on an event loop in a thread of its own
and a test talks to it as any adb client would, from outside: by the adb binary, by adbutils, or by
an asyncio client on the test's own loop. `live.call(coroutine)` runs something on the rack's loop.
"""

import asyncio
import os
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from droidrack.virtual.adb_host import adb_path
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.farm import RackPhone, VirtualRack
from droidrack.virtual.spec import PhoneSpec, spec_with

T = TypeVar("T")
DEADLINE_S = 30.0


def quick(index: int, *, api: int | None = None, sims: int | None = None) -> PhoneSpec:
    """A phone of the catalogue that boots and restarts without the usual waits."""
    return spec_with(make_spec(index, api=api, sims=sims), boot_s=0.0, off_s=0.05)


@dataclass(frozen=True)
class LiveRack:
    """A running rack, seen from a test."""

    rack: VirtualRack
    loop: asyncio.AbstractEventLoop
    home: Path

    @property
    def port(self) -> int:
        """The adb server's."""
        return self.rack.adb_port

    @property
    def phones(self) -> tuple[RackPhone, ...]:
        """The rack's phones."""
        return self.rack.phones

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the rack's loop and wait for it."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return future.result(DEADLINE_S)

    def do(self, step: Callable[[], T]) -> T:
        """Call something plain on the rack's loop."""

        async def run() -> T:
            return step()

        return self.call(run())

    def adb(
        self, *words: str, phone: RackPhone | None = None, stdin: bytes = b"", check: bool = False
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run the adb command line against this rack's server."""
        words = (*self.adb_words(phone), *words)
        return subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            timeout=DEADLINE_S,
            check=check,
            env={"HOME": str(self.home), "PATH": os.defpath},
        )

    def adb_words(self, phone: RackPhone | None, *words: str) -> tuple[str, ...]:
        """The command line of adb against this rack's server."""
        target = () if phone is None else ("-s", phone.adb_serial)
        return (adb_path(), "-P", str(self.port), *target, *words)

    def state(self, phone: RackPhone) -> str:
        """The word in the device list; "absent" where the phone is not in it."""
        listing = self.adb("devices").stdout.decode().splitlines()[1:]
        states = dict(line.split("\t") for line in listing if line)
        return states.get(phone.adb_serial, "absent")


StartRack = Callable[..., LiveRack]


@contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread, closed at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="virtual-rack")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(DEADLINE_S)
        loop.close()
