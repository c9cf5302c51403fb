"""Builds the smallest APKs that a package manager would parse, for rehearsals and tests.

They hold no code. The signing block names a certificate of invented bytes, so that two makers of
APKs can be told apart; a real phone would refuse the signature.
"""

import io
import struct
import zipfile
from collections.abc import Sequence

NOTHING = 0xFFFFFFFF
_STRING, _INTEGER = 3, 0x10


def build_apk(
    package: str,
    *,
    version_code: int = 1,
    permissions: Sequence[str] = (),
    split: str = "",
    signer: bytes = b"invented certificate",
    padding: int = 0,
) -> bytes:
    """An APK with these facts; `padding` bytes make it larger."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        # A fixed date: the same facts give the same bytes.
        entry = zipfile.ZipInfo("AndroidManifest.xml", (2024, 1, 1, 0, 0, 0))
        archive.writestr(entry, _manifest(package, version_code, permissions, split))
        if padding:
            archive.writestr(zipfile.ZipInfo("assets/x", (2024, 1, 1, 0, 0, 0)), bytes(padding))
    return _signed(stream.getvalue(), signer)


def _manifest(package: str, version_code: int, permissions: Sequence[str], split: str) -> bytes:
    texts = ["manifest", "uses-permission", "package", "versionCode", "split", "name",
             package, split, *permissions]  # fmt: skip
    top = [(2, _STRING, 6), (3, _INTEGER, version_code)]
    if split:
        top.append((4, _STRING, 7))
    body = _element(0, top)
    for index in range(len(permissions)):
        body += _element(1, [(5, _STRING, 8 + index)])
    content = _pool(texts) + body
    return struct.pack("<HHI", 3, 8, 8 + len(content)) + content


def _pool(texts: Sequence[str]) -> bytes:
    encoded = [struct.pack("<H", len(text)) + text.encode("utf-16-le") + b"\0\0" for text in texts]
    offsets = [sum(map(len, encoded[:index])) for index in range(len(encoded))]
    body = b"".join(encoded)
    body += b"\0" * (-len(body) % 4)
    start = 28 + 4 * len(texts)
    head = struct.pack("<HHI5I", 1, 28, start + len(body), len(texts), 0, 0, start, 0)
    return head + struct.pack(f"<{len(texts)}I", *offsets) + body


def _element(name: int, attributes: Sequence[tuple[int, int, int]]) -> bytes:
    packed = b"".join(
        struct.pack(
            "<3IHBBI", NOTHING, key, value if kind == _STRING else NOTHING, 8, 0, kind, value
        )
        for key, kind, value in attributes
    )
    size = 16 + 20 + len(packed)
    head = struct.pack("<HHI2I", 0x102, 16, size, 1, NOTHING)
    return head + struct.pack("<2I6H", NOTHING, name, 20, 20, len(attributes), 0, 0, 0) + packed


def _prefixed(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


def _signed(apk: bytes, certificate: bytes) -> bytes:
    """The archive with a v2 signing block before its central directory."""
    end = apk.rfind(b"PK\x05\x06")
    (directory,) = struct.unpack_from("<I", apk, end + 16)
    signed_part = _prefixed(b"") + _prefixed(_prefixed(certificate)) + _prefixed(b"")
    signer = _prefixed(signed_part) + _prefixed(b"") + _prefixed(b"")
    value = _prefixed(_prefixed(signer))
    pair = struct.pack("<QI", 4 + len(value), 0x7109871A) + value
    size = len(pair) + 24
    block = struct.pack("<Q", size) + pair + struct.pack("<Q", size) + b"APK Sig Block 42"
    moved = bytearray(apk[end:])
    struct.pack_into("<I", moved, 16, directory + len(block))
    return apk[:directory] + block + apk[directory:end] + bytes(moved)
