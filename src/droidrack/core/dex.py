"""The classes of a DEX file, as far as binder codes need them.

Of named classes it reads the integer constants of static fields and the descriptors of methods,
and nothing else: tables are looked into by offset, never copied, so that a file of 10 MB costs no
more than its own bytes. Constants stand in the class' `static_values`; compilers that compute them
leave straight-line code in `<clinit>`, which is followed as far as it only stores constants.

The file comes from a phone, so nothing in it is believed: every offset is checked by the read
itself, every count against what can be, and whatever does not fit is a ParseError.

Rejected: androguard, which reads a whole framework into objects (minutes, gigabytes) and brings
twenty packages. Versions 035 to 040 are read; 041 keeps several files in one container.

Source: https://source.android.com/docs/core/runtime/dex-format.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from droidrack.core.errors import ParseError

MAGIC = b"dex\n"
HEADER_BYTES = 0x70
_VERSIONS = (b"035\0", b"036\0", b"037\0", b"038\0", b"039\0", b"040\0")
_LITTLE_ENDIAN = 0x12345678

TYPE_LIMIT = 65536
"""Types, and so classes, of one file: instructions name a type in 16 bits."""

MEMBER_LIMIT = 65536
"""Fields or methods of one file: they are named in 16 bits as well."""

NAME_LIMIT = 4096
"""Bytes of one name or descriptor; the longest of a framework has some 200."""

PARAMETER_LIMIT = 255
"""Parameters of a Java method."""


@dataclass(frozen=True, slots=True)
class DexClass:
    """One class: `methods` holds all descriptors of a name, for Java has overloads."""

    descriptor: str  # "Lcom/android/internal/telephony/ISms$Stub;"
    constants: Mapping[str, int]
    methods: Mapping[str, tuple[str, ...]]


def read_classes(dex: bytes, wanted: Iterable[str]) -> dict[str, DexClass]:
    """The wanted classes that this file defines, by descriptor.

    Raises:
        ParseError: not a DEX file of a known version, or one that contradicts itself.
    """
    try:
        reader = _Reader(dex)
        return {name: reader.read_class(*place) for name, place in reader.find(wanted)}
    except (struct.error, IndexError) as exc:
        raise _refusal("an offset leads out of the file") from exc


def _refusal(reason: str) -> ParseError:
    return ParseError("DEX file", reason)


class _Table(NamedTuple):
    size: int
    offset: int


class _Members(NamedTuple):
    static_fields: list[int]
    methods: list[int]
    clinit: int  # offset of its code, 0 where there is none


class _Reader:
    """Random access to one file. struct.error and IndexError mean: out of the file."""

    def __init__(self, dex: bytes) -> None:
        if len(dex) < HEADER_BYTES or dex[:4] != MAGIC:
            raise _refusal("no DEX magic")
        if dex[4:8] not in _VERSIONS:
            raise _refusal(f"version {dex[4:7]!r} is not read")
        if self._words(dex, 36, 2) != (HEADER_BYTES, _LITTLE_ENDIAN):
            raise _refusal("header of another size or byte order")
        self._dex = dex
        numbers = self._words(dex, 56, 12)
        tables = [_Table(*numbers[at : at + 2]) for at in range(0, 12, 2)]
        self._strings, self._types, self._protos, self._fields, self._methods, self._classes = (
            tables
        )
        widths = (4, 4, 12, 8, 8, 32)
        for table, width in zip(tables, widths, strict=True):
            if table.offset + table.size * width > len(dex):
                raise _refusal("a table is larger than the file")
        if max(self._types.size, self._classes.size) > TYPE_LIMIT:
            raise _refusal("more types than instructions can name")

    @staticmethod
    def _words(dex: bytes, at: int, count: int) -> tuple[int, ...]:
        return struct.unpack_from(f"<{count}I", dex, at)

    # --- Names ------------------------------------------------------------------------------------

    def find(self, wanted: Iterable[str]) -> Iterator[tuple[str, tuple[str, int, int]]]:
        """Wanted class → its name and the offsets of its members and its static values."""
        # A string is its length and its bytes; a wanted name is compared as a whole.
        keys = {name: _string_item(name) for name in wanted}
        for index in range(self._classes.size):
            at = self._classes.offset + 32 * index
            (class_type,) = self._words(self._dex, at, 1)
            place = self._string_place(self._type_name_index(class_type))
            for name, key in keys.items():
                if self._dex.startswith(key, place):
                    members, values = self._words(self._dex, at + 24, 2)
                    yield name, (name, members, values)
                    del keys[name]
                    break
            if not keys:
                return

    def _entry(self, table: _Table, width: int, index: int) -> int:
        if index >= table.size:
            raise _refusal("an index leads out of its table")
        return table.offset + width * index

    def _type_name_index(self, index: int) -> int:
        return self._words(self._dex, self._entry(self._types, 4, index), 1)[0]

    def _string_place(self, index: int) -> int:
        return self._words(self._dex, self._entry(self._strings, 4, index), 1)[0]

    def _string(self, index: int) -> str:
        start = self._string_place(index)
        _, start = self._uleb128(start)
        end = self._dex.find(b"\0", start, start + NAME_LIMIT)
        if end < 0:
            raise _refusal("a name without an end")
        return self._dex[start:end].decode("utf-8", "replace")

    def _type(self, index: int) -> str:
        return self._string(self._type_name_index(index))

    def _uleb128(self, at: int) -> tuple[int, int]:
        """A number and the offset behind it; at most five bytes hold 32 bits."""
        number = 0
        for position in range(5):
            byte = self._dex[at + position]
            number |= (byte & 0x7F) << 7 * position
            if byte < 0x80:
                return number, at + position + 1
        raise _refusal("a number of more than five bytes")

    # --- One class --------------------------------------------------------------------------------

    def read_class(self, name: str, members_at: int, values_at: int) -> DexClass:
        if not members_at:  # A class without members has no data.
            return DexClass(name, {}, {})
        members = self._members(members_at)
        constants: dict[str, int] = {}
        if members.clinit:
            constants |= self._stored(members.clinit)
        if values_at:
            constants |= self._static_values(members.static_fields, values_at)
        methods: dict[str, tuple[str, ...]] = {}
        for index in members.methods:
            method, descriptor = self._method(index)
            methods[method] = (*methods.get(method, ()), descriptor)
        return DexClass(name, constants, methods)

    def _members(self, at: int) -> _Members:
        counts = []
        for _ in range(4):
            count, at = self._uleb128(at)
            counts.append(count)
        if max(counts) > MEMBER_LIMIT:
            raise _refusal("more members than instructions can name")
        static_fields, at = self._indices(at, counts[0])
        _, at = self._indices(at, counts[1])
        direct, at = self._coded(at, counts[2])
        virtual, at = self._coded(at, counts[3])
        clinit = (code for index, code in direct if self._method_name(index) == "<clinit>")
        return _Members(static_fields, [index for index, _ in (*direct, *virtual)], next(clinit, 0))

    def _indices(self, at: int, count: int) -> tuple[list[int], int]:
        """Fields: each index is written as its distance from the one before."""
        found, index = [], 0
        for _ in range(count):
            step, at = self._uleb128(at)
            _flags, at = self._uleb128(at)
            index += step
            found.append(index)
        return found, at

    def _coded(self, at: int, count: int) -> tuple[list[tuple[int, int]], int]:
        """Methods, with the offset of their code."""
        found, index = [], 0
        for _ in range(count):
            step, at = self._uleb128(at)
            _flags, at = self._uleb128(at)
            code, at = self._uleb128(at)
            index += step
            found.append((index, code))
        return found, at

    def _method_name(self, index: int) -> str:
        at = self._entry(self._methods, 8, index)
        return self._string(self._words(self._dex, at + 4, 1)[0])

    def _method(self, index: int) -> tuple[str, str]:
        at = self._entry(self._methods, 8, index)
        (proto,) = struct.unpack_from("<H", self._dex, at + 2)
        return self._method_name(index), self._descriptor(proto)

    def _descriptor(self, proto: int) -> str:
        at = self._entry(self._protos, 12, proto)
        returns, parameters_at = self._words(self._dex, at + 4, 2)
        parameters: tuple[int, ...] = ()
        if parameters_at:
            (count,) = self._words(self._dex, parameters_at, 1)
            if count > PARAMETER_LIMIT:
                raise _refusal("more parameters than a method can have")
            parameters = struct.unpack_from(f"<{count}H", self._dex, parameters_at + 4)
        return f"({''.join(map(self._type, parameters))}){self._type(returns)}"

    def _field_name(self, index: int) -> str:
        at = self._entry(self._fields, 8, index)
        return self._string(self._words(self._dex, at + 4, 1)[0])

    # --- Constants --------------------------------------------------------------------------------

    def _static_values(self, fields: list[int], at: int) -> dict[str, int]:
        """Values in the order of the fields; fields behind the last one are zero: not set."""
        count, at = self._uleb128(at)
        values = {}
        for index in fields[:count]:
            head = self._dex[at]
            kind, size = head & 0x1F, (head >> 5) + 1
            if kind in _NESTED:
                break  # No initial value of a field is an array; what follows cannot be placed.
            size = 0 if kind in _SIZELESS else size
            raw = self._dex[at + 1 : at + 1 + size]
            if len(raw) < size:
                raise IndexError(at)
            if kind in _INTEGERS:
                values[self._field_name(index)] = int.from_bytes(raw, "little", signed=True)
            at += 1 + size
        return values

    def _stored(self, code_at: int) -> dict[str, int]:
        """What straight-line code stores into static int fields, up to its first other word."""
        (units,) = self._words(self._dex, code_at + 12, 1)
        at, end = code_at + 16, code_at + 16 + 2 * units
        registers: dict[int, int] = {}
        values = {}
        while at < end:
            opcode, operand = self._dex[at], self._dex[at + 1]
            if opcode == _SPUT:
                (field,) = struct.unpack_from("<H", self._dex, at + 2)
                if operand in registers:
                    values[self._field_name(field)] = registers[operand]
                at += 4
            elif opcode == _CONST_4:
                registers[operand & 0xF] = (operand >> 4) - (operand >> 7 << 4)
                at += 2
            elif opcode in _CONSTS:
                form, shift = _CONSTS[opcode]
                (number,) = struct.unpack_from(form, self._dex, at + 2)
                registers[operand] = number << shift
                at += 2 + struct.calcsize(form)
            else:
                break
        return values


_INTEGERS = frozenset({0x00, 0x02, 0x04})  # byte, short, int
_SIZELESS = frozenset({0x1E, 0x1F})  # null, boolean
_NESTED = frozenset({0x1C, 0x1D})  # array, annotation

_SPUT, _CONST_4 = 0x67, 0x12
_CONSTS = {0x13: ("<h", 0), 0x14: ("<i", 0), 0x15: ("<h", 16)}
"""const/16, const, const/high16: how the number is written, and how far it is moved up."""


def _string_item(text: str) -> bytes:
    """A string as the file holds it: length as uleb128, bytes, NUL. For ASCII names."""
    size = len(text)
    length = bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])
    return length + text.encode("ascii") + b"\0"
