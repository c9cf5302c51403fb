"""`droidrack policy`: what the door would say, and which rule decides."""

import asyncio
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.codes import CODES
from droidrack.core.errors import ConfigError
from droidrack.faces.cli.explain import text_argument
from droidrack.faces.cli.options import (
    Country,
    Moment,
    config_option,
    json_option,
    note,
    phone_named,
    plain,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from droidrack.app.policy_check import Checked
    from droidrack.core.case import Decision, Verdict
    from droidrack.core.ids import Slot
    from droidrack.core.message import Message
    from droidrack.core.settings import PhoneSettings, Settings


@click.group()
def policy() -> None:
    """The rules of the door before the radio; docs/policy.md lists them."""


@policy.command()
@config_option
@click.option("--to", "number", required=True, help="Number, as the panel would give it.")
@click.option("--body", required=True, help="Text; `-` reads it from stdin.")
@click.option("--sim", "slot", type=click.IntRange(0, 3), required=True, help="Its slot, from 0.")
@click.option("--phone", default="", help="Its name in devices.toml; may be left out with one.")
@click.option(
    "--at",
    type=Moment(utc=True),
    help="When, in UTC; now without it.",
)
@click.option(
    "--received",
    type=Moment(utc=True),
    help="When the panel handed it over, in UTC; the same moment without it.",
)
@click.option(
    "--priority",
    type=click.Choice(["high", "normal", "low"]),
    default="normal",
    show_default=True,
    help="Its class.",
)
@click.option(
    "--country",
    default="",
    type=Country(),
    metavar="XX",
    help="The SIM's, where devices.toml does not say one.",
)
@json_option
def check(
    config: Path,
    number: str,
    body: str,
    slot: int,
    phone: str,
    at: datetime | None,
    received: datetime | None,
    priority: str,
    country: str,
    as_json: bool,
) -> None:
    """Say what would happen to a message, and what every rule says. Nothing is sent.

    No phone is asked; what is taken for granted is listed. Works while a controller runs. For
    example:

        droidrack policy check --to +15550100001 --body hello --sim 0 --at 2026-05-01T23:00
    """
    from droidrack import compose
    from droidrack.core.ids import Body, MessageUid, Msisdn, Slot
    from droidrack.core.message import Message, Priority

    settings = compose.load_settings(config)
    now = at or compose.host_clock().now()
    handed_over = received or now
    if handed_over > now:
        raise click.UsageError(
            f"--received {handed_over:%Y-%m-%dT%H:%M:%S} is later than "
            f"{'--at' if at else 'now,'} {now:%Y-%m-%dT%H:%M:%S}"
        )
    message = Message(
        uid=MessageUid("policy-check"),
        number=Msisdn(number),
        body=Body(text_argument(body)),
        sim_uid="",
        priority=Priority.from_wire(priority),
        received_at=handed_over,
    )
    entry = _phone(settings, phone)
    checked = asyncio.run(_check(settings, entry, Slot(slot), message, now, country))
    if as_json:
        print_json(_as_json(checked))
    else:
        _print(checked)


def _phone(settings: "Settings", name: str) -> "PhoneSettings":
    if name:
        return phone_named(settings, name)
    if len(settings.phones) > 1:
        names = ", ".join(phone.name for phone in settings.phones)
        raise ConfigError("which phone?", hint=f"give --phone; the configuration has: {names}")
    return settings.phones[0]


async def _check(
    settings: "Settings",
    phone: "PhoneSettings",
    slot: "Slot",
    message: "Message",
    now: datetime,
    country: str,
) -> "Checked":
    from droidrack import compose, compose_journal
    from droidrack.app.policy_check import At, check_policy

    async with (
        compose_journal.journal_to_ask(settings) as journal,
        compose.open_world(settings, note, journal=journal) as world,
    ):
        asked = replace(world, clock=At(now))
        return await check_policy(asked, phone, slot, message, country=country)


def _as_json(checked: "Checked") -> dict[str, Any]:
    decision, reading = checked.decision, checked.reading
    return {
        "decision": _word(decision),
        "rule": decision.rule,
        **_verdict(decision),
        "segments": checked.segments,
        "country": checked.country,
        "number": None
        if reading is None
        else {"form": reading.form.value, "zones": list(reading.zones), "premium": reading.premium},
        "rules": [
            {"rule": step.rule.value, "says": _word(step.verdict), **_verdict(step.verdict)}
            for step in checked.steps
        ],
        "assumed": list(checked.assumed),
    }


def _verdict(verdict: "Decision | None") -> dict[str, str | None]:
    from droidrack.core.case import Go, Hold

    if verdict is None or isinstance(verdict, Go):
        return {"code": "", "detail": "", "until": None, "remedy": ""}
    until = verdict.until if isinstance(verdict, Hold) else None
    return {
        "code": verdict.code,
        "detail": verdict.detail,
        "until": until.isoformat(timespec="seconds") if until else None,
        "remedy": CODES[verdict.code].remedy,
    }


def _word(verdict: "Decision | Verdict | None") -> str:
    from droidrack.core.case import Go, Hold

    if verdict is None:
        return "pass"
    if isinstance(verdict, Go):
        return "go"
    return "hold" if isinstance(verdict, Hold) else "refuse"


def _print(checked: "Checked") -> None:
    facts = _as_json(checked)
    said = {"go": "It would go now", "hold": "It would wait", "refuse": "It would never go"}
    by = f": {facts['rule']} says {facts['code']}" if facts["rule"] else ""
    click.secho(f"{said[facts['decision']]}{by}", bold=True)
    for key in ("detail", "until", "remedy"):
        if facts[key]:
            click.echo(f"  {key:<8} {plain(facts[key])}")
    form = checked.reading.form.value if checked.reading else "no number"
    click.echo(f"  {form}, {checked.segments} segment(s)")
    rows = [[r["rule"], r["says"], r["code"], r["detail"], r["until"]] for r in facts["rules"]]
    print_table("Rules, in order", ("rule", "says", "code", "detail", "until"), rows)
    click.echo("Taken for granted:")
    for line in checked.assumed:
        click.echo(f"  {plain(line)}")
