"""Acts on the phones of a running controller: pause, drain, resume, reboot, screenshot, shell."""

import asyncio
import base64
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import RackError
from droidrack.core.selection import Selection
from droidrack.faces.cli.controller import Answer, ask_phone, status_of
from droidrack.faces.cli.options import (
    Command,
    config_option,
    error_json,
    json_option,
    make_folder,
    plain,
    print_json,
    print_table,
    unwritable,
)
from droidrack.faces.cli.selectors import ask, chosen, selection_options, yes_option

if TYPE_CHECKING:
    from droidrack.core.settings import PhoneSettings, Settings

AT_ONCE = 8
"""Phones that are acted on at a time: each may have to wait for its messages."""

MARGIN_S = 15.0
"""For what an act does after its wait, and for the way."""

why_option = click.option("--why", default="", help="Kept with the order and in the events.")

wait_option = click.option(
    "--wait",
    "wait_s",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0, 600),
    help="Seconds to wait for messages in flight.",
)


def acting(command: Command) -> Command:
    """The options of every act on phones."""
    for option in reversed((config_option, selection_options, json_option)):
        command = option(command)
    return command


def _order(act: str, summary: str) -> click.Command:
    def order(config: Path, selection: Selection, why: str, as_json: bool) -> None:
        from droidrack import compose

        settings = compose.load_settings(config)
        phones = chosen(settings, selection)
        results = _each(settings, act, phones, {"why": why}, deadline_s=MARGIN_S)
        _show(act, results, ["state", "cause"], as_json=as_json)

    order.__doc__ = summary
    return click.command(act)(acting(why_option(order)))


pause = _order(
    "pause",
    """Stop phones of a running controller: no new call, no new message.

    What is in flight gets its verdict and is reported. A pause outlives a restart of the controller
    until `droidrack resume` takes it back. Messages taken before wait, and expire if they must.

        droidrack pause --group shelf-1 --why "new hub"
    """,
)
drain = _order(
    "drain",
    """Let phones send what they took, and take nothing new.

    The panel keeps its messages for others. `droidrack status` shows when nothing is left.
    """,
)
resume = _order(
    "resume",
    """Take back a pause or a drain, and free SIMs that are held after failures.

    A quarantine is lifted by `droidrack probe --resume` only.
    """,
)


@click.command()
@acting
@wait_option
@yes_option
def reboot(
    config: Path,
    selection: Selection,
    wait_s: float,
    yes: bool,
    as_json: bool,
) -> None:
    """Restart phones, each as soon as all its messages have their verdict.

    A phone whose messages are not judged in time is left alone and says so.
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    phones = chosen(settings, selection)
    ask("Restart", phones, yes=yes)
    results = _each(
        settings, "reboot", phones, {"wait_s": wait_s}, deadline_s=wait_s + 30.0 + MARGIN_S
    )
    _show("reboot", results, ["state"], as_json=as_json)


@click.command()
@acting
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("screenshots"),
    show_default=True,
    help="Directory for the pictures, one PNG per phone.",
)
def screenshot(config: Path, selection: Selection, out: Path, as_json: bool) -> None:
    """Take a picture of phones' screens. It may show messages: keep it as you keep those."""
    from droidrack import compose

    settings = compose.load_settings(config)
    phones = chosen(settings, selection)
    make_folder(out, 0o700)  # Before a picture is taken that could not be kept.
    results = _each(settings, "screenshot", phones, {}, deadline_s=30.0 + MARGIN_S)
    for result in results:
        if "png" in result:
            path = out / f"{result['phone']}.png"
            _write_private(path, base64.b64decode(result.pop("png")))
            result["file"] = str(path)
    _show("screenshot", results, ["file"], as_json=as_json)


def _write_private(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
    except OSError as exc:
        raise unwritable(path, exc) from exc


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@acting
@wait_option
@click.option(
    "--deadline",
    "deadline_s",
    default=30.0,
    show_default=True,
    type=click.FloatRange(1, 600),
    help="Seconds that the command may run.",
)
@yes_option
@click.argument("command", nargs=-1, required=True)
def shell(
    config: Path,
    selection: Selection,
    wait_s: float,
    deadline_s: float,
    yes: bool,
    command: tuple[str, ...],
    as_json: bool,
) -> None:
    """Run a shell command on phones, never while one of them sends.

    What it changes is not known to the controller: it can lose messages, settings or the phone. The
    command is kept in the events, so put no secret into it.

        droidrack shell --phone bay-1 -- getprop ro.build.id
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    phones = chosen(settings, selection)
    click.echo(
        "Warning: the controller does not know what this changes; nothing is sent meanwhile.",
        err=True,
    )
    ask(f"Run {plain(' '.join(command))!r}", phones, yes=yes)
    args = {"command": " ".join(command), "wait_s": wait_s, "deadline_s": deadline_s}
    results = _each(settings, "shell", phones, args, deadline_s=wait_s + deadline_s + MARGIN_S)
    if as_json:
        print_json(results)
    else:
        for result in results:
            _print_output(result, alone=len(results) == 1)
    if any("error" in result or result.get("exit_code") for result in results):
        sys.exit(1)


def _print_output(result: Answer, *, alone: bool) -> None:
    if not alone:
        click.echo(f"== {result['phone']}: exit code {result.get('exit_code')}")
    for text, to_stderr in ((result.get("stdout"), False), (result.get("stderr"), True)):
        for line in (text or "").splitlines():
            click.echo(plain(line), err=to_stderr)
    if error := result.get("error"):
        click.echo(f"Error [{error['code']}]: {error['message']}", err=True)
    elif alone and (code := result.get("exit_code")):  # Its output alone would look like success.
        click.echo(f"exit code {code}", err=True)


# --- One request per phone ------------------------------------------------------------------------


def _each(
    settings: "Settings",
    act: str,
    phones: Sequence["PhoneSettings"],
    args: Mapping[str, object],
    *,
    deadline_s: float,
) -> list[Answer]:
    """Ask for every phone; the result or the error of each.

    Raises:
        ControllerAbsent: no controller runs, told once for all phones.
        RackError: the only phone's.
    """

    async def one(phone: "PhoneSettings", turn: asyncio.Semaphore) -> Answer:
        async with turn:
            try:
                return await ask_phone(settings, act, phone.name, args, deadline_s=deadline_s)
            except RackError as error:
                if len(phones) == 1:
                    raise
                return {"phone": phone.name, "error": error_json(error)}

    async def everyone() -> list[Answer]:
        await status_of(settings)  # Nobody there is one error, and not one for each phone.
        turn = asyncio.Semaphore(AT_ONCE)
        return list(await asyncio.gather(*(one(phone, turn) for phone in phones)))

    return asyncio.run(everyone())


def _show(
    act: str, results: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool
) -> None:
    failed = [result["error"] for result in results if "error" in result]
    if as_json:
        print_json(list(results))
    else:
        shown = ["phone", *columns, "error"]
        rows = [[_cell(result, column) for column in shown] for result in results]
        print_table(act.capitalize(), shown, rows)
    if failed:
        sys.exit(1)


def _cell(result: Mapping[str, Any], column: str) -> object:
    value = result.get(column)
    return value["message"] if column == "error" and value else value
