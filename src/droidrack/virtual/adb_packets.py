"""The messages between an adb server and a phone: header, commands, checks.

Source: AOSP `packages/modules/adb/protocol.txt` and `adb.h`. A message is six little-endian u32
(command, two arguments, payload length, checksum, command inverted), then the payload.
"""

import struct
from asyncio import StreamReader
from dataclasses import dataclass

CNXN, AUTH, OPEN, OKAY, WRTE, CLSE = (
    int.from_bytes(word, "little")
    for word in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"WRTE", b"CLSE")
)
AUTH_TOKEN, AUTH_SIGNATURE, AUTH_PUBLIC_KEY = 1, 2, 3
VERSION = 0x01000001
MAX_PAYLOAD = 1 << 20
"""What a phone of Android 8 or later announces. Never 0: that makes an adb 36 server spin."""

_HEADER = struct.Struct("<6I")


class ProtocolViolation(Exception):
    """The peer sent what no adb server sends: the link is closed."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One message. `arg0` is the sender's stream id, `arg1` the receiver's, in stream messages."""

    command: int
    arg0: int
    arg1: int
    payload: bytes = b""

    def encoded(self, *, checksum: bool) -> bytes:
        """The message as it travels; the checksum is 0 once both sides speak `VERSION`."""
        check = sum(self.payload) & 0xFFFFFFFF if checksum else 0
        inverted = self.command ^ 0xFFFFFFFF
        header = _HEADER.pack(
            self.command, self.arg0, self.arg1, len(self.payload), check, inverted
        )
        return header + self.payload


async def read_packet(reader: StreamReader) -> Packet:
    """The next message.

    Raises:
        ProtocolViolation: bad magic, or a payload larger than a phone announces.
        IncompleteReadError, OSError: the link ended.
    """
    command, arg0, arg1, size, _, inverted = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    if command ^ inverted != 0xFFFFFFFF or size > MAX_PAYLOAD:
        raise ProtocolViolation(f"bad header: command {command:#x}, {size} bytes of payload")
    return Packet(command, arg0, arg1, await reader.readexactly(size))
