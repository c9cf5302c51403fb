"""A control socket for a running rack: pull cables and swap SIMs from another process.

One JSON object per line each way, over a unix socket that only its owner can open. A request names
what to `do`, and the phone by its index in the rack, adb serial or hardware serial:
`{"do": "unplug", "phone": 3}`. The answer is `{"ok": true, …}` or `{"ok": false, "error": "…"}`.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from droidrack.core.errors import ConfigError
from droidrack.virtual.farm import RackPhone, VirtualRack

Request = Mapping[str, Any]
Answer = dict[str, Any]

_LINE_LIMIT = 65536
_KNOCK_DEADLINE_S = 2.0


class BadRequest(Exception):
    """The request asks for what this rack has not."""


def _plain(step: Callable[[RackPhone, Request], object]) -> "_PhoneAction":
    async def act(phone: RackPhone, request: Request) -> Answer:
        step(phone, request)
        return {}

    return act


def _awaited(step: Callable[[RackPhone, Request], Awaitable[None]]) -> "_PhoneAction":
    async def act(phone: RackPhone, request: Request) -> Answer:
        await step(phone, request)
        return {}

    return act


_PhoneAction = Callable[[RackPhone, Request], Awaitable[Answer]]


def _cut(phone: RackPhone, request: Request) -> None:
    after, match = str(request.get("after", "open")), str(request.get("match", ""))
    phone.link.cut_next(after, match=match, reset=bool(request.get("reset", False)))


def _set_latency(phone: RackPhone, request: Request) -> None:
    phone.link.latency_s = float(request["seconds"])


def _set_capacity(phone: RackPhone, request: Request) -> None:
    phone.handset.files.capacity_bytes = int(request.get("bytes", 0))


async def _receive(phone: RackPhone, request: Request) -> Answer:
    """A text arrives; its row in the phone's store."""
    sender, text = str(request["from"]), str(request["text"])
    return {"row": phone.model.receive_sms(int(request.get("slot", 0)), sender, text)}


_PHONE_ACTIONS: dict[str, _PhoneAction] = {
    "allow": _awaited(lambda phone, _: phone.link.allow()),
    "cut": _plain(_cut),
    "deny": _awaited(lambda phone, _: phone.link.deny()),
    "disk-full": _plain(_set_capacity),
    "drop": _plain(lambda phone, _: phone.link.drop()),
    "freeze": _plain(lambda phone, _: phone.link.freeze()),
    "latency": _plain(_set_latency),
    "reboot": _plain(lambda phone, _: phone.handset.begin_reboot()),
    "receive": _receive,
    "remove-sim": _plain(lambda phone, request: phone.model.remove_sim(int(request["slot"]))),
    "reset-store": _plain(lambda phone, _: phone.model.store.reset()),
    "replug": _awaited(lambda phone, _: phone.link.replug()),
    "silence": _awaited(lambda phone, _: phone.link.silence()),
    "speak": _awaited(lambda phone, _: phone.link.silence(silent=False)),
    "swap-sims": _plain(lambda phone, _: phone.model.swap_sims()),
    "thaw": _plain(lambda phone, _: phone.link.thaw()),
    "unlock": _plain(lambda phone, _: phone.model.unlock()),
    "unplug": _awaited(lambda phone, _: phone.link.unplug()),
}


async def _kill_server(rack: VirtualRack, request: Request) -> Answer:
    await rack.kill_server()
    return {}


async def _restart_server(rack: VirtualRack, request: Request) -> Answer:
    await rack.restart_server()
    return {"adb_port": rack.adb_port}


async def _phones(rack: VirtualRack, request: Request) -> Answer:
    """Every phone of the rack: how adb and its own software call it."""
    return {
        "phones": [
            {
                "index": index,
                "adb_serial": phone.adb_serial,
                "serial": phone.model.spec.serial,
                "model": phone.model.spec.model,
                "api": phone.model.spec.api,
                "plugged": phone.link.plugged,
            }
            for index, phone in enumerate(rack.phones)
        ]
    }


async def _air(rack: VirtualRack, request: Request) -> Answer:
    """What the radios sent, from message number `after` on."""
    sent = rack.air.messages[int(request.get("after", 0)) :]
    return {"air": [json.loads(message.to_json()) for message in sent]}


_RACK_ACTIONS: dict[str, Callable[[VirtualRack, Request], Awaitable[Answer]]] = {
    "air": _air,
    "kill-server": _kill_server,
    "phones": _phones,
    "restart-server": _restart_server,
}

ACTIONS = tuple(sorted((*_PHONE_ACTIONS, *_RACK_ACTIONS)))
"""All that can be asked for."""


def _phone(rack: VirtualRack, name: object) -> RackPhone:
    for index, phone in enumerate(rack.phones):
        if str(name) in (str(index), phone.adb_serial, phone.model.spec.serial):
            return phone
    raise BadRequest(f"no phone {name!r}; the rack has 0 to {len(rack.phones) - 1}")


async def obey(rack: VirtualRack, request: Request) -> Answer:
    """Carry out one request.

    Raises:
        BadRequest: an unknown action or phone, a missing or malformed value.
    """
    action = str(request.get("do", ""))
    try:
        if on_rack := _RACK_ACTIONS.get(action):
            return await on_rack(rack, request)
        if on_phone := _PHONE_ACTIONS.get(action):
            return await on_phone(_phone(rack, request.get("phone")), request)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise BadRequest(f"{action}: missing or malformed value: {error}") from error
    raise BadRequest(f"unknown action {action!r}; there are {', '.join(ACTIONS)}")


class ControlSocket:
    """Listens at `path` for as long as the context is open.

    A socket file that a dead rack left behind is replaced; a living rack's is left to it.

    Raises:
        ConfigError: on entering; another rack listens there, or nobody can.
    """

    def __init__(self, rack: VirtualRack, path: Path) -> None:
        self._rack = rack
        self._path = path
        self._server: asyncio.Server | None = None
        self._made: tuple[int, int] | None = None
        self._lines: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "ControlSocket":
        if await self._somebody_answers():
            raise ConfigError(
                f"control socket {self._path}: another rack listens there",
                hint="stop that rack, or give this one a --control of its own",
            )
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._accept, self._path, limit=_LINE_LIMIT
            )
        except OSError as exc:
            raise ConfigError(
                f"control socket {self._path}: {exc.strerror or exc}",
                hint="name a short path that does not exist yet, in a directory that you may write",
            ) from exc
        finally:
            os.umask(old)
        self._made = self._identity()
        return self

    async def __aexit__(self, *error: object) -> None:
        # Before closing: as long as the socket is open, no other file gets its inode.
        if self._made is not None and self._made == self._identity():
            self._path.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()
        for line in tuple(self._lines):
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    async def _somebody_answers(self) -> bool:
        """Whether the socket at the path is taken by a process that lives."""
        try:
            async with asyncio.timeout(_KNOCK_DEADLINE_S):
                _, writer = await asyncio.open_unix_connection(self._path)
        except TimeoutError:
            return True  # A socket without a listener refuses at once.
        except OSError:
            return False  # Nothing, a stale file, or something that listening will complain about.
        writer.close()
        return True

    def _identity(self) -> tuple[int, int] | None:
        """Which file is at the path now."""
        try:
            seen = self._path.stat()
        except OSError:
            return None
        return seen.st_dev, seen.st_ino

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.ensure_future(self._talk(reader, writer))
        self._lines.add(talk)
        try:
            await asyncio.wait({talk})
        finally:
            self._lines.discard(talk)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            await writer.drain()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise BadRequest("a JSON object is expected")
            return {"ok": True, **await obey(self._rack, request)}
        except (BadRequest, ValueError) as error:
            return {"ok": False, "error": str(error)}


async def request(path: Path, wanted: Request, *, deadline_s: float = 30.0) -> Answer:
    """Ask a running rack from another process; its answer.

    Raises:
        OSError: nobody listens at `path`, or no answer came in time.
    """
    async with asyncio.timeout(deadline_s):
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(json.dumps(dict(wanted)).encode() + b"\n")
            answer: Answer = json.loads(await reader.readline())
            return answer
        finally:
            writer.close()


async def run_rack(
    rack: VirtualRack,
    *,
    control_path: Path | None = None,
    ready: Callable[[VirtualRack], None] = lambda rack: None,
) -> None:
    """Keep a rack running until the calling task is cancelled; `ready` is called once it is up."""
    async with rack:
        if control_path is None:
            ready(rack)
            await asyncio.Event().wait()
        else:
            async with ControlSocket(rack, control_path):
                ready(rack)
                await asyncio.Event().wait()
