"""Writes DEX files that hold AIDL interfaces and their stubs, as Android's compilers do.

Only what a reader of binder codes can see: the interface's abstract methods, and the stub's
`TRANSACTION_…` constants, either as static values or as stores of a `<clinit>`. The tables are
sorted, mapped and summed as the format asks, so that any reader of DEX files takes them.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

NO_INDEX = 0xFFFFFFFF
PUBLIC, STATIC, FINAL, INTERFACE, ABSTRACT, CONSTRUCTOR = 0x1, 0x8, 0x10, 0x200, 0x400, 0x10000

Prototype = tuple[str, tuple[str, ...]]
"""Return type and parameter types, as descriptors."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One method: its name and its types as descriptors."""

    name: str
    returns: str = "V"
    parameters: tuple[str, ...] = ()

    @property
    def prototype(self) -> Prototype:
        return self.returns, self.parameters


@dataclass(frozen=True, slots=True)
class ClassSpec:
    """One class to write. `constants` are static int fields."""

    descriptor: str
    constants: tuple[tuple[str, int], ...] = ()
    methods: tuple[Signature, ...] = ()
    is_interface: bool = False
    computed: bool = False  # Constants are stored by `<clinit>` instead of standing as values.


def write_dex(classes: Sequence[ClassSpec], *, version: bytes = b"035") -> bytes:
    """A whole DEX file."""
    return _Writer(classes, version).write()


def _uleb128(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _value(number: int) -> bytes:
    """An encoded int in as few bytes as hold it."""
    size = next(n for n in (1, 2, 3, 4) if -(1 << 8 * n - 1) <= number < 1 << 8 * n - 1)
    return bytes([0x04 | size - 1 << 5]) + number.to_bytes(size, "little", signed=True)


def _shorty(prototype: Prototype) -> str:
    returns, parameters = prototype
    return "".join("L" if name[0] in "L[" else name for name in (returns, *parameters))


class _Writer:
    def __init__(self, classes: Sequence[ClassSpec], version: bytes) -> None:
        self._version = version
        self._classes = classes
        clinit = Signature("<clinit>")
        self._own = {
            spec.descriptor: (*spec.methods, *([clinit] if spec.computed else []))
            for spec in classes
        }
        signatures = {s for methods in self._own.values() for s in methods}
        protos = {signature.prototype for signature in signatures}
        types = {"I", "Ljava/lang/Object;", *self._own}
        types |= {name for returns, parameters in protos for name in (returns, *parameters)}
        strings = types | {_shorty(proto) for proto in protos} | {s.name for s in signatures}
        strings |= {name for spec in classes for name, _ in spec.constants}
        self._strings = {text: index for index, text in enumerate(sorted(strings))}
        self._types = self._numbered(types, self._strings.__getitem__)
        self._protos = {
            proto: index
            for index, proto in enumerate(
                sorted(protos, key=lambda p: (self._types[p[0]], [self._types[n] for n in p[1]]))
            )
        }
        self._fields = self._numbered_members(
            (spec.descriptor, name) for spec in classes for name, _ in spec.constants
        )
        self._methods = {
            member: index
            for index, member in enumerate(
                sorted(
                    ((owner, s) for owner, methods in self._own.items() for s in methods),
                    key=lambda m: (
                        self._types[m[0]],
                        self._strings[m[1].name],
                        self._protos[m[1].prototype],
                    ),
                )
            )
        }

    @staticmethod
    def _numbered(names: Iterable[str], key: Callable[[str], int]) -> dict[str, int]:
        return {name: index for index, name in enumerate(sorted(names, key=key))}

    def _numbered_members(self, members: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        order = sorted(members, key=lambda m: (self._types[m[0]], self._strings[m[1]]))
        return {member: index for index, member in enumerate(order)}

    # --- The file ---------------------------------------------------------------------------------

    def write(self) -> bytes:
        counts = (
            len(self._strings),
            len(self._types),
            len(self._protos),
            len(self._fields),
            len(self._methods),
            len(self._classes),
        )
        offsets, at = [], 0x70
        for count, width in zip(counts, (4, 4, 12, 8, 8, 32), strict=True):
            offsets.append(at if count else 0)
            at += count * width
        self._data = bytearray()
        self._data_at = at
        self._map: list[tuple[int, int, int]] = [(0x0000, 1, 0)]
        self._map += [(1 + n, c, o) for n, (c, o) in enumerate(zip(counts, offsets, strict=True))]
        tables = self._tables()
        map_at = self._write_map()
        head = struct.pack("<2I", 0x70, 0x12345678) + struct.pack("<3I", 0, 0, map_at)
        for count, offset in zip(counts, offsets, strict=True):
            head += struct.pack("<2I", count, offset)
        head += struct.pack("<2I", len(self._data), self._data_at)
        rest = struct.pack("<I", 0x20 + 4 + len(head) + len(tables) + len(self._data))
        rest += head + tables + self._data
        signed = hashlib.sha1(rest, usedforsecurity=False).digest() + rest
        return b"dex\n" + self._version + b"\0" + struct.pack("<I", zlib.adler32(signed)) + signed

    def _put(self, content: bytes, align: int = 1) -> int:
        """Append to the data section; the offset in the file."""
        self._data += b"\0" * (-(self._data_at + len(self._data)) % align)
        at = self._data_at + len(self._data)
        self._data += content
        return at

    def _section(self, kind: int, places: Sequence[int]) -> None:
        if places:
            self._map.append((kind, len(places), places[0]))

    def _tables(self) -> bytes:
        strings = [
            self._put(_uleb128(len(text)) + text.encode("ascii") + b"\0") for text in self._strings
        ]
        self._section(0x2002, strings)
        lists = {
            names: self._put(
                struct.pack(f"<I{len(names)}H", len(names), *map(self._type, names)), 4
            )
            for names in dict.fromkeys(names for _, names in self._protos if names)
        }
        self._section(0x1001, list(lists.values()))
        table = b"".join(struct.pack("<I", at) for at in strings)
        table += b"".join(struct.pack("<I", self._strings[name]) for name in self._types)
        for proto in self._protos:
            shorty = self._strings[_shorty(proto)]
            table += struct.pack("<3I", shorty, self._type(proto[0]), lists.get(proto[1], 0))
        for owner, name in self._fields:
            table += struct.pack("<2HI", self._type(owner), self._type("I"), self._strings[name])
        for owner, signature in self._methods:
            proto_index = self._protos[signature.prototype]
            name_index = self._strings[signature.name]
            table += struct.pack("<2HI", self._type(owner), proto_index, name_index)
        return table + self._class_table()

    def _type(self, name: str) -> int:
        return self._types[name]

    def _class_table(self) -> bytes:
        codes = {spec.descriptor: self._clinit(spec) for spec in self._classes if spec.computed}
        self._section(0x2001, list(codes.values()))
        values = {
            spec.descriptor: self._put(self._static_values(spec))
            for spec in self._classes
            if spec.constants and not spec.computed
        }
        self._section(0x2005, list(values.values()))
        members = [self._put(self._members(spec, codes)) for spec in self._classes]
        self._section(0x2000, members)
        table = b""
        for spec, at in zip(self._classes, members, strict=True):
            flags = PUBLIC | ABSTRACT | (INTERFACE if spec.is_interface else 0)
            table += struct.pack(
                "<8I",
                self._type(spec.descriptor),
                flags,
                self._type("Ljava/lang/Object;"),
                0,
                NO_INDEX,
                0,
                at,
                values.get(spec.descriptor, 0),
            )
        return table

    def _constants(self, spec: ClassSpec) -> list[tuple[int, int]]:
        """(field index, value) in the order of the fields."""
        return sorted(
            (self._fields[spec.descriptor, name], value) for name, value in spec.constants
        )

    def _static_values(self, spec: ClassSpec) -> bytes:
        constants = self._constants(spec)
        return _uleb128(len(constants)) + b"".join(_value(value) for _, value in constants)

    def _clinit(self, spec: ClassSpec) -> int:
        """`const v0, value; sput v0, field` for each constant, in the shortest forms."""
        code = bytearray()
        for field, value in self._constants(spec):
            if -8 <= value < 8:
                code += bytes([0x12, (value & 0xF) << 4])
            elif -0x8000 <= value < 0x8000:
                code += struct.pack("<BBh", 0x13, 0, value)
            elif value & 0xFFFF == 0:
                code += struct.pack("<BBh", 0x15, 0, value >> 16)
            else:
                code += struct.pack("<BBi", 0x14, 0, value)
            code += struct.pack("<BBH", 0x67, 0, field)
        code += b"\x0e\x00"
        return self._put(struct.pack("<4H2I", 1, 0, 0, 0, 0, len(code) // 2) + code, 4)

    def _members(self, spec: ClassSpec, codes: dict[str, int]) -> bytes:
        fields = [index for index, _ in self._constants(spec)]
        own = [(self._methods[spec.descriptor, s], s) for s in self._own[spec.descriptor]]
        direct = sorted((i, s) for i, s in own if s.name == "<clinit>")
        virtual = sorted(index for index, s in own if s.name != "<clinit>")
        out = b"".join(map(_uleb128, (len(fields), 0, len(direct), len(virtual))))
        for step in _steps(fields):
            out += _uleb128(step) + _uleb128(STATIC | FINAL)
        for index, _ in direct:
            out += _uleb128(index) + _uleb128(STATIC | CONSTRUCTOR)
            out += _uleb128(codes[spec.descriptor])
        for step in _steps(virtual):
            out += _uleb128(step) + _uleb128(PUBLIC | ABSTRACT) + _uleb128(0)
        return out

    def _write_map(self) -> int:
        at = self._put(b"", 4)
        entries = sorted(((k, c, o) for k, c, o in self._map if c), key=lambda e: e[2])
        entries.append((0x1000, 1, at))
        self._put(struct.pack("<I", len(entries)))
        for kind, count, offset in entries:
            self._put(struct.pack("<HHII", kind, 0, count, offset))
        return at


def _steps(indices: Sequence[int]) -> list[int]:
    """Each index as its distance from the one before; the first as it is."""
    return [*indices[:1], *(later - earlier for earlier, later in pairwise(indices))]
