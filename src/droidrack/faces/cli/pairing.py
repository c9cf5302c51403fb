"""`droidrack pair` and `droidrack logout`: a phone's session with the panel."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError, PanelError, PanelRefused, RackError, SessionOver
from droidrack.core.ids import Token
from droidrack.faces.cli.options import (
    config_option,
    error_json,
    json_option,
    note,
    phone_named,
    plain,
    print_json,
    show_error,
)

if TYPE_CHECKING:
    from droidrack.app.finding import Found
    from droidrack.app.handset import Handset
    from droidrack.app.world import World
    from droidrack.core.settings import PhoneSettings, Settings
    from droidrack.ports import StoredSession

HOW_TO_GIVE_ONE = (
    "make one in the panel (Gateway → Android SMS → Devices → Add Device) and give it with "
    "--token-file or --token-stdin, or name its source in devices.toml (token_file, token_env)"
)
HOW_TO_GET_ANOTHER = (
    "a pairing token works once: it is spent by its first use, also where the answer was lost or a "
    "running controller was faster (`droidrack sims list` shows who is paired). Make a new one in "
    "the panel: the phone keeps its gateway and its SIM rows"
)
AT_ONCE = 8
"""Phones that are paired at a time."""


@click.command()
@config_option
@click.option("--phone", default="", help="The phone, by its name in devices.toml.")
@click.option("--all", "everyone", is_flag=True, help="Every phone that has no session yet.")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the pairing token, not readable by other users.",
)
@click.option("--token-stdin", is_flag=True, help="Read the pairing token from stdin.")
@json_option
def pair(
    config: Path,
    phone: str,
    everyone: bool,
    token_file: Path | None,
    token_stdin: bool,
    as_json: bool,
) -> None:
    """Pair attached phones with the panel, each by its one-time pairing token.

    Without --token-file and --token-stdin the token comes from where devices.toml says. There is no
    option for the token itself: what stands on a command line can be read by every user of the
    host, in the process list and in the shell's history.

    Works beside a running controller, which takes the session up within 5 s. A phone that is paired
    already is linked anew and keeps its gateway. For example:

        droidrack pair --phone bay-1 --token-file bay-1.token
    """
    from droidrack import compose

    if token_file and token_stdin:
        raise click.UsageError("--token-file and --token-stdin exclude each other")
    settings = compose.load_settings(config)
    phones = _chosen(settings, phone, everyone=everyone)
    given = None
    if token_file or token_stdin:
        if len(phones) > 1:
            raise click.UsageError("one token pairs one phone: name it with --phone")
        given = _token_from(phones[0], token_file)
    results = asyncio.run(_pair(settings, phones, given, again=not everyone))
    if as_json:
        print_json(results)
    else:
        _print_paired(results)
    if any(result["error"] for result in results):
        raise SystemExit(1)


def _print_paired(results: list[dict[str, Any]]) -> None:
    for result in results:
        if result["error"] is None:
            how = "paired" if result["new"] else "paired already,"
            click.echo(f"{result['phone']}: {how} as gateway {plain(result['gateway'])}")
            for row in result["sims"]:
                click.echo(
                    f"  slot {row['slot']}: SIM row {plain(row['uid'])}, {plain(row['label'])}"
                )


def _chosen(settings: "Settings", phone: str, *, everyone: bool) -> list["PhoneSettings"]:
    if phone and everyone:
        raise click.UsageError("--phone and --all exclude each other")
    if phone:
        return [phone_named(settings, phone)]
    if everyone or len(settings.phones) == 1:
        return list(settings.phones)
    names = ", ".join(entry.name for entry in settings.phones)
    raise click.UsageError(f"which phone? --phone NAME or --all; there are: {names}")


def _token_from(phone: "PhoneSettings", token_file: Path | None) -> Token:
    """The token of a file or of stdin, where a person types it unseen."""
    from droidrack import compose

    if token_file is not None:
        named = replace(phone, token_env="", token_file=str(token_file.absolute()))
        token = compose.pairing_token(named)
        if token is None:
            raise ConfigError(f"token file {token_file}: absent or empty", hint=HOW_TO_GIVE_ONE)
        return token
    if sys.stdin.isatty():
        text = click.prompt("Pairing token", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    text = text.strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError("stdin holds no single pairing token", hint=HOW_TO_GIVE_ONE)
    return Token(text)


async def _pair(
    settings: "Settings", phones: Sequence["PhoneSettings"], given: Token | None, *, again: bool
) -> list[dict[str, Any]]:
    from droidrack import compose
    from droidrack.app.finding import find

    turn = asyncio.Semaphore(AT_ONCE)
    async with (
        compose.open_world(settings, note) as world,
        compose.open_buses(settings, note) as buses,
    ):
        found = await find(buses, phones)

        async def one(phone: "PhoneSettings") -> dict[str, Any]:
            async with turn:
                try:
                    async with compose.audited(settings, "pair", subject=phone.name) as act:
                        here = found[phone.name]
                        paired = await _pair_one(world, phone, here, given, again=again)
                        act.device = paired["device"]
                        return paired
                except RackError as error:
                    show_error(error)
                    return {"phone": phone.name, "error": error_json(error)}

        return list(await asyncio.gather(*(one(phone) for phone in phones)))


async def _pair_one(
    world: "World", phone: "PhoneSettings", found: "Found", given: Token | None, *, again: bool
) -> dict[str, Any]:
    from droidrack.app.handset import Handset

    if isinstance(found, RackError):
        raise found
    handset = await Handset.meet(world, found)
    session = world.vault.load(handset.device)
    new = session is None or again
    if session is None or again:
        session = await _register(world, handset, phone, given)
    rows = [{"slot": row.slot, "uid": row.uid, "label": row.label} for row in session.sims]
    return {
        "phone": phone.name,
        "device": handset.device,
        "gateway": session.gateway_uid,
        "new": new,
        "sims": rows,
        "error": None,
    }


async def _register(
    world: "World", handset: "Handset", phone: "PhoneSettings", given: Token | None
) -> "StoredSession":
    from droidrack.app.pairing import complete_rows, register

    token = given or world.pairing_token(phone)
    if token is None:
        raise ConfigError(f"{phone.name}: no pairing token", hint=HOW_TO_GIVE_ONE)
    try:
        session = await register(world, handset, phone, token)
    except PanelRefused as refusal:
        refusal.message = f"{phone.name}: the pairing token was refused: {refusal.message}"
        refusal.hint = HOW_TO_GET_ANOTHER
        raise
    try:
        return await complete_rows(world, handset, phone, session)
    except PanelError as error:
        note("SIM rows are left to the controller", phone=phone.name, why=error.message)
        return world.vault.load(handset.device) or session


@click.command()
@config_option
@click.option("--phone", required=True, help="The phone, by its name in devices.toml.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def logout(config: Path, phone: str, yes: bool) -> None:
    """End a phone's session with the panel. The phone need not be attached.

    The panel then shows the phone as offline and its token is void; the journal is kept, and what
    was not reported yet is reported after the next pairing. For example:

        droidrack logout --phone bay-1
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    entry = phone_named(settings, phone)
    gateway = asyncio.run(_gateway(settings, entry))
    if not yes:
        click.confirm(f"End the session of {entry.name} (gateway {plain(gateway)})?", abort=True)
    asyncio.run(_logout(settings, entry))


async def _gateway(settings: "Settings", phone: "PhoneSettings") -> str:
    from droidrack import compose
    from droidrack.faces.cli.session import session_of

    async with compose.open_world(settings, note) as world:
        _, session = await session_of(world, phone)
        return session.gateway_uid


async def _logout(settings: "Settings", phone: "PhoneSettings") -> None:
    from droidrack import compose
    from droidrack.faces.cli.session import session_of

    async with (
        compose.open_world(settings, note) as world,
        compose.audited(settings, "logout", subject=phone.name) as act,
    ):
        device, session = await session_of(world, phone)
        act.device = device
        try:
            await world.panel.logout(session.token)
            click.echo(f"{phone.name}: logged out")
        except SessionOver:
            click.echo(f"{phone.name}: the panel had ended this session already; forgotten here")
        now = world.vault.load(device)
        if now is not None and now.token == session.token:  # Not one that was made meanwhile.
            world.vault.forget(device)
