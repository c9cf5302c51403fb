"""`sync:`, adb's file transfer, over a phone's virtual files.

Source: AOSP `packages/modules/adb/SYNC.TXT` and `file_sync_protocol.h`. A request is an verb, a u32
length and a path; every number is little-endian. Of the v2 requests only those without compression
are spoken, because the phone announces no `sendrecv_v2_…` feature.
"""

import struct

from droidrack.virtual.files import FileTree, Node
from droidrack.virtual.shell_words import decode, encode
from droidrack.virtual.streams import Stream

_REQUEST = struct.Struct("<4sI")
_STAT_V1 = struct.Struct("<4s3I")  # verb, mode, size, mtime
_DENT_V1 = struct.Struct("<4s4I")  # verb, mode, size, mtime, length of the name
_STAT_V2 = struct.Struct("<4sI2Q4IQ3q")  # verb, error, dev, ino, mode, nlink, uid, gid, size, times
_PATH_LIMIT = 1024
_CHUNK = 65536
_SHELL_UID = 2000


async def serve_sync(stream: Stream, files: FileTree) -> None:
    """Answer requests until QUIT, the host's close, or a failed write."""
    while True:
        verb, size = _REQUEST.unpack(await stream.read_exactly(_REQUEST.size))
        if verb == b"QUIT":
            return
        if size > _PATH_LIMIT:
            await _fail(stream, "path too long")
            return
        path = decode(await stream.read_exactly(size))
        if verb in (b"STAT", b"STA2", b"LST2"):
            await stream.write(_stat(verb, path, files))
        elif verb in (b"LIST", b"LIS2"):
            await _list(stream, path, files, b"DENT" if verb == b"LIST" else b"DNT2")
        elif verb in (b"RECV", b"RCV2"):
            if verb == b"RCV2":
                await stream.read_exactly(8)  # id and flags
            await _receive(stream, path, files)
        elif verb in (b"SEND", b"SND2"):
            mode = await _send_mode(stream, path) if verb == b"SND2" else None
            if not await _send(stream, path, mode, files):
                return
        else:
            await _fail(stream, f"unknown command {decode(verb)}")
            return


async def _fail(stream: Stream, reason: str) -> None:
    text = encode(reason)
    await stream.write(_REQUEST.pack(b"FAIL", len(text)) + text)


def _record_v2(verb: bytes, node: Node, error: int = 0) -> bytes:
    times = (node.mtime,) * 3
    owner = (_SHELL_UID, _SHELL_UID)
    return _STAT_V2.pack(verb, error, 1, 1, node.mode, 1, *owner, node.size, *times)


def _stat(verb: bytes, path: str, files: FileTree) -> bytes:
    """The answer to STAT, STA2 or LST2; v1 tells of an absent file by zeros."""
    try:
        node = files.stat(path)
    except OSError as error:
        if verb == b"STAT":
            return _STAT_V1.pack(verb, 0, 0, 0)
        return _STAT_V2.pack(verb, error.errno or 0, *(0,) * 10)
    if verb == b"STAT":
        return _STAT_V1.pack(verb, node.mode, node.size & 0xFFFFFFFF, node.mtime)
    return _record_v2(verb, node)


async def _list(stream: Stream, path: str, files: FileTree, verb: bytes) -> None:
    """One record for each entry; an unreadable directory looks empty."""
    try:
        entries = files.listing(path)
    except OSError:
        entries = {}
    answer = bytearray()
    for name, node in entries.items():
        raw = encode(name)
        if verb == b"DENT":
            answer += _DENT_V1.pack(verb, node.mode, node.size, node.mtime, len(raw))
        else:
            answer += _record_v2(verb, node) + struct.pack("<I", len(raw))
        answer += raw
    size = _DENT_V1.size if verb == b"DENT" else _STAT_V2.size + 4
    await stream.write(bytes(answer) + b"DONE".ljust(size, b"\0"))


async def _receive(stream: Stream, path: str, files: FileTree) -> None:
    try:
        content = files.read(path)
    except OSError as error:
        await _fail(stream, f"open failed: {error.strerror}")
        return
    for start in range(0, len(content), _CHUNK):
        chunk = content[start : start + _CHUNK]
        await stream.write(_REQUEST.pack(b"DATA", len(chunk)) + chunk)
    await stream.write(_REQUEST.pack(b"DONE", 0))


async def _send_mode(stream: Stream, path: str) -> int:
    """The second record of SND2."""
    _, mode, _ = struct.unpack("<4sII", await stream.read_exactly(12))
    return int(mode)


async def _send(stream: Stream, spec: str, mode: int | None, files: FileTree) -> bool:
    """Take a file; False after a failure, when adbd closes the stream as well."""
    path = spec
    if mode is None:
        path, _, digits = spec.rpartition(",")
        mode = int(digits) if digits.isdigit() else 0o644
    content = bytearray()
    failed = False
    while True:
        verb, size = _REQUEST.unpack(await stream.read_exactly(_REQUEST.size))
        if verb == b"DONE":
            break
        if verb != b"DATA" or size > _CHUNK:
            await _fail(stream, "invalid data message")
            return False
        chunk = await stream.read_exactly(size)
        if not failed:
            content += chunk
        if not failed and files.used_bytes + len(content) > files.capacity_bytes:
            # The rest is read and thrown away: the host reads our answer only when it is done.
            failed = True
            await _fail(stream, "write failed: No space left on device")
    if failed:
        return False
    try:
        _make_parents(path, files)
        files.write(path, bytes(content), mode=mode, mtime=size)
    except OSError as error:
        await _fail(stream, f"couldn't create file: {error.strerror}")
        return False
    await stream.write(_REQUEST.pack(b"OKAY", 0))
    return True


def _make_parents(path: str, files: FileTree) -> None:
    parent = path.rpartition("/")[0]
    if parent:
        files.mkdir(parent, parents=True)
