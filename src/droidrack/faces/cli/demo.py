"""`droidrack demo`: the main job, end to end, without a phone and without a panel.

A real adb server, virtual phones of several releases and makers, the local panel over HTTP, and the
same controller as in production. At the end three ledgers are compared.
"""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from droidrack.app.rack import Rack
    from droidrack.virtual.farm import VirtualRack
    from droidrack.virtual.ledgers import Comparison
    from droidrack.virtual.panel.store import PanelStore

CATALOGUE = (1, 5, 7, 8, 9, 12, 13, 15)
"""Android 5.1, 8.0, 9, 10, 11, 13, 14 and 16; six makers; four phones with two SIMs."""

TEXTS = (
    "Your code is 482915",
    "Emoji: 👍🏽 👩‍🚀 🇩🇪 and “quotes” ‘of’ all `kinds`",
    'It\'s $(reboot) && `id` ; rm -rf / | "$HOME" \\ %s !',
    "First line\nsecond line\n\tthird, with a tab",
    "שלום עולם — مرحبا بالعالم",
    "A long text that needs several segments. " * 8,
    "Ein langer Text mit Umlauten äöüß und €-Zeichen, der geteilt wird. " * 4,
    "Ünïcödé ist länger ⟶ UCS-2, und dieser Text braucht deshalb mehr als ein Segment. 🚚",
)

DEADLINE_S = 50.0
"""The demo takes about half of it; a machine under load may need it all."""

REFRESH_S = 0.25


@dataclass(slots=True)
class Stage:
    """What the demo's parts share."""

    home: Path
    phones: "VirtualRack"
    store: "PanelStore"
    rack: "Rack"
    act: str = "pairing"


@click.command()
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Keep configuration and journal here."
)
@click.option("--plain", is_flag=True, help="No live table; the summary only.")
def demo(keep: Path | None, plain: bool) -> None:
    """Show the main job on virtual phones, with a local panel; compare three ledgers at the end.

    Exit code 0 only if what the panel asked, what the radios sent and what was reported agree.
    """
    if keep is not None:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        comparison = asyncio.run(_play(keep, plain=plain))
    else:
        with tempfile.TemporaryDirectory(prefix="droidrack-demo-") as home:
            comparison = asyncio.run(_play(Path(home), plain=plain))
    raise SystemExit(0 if comparison.agree and comparison.asked else 1)


async def _play(home: Path, *, plain: bool) -> "Comparison":
    from rich.console import Console
    from rich.live import Live

    console = Console()
    async with AsyncExitStack() as stack:
        stage = await _set_up(home, stack)
        work = asyncio.create_task(stage.rack.run())
        stack.push_async_callback(_end, work)
        console.print(
            f"{len(stage.phones.phones)} virtual phones on a real adb server "
            f"(127.0.0.1:{stage.phones.adb_port}, shell: {stage.phones.shell})"
        )
        script = asyncio.create_task(_script(stage))
        if plain:
            await asyncio.wait({script, work}, return_when=asyncio.FIRST_COMPLETED)
        else:
            with Live(_table(stage), console=console, transient=False) as live:
                while not script.done() and not work.done():
                    await asyncio.wait({script, work}, timeout=REFRESH_S)
                    live.update(_table(stage))
        if work.done():
            script.cancel()
            await work
        try:
            await script
        except TimeoutError:
            console.print(f"[red]Not over after {DEADLINE_S:g} s, at: {stage.act}.[/red]")
        comparison = _compare(stage)
    _print_summary(console.print, comparison)
    return comparison


async def _end(work: "asyncio.Task[None]") -> None:
    work.cancel()
    await asyncio.wait({work})


async def _set_up(home: Path, stack: AsyncExitStack) -> Stage:
    from droidrack import compose
    from droidrack.virtual.catalogue import make_spec
    from droidrack.virtual.farm import VirtualRack
    from droidrack.virtual.panel.server import create_app, serving
    from droidrack.virtual.panel.store import PanelStore

    specs = [make_spec(index) for index in CATALOGUE]
    phones = await stack.enter_async_context(VirtualRack(specs, seed=7))
    store = PanelStore()
    stack.callback(store.close)
    port = await stack.enter_async_context(serving(create_app(store)))
    config = home / "devices.toml"
    config.write_text(_config(phones, store, port, home), encoding="utf-8")
    config.chmod(0o600)
    settings = compose.load_settings(config)
    from droidrack.faces.logs import configure, tell

    log = stack.enter_context((home / "droidrack.log").open("a", encoding="utf-8"))
    configure(as_json=False, stream=log)
    controller = await stack.enter_async_context(compose.open_controller(settings, tell))
    return Stage(home, phones, store, controller.rack)


def _config(phones: "VirtualRack", store: "PanelStore", port: int, home: Path) -> str:
    lines = [
        "[panel]",
        f'url = "http://127.0.0.1:{port}"',
        "[intervals]",
        "poll_s = 0.5",
        "heartbeat_s = 5",
        "report_s = 0.2",
        "[pacing]",
        "min_gap_s = 0.5  # virtual radios do not mind",
        "[[adb]]",
        f'own = false\nhost = "127.0.0.1"\nport = {phones.adb_port}',
    ]
    for index, phone in enumerate(phones.phones):
        token = home / f"token-{index}"
        token.write_text(store.mint(), encoding="utf-8")
        token.chmod(0o600)
        spec = phone.model.spec
        lines += [
            "[[phones]]",
            f'name = "bay-{index + 1}-{spec.device}"',
            f'serial = "{spec.serial}"',
            f'token_file = "{token.name}"',
        ]
    lines.insert(0, f'state_dir = "{home / "state"}"')
    return "\n".join(lines) + "\n"


async def _script(stage: Stage) -> None:
    """What happens, in order: pair, queue, pull a cable, plug it in, wait for the last report."""
    async with asyncio.timeout(DEADLINE_S):
        await _until(lambda: all(_bound(stage, index) for index in range(len(CATALOGUE))))
        stage.act = "sending"
        _queue(stage)
        unlucky = stage.phones.phones[3]
        await _until(
            lambda: any(m.serial == unlucky.model.spec.serial for m in stage.phones.air.messages)
        )
        stage.act = f"{unlucky.model.spec.model} unplugged"
        await unlucky.link.unplug()
        await asyncio.sleep(3)
        await unlucky.link.replug()
        stage.act = f"{unlucky.model.spec.model} plugged in again"
        await _until(lambda: all(entry.statuses for entry in stage.store.ledger()))
        stage.act = "done"


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the other sides are a panel and radios: no event
        await asyncio.sleep(REFRESH_S / 2)


def _bound(stage: Stage, index: int) -> bool:
    worker = stage.rack.workers[index]
    return worker.standing.state.value == "ready"


def _queue(stage: Stage) -> None:
    """Every text on some phone, every SIM used, one number that is none."""
    for index, worker in enumerate(stage.rack.workers):
        device = worker.device
        cards = [s for s, card in enumerate(stage.phones.phones[index].model.spec.sims) if card]
        if device is None:
            raise AssertionError("a ready phone has a device")
        for count in range(4):
            text = TEXTS[(index + count * 3) % len(TEXTS)]
            slot = cards[count % len(cards)]
            number = f"+1555{index:03d}{count:04d}"
            stage.store.queue(device, number, text, slot=slot)
    first = stage.rack.workers[0].device
    if first is not None:
        stage.store.queue(first, "+1555-BAD-NUMBER", "This one cannot be sent", slot=0)


def _compare(stage: Stage) -> "Comparison":
    from droidrack.virtual.ledgers import Asked, compare

    cards = {}
    for phone, worker in zip(stage.phones.phones, stage.rack.workers, strict=True):
        for row in worker.session.current.sims if worker.session.current else ():
            card = phone.model.spec.sims[row.slot]
            cards[row.uid] = card.iccid if card else ""
    latest = {row.uid: row for row in stage.store.statuses()}
    asked = [
        Asked(
            uid=entry.uid,
            number=entry.number,
            body=entry.body,
            iccid=cards.get(entry.sim_uid, ""),
            status=latest[entry.uid].status if entry.uid in latest else "",
            error=(latest[entry.uid].error or "") if entry.uid in latest else "",
        )
        for entry in stage.store.ledger()
    ]
    return compare(asked, stage.phones.air.messages)


# --- What it looks like -----------------------------------------------------------------------


def _table(stage: Stage) -> "Table":
    from rich.table import Table

    table = Table(title=f"droidrack demo: {stage.act}", title_justify="left")
    for column in ("phone", "Android", "SIMs", "state", "asked", "on air", "reported"):
        table.add_column(column)
    ledger = stage.store.ledger()
    for phone, worker in zip(stage.phones.phones, stage.rack.workers, strict=True):
        spec = phone.model.spec
        own = [entry for entry in ledger if entry.device_uuid == worker.device]
        table.add_row(
            f"{spec.maker} {spec.model}",
            f"{spec.release} (API {spec.api})",
            str(sum(card is not None for card in spec.sims)),
            worker.standing.state.value,
            str(len(own)),
            str(sum(message.serial == spec.serial for message in stage.phones.air.messages)),
            str(sum(bool(entry.statuses) for entry in own)),
        )
    return table


def _print_summary(show: Callable[[str], None], result: "Comparison") -> None:
    show("")
    show("[bold]Three ledgers[/bold]")
    show(f"  the panel asked for   {result.asked} messages")
    show(f"  the radios sent       {result.on_air}")
    show(
        f"  the panel was told    {result.sent} sent, {result.failed} failed, "
        f"{result.unknown} unknown"
    )
    for name in ("doubled", "lost", "wrong", "stray"):
        found = getattr(result, name)
        show(f"  {name:<21} {len(found)}" + (f": {', '.join(found)}" if found else ""))
    show("[green]They agree.[/green]" if result.agree else "[red]They do not agree.[/red]")
