"""`droidrack status` and `droidrack top`: how the rack is, once and live."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.errors import ConfigError, RackError
from droidrack.core.words import counted
from droidrack.faces.cli.controller import Answer, ask_status, status_of
from droidrack.faces.cli.options import config_option, json_option, plain, print_json, print_table

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from droidrack.core.settings import Settings

REFRESH_S = 1.0
PHONE_COLUMNS = (
    *("phone", "port", "state", "since", "battery", "heat", "signal", "sim"),
    *("waiting", "open", "unknown", "owed", "sent/min", "sent", "failed"),
)

WIDE = 120
WIDE_ONLY = frozenset({"port", "sim", "heat", "open", "unknown", "owed"})
"""Columns that a narrow terminal does without in `top`."""

BY_WORTH = (
    *("since", "port", "waiting", "sent", "failed", "battery", "signal", "owed"),
    *("sent/min", "open", "unknown", "sim", "heat"),
)
"""Columns that `status` shows as far as they have room, those first that say most."""

_GOOD, _FINE = "ready", frozenset({"draining", "paused", "meeting", "recovering", "booting"})


@click.command()
@config_option
@json_option
def status(config: Path, as_json: bool) -> None:
    """Show how the phones of a running controller are: state, queue, work, alarms.

    Exit code 0 as long as a controller answers; alarms are shown and do not count.
    """
    from droidrack import compose

    answer = ask_status(compose.load_settings(config))
    if as_json:
        print_json(answer)
        return
    click.echo(_headline(answer))
    rows = [_row(phone, answer["now"]) for phone in answer["phones"]]
    print_table("Phones", PHONE_COLUMNS, rows, whole=("phone", "state"), worth=BY_WORTH)
    for line in _troubles(answer):
        click.echo(plain(line))


@click.command()
@config_option
def top(config: Path) -> None:
    """Watch the phones of a running controller: a live table over the whole screen; q quits."""
    from droidrack import compose

    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb", "unknown"):
        raise ConfigError(
            "`droidrack top` needs a terminal that can move its cursor",
            hint="use `droidrack status`, or `watch droidrack status`; check the variable TERM",
        )
    asyncio.run(_watch(compose.load_settings(config)))


async def _watch(settings: "Settings") -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    answer = await status_of(settings)  # Its absence is an error here, and a wait later.
    async with _quit_key() as quitting:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            trouble = ""
            while not quitting.is_set():
                live.update(_screen(answer, *console.size, trouble), refresh=True)
                try:
                    async with asyncio.timeout(REFRESH_S):
                        await quitting.wait()
                except TimeoutError:
                    pass
                try:
                    answer, trouble = await status_of(settings), ""
                except RackError as error:
                    trouble = error.message


@asynccontextmanager
async def _quit_key() -> AsyncIterator[asyncio.Event]:
    """Set once q or Ctrl-C is typed."""
    pressed = asyncio.Event()
    if not sys.stdin.isatty():
        yield pressed
        return
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        if os.read(descriptor, 64).lower() in (b"q", b"\x03", b""):
            pressed.set()

    with _single_keys(descriptor):
        loop.add_reader(descriptor, read)
        try:
            yield pressed
        finally:
            loop.remove_reader(descriptor)


@contextmanager
def _single_keys(descriptor: int) -> Iterator[None]:
    """A terminal that hands over keys at once and does not show them."""
    import termios
    import tty

    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


# --- What is shown --------------------------------------------------------------------------------


def _screen(answer: Answer, width: int, height: int, trouble: str) -> "RenderableType":
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    troubles = _troubles(answer)[: max(height // 3, 3)]
    room = max(height - len(troubles) - 7, 3)
    placed = any(phone["port"] or phone["usb"] for phone in answer["phones"])
    shown = [c for c in PHONE_COLUMNS if width >= WIDE or c not in WIDE_ONLY]
    shown = [column for column in shown if column != "port" or placed]
    table = Table(expand=True)
    for column in shown:
        # A name is what a person looks for; only the SIMs may give way.
        least = {"phone": 12, "state": 14}.get(column, len(column))
        table.add_column(column, no_wrap=True, overflow="ellipsis", min_width=least)
    hidden = _fill(table, answer, room, shown)
    foot = f"connection lost: {trouble}" if trouble else "q quits"
    if hidden:
        foot = f"… and {hidden} more phones, which are well or have no room; {foot}"
    lines = [Text(plain(line), style="yellow", overflow="ellipsis") for line in troubles]
    return Group(Text(_headline(answer), style="bold"), table, *lines, Text(foot, style="dim"))


def _fill(table: "Table", answer: Answer, room: int, shown: Sequence[str]) -> int:
    """The phones that need a look first; how many have no room."""
    from rich.text import Text

    phones = sorted(answer["phones"], key=lambda p: (_rank(p), p["phone"]))
    for phone in phones[:room]:
        row = dict(zip(PHONE_COLUMNS, _row(phone, answer["now"]), strict=True))
        cells = [plain(str(row[column])) if row[column] is not None else "" for column in shown]
        table.add_row(*map(Text, cells), style=_colour(phone))
    return max(len(phones) - room, 0)


def _rank(phone: Answer) -> int:
    if phone["alarms"] or phone["repair"] or phone["state"] not in _FINE | {_GOOD}:
        return 0
    return 2 if phone["state"] == _GOOD else 1


def _colour(phone: Answer) -> str:
    return ("red", "cyan", "")[_rank(phone)]


def _headline(answer: Answer) -> str:
    totals = answer["totals"]
    states = ", ".join(f"{count} {state}" for state, count in sorted(totals["states"].items()))
    return (
        f"droidrack {answer['version']} up {_span(answer['since'], answer['now'])} — "
        f"{counted(totals['phones'], 'phone')}: {states} — waiting {totals['waiting']}, "
        f"open {totals['open']}, unknown {totals['unknown']}, owed {totals['unreported']}, "
        f"{totals['sent_per_minute']:g} sent/min, {counted(totals['alarms'], 'alarm')}"
    )


def _row(phone: Answer, now: str) -> Sequence[object]:
    vitals, queue, work = phone["vitals"] or {}, phone["queue"], phone["work"]
    percent, heat = vitals.get("battery_percent"), vitals.get("battery_c")
    sims = phone["sims"]
    signals = [str(sim["signal_dbm"]) for sim in sims if sim["signal_dbm"] is not None]
    return (
        phone["phone"],
        phone["port"] or phone["usb"],
        phone["state"],
        _span(phone["since"], now),
        None if percent is None else f"{percent:.0f}%",
        None if heat is None else f"{heat:.1f}°",
        "/".join(signals) or None,
        " ".join(filter(None, map(_sim, sims))) or None,
        queue["waiting"],
        queue["open"],
        queue["unknown"],
        queue["unreported"],
        f"{work['sent_per_minute']:g}",
        work["sent"],
        work["failed"],
    )


def _sim(sim: Answer) -> str:
    """A SIM in a few letters; an empty slot in none."""
    if sim["state"] in (None, "ABSENT"):
        return ""
    marks = "R" * bool(sim["roaming"]) + "!" * bool(sim["hold"])
    word = sim["operator"] or sim["state"].lower()
    return f"{sim['slot']}:{word}{'(' + marks + ')' if marks else ''}"


def _troubles(answer: Answer) -> list[str]:
    """What is gone for many first, then one line per alarm and per phone that is not well."""
    servers, hubs, panel = answer["servers_lost"], answer["hubs_lost"], answer["panel_lost"]
    lines = [_outage(panel, answer["now"])] if panel else []
    lines += [
        f"the adb server at {server['server']} does not answer, and nothing is known of its "
        f"{counted(len(server['phones']), 'phone')} ({server['seen']}) → {server['remedy']}"
        for server in servers
    ]
    lines += [
        f"hub {hub['hub']} and all of its {len(hub['phones'])} phones are gone"
        f" → check the hub's supply and its own cable"
        for hub in hubs
    ]
    below = {name for cause in (*servers, *hubs) for name in cause["phones"]}
    for phone in answer["phones"]:
        if phone["phone"] not in below:
            lines += _illness(phone)
        lines += [
            f"{_named(phone)} {alarm['severity']} {alarm['kind']}: {alarm['text']}"
            f" → {alarm['remedy']}"
            for alarm in phone["alarms"]
        ]
    return lines


def _outage(panel: Answer, now: str) -> str:
    """The panel's, once for all phones that ask it."""
    since = f"{panel['since'][:19].replace('T', ' ')}Z ({_span(panel['since'], now)})"
    vain = f": {counted(len(panel['phones']), 'phone')} in vain" if panel["phones"] else ""
    return (
        f"the panel at {panel['panel']} has not done what it is asked since {since}{vain} "
        f"({panel['seen']}) → {panel['remedy']}"
    )


def _illness(phone: Answer) -> list[str]:
    """What is wrong with a phone, what was tried, and what a person can do."""
    repair = phone["repair"]
    if repair:
        end = ["nothing more is tried"] if repair["given_up"] else []
        seen = "; ".join([repair["seen"], *(f"{rung} tried" for rung in repair["tried"]), *end])
        remedy = repair["remedy"] or phone["remedy"]
    elif phone["cause"] and phone["state"] not in (_GOOD, "degraded"):
        seen, remedy = phone["cause"], phone["remedy"]
    else:
        return []
    return [f"{_named(phone)} {phone['state']}: {seen}" + (f" → {remedy}" if remedy else "")]


def _named(phone: Answer) -> str:
    """A phone, and the label of its socket for whoever walks to the shelf."""
    return f"{phone['phone']} ({phone['port']})" if phone["port"] else phone["phone"]


def _span(since: str, now: str) -> str:
    """A duration in the one unit that says most."""
    from datetime import datetime

    seconds = (datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f}{unit}"
    return f"{max(seconds, 0):.0f}s"
