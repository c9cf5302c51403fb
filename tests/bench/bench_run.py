"""What a rack costs: CPU, memory, lateness, start and rate, for growing numbers of phones.

Three processes are told apart: the controller (`droidrack run`), the adb server, and the simulation
(phones and panel), which is not counted. Rates are ratios to a bare loop over the same phones in
the same minutes, because absolute figures are the machine's.
"""

import argparse
import asyncio
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench_bare import Bare
from bench_cost import Cost, cost, machine

from droidrack.virtual.panel.queue import NewMessage
from droidrack.virtual.panel.server import create_app, serving
from droidrack.virtual.panel.store import PanelStore

POLL_S = 5.0
PAGE = Path(__file__).parents[2] / "docs" / "bench.md"
HERE = Path(__file__).parent
TABLE_BEGINS, TABLE_ENDS = "<!-- figures -->\n", "<!-- end of figures -->\n"


@dataclass(slots=True)
class Polls:
    """When each phone asked the panel for messages; an ASGI app around the panel's."""

    app: Any
    seen: dict[str, list[float]] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/pending"):
            who = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
            self.seen.setdefault(who, []).append(time.monotonic())
        await self.app(scope, receive, send)

    def lateness_ms(self, since: float) -> list[float]:
        """How much longer than `POLL_S` phones waited between two polls, since a moment."""
        late = []
        for moments in self.seen.values():
            kept = [at for at in moments if at >= since]
            late += [1000 * (b - a - POLL_S) for a, b in pairwise(kept)]
        return late


@dataclass(frozen=True, slots=True)
class Load:
    """CPU of the two processes over a span, and the lateness of polls within it."""

    span_s: float
    controller_cpu_s: float
    server_cpu_s: float
    late_p50_ms: float
    late_p99_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the page."""

    phones: int
    start_s: float
    memory_mb: float
    idle: Load
    busy: Load
    messages: int
    bare: Bare

    @property
    def rate(self) -> float:
        """Messages per second with the controller."""
        return self.messages / self.busy.span_s

    @property
    def rate_ratio(self) -> float:
        """That, over the bare loop's."""
        return self.rate / (self.bare.messages / self.bare.wall_s)

    @property
    def cpu_ratio(self) -> float:
        """CPU per message of the controller, the idle rack's taken off, over the bare loop's."""
        idle = self.idle.controller_cpu_s / self.idle.span_s * self.busy.span_s
        own = max(self.busy.controller_cpu_s - idle, 0.0) / self.messages
        return own / (self.bare.cpu_s / self.bare.messages)


class Site:
    """Phones, panel and files of one measurement."""

    def __init__(self, home: Path, where: dict[str, Any], store: PanelStore, polls: Polls) -> None:
        self.home, self.where, self.store, self.polls = home, where, store, polls
        self.config = home / "devices.toml"

    @property
    def phones(self) -> int:
        """How many."""
        return len(self.where["serials"])

    def lay_out(self, panel_port: int) -> None:
        """Write configuration and pairing tokens."""
        lines = [
            f'state_dir = "{self.home}/state"',
            f'[panel]\nurl = "http://127.0.0.1:{panel_port}"\ndeadline_s = 60',
            f"[intervals]\npoll_s = {POLL_S}\nheartbeat_s = 30\nreport_s = 2",
            "[pacing]\nmin_gap_s = 0\nwindow_segments = 10000",
            f"[[adb]]\nown = false\nport = {self.where['port']}",
        ]
        for index, serial in enumerate(self.where["serials"]):
            token = self.home / f"token-{index}"
            token.write_text(self.store.mint(), encoding="utf-8")
            token.chmod(0o600)
            lines.append(
                f'[[phones]]\nname = "bay-{index}"\nserial = "{serial}"\ntoken_file = "{token}"'
            )
        self.config.write_text("\n".join(lines), encoding="utf-8")
        self.config.chmod(0o600)

    @contextmanager
    def controller(self) -> Iterator[int]:
        """A controller's pid; it is told to stop at the end."""
        command = [sys.executable, "-m", "droidrack.faces.cli.main", "run", "--log-json"]
        with (self.home / "run.log").open("ab") as log:
            running = subprocess.Popen(
                [*command, "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "HOME": str(self.home)},
            )
        try:
            yield running.pid
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)

    async def all_poll(self, since: float, limit_s: float) -> float:
        """Seconds until every phone has asked the panel once."""

        def everybody() -> bool:
            return sum(at[-1] >= since for at in self.polls.seen.values()) >= self.phones

        await wait_for(everybody, limit_s)
        firsts = (min(t for t in at if t >= since) for at in self.polls.seen.values())
        return max(first for first in firsts) - since

    def costs(self, pid: int) -> tuple[Cost, Cost]:
        """Of controller and adb server."""
        return cost(pid), cost(self.where["server_pid"])


async def wait_for(condition: Callable[[], bool], limit_s: float, every_s: float = 0.1) -> None:
    """Poll until it holds; TimeoutError otherwise."""
    ends_at = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"not within {limit_s:g} s")
        await asyncio.sleep(every_s)


@asynccontextmanager
async def site(count: int) -> AsyncIterator[Site]:
    """Phones in a process of their own, the panel in this one."""
    with tempfile.TemporaryDirectory(prefix="droidrack-bench-") as name:
        command = [sys.executable, str(HERE / "bench_rack.py"), str(count)]
        rack = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert rack.stdout is not None
        try:
            where = json.loads(await rack.stdout.readline())
            store = PanelStore()
            polls = Polls(create_app(store))
            async with serving(polls) as port:
                there = Site(Path(name), where, store, polls)
                there.lay_out(port)
                yield there
            store.close()
        finally:
            rack.terminate()
            await rack.wait()


async def measure(count: int, *, idle_s: float, each: int, limit_s: float) -> Figures:
    """One row."""
    async with site(count) as there:
        with there.controller():  # Pairing and probing: once in a phone's life, not measured.
            await there.all_poll(0.0, limit_s)
        began = time.monotonic()
        with there.controller() as pid:
            start_s = await there.all_poll(began, limit_s)
            idle = await watched(there, pid, asyncio.sleep(idle_s))
            busy = await watched(there, pid, work(there, each, limit_s))
            memory_mb = cost(pid).memory_mb
        bare = await bare_run(there, len(queue(there, each)), limit_s)
        return Figures(count, start_s, memory_mb, idle, busy, each * count, bare)


async def bare_run(there: Site, count: int, limit_s: float) -> Bare:
    """The bare loop, in a process of its own as the controller is."""
    command = [sys.executable, str(HERE / "bench_bare.py"), str(there.config), str(count)]
    async with asyncio.timeout(limit_s):
        running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await running.communicate()
    return Bare(**json.loads(out))


async def watched(there: Site, pid: int, span: Any) -> Load:
    """Let something happen, and see what it cost."""
    began, before = time.monotonic(), there.costs(pid)
    await span
    after, span_s = there.costs(pid), time.monotonic() - began
    late = sorted(there.polls.lateness_ms(began)) or [0.0]
    return Load(
        span_s,
        after[0].cpu_s - before[0].cpu_s,
        after[1].cpu_s - before[1].cpu_s,
        statistics.median(late),
        late[math.ceil(0.99 * len(late)) - 1],
    )


def queue(there: Site, each: int) -> list[str]:
    """Messages for every phone at once; their uids."""
    return there.store.queue_all(
        [
            NewMessage(device.uuid, f"+1555{index:07d}", "bench", slot=0)
            for device in there.store.devices()
            for index in range(each)
        ]
    )


async def work(there: Site, each: int, limit_s: float) -> None:
    """Queue messages for every phone at once, and wait for every outcome."""
    uids = queue(there, each)

    def done() -> bool:
        # One by one: the panel shares this process, and must not wait for a look at all of them.
        while uids and there.store.statuses(uids[-1]):
            uids.pop()
        return not uids

    await wait_for(done, limit_s, every_s=0.5)


# --- The page -------------------------------------------------------------------------------------


def table(rows: list[Figures]) -> str:
    """The figures as Markdown."""
    head = (
        "| phones | start, s | memory, MB | idle CPU: controller + adb, % of a core | polls late "
        "idle p50 / p99, ms | busy CPU: controller + adb, % | polls late busy p50 / p99, ms "
        "| messages/s | rate ÷ bare | CPU per message ÷ bare |\n" + "| ---: " * 10 + "|\n"
    )
    return head + "".join(map(_row, rows))


def _row(row: Figures) -> str:
    cells = (
        row.phones,
        f"{row.start_s:.1f}",
        f"{row.memory_mb:.0f}",
        _cpu(row.idle),
        f"{row.idle.late_p50_ms:.0f} / {row.idle.late_p99_ms:.0f}",
        _cpu(row.busy),
        f"{row.busy.late_p50_ms:.0f} / {row.busy.late_p99_ms:.0f}",
        f"{row.rate:.1f}",
        f"{row.rate_ratio:.2f}",
        f"{row.cpu_ratio:.2f}",
    )
    return f"| {' | '.join(map(str, cells))} |\n"


def _cpu(load: Load) -> str:
    own, server = (100 * s / load.span_s for s in (load.controller_cpu_s, load.server_cpu_s))
    return f"{own:.1f} + {server:.1f}"


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", default="10,50", help="numbers of phones, such as 10,100,500")
    parser.add_argument("--idle", type=float, default=15.0, help="seconds of idling to measure")
    parser.add_argument("--each", type=int, default=30, help="messages per phone")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that a step may take")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/bench.md")
    options = parser.parse_args()
    about = f"Measured on {machine()}."
    print(about)
    rows = []
    for count in (int(word) for word in options.phones.split(",")):
        row = asyncio.run(
            measure(count, idle_s=options.idle, each=options.each, limit_s=options.limit)
        )
        rows.append(row)
        print(table([row]) if len(rows) == 1 else _row(row), end="", flush=True)
    if options.write:
        text = PAGE.read_text("utf-8")
        before, _, rest = text.partition(TABLE_BEGINS)
        after = rest.partition(TABLE_ENDS)[2]
        page = f"{before}{TABLE_BEGINS}\n{about}\n\n{table(rows)}\n{TABLE_ENDS}{after}"
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
