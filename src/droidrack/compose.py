"""Wires the world: the only module that knows every adapter.

Heavy libraries are imported inside the functions that need them, so that a light command stays
light.
"""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from droidrack.app import arrival
from droidrack.app.arrival import Seen
from droidrack.app.rack import Rack
from droidrack.app.world import Tell, World
from droidrack.core.profile import ProfileTable
from droidrack.core.settings import AdbSettings, Settings
from droidrack.ports import Bus, Journal, Panel, Vault

JOURNAL_FILE = "journal.sqlite"
VAULT_DIR = "vault"
ADB_DIR = "adb"
SITE_PROFILES_DIR = "profiles"

SETTLE_S = 1.5
"""A fresh adb server lists the phones it finds on USB within about a second."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A wired controller whose journal is open."""

    rack: Rack
    world: World


def load_settings(path: Path) -> Settings:
    """The settings of a `devices.toml`; ConfigError with all its mistakes."""
    from droidrack.adapters import config

    return config.load_settings(path)


def profile_table(settings: Settings | None = None) -> ProfileTable:
    """The profiles that ship with the program, and the site's from its state directory."""
    from droidrack.adapters import profile_files

    site = Path(settings.state_dir) / SITE_PROFILES_DIR if settings else None
    return profile_files.profile_table(site if site and site.is_dir() else None)


def open_vault(settings: Settings) -> Vault:
    """The keeper of session tokens."""
    from droidrack.adapters.vault import FileVault

    return FileVault(Path(settings.state_dir) / VAULT_DIR)


def make_journal(settings: Settings) -> Journal:
    """The journal, not yet opened."""
    from droidrack.adapters.journal_sql import SqlJournal

    return SqlJournal(Path(settings.state_dir) / JOURNAL_FILE)


@asynccontextmanager
async def observe_journal(settings: Settings) -> AsyncIterator[Journal]:
    """The journal to look at, beside a controller that writes it too.

    Raises:
        JournalError: there is none yet, or another version's.
    """
    from droidrack.adapters.journal_sql import SqlJournal

    journal = SqlJournal(Path(settings.state_dir) / JOURNAL_FILE, observe=True)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


@asynccontextmanager
async def open_panel(settings: Settings) -> AsyncIterator[Panel]:
    """The panel's client."""
    from droidrack.adapters.panel_http import HttpPanel

    panel = settings.panel
    async with HttpPanel(
        panel.url,
        deadline_s=panel.deadline_s,
        zone=ZoneInfo(panel.time_zone),
        ca_file=Path(panel.ca_file) if panel.ca_file else None,
        allow_plain_http=panel.allow_plain_http,
    ) as client:
        yield client


@asynccontextmanager
async def open_bus(adb: AdbSettings, state_dir: Path, tell: Tell) -> AsyncIterator[Bus]:
    """The way to the phones of one adb server, started by us or given."""
    from droidrack.adapters.adb_server import open_server
    from droidrack.adapters.adb_watch import AdbBus

    async with open_server(adb, state_dir / ADB_DIR, tell) as endpoint:
        yield AdbBus(endpoint)


@asynccontextmanager
async def open_controller(
    settings: Settings, tell: Tell, *, journal: Journal | None = None
) -> AsyncIterator[Controller]:
    """Everything for `droidrack run`. The journal is opened by the rack."""
    from droidrack.adapters import config
    from droidrack.adapters.clock import SystemClock

    state_dir = Path(settings.state_dir)
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        world = World(
            panel=await stack.enter_async_context(open_panel(settings)),
            journal=journal or make_journal(settings),
            vault=open_vault(settings),
            clock=SystemClock(),
            dice=random.SystemRandom(),
            settings=settings,
            profiles=profile_table(settings),
            tell=tell,
            pairing_token=config.pairing_token,
        )
        buses = [
            await stack.enter_async_context(open_bus(adb, state_dir, tell)) for adb in settings.adb
        ]
        yield Controller(Rack(world, buses), world)


async def survey(settings: Settings) -> list[Seen]:
    """Who is on the adb servers now."""
    state_dir = Path(settings.state_dir)
    async with AsyncExitStack() as stack:
        buses = [
            await stack.enter_async_context(open_bus(adb, state_dir, _silent))
            for adb in settings.adb
        ]
        return await arrival.survey(buses, settle_s=SETTLE_S)


def _silent(event: str, /, **facts: object) -> None:
    """For a look that keeps no log."""
