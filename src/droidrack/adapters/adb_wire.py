"""The adb server's socket protocol as bytes in and bytes out, with no socket anywhere.

A client writes requests (four hex digits of length, then the service's name); the server answers
OKAY, or FAIL and a block of text. After a `shell,v2` service the stream carries packets: one byte
of kind, a little-endian u32 of length, the bytes. Every length a peer can send has a limit here.

Source: AOSP packages/modules/adb, docs/dev/services.md and shell_protocol.h.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

OKAY = b"OKAY"
FAIL = b"FAIL"
STATUS_SIZE = 4
LENGTH_SIZE = 4
TRANSPORT_ID_SIZE = 8

BLOCK_LIMIT = 0xFFFF
"""Bytes in one request or one answer block: its length has four hex digits."""

PACKET_LIMIT = 1024 * 1024
"""Bytes in one shell packet: adbd fills a buffer of its MAX_PAYLOAD, 1 MiB since July 2017."""

STDIN_CHUNK = 16 * 1024
"""Bytes of standard input in one packet: well under the 256 KiB payload of the first adbd (Android
7) that speaks shell v2."""

_HEADER_SIZE = 5
_HEX_LENGTH = re.compile(rb"[0-9a-fA-F]{4}")


class GarbledError(Exception):
    """The peer sent bytes that are no answer of this protocol. Never leaves the adb adapters."""


def request(service: bytes) -> bytes:
    """A request as it goes to the server.

    Raises:
        ValueError: the service is empty or longer than four hex digits can say.
    """
    if not 0 < len(service) <= BLOCK_LIMIT:
        raise ValueError(f"an adb request has 1..{BLOCK_LIMIT} bytes, not {len(service)}")
    return b"%04x" % len(service) + service


def block_length(digits: bytes) -> int:
    """The length in front of a block, 0..65535.

    Raises:
        GarbledError: not exactly four hex digits.
    """
    if not _HEX_LENGTH.fullmatch(digits):
        raise GarbledError(f"four hex digits of length expected, {digits[:8]!r} seen")
    return int(digits, 16)


class Kind(IntEnum):
    """What a shell v2 packet carries."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3  # One byte: the exit code.
    CLOSE_STDIN = 4


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet from the phone: STDOUT, STDERR or EXIT."""

    kind: Kind
    payload: bytes

    @property
    def exit_code(self) -> int | None:
        """0..255 of an EXIT packet, else None."""
        return self.payload[0] if self.kind is Kind.EXIT else None


def packet(kind: Kind, payload: bytes = b"") -> bytes:
    """A packet as it goes to the phone."""
    return bytes([kind]) + len(payload).to_bytes(4, "little") + payload


def stdin_packets(stdin: bytes) -> bytes:
    """All of a command's standard input, and the end of it."""
    chunks = (stdin[at : at + STDIN_CHUNK] for at in range(0, len(stdin), STDIN_CHUNK))
    return b"".join(packet(Kind.STDIN, chunk) for chunk in chunks) + packet(Kind.CLOSE_STDIN)


class ShellDecoder:
    """Shell v2 packets out of a byte stream cut anywhere.

    Holds at most one unfinished packet: `PACKET_LIMIT` + 5 bytes, plus what is fed at once.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, received: bytes) -> list[Packet]:
        """The packets that `received` completes, in order.

        Raises:
            GarbledError: an unknown kind, a length above the limit, an EXIT of other than one byte.
        """
        self._pending += received
        packets: list[Packet] = []
        start = 0
        while (end := self._packet_end(start)) is not None:
            kind = Kind(self._pending[start])
            packets.append(Packet(kind, bytes(self._pending[start + _HEADER_SIZE : end])))
            start = end
        del self._pending[:start]
        return packets

    def _packet_end(self, start: int) -> int | None:
        """Where the packet at `start` ends; None while it is incomplete."""
        if len(self._pending) - start < _HEADER_SIZE:
            return None
        kind = self._pending[start]
        size = int.from_bytes(self._pending[start + 1 : start + _HEADER_SIZE], "little")
        if kind not in (Kind.STDOUT, Kind.STDERR, Kind.EXIT):
            raise GarbledError(f"shell packet of kind 1..3 expected, kind {kind} seen")
        if size > PACKET_LIMIT or (kind == Kind.EXIT and size != 1):
            raise GarbledError(f"shell packet of kind {kind} claims {size} bytes")
        end = start + _HEADER_SIZE + size
        return end if end <= len(self._pending) else None
