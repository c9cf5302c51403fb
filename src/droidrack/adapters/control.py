"""The control socket of a running controller: both ends of it.

A unix socket in the state directory that only its owner can open; the kernel says who calls, and
only that user and root are heard. One JSON object per line each way:

    {"v": 1, "act": "pause", "args": {"phone": "bay-1"}}
    {"v": 1, "ok": true, "result": {…}}
    {"v": 1, "ok": false, "error": {"code": …, "message": …, "hint": …}}

A line with another version is refused with both versions named. Requests of one connection are
answered in order; several connections do not wait for each other.
"""

import asyncio
import json
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from droidrack.adapters.access import refusal
from droidrack.core.errors import (
    ConfigError,
    ControllerAbsent,
    ControllerRefused,
    RackError,
)

VERSION = 1
REQUEST_LIMIT = 64 * 1024
"""Bytes of a request: a shell command and a few names."""

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of an answer: a status of 1,000 phones takes 2 MB, a screenshot up to 20 MB."""

CONNECTIONS_LIMIT = 32
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: `struct ucred` of unix(7).

Answer = Callable[[str, str, Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""(who, act, args) → result; RackError where it is refused."""


@asynccontextmanager
async def serving(path: Path, answer: Answer) -> AsyncIterator[None]:
    """Listen at `path` for as long as the context is open.

    What is left there of a controller that died is removed: the caller holds the journal's lock.

    Raises:
        ConfigError: the socket cannot be made.
    """
    talks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        if talk is None:
            raise AssertionError("a connection is served by a task")
        talks.add(talk)
        try:
            with suppress(ConnectionError):
                await _talk(reader, writer, answer, full=len(talks) > CONNECTIONS_LIMIT)
        finally:
            talks.discard(talk)
            writer.close()

    server = await asyncio.start_unix_server(accept, sock=_bound(path), limit=REQUEST_LIMIT)
    try:
        yield
    finally:
        server.close()
        for talk in tuple(talks):
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        _remove(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        _remove(path)
        with _short(path) as name:
            listener.bind(name)
    except OSError as exc:
        listener.close()
        if refused := refusal(exc, path):
            raise refused from exc
        raise ConfigError(
            f"{path}: {(exc.strerror or 'cannot be made').lower()}",
            hint="the state directory must be on a local disk that knows unix sockets",
        ) from exc
    finally:
        os.umask(mask)
    return listener


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A name of at most 108 bytes for a socket, however deep its directory is."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


# --- The controller's end -------------------------------------------------------------------------


async def _talk(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, *, full: bool
) -> None:
    who, refusal = _caller(writer), ""
    if who is None:
        refusal = "this socket is for the user who runs the controller"
    elif full:
        refusal = f"more than {CONNECTIONS_LIMIT} callers at once"
    while line := await _line(reader):
        answered = (
            _failure(ControllerRefused(refusal))
            if refusal or who is None
            else await _answered(line, who, answer)
        )
        text = json.dumps({"v": VERSION, **answered}, ensure_ascii=False)
        writer.write(text.encode("utf-8", "replace") + b"\n")
        await writer.drain()


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; b"" at the end, and for a line that is too long."""
    try:
        return await reader.readline()
    except ValueError:  # Of the reader's limit.
        return b""


def _caller(writer: asyncio.StreamWriter) -> str | None:
    """Who calls, by the kernel's word; None for a stranger."""
    peer = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid = _CREDENTIALS.unpack(credentials)[1]
    if uid not in (0, os.geteuid()):
        return None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


async def _answered(line: bytes, who: str, answer: Answer) -> dict[str, object]:
    try:
        act, args = _request(line)
        return {"ok": True, "result": await answer(who, act, args)}
    except RackError as error:
        return _failure(error)


def _request(line: bytes) -> tuple[str, Mapping[str, object]]:
    try:
        wanted = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise ConfigError("a line that is no JSON") from exc
    if not isinstance(wanted, dict):
        raise ConfigError("a JSON object was expected")
    if wanted.get("v") != VERSION:
        raise ConfigError(
            f"the request is of version {str(wanted.get('v'))[:20]}, this controller speaks "
            f"{VERSION}",
            hint="use the `droidrack` of the controller's version",
        )
    act, args = wanted.get("act"), wanted.get("args", {})
    if not isinstance(act, str) or not isinstance(args, dict):
        raise ConfigError("`act` must be a text and `args` an object")
    return act, args


def _failure(error: RackError) -> dict[str, object]:
    told = {"code": error.code, "message": error.message, "hint": error.hint}
    return {"ok": False, "error": told}


# --- The caller's end -----------------------------------------------------------------------------


async def ask(
    path: Path, act: str, args: Mapping[str, object], *, deadline_s: float
) -> dict[str, Any]:
    """Ask a running controller; its result.

    Raises:
        ConfigError: the request is too long, or no UTF-8.
        ControllerAbsent: none listens at `path`, or it did not answer in time.
        ControllerRefused: it did not do it; with its own words.
        StateDenied: this user may not reach the socket.
    """
    request = _line_of(act, args)
    try:
        async with asyncio.timeout(deadline_s):
            line = await _exchange(path, request)
    except (OSError, TimeoutError, ValueError) as exc:
        if isinstance(exc, OSError) and (refused := refusal(exc, path)):
            raise refused from exc
        late = isinstance(exc, TimeoutError)
        raise ControllerAbsent(
            f"{path}: "
            + (f"no answer within {deadline_s:g} s" if late else "no controller answers"),
            hint="start it with `droidrack run`, as the user whom the state directory belongs to",
        ) from exc
    if not line:
        raise ControllerAbsent(f"{path}: the controller ended the conversation")
    answer = json.loads(line)
    if answer.get("ok"):
        result: dict[str, Any] = answer["result"]
        return result
    error = answer["error"]
    raise ControllerRefused(error["message"], hint=error["hint"], remote=error["code"])


def _line_of(act: str, args: Mapping[str, object]) -> bytes:
    """A request as it goes over the socket."""
    request = {"v": VERSION, "act": act, "args": dict(args)}
    try:
        line = json.dumps(request, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError as exc:
        raise ConfigError(f"{act}: the text is not UTF-8", hint="type it as UTF-8") from exc
    if len(line) > REQUEST_LIMIT:
        raise ConfigError(
            f"{act}: the request is {len(line)} bytes long, a controller takes {REQUEST_LIMIT}",
            hint="shorten what was typed",
        )
    return line


async def _exchange(path: Path, request: bytes) -> bytes:
    with _short(path) as name:
        reader, writer = await asyncio.open_unix_connection(name, limit=ANSWER_LIMIT)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()
