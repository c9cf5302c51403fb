"""`droidrack probe`: what a phone is, which codes it has, and whether it may carry traffic."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError, RackError
from droidrack.core.selection import Selection
from droidrack.faces.cli.options import (
    config_option,
    error_json,
    json_option,
    note,
    plain,
    print_json,
    print_table,
    show_error,
)
from droidrack.faces.cli.selectors import chosen, selection_options

if TYPE_CHECKING:
    from droidrack.app.examination import Examination
    from droidrack.core.settings import PhoneSettings, Settings

PROOF_TEXT = "droidrack: this message proves that this phone can send"

_MARKS = {True: "yes", False: "NO", None: "-"}

Result = tuple["PhoneSettings", "Examination | RackError"]


@click.command()
@config_option
@selection_options
@click.option("--learn", is_flag=True, help="Read the phone's own codes, even of a known build.")
@click.option("--resume", is_flag=True, help="Let a quarantined phone send again if it is proven.")
@click.option(
    "--send-to", metavar="NUMBER", help="Prove it by ONE REAL message to your own number."
)
@click.option("--slot", type=click.IntRange(0, 3), help="SIM slot of that message.")
@click.option("--yes", is_flag=True, help="Really send that message.")
@json_option
@click.pass_context
def probe(
    ctx: click.Context,
    config: Path,
    selection: Selection,
    learn: bool,
    resume: bool,
    send_to: str | None,
    slot: int | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Ask phones what they are, by calls that only read; exit code 0 if all are proven.

    Shows the profile with the source of every row, the phone's own codes beside it, what the phone
    answered, and which witnesses of sending it offers; of all phones where none is named. Nothing
    is sent, unless --send-to and --yes ask for one message, whose proof is then waited for. A
    controller may run meanwhile (but not for --send-to).
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    if send_to is not None and (len(selection.phones) != 1 or not yes):
        raise ConfigError(
            "--send-to sends one real message: it needs --phone and --yes",
            hint="without --send-to nothing is sent",
        )
    wanted = chosen(settings, selection, without="all")
    results = asyncio.run(_examine(settings, wanted, again=learn, resume=resume))
    if as_json:
        print_json([_as_json(entry, result) for entry, result in results])
    else:
        for entry, result in results:
            _show(entry, result)
    proven = all(_proven(result) for _, result in results)
    if send_to is not None and proven:
        _send(ctx, config, wanted[0].name, slot, send_to)
    raise SystemExit(0 if proven else 1)


def _send(ctx: click.Context, config: Path, phone: str, slot: int | None, number: str) -> None:
    """One message through the very rooms of `droidrack send`; ends the command with its outcome."""
    from droidrack.faces.cli.bench import send

    ctx.invoke(send, config=config, phone=phone, slot=slot, number=number, body=PROOF_TEXT)


async def _examine(
    settings: "Settings", wanted: Sequence["PhoneSettings"], *, again: bool, resume: bool
) -> list[Result]:
    from droidrack import compose, compose_journal
    from droidrack.app.examination import examine
    from droidrack.app.finding import Found, find

    async with (
        compose.open_world(settings, note) as world,
        compose.open_buses(settings, note) as buses,
    ):
        found = await find(buses, wanted)

        async def one(here: Found) -> "Examination | RackError":
            if isinstance(here, RackError):
                return here
            try:
                return await examine(world, here, again=again, resume=resume)
            except RackError as error:
                return error

        async def written(entry: "PhoneSettings") -> "Examination | RackError":
            """Looking is no act; learning anew and resuming are."""
            what = " ".join(["--learn"] * again + ["--resume"] * resume)
            if not what:
                return await one(found[entry.name])
            async with compose_journal.audited(
                settings, f"probe {what}", subject=entry.name
            ) as act:
                result = await one(found[entry.name])
                if isinstance(result, RackError):
                    act.code, act.detail = result.code, result.message
                else:
                    act.detail = f"{result.capability.standing}; {result.quarantine or 'resumed'}"
                return result

        results = await asyncio.gather(*(written(entry) for entry in wanted))
    return list(zip(wanted, results, strict=True))


def _proven(result: "Examination | RackError") -> bool:
    if isinstance(result, RackError):
        return False
    return result.capability.standing.value == "proven" and not result.quarantine


# --- What it looks like ---------------------------------------------------------------------------


def _as_json(entry: "PhoneSettings", result: "Examination | RackError") -> dict[str, Any]:
    if isinstance(result, RackError):
        return {"phone": entry.name, "standing": None, "error": error_json(result)}
    identity, capability = result.identity, result.capability
    return {
        "phone": entry.name,
        "standing": capability.standing.value,
        "reason": capability.reason or None,
        "quarantine": result.quarantine or None,
        "maker": identity.maker,
        "model": identity.model,
        "release": identity.release,
        "sdk": identity.sdk,
        "fingerprint": identity.fingerprint,
        "profile": result.profile.name,
        "calls": list(_calls(result)),
        "framework": {
            "interfaces": {name: found.source for name, found in result.codes.interfaces.items()},
            "notes": list(result.codes.notes),
        },
        "findings": [
            {"subject": f.subject, "good": f.good, "text": f.text, "decides": f.decides}
            for f in capability.findings
        ],
        "witnesses": {
            "store": capability.witnesses.store,
            "radio": capability.witnesses.radio,
            "message_ids": capability.witnesses.message_ids,
        },
    }


def _calls(result: "Examination") -> Iterator[dict[str, Any]]:
    """Every call with the table's code, the phone's own, and whose is used."""
    for comparison in result.comparisons:
        row = result.profile.row(comparison.call)
        yield {
            "call": comparison.call,
            "transaction": row.transaction or None,
            "table": comparison.table or None,
            "phone": comparison.phone,
            "agreement": comparison.agreement.value,
            "source": row.source,
            "verified": row.verified,
            "barred": row.barred or None,
        }


def _show(entry: "PhoneSettings", result: "Examination | RackError") -> None:
    if isinstance(result, RackError):
        click.echo(f"{entry.name}: not examined")
        show_error(result)
        return
    identity, capability = result.identity, result.capability
    click.echo(f"{entry.name}: {plain(str(identity))}, Android {plain(identity.release)}")
    click.echo(f"build: {plain(identity.fingerprint) or 'has no fingerprint'}")
    click.echo(f"profile: {plain(result.profile.name)}")
    shown = ("call", "transaction", "table", "phone", "agreement", "source", "barred")
    print_table("Calls", shown, [[call[key] for key in shown] for call in _calls(result)])
    for text in result.codes.notes:
        click.echo(f"framework: {plain(text)}")
    found = [(f.subject, _MARKS[f.good], f.text) for f in capability.findings]
    if found:
        print_table("Findings", ("looked at", "good", "seen"), found)
    reason = f": {plain(capability.reason)}" if capability.reason else ""
    click.echo(f"{entry.name} is {capability.standing.value.upper()}{reason}")
    if result.quarantine:
        click.echo(
            f"{entry.name} is QUARANTINED: {plain(result.quarantine)}; check its SIMs, then: "
            f"droidrack probe --phone {entry.name} --resume"
        )
    elif capability.standing.value == "proven":
        click.echo(
            "A proof by one real message to a number of your own: "
            f"droidrack probe --phone {entry.name} --send-to NUMBER --yes"
        )
