"""The package name in an APK's binary manifest.

Source: AOSP `ResourceTypes.h`: chunks of (type u16, header size u16, size u32); a string pool, then
elements whose names and attributes are indexes into it.
"""

import io
import struct
import zipfile

_STRING_POOL, _START_ELEMENT = 0x0001, 0x0102
_UTF8 = 0x100
_MANIFEST = "AndroidManifest.xml"
_LIMIT = 4 << 20  # Bytes of an unpacked manifest; a real one stays under 1 MiB.


class NotAnApk(Exception):
    """The package manager would not parse this file."""


def package_name(apk: bytes) -> str:
    """The `package` attribute of the manifest.

    Raises:
        NotAnApk: no zip, no manifest in it, or not in Android's binary form.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(apk)) as archive, archive.open(_MANIFEST) as member:
            return _read_package(member.read(_LIMIT))
    except (zipfile.BadZipFile, KeyError) as error:
        raise NotAnApk("no zip archive with a manifest") from error
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise NotAnApk("the manifest is damaged") from error


def _read_package(manifest: bytes) -> str:
    strings: list[str] = []
    position = 8
    while position + 8 <= len(manifest):
        kind, header_size, size = struct.unpack_from("<HHI", manifest, position)
        chunk = manifest[position : position + size]
        if kind == _STRING_POOL:
            strings = _strings(chunk)
        elif kind == _START_ELEMENT:
            return _attribute(chunk, header_size, strings, "package")
        position += max(size, 8)
    raise NotAnApk("the manifest has no element")


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


def _attribute(chunk: bytes, header_size: int, strings: list[str], wanted: str) -> str:
    start, size, count = struct.unpack_from("<3H", chunk, header_size + 8)
    for index in range(count):
        where = header_size + start + index * size
        _, name, value = struct.unpack_from("<3I", chunk, where)
        if strings[name] == wanted:
            return str(strings[value])
    raise NotAnApk(f"the manifest names no {wanted}")
