"""What an APK says of itself: package, version code, and who signed it.

Source: AOSP `ResourceTypes.h` (binary XML) and "APK Signature Scheme v2/v3" (source.android.com):
the signing block stands before the zip's central directory. Nothing is verified here: Android does
that; a recipe only compares the certificate with the one it trusts.
"""

import hashlib
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_STRING_POOL, _START_ELEMENT = 0x0001, 0x0102
_UTF8_FLAG = 1 << 8
_TYPE_INT_DEC, _TYPE_INT_HEX = 0x10, 0x11
_EOCD, _EOCD_SIZE, _COMMENT_LIMIT = b"PK\x05\x06", 22, 65_535
_BLOCK_MAGIC = b"APK Sig Block 42"
_BLOCK_LIMIT = 16 << 20
_SCHEMES = (0x7109871A, 0xF05368C0, 0x1B93AD61)  # v2, v3, v3.1
_MANIFEST_LIMIT = 4 << 20


class UnreadableApk(Exception):
    """Not an APK, or a damaged one."""


@dataclass(frozen=True, slots=True)
class ApkFacts:
    """`version_code` None: not given in the manifest, as in some splits."""

    package: str
    version_code: int | None
    signers: tuple[str, ...]


def read_apk(stream: IO[bytes]) -> ApkFacts:
    """Read package, version and signing certificates.

    Raises:
        UnreadableApk: whatever is wrong with the file.
    """
    try:
        with zipfile.ZipFile(stream) as archive, archive.open("AndroidManifest.xml") as member:
            manifest = member.read(_MANIFEST_LIMIT)
        package, version = _read_manifest(manifest)
        return ApkFacts(package, version, tuple(dict.fromkeys(_signers(stream))))
    except (zipfile.BadZipFile, KeyError, struct.error, IndexError, ValueError, OSError) as exc:
        raise UnreadableApk(f"no readable APK: {exc}") from exc


def _read_manifest(manifest: bytes) -> tuple[str, int | None]:
    strings: list[str] = []
    at = 8
    while at + 8 <= len(manifest):
        kind, head, size = struct.unpack_from("<HHI", manifest, at)
        chunk = manifest[at : at + size]
        if kind == _STRING_POOL:
            strings = _pool(chunk)
        elif kind == _START_ELEMENT:
            values = dict(_attributes(chunk, head, strings))
            version = values.get("versionCode")
            return str(values["package"]), version if isinstance(version, int) else None
        at += max(size, 8)
    raise ValueError("the manifest has no element")


def _pool(chunk: bytes) -> list[str]:
    count, _, flags, start = struct.unpack_from("<4I", chunk, 8)
    offsets = struct.unpack_from(f"<{count}I", chunk, 28)
    read = _utf8 if flags & _UTF8_FLAG else _utf16
    return [read(chunk, start + offset) for offset in offsets]


def _utf8(chunk: bytes, at: int) -> str:
    for _ in range(2):  # The length in characters, then in bytes.
        size, at = chunk[at], at + 1
        if size & 0x80:
            size, at = (size & 0x7F) << 8 | chunk[at], at + 1
    return chunk[at : at + size].decode("utf-8", "replace")


def _utf16(chunk: bytes, at: int) -> str:
    (size,) = struct.unpack_from("<H", chunk, at)
    return chunk[at + 2 : at + 2 + 2 * size].decode("utf-16-le", "replace")


def _attributes(chunk: bytes, head: int, strings: list[str]) -> Iterator[tuple[str, str | int]]:
    start, size, count = struct.unpack_from("<3H", chunk, head + 8)
    for index in range(count):
        where = head + start + index * size
        _, name, raw, _, _, kind, value = struct.unpack_from("<3IHBBI", chunk, where)
        if kind in (_TYPE_INT_DEC, _TYPE_INT_HEX):
            yield strings[name], value
        elif raw < len(strings):
            yield strings[name], strings[raw]


def _signers(stream: IO[bytes]) -> Iterator[str]:
    """SHA-256 of each signer's first certificate."""
    for scheme, value in _block_entries(stream):
        if scheme in _SCHEMES:
            for signer in _sequence(_sequence_of_one(value)):
                signed = _sequence_of_one(signer)
                _, certificates = _split(signed)
                first = next(_sequence(_sequence_of_one(certificates)), b"")
                if first:
                    yield hashlib.sha256(first).hexdigest()


def _block_entries(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    end = stream.seek(0, 2)
    stream.seek(max(0, end - _EOCD_SIZE - _COMMENT_LIMIT))
    tail = stream.read()
    found = tail.rfind(_EOCD)
    (directory,) = struct.unpack_from("<I", tail, found + 16)
    if found < 0 or directory < 32:
        return
    stream.seek(directory - 24)
    (size,) = struct.unpack("<Q", stream.read(8))
    if stream.read(16) != _BLOCK_MAGIC or not 24 <= size <= min(_BLOCK_LIMIT, directory):
        return
    stream.seek(directory - size)
    block = stream.read(size - 24)
    at = 0
    while at + 12 <= len(block):
        length, scheme = struct.unpack_from("<QI", block, at)
        yield scheme, block[at + 12 : at + 8 + length]
        at += 8 + length


def _split(content: bytes) -> tuple[bytes, bytes]:
    """A length-prefixed value, and what follows it."""
    (size,) = struct.unpack_from("<I", content)
    return content[4 : 4 + size], content[4 + size :]


def _sequence_of_one(content: bytes) -> bytes:
    return _split(content)[0]


def _sequence(content: bytes) -> Iterator[bytes]:
    while len(content) >= 4:
        item, content = _split(content)
        yield item
