"""Wires the world: it alone knows the adapters of bus, panel, vault and host.

Heavy libraries are imported inside the functions that need them, so that a light command stays
light.
"""

import os
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from droidrack.app import arrival
from droidrack.app.arrival import Seen
from droidrack.app.duty_lease import Lessee
from droidrack.app.operating import Desk, Request
from droidrack.app.rack import Rack
from droidrack.app.reloading import Notice, Reloading
from droidrack.app.world import Tell, World
from droidrack.compose_journal import (
    JOURNAL_FILE,
    VAULT_DIR,
    known_phones,
    make_journal,
    state_dir_of,
)
from droidrack.core.errors import BridgeDown
from droidrack.core.ids import DeviceUuid, Token
from droidrack.core.profile import ProfileTable
from droidrack.core.provision.record import Purpose
from droidrack.core.settings import AdbSettings, PhoneSettings, Settings
from droidrack.ports import (
    Bus,
    Clock,
    Journal,
    Notebook,
    Vault,
)
from droidrack.ports.endpoint import Endpoint

if TYPE_CHECKING:
    from droidrack.adapters.adb_server import Supervisor
    from droidrack.adapters.adb_watch import AdbBus
    from droidrack.adapters.panel_http import HttpPanel
    from droidrack.adapters.qr_pictures import PictureToken
    from droidrack.adapters.service_notice import ServiceNotice
    from droidrack.core.token_list import TokenLine

CONTROL_SOCKET = "control.sock"
ADB_DIR = "adb"
SITE_PROFILES_DIR = "profiles"
NOTEBOOK_DIR = "learnt"

FAILPOINTS = "DROIDRACK_FAILPOINTS"
"""The variable that arms crash points; `adapters/failpoints.py` says how."""

SETTLE_S = 1.5
"""A fresh adb server lists the phones it finds on USB within about a second."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A wired controller whose journal is open."""

    rack: Rack
    world: World
    desk: Desk
    reloading: Reloading | None = None  # None: it was not wired from a file.


def load_settings(path: Path) -> Settings:
    """The settings of a `devices.toml`; ConfigError with all its mistakes."""
    from droidrack.adapters import config

    return config.load_settings(path)


def profile_table(settings: Settings | None = None) -> ProfileTable:
    """The profiles that ship with the program, and the site's from its state directory."""
    from droidrack.adapters import access, profile_files

    if settings is None:
        return profile_files.profile_table()
    site = Path(settings.state_dir) / SITE_PROFILES_DIR
    access.require(site, write=False)
    return profile_files.profile_table(site if site.is_dir() else None)


def open_vault(settings: Settings) -> Vault:
    """The keeper of session tokens."""
    from droidrack.adapters.vault import FileVault

    return FileVault(Path(settings.state_dir) / VAULT_DIR)


def pairing_token(phone: PhoneSettings) -> Token | None:
    """The pairing token that a phone's settings point to, read now; None: it is not there."""
    from droidrack.adapters import token_files

    return token_files.pairing_token(phone)


def token_list(path: Path, phones: Iterable[str]) -> "tuple[TokenLine, ...]":
    """Who gets which pairing token, from a CSV file; ConfigError with every wrong line."""
    from droidrack.adapters import token_files

    return token_files.token_list(path, phones)


def picture_tokens(paths: Iterable[Path]) -> "tuple[PictureToken, ...]":
    """The pairing tokens in pictures of QR codes; ConfigError with every wrong picture."""
    from droidrack.adapters import qr_pictures

    return qr_pictures.picture_tokens(paths)


def service_notice() -> "ServiceNotice":
    """The way to the service manager, if one started this process."""
    from droidrack.adapters.service_notice import ServiceNotice

    return ServiceNotice()


def forbid_core_dumps() -> None:
    """Keep tokens and texts of this process out of core dumps."""
    from droidrack.adapters.core_dump import forbid_core_dumps

    forbid_core_dumps()


def host_clock() -> Clock:
    """The host's clock, for commands."""
    from droidrack.adapters.clock import SystemClock

    return SystemClock()


def open_notebook(settings: Settings) -> Notebook:
    """What was learnt of builds and proven of phones."""
    from droidrack.adapters.learnt_files import FileNotebook

    return FileNotebook(Path(settings.state_dir) / NOTEBOOK_DIR)


@asynccontextmanager
async def open_panel(settings: Settings) -> AsyncIterator["HttpPanel"]:
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
async def open_bus(
    adb: AdbSettings,
    state_dir: Path,
    tell: Tell,
    *,
    borrow: bool = False,
    check: bool = False,
) -> AsyncIterator["AdbBus"]:
    """The way to the phones of one adb server, started by us or given.

    `borrow`: share the own server of a controller that runs. `check`: make sure that it answers.

    Raises:
        BridgeDown: an own server cannot be started, or a checked one does not answer.
    """
    from droidrack.adapters.adb_host import start_hint, version
    from droidrack.adapters.adb_server import open_server
    from droidrack.adapters.adb_watch import AdbBus
    from droidrack.adapters.sysfs import place

    own: list[Supervisor] = []
    opened = open_server(adb, state_dir / ADB_DIR, tell, borrow=borrow, on_own=own.append)
    async with opened as endpoint:
        if check:
            try:
                await version(endpoint)
            except BridgeDown as error:
                if not adb.own:
                    error.hint = start_hint(endpoint)
                raise
        yield AdbBus(endpoint, place=place, restart=own[0].restart if own else None)


@asynccontextmanager
async def open_buses(
    settings: Settings, tell: Tell, *, borrow: bool = True
) -> AsyncIterator[list[Bus]]:
    """The adb servers that answer, for a command that looks once.

    `borrow`: share the own server of a controller that runs. Not for what must not end with it.

    Raises:
        BridgeDown: none of them does.
    """
    state_dir = state_dir_of(settings)
    buses: list[Bus] = []
    down: list[BridgeDown] = []
    async with AsyncExitStack() as stack:
        for adb in settings.adb:
            try:
                opened = open_bus(adb, state_dir, tell, borrow=borrow, check=True)
                buses.append(await stack.enter_async_context(opened))
            except BridgeDown as error:
                down.append(error)
        if down and not buses:
            raise down[0]
        for lost in down:
            tell("adb server left out", why=lost.message)
        yield buses


@asynccontextmanager
async def open_world(
    settings: Settings, tell: Tell, *, journal: Journal | None = None
) -> AsyncIterator[World]:
    """Everything but the phones. The journal is not open."""
    from droidrack.adapters.clock import SystemClock

    state_dir_of(settings)
    async with open_panel(settings) as panel:
        yield World(
            panel=panel,
            journal=journal or make_journal(settings),
            vault=open_vault(settings),
            clock=SystemClock(),
            dice=random.SystemRandom(),
            settings=settings,
            profiles=profile_table(settings),
            tell=tell,
            pairing_token=pairing_token,
            notebook=open_notebook(settings),
            recall=partial(known_phones, settings),
        )


@asynccontextmanager
async def open_lessee(settings: Settings) -> AsyncIterator[Lessee]:
    """Who may use which phone, shared by all programs on one journal.

    Only for whoever has the journal's lock: a sender before us is dead, and its leases end here.
    """
    from droidrack.adapters.clock import SystemClock
    from droidrack.adapters.run_journal import SqlRunJournal

    leases = SqlRunJournal(state_dir_of(settings) / JOURNAL_FILE)
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    await leases.open()
    try:
        await leases.bury(Purpose.SENDING, holder)
        yield Lessee(leases, holder, SystemClock())
    finally:
        await leases.close()


@asynccontextmanager
async def lease_for_sending(settings: Settings, device: DeviceUuid) -> AsyncIterator[None]:
    """One phone for one message by hand; the journal must be open.

    Raises:
        LeasedAway: provisioning has the phone.
    """
    from droidrack.app.provision.leasing import leased

    async with (
        open_lessee(settings) as ours,
        leased(ours.leases, device, Purpose.SENDING, ours.holder, clock=ours.clock, wait_s=0.0),
    ):
        yield


@asynccontextmanager
async def open_endpoints(settings: Settings) -> AsyncIterator[tuple[Endpoint, ...]]:
    """Who wants the texts that arrive.

    Raises:
        ConfigError: a signing secret is not there, or an address cannot be used.
    """
    from droidrack.adapters.config_inbound import webhook_secret
    from droidrack.adapters.hook import HookCommand
    from droidrack.adapters.webhook import Webhook

    inbound = settings.inbound
    endpoints: list[Endpoint] = [
        Webhook(
            hook.name,
            hook.url,
            secret=webhook_secret(hook),
            deadline_s=hook.deadline_s,
            ca_file=Path(hook.ca_file) if hook.ca_file else None,
            allow_plain_http=hook.allow_plain_http,
        )
        for hook in inbound.webhooks
    ]
    endpoints += [
        HookCommand(hook.name, hook.command, deadline_s=hook.deadline_s) for hook in inbound.hooks
    ]
    try:
        yield tuple(endpoints)
    finally:
        for endpoint in endpoints:
            await endpoint.close()


@asynccontextmanager
async def open_controller(
    settings: Settings,
    tell: Tell,
    *,
    journal: Journal | None = None,
    config: Path | None = None,
    notice: Notice | None = None,
) -> AsyncIterator[Controller]:
    """Everything for `droidrack run`; `config` is the file to read again when that is asked for.

    The journal's lock comes first: a second controller must start no adb server of its own, which
    would take the phones from the first one.

    Raises:
        JournalError: another controller has the journal, or it is damaged.
    """
    from droidrack.adapters.mending import HostMender
    from droidrack.adapters.usb_power import PortProofs, Uhubctl

    state_dir = state_dir_of(settings)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(settings, tell, journal=journal))
        endpoints = await stack.enter_async_context(open_endpoints(settings))
        world = replace(world, endpoints=endpoints, recall=None)
        watched: Callable[[Bus], Bus] = _as_it_is
        if os.environ.get(FAILPOINTS):
            world, watched = _with_failpoints(world, journal)
        await world.journal.open()
        stack.push_async_callback(world.journal.close)
        if journal is None:  # One that was given is the caller's alone: nobody leases its phones.
            lessee = await stack.enter_async_context(open_lessee(settings))
            world = replace(world, lessee=lessee)
        buses = [
            await stack.enter_async_context(open_bus(adb, state_dir, tell)) for adb in settings.adb
        ]
        mender = HostMender(buses, PortProofs(state_dir), Uhubctl())
        rack = Rack(world, [watched(bus) for bus in buses], mender)
        reloading = None
        if config is not None:
            read = partial(load_settings, config)
            reloading = Reloading(world, rack, read=read, notice=notice or service_notice())
        desk = Desk(world, rack, reloading)
        await stack.enter_async_context(_answering(state_dir, desk))
        yield Controller(rack, world, desk, reloading)


def _answering(state_dir: Path, desk: Desk) -> AbstractAsyncContextManager[None]:
    """The control socket, answered by a desk."""
    from droidrack.adapters import control

    async def answer(who: str, act: str, args: Mapping[str, object]) -> Mapping[str, object]:
        return await desk.answer(Request(who, act, args))

    return control.serving(state_dir / CONTROL_SOCKET, answer)


async def ask_controller(
    settings: Settings, act: str, args: Mapping[str, object], *, deadline_s: float
) -> dict[str, Any]:
    """Ask the controller that runs on this state directory.

    Raises:
        ControllerAbsent: there is none, or it does not answer in time.
        ControllerRefused: it did not do it.
    """
    from droidrack.adapters import control

    path = Path(settings.state_dir) / CONTROL_SOCKET
    return await control.ask(path, act, args, deadline_s=deadline_s)


def _as_it_is(bus: Bus) -> Bus:
    return bus


def _with_failpoints(world: World, journal: Journal | None) -> tuple[World, Callable[[Bus], Bus]]:
    """The same world, ending itself at the points that the environment names. For crash tests."""
    from droidrack.adapters.failpoints import Failpoints

    points = Failpoints.of(os.environ[FAILPOINTS])
    world.tell("failpoints are armed: for crash tests only", points=os.environ[FAILPOINTS])
    ours = journal or make_journal(world.settings, on_commit=points.on_commit)
    watched = replace(
        world,
        panel=points.panel(world.panel),
        journal=points.journal(ours),
        vault=points.vault(world.vault),
        endpoints=tuple(points.endpoint(endpoint) for endpoint in world.endpoints),
    )
    return watched, points.bus


async def survey(settings: Settings, tell: Tell) -> list[Seen]:
    """Who is on the adb servers now. BridgeDown when none of them answers."""
    async with open_buses(settings, tell) as buses:
        return await arrival.survey(buses, settle_s=SETTLE_S)
