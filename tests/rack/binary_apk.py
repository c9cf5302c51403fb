"""The smallest APK a package manager would parse: a zip with a binary manifest."""

import struct
import zipfile
from pathlib import Path


def binary_manifest(package: str) -> bytes:
    """`<manifest package="…"/>` in Android's binary XML, as ResourceTypes.h lays it out."""
    texts = ["package", "manifest", package]
    encoded = [struct.pack("<H", len(text)) + text.encode("utf-16-le") + b"\0\0" for text in texts]
    offsets = [sum(map(len, encoded[:index])) for index in range(len(encoded))]
    body = b"".join(encoded)
    body += b"\0" * (-len(body) % 4)
    start = 28 + 4 * len(texts)
    pool = struct.pack("<HHI5I", 1, 28, start + len(body), len(texts), 0, 0, start, 0)
    pool += struct.pack(f"<{len(texts)}I", *offsets) + body
    nothing = 0xFFFFFFFF
    attribute = struct.pack("<3IHBBI", nothing, 0, 2, 8, 0, 3, 2)
    element = struct.pack("<HHI2I", 0x102, 16, 16 + 20 + len(attribute), 1, nothing)
    element += struct.pack("<2I6H", nothing, 1, 20, 20, 1, 0, 0, 0) + attribute
    return struct.pack("<HHI", 3, 8, 8 + len(pool) + len(element)) + pool + element


def make_apk(path: Path, package: str) -> Path:
    """Write an APK that installs as `package`."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("AndroidManifest.xml", binary_manifest(package))
    return path
