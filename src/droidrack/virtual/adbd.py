"""A simulated adbd: one TCP port to which a real adb server connects as to a phone."""

import asyncio

from droidrack.virtual.adb_packets import MAX_PAYLOAD
from droidrack.virtual.adbd_shell import ShellService
from droidrack.virtual.handset import Handset
from droidrack.virtual.shell_words import encode
from droidrack.virtual.streams import Connection, Service, Stream
from droidrack.virtual.sync_service import serve_sync

_FEATURES = (
    "shell_v2,cmd,stat_v2,ls_v2,fixed_push_mkdir,apex,fixed_push_symlink_timestamp,"
    "remount_shell,track_app,sendrecv_v2"
)
"""Without `abb` (install goes through `cmd package`), without compression, without delayed_ack."""


class Adbd:
    """The daemon of one phone; `port` is known after `start`."""

    def __init__(self, handset: Handset) -> None:
        self.port = 0
        self._handset = handset
        self._shell = ShellService(handset)
        handset.end_processes = self._end_services
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    @property
    def banner(self) -> bytes:
        """What the phone calls itself; up to Android 6 it announces no features."""
        spec = self._handset.model.spec
        name = (
            f"device::ro.product.name={spec.product};ro.product.model={spec.model};"
            f"ro.product.device={spec.device};"
        )
        return encode(name + (f"features={_FEATURES}" if self._handset.speaks_v2 else ""))

    async def start(self) -> None:
        """Listen on a free loopback port and keep it, unplugged or not."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and everything that runs behind it."""
        if self._server is not None:
            self._server.close()
        self._handset.link.drop()
        self._handset.link.thaw()
        for connection in tuple(self._connections):
            await connection.settle()
            await connection.over.wait()

    async def _end_services(self) -> None:
        """What a power cut does to running commands."""
        for connection in tuple(self._connections):
            await connection.settle()

    async def dial(self, remote: str) -> Stream:
        """Connect, from within the phone, to an address that a host has reversed.

        Raises:
            ConnectionRefusedError: no host has, or the host's own end is not there.
        """
        for connection in self._connections:
            if remote in connection.reversed:
                return await connection.dial(connection.reversed[remote])
        raise ConnectionRefusedError(f"nobody listens on {remote}")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._handset.link.plugged:
            writer.transport.abort()
            return
        # 4096: what phones before Android 6 announce; a longer service name aborts the server.
        limit = MAX_PAYLOAD if self._handset.speaks_v2 else 4096
        connection = Connection(
            reader,
            writer,
            self._handset.link,
            banner=self.banner,
            max_payload=limit,
            find_service=self._find_service,
        )
        self._connections.add(connection)
        try:
            await connection.serve()
            await connection.drained()
        finally:
            self._connections.discard(connection)
            connection.over.set()

    def _find_service(self, name: str, connection: Connection) -> Service | None:
        """The service behind an OPEN; None is refused."""
        handset = self._handset
        if service := self._shell.find(name) or handset.listeners.get(name):
            return service
        if name == "sync:":
            return lambda stream: serve_sync(stream, handset.files)
        if name == "framebuffer:":
            return lambda stream: stream.write(handset.screen.framebuffer())
        if name.startswith("reverse:"):
            answer = _reverse(name.removeprefix("reverse:"), connection.reversed)
            return lambda stream: stream.write(answer)
        if name.startswith("reboot:"):
            return self._reboot
        if name.startswith(("root:", "unroot:")):
            return lambda stream: stream.write(b"adbd cannot run as root in production builds\n")
        return None

    async def _reboot(self, stream: Stream) -> None:
        await stream.finish()
        self._handset.begin_reboot()


def _reverse(request: str, table: dict[str, str]) -> bytes:
    """Change or list the table of reversed addresses; the answer's bytes."""
    match request.split(":", 1):
        case ["killforward-all"]:
            table.clear()
        case ["list-forward"]:
            return _block("".join(f"UsbFfs {remote} {local}\n" for remote, local in table.items()))
        case ["killforward", remote]:
            if table.pop(remote, None) is None:
                return b"FAIL" + _block(f"listener '{remote}' not found")
        case ["forward", pair]:
            remote, _, local = pair.removeprefix("norebind:").partition(";")
            if pair.startswith("norebind:") and remote in table:
                return b"FAIL" + _block("cannot rebind existing socket")
            if remote == "tcp:0":
                port = next(p for p in range(40000, 65536) if f"tcp:{p}" not in table)
                table[f"tcp:{port}"] = local
                return b"OKAY" + _block(str(port))
            table[remote] = local
        case _:
            return b"FAIL" + _block(f"unknown request {request}")
    return b"OKAY"


def _block(text: str) -> bytes:
    return b"%04x" % len(encode(text)) + encode(text)
