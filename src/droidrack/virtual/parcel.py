"""Binder parcels as the phone's side reads and writes them, and how a phone prints them.

Source: AOSP libs/binder/Parcel.cpp and Debug.cpp, core/java/android/os/Parcel.java.
"""

import struct
from dataclasses import dataclass, field

INT_MAX = 2**31 - 1
FLAT_OBJECT_BYTES = 24  # flat_binder_object of the 64-bit binder protocol
LIST_LIMIT = 100_000  # A corrupt count would make a phone run out of memory; the model stops here.


def int32(value: int) -> int:
    """`value` wrapped to a signed 32-bit number, as a C conversion does."""
    return (value + 2**31) % 2**32 - 2**31


def int64(value: int) -> int:
    """`value` wrapped to a signed 64-bit number."""
    return (value + 2**63) % 2**64 - 2**63


class ParcelWriter:
    """Appends values; everything is padded to four bytes."""

    def __init__(self) -> None:
        self.data = bytearray()

    def i32(self, value: int) -> "ParcelWriter":
        """An int, a boolean or a length."""
        self.data += struct.pack("<i", int32(value))
        return self

    def i64(self, value: int) -> "ParcelWriter":
        """A long; aligned to four bytes, not to eight."""
        self.data += struct.pack("<q", int64(value))
        return self

    def f32(self, value: float) -> "ParcelWriter":
        """A float."""
        self.data += struct.pack("<f", value)
        return self

    def f64(self, value: float) -> "ParcelWriter":
        """A double."""
        self.data += struct.pack("<d", value)
        return self

    def string16(self, text: str | None) -> "ParcelWriter":
        """A String: its length in UTF-16 units, the units, a NUL, padding; −1 for null."""
        if text is None:
            return self.i32(-1)
        units = text.encode("utf-16-le", "surrogatepass")
        self.i32(len(units) // 2)
        self.data += units + b"\0\0"
        self.data += b"\0" * (-len(self.data) % 4)
        return self

    def null_binder(self, *, stability: bool) -> "ParcelWriter":
        """A null strong binder; since Android 11 a stability word follows it."""
        self.data += struct.pack("<IIQQ", 0x73622A85, 0, 0, 0)
        return self.i32(0) if stability else self


class ParcelReader:
    """Reads as Parcel.java does: beyond the end everything is 0 or null, without complaint."""

    def __init__(self, data: bytes, *, stability: bool = False) -> None:
        self._data = data
        self._position = 0
        self._stability = stability

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._position

    def i32(self) -> int:
        """An int; 0 beyond the end."""
        raw = self._take(4)
        return int(struct.unpack("<i", raw)[0]) if raw else 0

    def i64(self) -> int:
        """A long; 0 beyond the end, without advancing where fewer than eight bytes are left."""
        raw = self._take(8)
        return int(struct.unpack("<q", raw)[0]) if raw else 0

    def string16(self) -> str | None:
        """A String; None for a negative length or where its characters are not all there."""
        size = self.i32()
        if not 0 <= size < INT_MAX:
            return None
        raw = self._take((size + 1) * 2)
        return None if raw is None else raw[: size * 2].decode("utf-16-le", "surrogatepass")

    def parcelable(self) -> None:
        """An `in` parcelable such as PendingIntent. The shell can pass nothing but null.

        A presence flag that is not 0 is followed by a binder, which the shell's parcel does not
        hold: it reads as null, but its bytes are consumed.
        """
        if self.i32() != 0:
            self._take(FLAT_OBJECT_BYTES)
            if self._stability:
                self.i32()

    def string_list(self) -> list[str | None] | None:
        """A List<String>; None for a negative count."""
        count = self.i32()
        return None if count < 0 else [self.string16() for _ in range(min(count, LIST_LIMIT))]

    def parcelable_list(self) -> None:
        """A List of parcelables."""
        for _ in range(min(self.i32(), LIST_LIMIT)):
            if self.remaining <= 0:
                return
            self.parcelable()

    def byte_array(self) -> bytes | None:
        """A byte[]; None for a negative length or where its bytes are not all there."""
        size = self.i32()
        return None if size < 0 else self._take(size)

    def _take(self, size: int) -> bytes | None:
        padded = (size + 3) & ~3
        if padded > self.remaining:
            return None
        raw = self._data[self._position : self._position + size]
        self._position += padded
        return raw


@dataclass(frozen=True, slots=True)
class Reply:
    """What a transaction brought back: bytes, or a binder status that is not 0."""

    data: bytes = b""
    status: int = 0


STATUS_TEXT = {
    -1: "Operation not permitted",
    -2: "No such file or directory",
    -22: "Invalid argument",
    -32: "Broken pipe",
    -74: "Not a data message",
    -(2**31): "Unknown error -2147483648",
    -(2**31) + 2: "Unknown error 2147483646",
}
UNKNOWN_TRANSACTION = -74
DEAD_OBJECT = -32


@dataclass(frozen=True, slots=True)
class ReplyStyle:
    """How a release prints a reply: `tab` since Android 14, else two spaces before each line."""

    tab: bool
    bits: int = field(default=64)


def print_reply(reply: Reply, style: ReplyStyle) -> str:
    """The text of `Result: …` without that word."""
    if reply.status != 0:
        shown = reply.status % 2**style.bits
        words = STATUS_TEXT.get(reply.status, f"Unknown error {-reply.status}")
        return f'Parcel(Error: 0x{shown:x} "{words}")'
    if not reply.data:
        return "Parcel(NULL)"
    return f"Parcel({_dump(reply.data, style)})"


def _dump(data: bytes, style: ReplyStyle) -> str:
    lead = "\t" if style.tab else ""
    if len(data) <= 16:
        return lead + _row(data, columns=0)
    indent = "" if style.tab else "  "
    rows = (
        f"\n{indent}0x{offset:08x}: {_row(data[offset : offset + 16], columns=16)}"
        for offset in range(0, len(data), 16)
    )
    return lead + "".join(rows)


def _row(chunk: bytes, *, columns: int) -> str:
    """Words and characters; a row of a long dump is padded to its columns, a lone one is not."""
    words = [chunk[start : start + 4][::-1].hex() for start in range(0, len(chunk), 4)]
    words += [" " * (columns // 2)] * (4 - len(words)) if columns else [""] * (4 - len(words))
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)
    return f"{' '.join(words)} '{text.ljust(columns)}'"
