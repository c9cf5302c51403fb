"""A virtual Android phone: one object that owns what a phone owns and runs its tools."""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from droidrack.virtual.air import Air
from droidrack.virtual.console import Console
from droidrack.virtual.spec import PhoneSpec, SimCard

Tool = Callable[["VirtualPhone", Sequence[str], Console], Awaitable[int]]


class VirtualPhone:
    """The model of one phone.

    Time passes by the running asyncio loop, the date comes from `wall` (aware), chance from
    `dice`: the same three give the same phone.
    """

    def __init__(
        self,
        spec: PhoneSpec,
        *,
        wall: Callable[[], datetime],
        dice: random.Random,
        air: Air | None = None,
    ) -> None:
        self.spec = spec
        self.wall = wall
        self.dice = dice
        self.air = air if air is not None else Air()
        self._tools: Mapping[str, Tool] = {}

    @property
    def tools(self) -> frozenset[str]:
        """Names that `tool` knows; the shell finds nothing else."""
        return frozenset(self._tools)

    async def tool(self, argv: Sequence[str], console: Console) -> int:
        """Run one of the phone's tools to its end.

        Args:
            argv: the name (a path counts by its last component) and its arguments, as text whose
                undecodable bytes are surrogate escapes.
            console: the tool's standard streams.

        Returns:
            The exit code; 127 with the shell's own words for a name that does not exist.
        """
        name = argv[0].rsplit("/", 1)[-1]
        tool = self._tools.get(name)
        if tool is None:
            await console.stderr(self.not_found(argv[0]).encode())
            return 127
        return await tool(self, argv, console)

    def not_found(self, name: str) -> str:
        """What the phone's shell says of an unknown name: `inaccessible or` came with 8.0."""
        words = "not found" if self.spec.api < 26 else "inaccessible or not found"
        return f"/system/bin/sh: {name}: {words}\n"

    async def power_off(self) -> None:
        """Switch off: everything running ends where it stands."""

    async def boot(self) -> None:
        """Switch on: adbd is there at once, the framework a little later."""

    async def reboot(self) -> None:
        """Switch off and on again."""

    def insert_sim(self, slot: int, sim: SimCard) -> None:
        """Put a card into a slot."""

    def remove_sim(self, slot: int) -> None:
        """Take a card out."""

    def swap_sims(self) -> None:
        """Exchange the cards of the two slots."""
