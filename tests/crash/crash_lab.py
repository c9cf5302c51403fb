"""The world that survives every crash: phones, panel and adb server, and the controller in it.

Phones and panel live in this process and are the outside truth. The controller is a process of its
own, started by the same command as in production, and killed as often as anybody likes.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from droidrack.virtual.air import Air, AirMessage
from droidrack.virtual.farm import RackPhone, VirtualRack
from droidrack.virtual.faults import Fate
from droidrack.virtual.panel.faults import FaultPlan
from droidrack.virtual.panel.queue import Reading
from droidrack.virtual.panel.server import create_app, serving
from droidrack.virtual.panel.store import PanelStore
from droidrack.virtual.radio import Submission
from droidrack.virtual.spec import PhoneSpec

SUBMIT = re.compile(r"service call isms \d+ i32 \d+ s16 com\.android\.shell ")
"""What a command that sends has in it; harmless calls of the service name no caller."""

TERM_LIMIT_S = 15.0
"""A stop takes less than 10 s; more on a machine that does other things."""

OUTSIDE = (
    "outside.command-arrived",  # The phone has the command and did not run it yet.
    "outside.message-taken",  # Android has the message; its answer is not on the wire.
    "outside.message-on-air",  # The radio sent it; nothing is written on the phone.
    "outside.row-written",  # The row is in the phone's store; its log line is not written.
    "outside.register-taken",  # The panel spent the token; its answer is not on the wire.
    "outside.pending-offered",  # The panel noted its offer; its answer is not on the wire.
    "outside.report-taken",  # The panel took the statuses; its answer is not on the wire.
    "outside.heartbeat-taken",
)
"""Moments that only phone and panel know; they kill the controller themselves."""

_PATHS = {
    "/register-session": "outside.register-taken",
    "/pending": "outside.pending-offered",
    "/update-statuses": "outside.report-taken",
    "/sim/update-status": "outside.heartbeat-taken",
}


class Nursery:
    """One process that forks a controller at a time; see crash_nursery.py.

    `whole`: each controller is a whole new program, which takes most of a second to read itself.
    """

    def __init__(self, *, whole: bool) -> None:
        self._program = str(Path(sys.executable).with_name("droidrack")) if whole else ""
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, words: Sequence[str], environment: dict[str, str], log: Path) -> int:
        """Start `droidrack` with these words; its process id."""
        if self._process is None:
            script = Path(__file__).with_name("crash_nursery.py")
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, str(script)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={k: v for k, v in os.environ.items() if k != "DROIDRACK_FAILPOINTS"},
            )
        wanted = {
            "words": list(words),
            "environment": environment,
            "log": str(log),
            "program": self._program,
        }
        if self._process.stdin is None:
            raise AssertionError("the nursery has a pipe for its input")
        self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
        return await self._answer("pid")

    async def ended(self) -> int:
        """Wait for the child's end; its exit code, negative for a signal."""
        return await self._answer("code")

    async def close(self) -> None:
        """End the nursery; its child has ended before."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()

    async def _answer(self, key: str) -> int:
        if self._process is None or self._process.stdout is None:
            raise AssertionError("the nursery was never asked")
        line = await self._process.stdout.readline()
        if not line:
            raise AssertionError("the nursery died")
        return int(json.loads(line)[key])


class Controller:
    """One `droidrack run` after another, on the same configuration."""

    def __init__(self, config: Path, log: Path, *, whole: bool) -> None:
        self._config = config
        self._log = log
        self._nursery = Nursery(whole=whole)
        self._end: asyncio.Task[int] | None = None
        self.pid = 0
        """The process id of the current life."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._end is not None and not self._end.done()

    @property
    def exit_code(self) -> int | None:
        """Of the last life, negative for a signal; None while it runs."""
        return self._end.result() if self._end is not None and self._end.done() else None

    async def start(self, failpoints: str = "") -> None:
        """Start it; `failpoints` as in DROIDRACK_FAILPOINTS."""
        words = ("run", "--config", str(self._config), "--log-json")
        environment = {"DROIDRACK_FAILPOINTS": failpoints} if failpoints else {}
        self.pid = await self._nursery.start(words, environment, self._log)
        self._end = asyncio.create_task(self._nursery.ended())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self, limit_s: float) -> bool:
        """Whether it ends within `limit_s`."""
        if self._end is not None:
            await asyncio.wait({self._end}, timeout=limit_s)
        return not self.alive

    async def kill(self) -> None:
        """`kill -9`, and see it gone."""
        self.signal(signal.SIGKILL)
        await self.ended(TERM_LIMIT_S)

    async def close(self) -> None:
        """Kill it for good."""
        await self.kill()
        await self._nursery.close()


@dataclass
class Tripwires:
    """The moments of `OUTSIDE`: armed with a count, they kill the controller when it is used up.

    `fates` remembers what the radio was told to do with each (ICCID, number, text), in order.
    """

    kill: Callable[[], None]
    armed: dict[str, int] = field(default_factory=dict)
    fates: dict[tuple[str, str, str], list[Fate]] = field(default_factory=dict)

    def passing(self, name: str) -> None:
        """This moment is now."""
        if name not in self.armed:
            return
        self.armed[name] -= 1
        if self.armed[name] == 0:
            del self.armed[name]
            self.kill()

    def around_panel(self, app: Any) -> Any:
        """An application that kills between the panel's deed and its answer."""

        async def wired(scope: Any, receive: Any, send: Any) -> None:
            path = scope.get("path", "")
            name = next((n for end, n in _PATHS.items() if path.endswith(end)), "")

            async def passing_send(message: Any) -> None:
                if name and message["type"] == "http.response.start":
                    self.passing(name)
                await send(message)

            await app(scope, receive, passing_send)

        return wired

    def watch_phone(self, phone: RackPhone) -> None:
        """Look over a phone's shoulder."""
        take_cut, link = phone.link.take_cut, phone.link
        radio, store = phone.model.radio, phone.model.store
        submit, add, take = radio.submit, store.add, radio.faults.take
        fates: list[Fate] = []

        def arrived(command: str) -> Any:
            if SUBMIT.search(command):
                self.passing("outside.command-arrived")
            return take_cut(command)

        def decided(slot: int) -> Fate:
            fates.append(take(slot))
            return fates[-1]

        def taken(submission: Submission) -> None:
            submit(submission)
            card = submission.slot.card
            key = (card.iccid if card else "", submission.number, submission.body)
            self.fates.setdefault(key, []).extend(fates)
            fates.clear()
            self.passing("outside.message-taken")

        def written(*args: Any, **fields: Any) -> int:
            row = add(*args, **fields)
            self.passing("outside.row-written")
            return row

        # The models have no place for a listener, and should not have one for a crash test.
        link.take_cut = arrived  # type: ignore[method-assign]
        radio.submit = taken  # type: ignore[method-assign]
        store.add = written  # type: ignore[method-assign]
        radio.faults.take = decided  # type: ignore[method-assign]

    def watch_air(self, air: Air) -> None:
        """Hear each message at the moment when it goes out."""
        record = air.record

        def recorded(message: AirMessage) -> None:
            record(message)
            self.passing("outside.message-on-air")

        air.record = recorded  # type: ignore[method-assign]


class CrashLab:
    """One rack, one panel, one controller.

    Args:
        home: where configuration, journal and log go; made here.
        specs: the phones.
        seed: of the rack's chance.
        reading: how the panel's `pending` treats a message without a status.
        own_adb: the controller starts its own adb server, else it is given the rack's.
        whole_starts: each controller is a new program; else a fork of one that has read itself.
        settings: more for devices.toml, as {table: {key: value}}.
    """

    def __init__(
        self,
        home: Path,
        specs: Sequence[PhoneSpec],
        *,
        seed: int = 0,
        reading: Reading = Reading.REPEAT,
        own_adb: bool = False,
        whole_starts: bool = False,
        settings: dict[str, dict[str, float]] | None = None,
    ) -> None:
        home.mkdir(parents=True)
        self.home = home
        self.reading = reading
        self.own_adb = own_adb
        self.rack = VirtualRack(specs, shell="parser", adb_port=None if own_adb else 0, seed=seed)
        self.faults = FaultPlan()
        self.store = PanelStore(reading=reading)
        self.controller = Controller(
            home / "devices.toml", home / "controller.log", whole=whole_starts
        )
        self.wires = Tripwires(lambda: self.controller.signal(signal.SIGKILL))
        self._settings = _merged(settings or {})
        self._stack = AsyncExitStack()

    @property
    def phones(self) -> tuple[RackPhone, ...]:
        """The rack's phones; the panel knows them as `bay-0`, `bay-1` and so on."""
        return self.rack.phones

    @property
    def journal_path(self) -> Path:
        """Where the controller keeps its journal."""
        return self.home / "state" / "journal.sqlite"

    @property
    def log_path(self) -> Path:
        """What the controller said in all its lives."""
        return self.home / "controller.log"

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.rack)
            stack.callback(self.store.close)
            app = create_app(self.store, faults=self.faults)
            port = await stack.enter_async_context(serving(self.wires.around_panel(app)))
            stack.push_async_callback(self.controller.close)
            for phone in self.phones:
                self.wires.watch_phone(phone)
            self.wires.watch_air(self.rack.air)
            self._write_config(port)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    # --- What an operator does ----------------------------------------------------------------

    def lay_down_token(self, index: int) -> None:
        """Mint a pairing token for a phone and put it where the controller looks."""
        token = self.home / f"token-{index}"
        token.touch(mode=0o600)
        token.write_text(self.store.mint(), encoding="utf-8")

    def device_of(self, index: int) -> str:
        """The panel's uuid of a phone; "" before it was paired."""
        named = (d.uuid for d in self.store.devices() if d.name == f"bay-{index}")
        return next(named, "")

    def rows_of(self, index: int) -> dict[int, str]:
        """The panel's SIM rows of a phone, by slot."""
        devices = [d for d in self.store.devices() if d.name == f"bay-{index}"]
        return {row.slot: row.uid for d in devices for row in self.store.sims(d)}

    def cards(self) -> dict[str, str]:
        """ICCID of the card that each SIM row of the panel means."""
        return {
            uid: card.iccid
            for index, phone in enumerate(self.phones)
            for slot, uid in self.rows_of(index).items()
            if (card := phone.model.spec.sims[slot]) is not None
        }

    def paired(self) -> bool:
        """Whether every phone has its rows at the panel and its bindings in the journal."""
        return all(
            len(self.rows_of(index)) == sum(card is not None for card in phone.model.spec.sims)
            for index, phone in enumerate(self.phones)
        )

    def adb_server_pid(self) -> int | None:
        """The adb server that the controller uses now."""
        if not self.own_adb:
            return self.rack.server_pid
        if not self.controller.alive:
            return None
        path = Path(f"/proc/{self.controller.pid}/task/{self.controller.pid}/children")
        try:
            children = path.read_text().split()
        except OSError:
            return None
        return next((int(c) for c in children if _command(c).endswith("/adb")), None)

    def _write_config(self, port: int) -> None:
        adb: dict[str, Any] = {"own": self.own_adb}
        if self.own_adb:
            adb["connect"] = [phone.adb_serial for phone in self.phones]
        else:
            adb["port"] = self.rack.adb_port
        lines = [f'state_dir = "{self.home / "state"}"', "[panel]"]
        lines += [f'url = "http://127.0.0.1:{port}"', "deadline_s = 10"]
        for table, values in self._settings.items():
            lines += [f"[{table}]", *(f"{key} = {value}" for key, value in values.items())]
        lines += ["[[adb]]", *(f"{key} = {_toml(value)}" for key, value in adb.items())]
        for index, phone in enumerate(self.phones):
            serial, token = phone.model.spec.serial, f"token-{index}"
            lines += ["[[phones]]", f'name = "bay-{index}"', f'serial = "{serial}"']
            lines += [f'token_file = "{token}"']
            self.lay_down_token(index)
        config = self.home / "devices.toml"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        config.chmod(0o600)


async def until(condition: Callable[[], bool], limit_s: float) -> None:
    """Wait for something outside; TimeoutError when it does not come."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)


SETTINGS: dict[str, dict[str, float]] = {
    "intervals": {"poll_s": 0.25, "heartbeat_s": 1, "report_s": 0.05},
    "policy": {"confirm_deadline_s": 20, "unknown_hold_s": 2, "message_ttl_s": 3600},
    "pacing": {"min_gap_s": 0.02, "window_s": 60, "window_segments": 28},
}
"""Everything at once: many messages in flight at every kill, and doubts that end soon."""


def _merged(more: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {table: {**values, **more.get(table, {})} for table, values in SETTINGS.items()}


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return str(value)


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return ""
