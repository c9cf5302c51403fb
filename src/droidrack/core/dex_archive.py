"""Where DEX files lie: in jars, and on older releases in the files that ART compiled from them.

Production builds of Android 5 to 8 leave the jar without classes; the DEX files then stand, whole,
within `boot*.oat` (up to 7) or `boot-framework.vdex` (8), and are found by their magic.
"""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator

from droidrack.core.dex import HEADER_BYTES, MAGIC
from droidrack.core.errors import ParseError

DEX_LIMIT_BYTES = 64 << 20
"""Unpacked size of one DEX file; the largest of a framework seen has 13 MB."""

DEX_LIMIT_COUNT = 100
"""DEX files of one archive; a framework has up to ten, a boot image some forty."""

_CLASSES = re.compile(r"classes([0-9]{1,2})?\.dex")
_ZIP, _ELF, _VDEX = b"PK", b"\x7fELF", b"vdex"


def dex_files(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The DEX files of an archive in the order in which a class loader asks them, one at a time.

    Yields:
        Name within the archive (`classes2.dex`; for ART's files the offset), and content.

    Raises:
        ParseError: neither jar, OAT nor VDEX, or a damaged one. An archive without DEX yields none.
    """
    if content.startswith(_ZIP):
        yield from _from_jar(name, content)
    elif content.startswith((_ELF, _VDEX)):
        yield from _embedded(content)
    else:
        raise ParseError(name, "neither a jar nor one of ART's files")


def _from_jar(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    # zipfile's own errors are many: a directory of a hostile file reaches deep into it.
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as jar:
            places = {
                int(match[1] or 1): entry
                for entry in jar.infolist()
                if (match := _CLASSES.fullmatch(entry.filename))
            }
            for number in sorted(places):
                with jar.open(places[number]) as file:
                    dex = file.read(DEX_LIMIT_BYTES + 1)
                if len(dex) > DEX_LIMIT_BYTES:
                    raise ParseError(name, f"{places[number].filename} is too large")
                yield places[number].filename, dex
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        NotImplementedError,  # A compression that this Python has not.
        RuntimeError,  # An encrypted entry.
        EOFError,
        ValueError,
        OverflowError,
        OSError,  # A seek to a negative offset, and damaged bzip2 or lzma.
        lzma_error(),
    ) as exc:
        raise ParseError(name, f"a damaged jar: {type(exc).__name__}") from exc


def lzma_error() -> type[Exception]:
    """`lzma.LZMAError`; Python may be built without lzma."""
    try:
        import lzma  # noqa: PLC0415 - optional part of the standard library
    except ImportError:
        return zipfile.BadZipFile
    return lzma.LZMAError


def _embedded(content: bytes) -> Iterator[tuple[str, bytes]]:
    at = content.find(MAGIC)
    count = 0
    while at >= 0 and count < DEX_LIMIT_COUNT:
        size = _size_at(content, at)
        if size:
            count += 1
            yield f"@{at:#x}", content[at : at + size]
        at = content.find(MAGIC, at + (size or len(MAGIC)))


def _size_at(content: bytes, at: int) -> int:
    """Size of the DEX file that begins at `at`; 0 where the magic stands there by chance."""
    if at + HEADER_BYTES > len(content):
        return 0
    size, header = struct.unpack_from("<II", content, at + 32)
    fits = HEADER_BYTES <= size <= min(DEX_LIMIT_BYTES, len(content) - at)
    return size if fits and header == HEADER_BYTES else 0
