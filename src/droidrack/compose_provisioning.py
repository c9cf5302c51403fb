"""Wires provisioning: recipes, journal, evidence and screens around the buses of `compose`."""

import asyncio
import os
import random
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from droidrack import compose, compose_journal
from droidrack.app.arrival import Arrival
from droidrack.app.provision.bench import Bench, Watcher
from droidrack.app.world import Tell
from droidrack.core.errors import PhoneRefused
from droidrack.core.provision.recipe import Recipe
from droidrack.core.settings import AdbSettings
from droidrack.ports import Bus
from droidrack.ports.provisioning import Screen

T = TypeVar("T")

EVIDENCE_DIR = "evidence"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Everything for a run."""

    bench: Bench
    buses: tuple[Bus, ...]
    evidence: Path


def holder() -> str:
    """Who we are in leases: one process on one host."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def read_recipe(reference: str) -> tuple[Recipe, str]:
    """A recipe by path or shipped name, and its file's name; ConfigError with all mistakes."""
    from droidrack.adapters import recipe_files

    return recipe_files.read_recipe(reference)


def recipe_text(reference: str) -> str:
    """The text of one recipe file."""
    from droidrack.adapters import recipe_files

    return recipe_files.recipe_text(reference)


def shipped_recipes() -> tuple[str, ...]:
    """Names of the recipes that come with the program."""
    from droidrack.adapters import recipe_files

    return recipe_files.shipped_names()


def read_variables(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Variables by phone name or serial, from a CSV; ConfigError with all mistakes."""
    from droidrack.adapters import recipe_files

    return recipe_files.read_variables(path)


@asynccontextmanager
async def open_run_journal(state_dir: Path | None) -> AsyncIterator[Any]:
    """Provisioning's memory and leases; without a folder one that is gone with the process."""
    if state_dir is None:
        from droidrack.adapters.run_journal_memory import MemoryRunJournal

        journal: Any = MemoryRunJournal()
    else:
        from droidrack.adapters.access import told
        from droidrack.adapters.run_journal import SqlRunJournal

        with told(state_dir):
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        journal = SqlRunJournal(state_dir / compose_journal.JOURNAL_FILE)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


@asynccontextmanager
async def open_workshop(
    recipe: Recipe,
    origin: str,
    *,
    adb: tuple[AdbSettings, ...],
    state_dir: Path,
    journal: Any,
    tell: Tell,
    watch: Watcher,
) -> AsyncIterator[Workshop]:
    """The way to the phones of these adb servers, and what a run needs besides."""
    from droidrack.adapters.clock import SystemClock
    from droidrack.adapters.recipe_files import EvidenceFolder, RecipeSupplies

    async with AsyncExitStack() as stack:
        buses = [
            # One of several servers may be down; the phones of the others are provisioned.
            await stack.enter_async_context(
                compose.open_bus(server, state_dir, tell, borrow=True, check=len(adb) == 1)
            )
            for server in adb
        ]
        bench = Bench(
            journal=journal,
            leases=journal,
            supplies=RecipeSupplies(recipe, origin),
            evidence=EvidenceFolder(state_dir / EVIDENCE_DIR),
            screen=screens(),
            clock=SystemClock(),
            dice=random.SystemRandom(),
            tell=tell,
            watch=watch,
            aside=_in_thread,
        )
        yield Workshop(bench, tuple(buses), state_dir / EVIDENCE_DIR)


async def forget_old(journal: Any, state_dir: Path, days: float) -> None:
    """Prune runs, and their evidence with them."""
    from droidrack.adapters.recipe_files import EvidenceFolder

    evidence = EvidenceFolder(state_dir / EVIDENCE_DIR)
    for run in await journal.prune(datetime.now(UTC) - timedelta(days=days)):
        await _in_thread(partial(evidence.forget, run))


def screens() -> Callable[[Arrival], Screen]:
    """What opens a phone's screen; one lane per phone."""
    from droidrack.adapters.adb import AdbPhone
    from droidrack.adapters.lane import Lane
    from droidrack.adapters.screen import U2Screen

    lanes: dict[str, Lane] = {}

    def screen_of(arrival: Arrival) -> Screen:
        phone = arrival.phone
        if not isinstance(phone, AdbPhone):
            raise PhoneRefused(f"{phone.serial}: steps on the screen need an adb server")
        lane = lanes.setdefault(str(phone.serial), Lane(str(phone.serial)))
        return U2Screen(phone, lane)

    return screen_of


async def _in_thread(job: Callable[[], T], /) -> T:
    return await asyncio.to_thread(job)
