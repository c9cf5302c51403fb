"""The tools of the repair ladder on this host: adb servers, the kernel's tree, port power."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from droidrack.adapters.adb_watch import AdbBus
from droidrack.adapters.sysfs import SYSFS, usb_tree
from droidrack.adapters.usb_power import PortProofs, Uhubctl
from droidrack.core.ids import UsbPath
from droidrack.core.usb import UsbTree
from droidrack.ports import Sighting


class HostMender:
    """`ports.Mender` for the buses of one controller, in the rack's order."""

    def __init__(
        self,
        buses: Sequence[AdbBus],
        proofs: PortProofs,
        power: Uhubctl,
        *,
        sysfs: Path = SYSFS,
    ) -> None:
        self._buses = tuple(buses)
        self._proofs = proofs
        self._power = power
        self._sysfs = sysfs

    async def tree(self) -> UsbTree | None:
        """The USB tree; read beside the loop, for a hub that hangs holds up its reader."""
        return await asyncio.to_thread(usb_tree, self._sysfs)

    async def reconnect(self, bus: int, sighting: Sighting) -> None:
        """See the port."""
        await self._buses[bus].reconnect(sighting)

    def owns(self, bus: int) -> bool:
        """See the port."""
        return self._buses[bus].restart is not None

    async def restart_server(self, bus: int) -> None:
        """See the port."""
        restart = self._buses[bus].restart
        if restart is None:
            raise ValueError("a given adb server is never restarted")
        restart()

    def cuts(self, tree: UsbTree, port: UsbPath) -> bool:
        """See the port."""
        return self._power.tool is not None and self._proofs.cuts(tree, port)

    async def cycle(self, port: UsbPath) -> None:
        """See the port."""
        tree = await self.tree()
        if tree is None or not self.cuts(tree, port):
            raise ValueError(f"port {port} was never proven to cut the power")
        await self._power.switch(port, "cycle")
