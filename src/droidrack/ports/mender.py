"""The mender: what software can do about a phone that is not well, beside asking it."""

from typing import Protocol

from droidrack.core.ids import UsbPath
from droidrack.core.usb import UsbTree
from droidrack.ports.bus import Sighting


class Mender(Protocol):
    """The tools of the repair ladder. A bus is meant by its place in the rack's list.

    1. `tree` MUST show the kernel's view at the time of the call; None where the host shows none.
    2. `reconnect` MUST touch the named transport only.
    3. `restart_server` MUST NOT touch a server that `owns` denies: it raises ValueError.
    4. `cuts` MUST be true only for a port with a recorded proof, made with the hub that is there
       now. `cycle` MUST raise ValueError for any other port.
    5. Effects are not awaited: what helped shows on the bus.
    6. Failures are PhoneError (BridgeDown for a server, PhoneRefused for a port).
    """

    async def tree(self) -> UsbTree | None:
        """The USB tree."""
        ...

    async def reconnect(self, bus: int, sighting: Sighting) -> None:
        """Let the adb server drop a phone's transport and find it anew."""
        ...

    def owns(self, bus: int) -> bool:
        """Whether the adb server is ours."""
        ...

    async def restart_server(self, bus: int) -> None:
        """End our own adb server; its supervisor brings it back."""
        ...

    def cuts(self, tree: UsbTree, port: UsbPath) -> bool:
        """Whether switching this port off is proven to take the power away."""
        ...

    async def cycle(self, port: UsbPath) -> None:
        """Switch a port off, and on again."""
        ...
