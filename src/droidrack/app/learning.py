"""A phone teaches us its own binder codes.

Asked where the table is in doubt about a build: the phone's framework is pulled and read once per
build, and what it says, or that it says nothing, is kept in the notebook. A phone that the table
knows well is never asked; `droidrack probe --learn` asks any.
"""

import asyncio
from collections.abc import Iterable

from droidrack.app.arrival import QUERY_DEADLINE_S, Arrival
from droidrack.app.world import World
from droidrack.core.capability import build_of
from droidrack.core.dex import DexClass, read_classes
from droidrack.core.dex_archive import dex_files
from droidrack.core.errors import ParseError, PhoneError, PhoneRefused, PhoneTimeout
from droidrack.core.learn import COMPILED, Codes, assemble, class_names, jar_paths
from droidrack.core.profile import Profile

ARCHIVE_LIMIT_BYTES = 128 << 20
"""Jars have 5 to 40 MB; the boot image of Android 5 and 6, which holds all of them, up to 110."""

LEARN_DEADLINE_S = 120.0
"""For all files of a phone: 40 MB take 2 to 10 s over USB 2, a boot image three times as long."""


async def codes_of_phone(world: World, arrival: Arrival, profile: Profile) -> Codes:
    """The phone's own codes where they are known, or where the table is in doubt; else none.

    Raises:
        PhoneError: the phone did not let itself be read, and without that nothing may be sent.
    """
    known = world.notebook.codes(build_of(arrival.properties.values))
    if known is not None:
        return known
    if not profile.doubtful:
        return Codes()
    try:
        return await learn(world, arrival, profile)
    except PhoneError as error:
        if profile.barred:
            raise
        world.tell("codes not learnt", serial=arrival.sighting.serial, why=error.message)
        return Codes()


async def learn(world: World, arrival: Arrival, profile: Profile, *, again: bool = False) -> Codes:
    """Read the phone's framework, and keep what it says for every phone of this build.

    Args:
        world: whose notebook keeps it.
        arrival: the phone.
        profile: which interfaces are wanted.
        again: read it even if the notebook has it.

    Raises:
        PhoneError: the phone left, or the files did not come in time. Nothing is kept then.
    """
    build = build_of(arrival.properties.values)
    async with world.reader:
        # Another phone of this build may have taught it meanwhile.
        known = None if again else world.notebook.codes(build)
        if known is not None:
            return known
        world.tell("reading the phone's own codes", serial=arrival.sighting.serial)
        interfaces = {row.interface for row in profile.rows.values()}
        codes = await _Reader(world, arrival, interfaces).read()
        world.notebook.keep_codes(build, codes)
    found = ", ".join(sorted(name.rpartition(".")[2] for name in codes.interfaces)) or "none"
    world.tell("codes learnt", serial=arrival.sighting.serial, interfaces=found)
    return codes


class _Reader:
    """Walks through a phone's files until all wanted classes are found."""

    def __init__(self, world: World, arrival: Arrival, interfaces: Iterable[str]) -> None:
        self._clock = world.clock
        self._arrival = arrival
        self._wanted = class_names(sorted(interfaces))
        self._found: dict[str, tuple[str, DexClass]] = {}
        self._notes: list[str] = []
        self._until = world.clock.monotonic() + LEARN_DEADLINE_S

    async def read(self) -> Codes:
        """Jars first; what ART made of them where the jars hold no classes."""
        answer = await self._arrival.phone.run(
            "echo $BOOTCLASSPATH", deadline_s=min(QUERY_DEADLINE_S, self._left_s())
        )
        for path in (*jar_paths(answer.text), *COMPILED):
            if len(self._found) == len(self._wanted):
                break
            await self._look_into(path)
        return Codes(assemble(self._found), tuple(self._notes))

    def _left_s(self) -> float:
        left = self._until - self._clock.monotonic()
        if left <= 0:
            serial = self._arrival.sighting.serial
            raise PhoneTimeout(
                f"{serial}: its framework did not come within {LEARN_DEADLINE_S:g} s",
                serial=serial,
                hint="connect the phone to a faster port, or add a site profile",
            )
        return left

    async def _look_into(self, path: str) -> None:
        try:
            content = await self._arrival.files.pull(
                path, deadline_s=self._left_s(), limit_bytes=ARCHIVE_LIMIT_BYTES
            )
        except PhoneRefused:
            return  # Not there, or not for the shell: the next one may be.
        count = 0
        try:
            for name, dex in dex_files(path, content):
                count += 1
                self._take(f"{path} {name}", dex)
                # A step is some 0.1 s of work; the other phones are served between steps.
                await asyncio.sleep(0)
        except ParseError as error:
            self._notes.append(error.message)
        if not count:
            self._notes.append(f"{path} holds no classes")

    def _take(self, source: str, dex: bytes) -> None:
        """Read one file; the class loader takes the first class of a name, and so do we."""
        missing = [name for name in self._wanted if name not in self._found]
        try:
            classes = read_classes(dex, missing)
        except ParseError as error:
            self._notes.append(f"{source}: {error.reason}")
            return
        for name, found in classes.items():
            self._found[name] = (source, found)
