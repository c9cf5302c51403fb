"""adbutils with its traps closed: blocking transfers that run in a lane.

Importing adbutils takes a third of a second, so this module is imported on first use. What is
closed here, each measured or read in adbutils 2.12:

- when no server answers, it starts one itself, on the port of the environment: never here;
- its sync calls have no time-out: every socket here has one;
- its push does not look how much `send` took, which with a time-out loses bytes, and it throws the
  phone's reason away: the SEND request is written here;
- it addresses a phone by serial or by id: here both must fit (`adb.py` says why);
- a socket whose connecting or opening fails stays open until it is collected: closed at once here.

adbutils has no type marks, so its values are `Any`. Its errors end here, in `Transfer.translated`.
"""

import socket
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from adbutils import AdbClient, AdbConnection, AdbDevice
from adbutils.errors import AdbConnectionError, AdbError, AdbTimeout

from droidrack.adapters.adb_link import Endpoint, Progress, failed
from droidrack.core.errors import (
    AnswerCut,
    BridgeDown,
    Effect,
    PhoneRefused,
    PhoneTimeout,
    excerpt,
)

SYNC_CHUNK = 64 * 1024
"""Bytes in one DATA record; adbd refuses more (SYNC_DATA_MAX)."""

REASON_LIMIT = 4096
"""Bytes of a FAIL record's text that are read."""


class RefusedError(Exception):
    """The phone's own reason for refusing a transfer, or ours. Never leaves this module."""


class UnboundError(Exception):
    """The server cannot reach the phone, and says why. Never leaves this module."""


class Connection(AdbConnection):  # type: ignore[misc] # adbutils is untyped
    """A connection that never starts a server, and leaves no socket behind where none answers."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self._place = (endpoint.host, endpoint.port)
        self._timeout_s = timeout_s
        super().__init__(endpoint.host, endpoint.port)

    def _safe_connect(self) -> Any:
        try:
            return socket.create_connection(self._place, self._timeout_s)
        except OSError as exc:
            raise AdbConnectionError(f"connect: {exc.strerror or exc}") from exc


class Client(AdbClient):  # type: ignore[misc] # adbutils is untyped
    """A client of one given server, each of its sockets with a time-out."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self._endpoint = endpoint
        self._timeout_s = timeout_s

    def make_connection(self, timeout: float | None = None) -> Connection:
        """A new connection; `timeout` may only shorten ours."""
        return Connection(self._endpoint, min(timeout or self._timeout_s, self._timeout_s))


class Device(AdbDevice):  # type: ignore[misc] # adbutils is untyped
    """A device that is its transport: serial and transport id must both fit."""

    def __init__(
        self, endpoint: Endpoint, serial: str, transport_id: int, *, timeout_s: float
    ) -> None:
        super().__init__(Client(endpoint, timeout_s), serial, transport_id)

    def open_transport(self, command: str | None = None, timeout: float | None = None) -> Any:
        """A connection bound to the transport, or one that has asked `command` about it."""
        with ExitStack() as opening:
            connection = opening.enter_context(self._client.make_connection(timeout))
            try:
                if command:
                    _ask(connection, f"host-transport-id:{self._transport_id}:{command}")
                else:
                    self._bind(connection)
            except AdbTimeout:
                raise
            except AdbError as exc:
                raise UnboundError(str(exc)) from exc
            opening.pop_all()
        return connection

    def _bind(self, connection: Any) -> None:
        """Switch the connection; then the id's serial is asked for on a later connection."""
        _ask(connection, f"host:transport-id:{self._transport_id}")
        seen = self.get_serialno()
        if seen != self._serial:
            raise AdbError(f"no device with transport id '{self._transport_id}' and this serial")


def _ask(connection: Any, service: str) -> None:
    connection.send_command(service)
    connection.check_okay()


class Transfer:
    """Blocking transfers with one phone, each to an absolute deadline of `timeout_s` from now."""

    def __init__(
        self, endpoint: Endpoint, serial: str, transport_id: int, *, timeout_s: float
    ) -> None:
        self._endpoint = endpoint
        self._serial = serial
        self._timeout_s = timeout_s
        self._until = time.monotonic() + timeout_s
        self._device = Device(endpoint, serial, transport_id, timeout_s=timeout_s)

    @contextmanager
    def translated(self, subject: str) -> Iterator[None]:
        """The one table from what adbutils raises to our errors.

        A transfer that failed half-way may have left a part of a file: its effect is unknown.
        """
        try:
            yield
        except RefusedError as exc:
            raise PhoneRefused(
                f"{self._serial}: {subject}: the phone refused: {excerpt(str(exc))!r}",
                serial=self._serial,
                hint="the reason is the phone's own; check the path, its rights and the free space",
            ) from exc
        except (TimeoutError, AdbTimeout) as exc:
            raise PhoneTimeout(
                f"{self._serial}: {subject}: no end within {self._timeout_s:g} s",
                serial=self._serial,
                hint="the phone or its cable hangs: replug it or restart the phone",
                effect=Effect.UNKNOWN,
            ) from exc
        except AdbConnectionError as exc:
            raise BridgeDown(
                f"{self._serial}: {subject}: adb server at {self._endpoint}: {excerpt(str(exc))}",
                serial=self._serial,
                hint="check that an adb server, and nothing else, listens there",
            ) from exc
        except UnboundError as exc:
            raise failed(str(exc), Progress(self._serial, subject)) from exc
        except (AdbError, OSError, EOFError, ValueError, struct.error) as exc:
            # ValueError: adbutils reads a length without looking whether it is a number.
            raise AnswerCut(
                f"{self._serial}: {subject}: the transfer was cut: {excerpt(str(exc))!r}",
                serial=self._serial,
                hint="what arrived is not known; transfer it again",
                effect=Effect.UNKNOWN,
            ) from exc

    def _check_time(self) -> None:
        """A time-out per read does not end a transfer that dribbles; this does."""
        if time.monotonic() > self._until:
            raise TimeoutError("the transfer dribbled past its deadline")

    def pull(self, remote: str, limit_bytes: int) -> bytes:
        """A file's content.

        Raises:
            RefusedError: with the phone's reason, or where it has more than `limit_bytes`.
            AdbError, OSError: as adbutils gives them.
        """
        content = bytearray()
        with closing(self._device.sync.iter_content(remote)) as chunks:
            try:
                for chunk in chunks:
                    self._check_time()
                    content += chunk
                    if len(content) > limit_bytes:
                        raise RefusedError(f"the file is larger than {limit_bytes} bytes")
            except AdbError as exc:
                if exc.args[1:] == (remote,):  # How adbutils tells the phone's own reason.
                    raise RefusedError(exc.args[0]) from exc
                raise
        return bytes(content)

    def push(self, content: bytes, remote: str, mode: int) -> None:
        """Write a file whole.

        Raises:
            RefusedError: with the phone's reason.
            AdbError, OSError: as adbutils gives them.
        """
        with self._device.open_transport() as connection:
            _ask(connection, "sync:")
            try:
                self._send(connection.conn, content, f"{remote},{stat.S_IFREG | mode}".encode())
            except (BrokenPipeError, ConnectionResetError):
                _check_done(connection)  # The phone said why before it closed.
                raise
            _check_done(connection)

    def _send(self, wire: Any, content: bytes, target: bytes) -> None:
        wire.sendall(_record(b"SEND", len(target)) + target)
        for at in range(0, len(content), SYNC_CHUNK):
            self._check_time()
            chunk = content[at : at + SYNC_CHUNK]
            wire.sendall(_record(b"DATA", len(chunk)) + chunk)
        wire.sendall(_record(b"DONE", int(time.time())))

    def forward(self, remote: str) -> int:
        """A new local port that leads to `remote`; it goes when the transport goes.

        An earlier one is not looked for: the server lists forwards by serial, and two phones may
        share one. That the id still has our serial *after* the forward makes it the right phone.
        """
        with self._device.open_transport(f"forward:tcp:0;{remote}") as connection:
            connection.check_okay()  # The first OKAY was for the phone, this one for the port.
            port = int(connection.read_string_block())
        self._device.open_transport().close()
        return port


def _record(id: bytes, number: int) -> bytes:
    return id + struct.pack("<I", number)


def _check_done(connection: Any) -> None:
    """See the OKAY that ends a push."""
    status = connection.read(8)
    if status[:4] == b"OKAY":
        return
    if status[:4] == b"FAIL" and len(status) == 8:
        size = min(int.from_bytes(status[4:], "little"), REASON_LIMIT)
        raise RefusedError(connection.read(size).decode("utf-8", "replace"))
    raise AdbError(f"OKAY or FAIL expected after a push, {status!r} seen")
