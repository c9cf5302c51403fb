"""`droidrack send`: one message from a bench, with its proof."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from droidrack.core.errors import ConfigError, JournalBusy, RackError
from droidrack.core.message import SETTLED, MessageState
from droidrack.faces.cli.options import (
    config_option,
    json_option,
    note,
    phone_named,
    plain,
    print_json,
    the_one_of,
)

if TYPE_CHECKING:
    from droidrack.app.handset import Handset
    from droidrack.app.world import World
    from droidrack.core.ids import Body, Msisdn
    from droidrack.core.settings import PhoneSettings, Settings
    from droidrack.ports import Life

BODY_LIMIT_BYTES = 64 * 1024
"""No text of 255 segments is longer; a larger file is given by mistake."""


@click.command()
@config_option
@click.option("--phone", required=True, help="The phone, by its name in devices.toml.")
@click.option("--slot", type=click.IntRange(0, 3), help="SIM slot; needed where several are used.")
@click.option("--to", "number", required=True, help="Number to send to.")
@click.option(
    "--body-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with the text, UTF-8, sent as it is.",
)
@click.option("--body-stdin", is_flag=True, help="Read the text from stdin, as it is.")
@click.option("--body", help="The text; every user of this host can read it in the process list.")
@click.option(
    "--wait",
    "wait_s",
    default=420.0,
    show_default=True,
    type=click.FloatRange(1, 3600),
    help="Seconds until the command ends, whatever became of the message.",
)
@json_option
def send(
    config: Path,
    phone: str,
    slot: int | None,
    number: str,
    body_file: Path | None,
    body_stdin: bool,
    body: str | None,
    wait_s: float,
    as_json: bool,
) -> None:
    """Send ONE REAL message from a bench, and wait for its proof.

    It goes through the same rooms as the panel's messages: journal, pace, one attempt that is on
    disk before the phone hears of it, and the phone's own records as witnesses. The panel is
    neither asked nor told, and the phone need not be paired. A running controller has to be stopped
    first. Exit code 0 only if it was sent. For example:

        printf 'Hello' | droidrack send --phone bay-1 --to +15550100001 --body-stdin
    """
    from droidrack import compose
    from droidrack.core.ids import Body, Msisdn

    text = Body(_text(body_file, body, stdin=body_stdin))
    settings = compose.load_settings(config)
    entry = phone_named(settings, phone)
    life = asyncio.run(_send(settings, entry, slot, Msisdn(number), text, wait_s))
    _show(life, entry, as_json=as_json)
    raise SystemExit(0 if life.state is MessageState.SENT else 1)


def _text(file: Path | None, given: str | None, *, stdin: bool) -> str:
    """The text from the one source that was named, unchanged."""
    the_one_of("--body-file, --body-stdin and --body", file is not None, stdin, given is not None)
    if given is not None:
        return given
    try:
        with file.open("rb") if file else sys.stdin.buffer as stream:
            content = stream.read(BODY_LIMIT_BYTES + 1)
        text = content.decode("utf-8")
    except OSError as exc:
        raise ConfigError(f"{file}: {(exc.strerror or 'cannot be read').lower()}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError("the text is not UTF-8", hint="save it as UTF-8") from exc
    if len(content) > BODY_LIMIT_BYTES:
        raise ConfigError(f"the text is longer than {BODY_LIMIT_BYTES} bytes")
    return text


async def _send(
    settings: "Settings",
    phone: "PhoneSettings",
    slot: int | None,
    number: "Msisdn",
    body: "Body",
    wait_s: float,
) -> "Life":
    from droidrack import compose, compose_journal
    from droidrack.app.bench import bench_message, choose_sim, meet_ready, send_one
    from droidrack.app.finding import find

    async with (
        compose.open_world(settings, _tell) as world,
        compose_journal.audited(settings, "send", subject=phone.name, number=number) as act,
    ):
        await _open_journal(world)
        try:
            async with compose.open_buses(settings, note, borrow=False) as buses:
                found = (await find(buses, [phone]))[phone.name]
                if isinstance(found, RackError):
                    raise found
                handset = await meet_ready(world, found)
                sim = choose_sim(handset, slot)
                message = bench_message(number, body, world.clock.now(), wait_s)
                act.device, act.detail = handset.device, f"message {message.uid}"
                _warn_of_witnesses(handset)
                async with compose.lease_for_sending(settings, handset.device):
                    click.echo(f"{phone.name}, slot {sim.slot}: sending {message.uid} …", err=True)
                    try:
                        return await send_one(world, handset, phone, message, sim, wait_s=wait_s)
                    except RackError as error:
                        error.hint += f"; how far the message came: droidrack why {message.uid}"
                        raise
                    except asyncio.CancelledError:  # Ctrl-C
                        _tell_interrupted(await world.journal.life(message.uid))
                        raise
        finally:
            await world.journal.close()


def _warn_of_witnesses(handset: "Handset") -> None:
    if handset.witnesses.store or handset.witnesses.radio:
        return
    if handset.profile.facts.radio_verdict:
        note("this phone offers no witness, so the outcome will stay unknown")
    else:
        note("this phone proves a sending only while this command listens: let it end by itself")


def _tell_interrupted(life: "Life | None") -> None:
    """Say whether the message that nobody waits for any more may go out."""
    if life is None or life.state is MessageState.CANCELLED:
        note("the message was taken back before the phone heard of it")
    elif life.state in SETTLED:
        note(f"the message is {life.state.value}; its proof: droidrack why {life.message.uid}")
    else:
        note(
            "the phone has heard of the message: it may have been sent, or go out now. The next "
            f"controller looks for its outcome; then: droidrack why {life.message.uid}"
        )


def _tell(event: str, /, **facts: object) -> None:
    """What the rooms say, but the verdict, which is shown with its proof."""
    if event != "message settled":
        note(event, **facts)


async def _open_journal(world: "World") -> None:
    try:
        await world.journal.open()
    except JournalBusy as busy:
        busy.hint = (
            "stop that controller first, or queue the message in the panel: only one of them may "
            "send through a phone"
        )
        raise


def _show(life: "Life", phone: "PhoneSettings", *, as_json: bool) -> None:
    from droidrack.app import views
    from droidrack.faces.cli.ledger import print_life

    names = {life.device: phone.name}
    if as_json:
        print_json(views.whole(life, names, reveal=False))
        return
    print_life(life, names, reveal=False)
    if life.state not in SETTLED:
        click.echo(
            "Its outcome is not proven yet. The next controller (`droidrack run`) goes on looking; "
            f"then: droidrack why {plain(life.message.uid)}"
        )
