"""Port power through uhubctl, and the file of what was proven about ports.

uhubctl switches both sides of a USB 3 socket by itself. It says that a port is off whether or not
the power is gone; nothing here believes it (`core/port_proof.py`).
"""

import asyncio
import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from droidrack.adapters.private_files import write_private
from droidrack.core.errors import PhoneRefused, excerpt
from droidrack.core.ids import UsbPath
from droidrack.core.port_proof import PortVerdict, Proof, fingerprint_of
from droidrack.core.usb import UsbTree, parent_of

PROOFS_FILE = "usb-ports.json"

TOOL_DEADLINE_S = 40.0
"""uhubctl takes half a second for each hub, and waits `OFF_S` within a cycle."""

OFF_S = 5
"""A phone's own capacitors keep its charger up for a second or two."""

_SEARCHED = "/usr/local/sbin:/usr/sbin:/sbin"  # Not on every user's PATH.


class Uhubctl:
    """Switches ports. `tool` is the program's path; None: it is not installed."""

    def __init__(self, tool: str | None = None) -> None:
        self.tool = tool or shutil.which("uhubctl") or shutil.which("uhubctl", path=_SEARCHED)

    async def switch(self, port: UsbPath, action: str) -> None:
        """`on`, `off` or `cycle` one port.

        Raises:
            PhoneRefused: uhubctl is not there, may not, or does not know the hub.
        """
        hub, number = _hub_and_number(port)
        if self.tool is None:
            raise PhoneRefused(
                f"port {port}: uhubctl is not installed",
                hint="install uhubctl (Debian: `apt install uhubctl`)",
            )
        process = await asyncio.create_subprocess_exec(
            *(self.tool, "-l", hub, "-p", number, "-a", action, "-d", str(OFF_S)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(TOOL_DEADLINE_S):
                said, _ = await process.communicate()
        except TimeoutError:
            said = b"no end within the deadline"
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            raise PhoneRefused(
                f"port {port}: uhubctl {action}: {excerpt(said.decode('utf-8', 'replace'))!r}",
                hint="see `uhubctl` by hand: the hub must switch power for each port, and this "
                "user must be allowed to (`droidrack service install` shows the udev rule)",
            )


class PortProofs:
    """What was proven about ports, in one private file of the state directory."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / PROOFS_FILE

    def all(self) -> tuple[Proof, ...]:
        """Every proof; none where the file is absent or cannot be read: then nothing is proven."""
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
            return tuple(_proof(entry) for entry in entries)
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def keep(self, proof: Proof) -> None:
        """Record a proof, replacing an earlier one of this port."""
        kept = [entry for entry in self.all() if entry.port != proof.port]
        entries = [asdict(entry) | {"at": entry.at.isoformat()} for entry in (*kept, proof)]
        text = json.dumps(sorted(entries, key=lambda entry: str(entry["port"])), indent=2)
        write_private(self._path, text.encode())

    def cuts(self, tree: UsbTree, port: UsbPath) -> bool:
        """Whether this port was proven to cut, with the hub that is there now."""
        hub = fingerprint_of(tree, port)
        return any(
            entry.port == port and entry.hub == hub and entry.verdict is PortVerdict.CUTS
            for entry in self.all()
            if hub
        )


def _proof(entry: dict[str, str]) -> Proof:
    return Proof(
        UsbPath(entry["port"]),
        entry["hub"],
        PortVerdict(entry["verdict"]),
        entry["phone"],
        datetime.fromisoformat(entry["at"]),
    )


def _hub_and_number(port: UsbPath) -> tuple[str, str]:
    """Uhubctl's words: `1-2.3` is port 3 of hub `1-2`, `1-2` is port 2 of root hub `1`."""
    parent = parent_of(port)
    if parent is None:
        raise ValueError(f"{port!r} is no port")
    if parent.startswith("usb"):
        return parent.removeprefix("usb"), port.partition("-")[2]
    return parent, port.rpartition(".")[2]
