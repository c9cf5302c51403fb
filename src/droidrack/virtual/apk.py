"""What a phone's package manager reads in an APK: package, version, permissions, signer.

Source: AOSP `ResourceTypes.h`: chunks of (type u16, header size u16, size u32); a string pool, then
elements whose names and attributes are indexes into it. The signer is read from the v2 block; the
signature itself is not verified here.
"""

import hashlib
import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

_STRING_POOL, _START_ELEMENT = 0x0001, 0x0102
_UTF8 = 0x100
_MANIFEST = "AndroidManifest.xml"
_LIMIT = 4 << 20  # Bytes of an unpacked manifest; a real one stays under 1 MiB.
_SIGNING_MAGIC = b"APK Sig Block 42"
_V2 = 0x7109871A


class NotAnApk(Exception):
    """The package manager would not parse this file."""


@dataclass(frozen=True, slots=True)
class ApkContent:
    """`split` is "" in a base APK."""

    package: str
    version_code: int
    split: str
    permissions: tuple[str, ...]
    signer: str


def package_name(apk: bytes) -> str:
    """The `package` attribute of the manifest; NotAnApk if it cannot be read."""
    return read_content(apk).package


def read_content(apk: bytes) -> ApkContent:
    """Read an APK.

    Raises:
        NotAnApk: no zip, no manifest in it, or not in Android's binary form.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(apk)) as archive, archive.open(_MANIFEST) as member:
            elements = list(_elements(member.read(_LIMIT)))
    except (zipfile.BadZipFile, KeyError) as error:
        raise NotAnApk("no zip archive with a manifest") from error
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise NotAnApk("the manifest is damaged") from error
    if not elements or "package" not in elements[0][1]:
        raise NotAnApk("the manifest names no package")
    top = elements[0][1]
    return ApkContent(
        package=str(top["package"]),
        version_code=int(top.get("versionCode", 0)),
        split=str(top.get("split", "")),
        permissions=tuple(
            str(values["name"]) for tag, values in elements if tag == "uses-permission"
        ),
        signer=_signer(apk),
    )


def _elements(manifest: bytes) -> Iterator[tuple[str, dict[str, str | int]]]:
    strings: list[str] = []
    position = 8
    while position + 8 <= len(manifest):
        kind, header_size, size = struct.unpack_from("<HHI", manifest, position)
        chunk = manifest[position : position + size]
        if kind == _STRING_POOL:
            strings = _strings(chunk)
        elif kind == _START_ELEMENT:
            (name,) = struct.unpack_from("<I", chunk, header_size + 4)
            yield strings[name], dict(_attributes(chunk, header_size, strings))
        position += max(size, 8)


def _strings(chunk: bytes) -> list[str]:
    count, _, flags, start = struct.unpack_from("<4I", chunk, 8)
    offsets = struct.unpack_from(f"<{count}I", chunk, 28)
    one = _utf8_string if flags & _UTF8 else _utf16_string
    return [one(chunk, start + offset) for offset in offsets]


def _utf8_string(chunk: bytes, position: int) -> str:
    position += 2 if chunk[position] & 0x80 else 1  # The length in characters comes first.
    size = chunk[position]
    position += 1
    if size & 0x80:
        size = (size & 0x7F) << 8 | chunk[position]
        position += 1
    return chunk[position : position + size].decode()


def _utf16_string(chunk: bytes, position: int) -> str:
    (size,) = struct.unpack_from("<H", chunk, position)
    return chunk[position + 2 : position + 2 + 2 * size].decode("utf-16-le")


def _attributes(
    chunk: bytes, header_size: int, strings: list[str]
) -> Iterator[tuple[str, str | int]]:
    start, size, count = struct.unpack_from("<3H", chunk, header_size + 8)
    for index in range(count):
        where = header_size + start + index * size
        _, name, value, _, _, kind, number = struct.unpack_from("<3IHBBI", chunk, where)
        yield strings[name], number if kind == 0x10 else strings[value]


def _signer(apk: bytes) -> str:
    """SHA-256 of the first certificate in the v2 block; "" where there is none."""
    magic = apk.rfind(_SIGNING_MAGIC)
    if magic < 0:
        return ""
    (size,) = struct.unpack_from("<Q", apk, magic - 8)
    position, end = magic + 16 - size, magic - 8
    while position + 12 <= end:
        length, scheme = struct.unpack_from("<QI", apk, position)
        if scheme == _V2:
            return _first_certificate(apk[position + 12 : position + 8 + length])
        position += 8 + length
    return ""


def _first_certificate(block: bytes) -> str:
    # Signers, the first signer, its signed part: three lengths; then the digests to be passed over.
    position = 12
    (digests,) = struct.unpack_from("<I", block, position)
    position += 4 + digests
    _, size = struct.unpack_from("<2I", block, position)
    return hashlib.sha256(block[position + 8 : position + 8 + size]).hexdigest()
