"""`droidrack audit`: what was decided and done, and whether that record was touched."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.audit import AuditKind, AuditLine, exported, imported
from droidrack.core.errors import ConfigError
from droidrack.core.words import counted
from droidrack.faces.cli.options import (
    Moment,
    config_option,
    json_option,
    open_private,
    phone_named,
    plain,
    print_json,
    print_table,
    unwritable,
)

if TYPE_CHECKING:
    from droidrack.app.audit_views import Examined, Wanted
    from droidrack.core.ids import Msisdn
    from droidrack.core.settings import Settings

SHOWN_FAULTS = 20
"""Faults that a person reads; `--json` has more."""

FOLLOW_S = 1.0
"""How often `tail --follow` looks."""

_COLUMNS = ("n", "at", "who", "what", "phone", "subject", "rule", "code", "number", "detail")


since_option = click.option(
    "--since",
    type=Moment(utc=True),
    help="Only lines written since then: 30m, 2h, 7d, or a date in UTC such as 2030-01-31T08:00.",
)


@click.group()
def audit() -> None:
    """What was decided at the door and done by operators, in a chain that shows every touch.

    Every line holds the digest of the one before, made with a key of this host's vault. Numbers
    and texts stand in it hashed or masked, as [audit] says.
    """


@audit.command()
@config_option
@click.option(
    "--file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check lines that `droidrack audit export` wrote, instead of the journal's.",
)
@json_option
def verify(config: Path, file: Path | None, as_json: bool) -> None:
    """Check that no line was changed, removed, added or moved; exit code 1 if one was.

    Also finds a tail that was cut: the newest line is known outside of the database. Works while a
    controller runs. For example:

        droidrack audit verify
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    found = asyncio.run(_examined(settings)) if file is None else _examined_file(settings, file)
    if as_json:
        print_json(_as_json(found))
    else:
        _print_examined(found)
    raise SystemExit(1 if found.faults else 0)


async def _examined(settings: "Settings") -> "Examined":
    from droidrack import compose_journal
    from droidrack.app.audit_views import examine_audit

    async with compose_journal.observe_journal(settings) as journal:
        return await examine_audit(journal.audit, compose_journal.pen(settings))


def _examined_file(settings: "Settings", file: Path) -> "Examined":
    from droidrack import compose_journal
    from droidrack.app.audit_views import examine_lines

    lines = []
    for number, text in enumerate(file.read_text("utf-8", "replace").splitlines(), 1):
        try:
            lines.append(imported(text))
        except ValueError as exc:
            raise ConfigError(
                f"{file}, line {number}: expected a line of the audit, seen something else",
                hint="give a file that `droidrack audit export` wrote",
            ) from exc
    return examine_lines(lines, compose_journal.pen(settings))


def _as_json(found: "Examined") -> dict[str, Any]:
    return {
        "lines": found.count,
        "first": found.first.seq if found.first else None,
        "last": found.last.seq if found.last else None,
        "sound": not found.faults,
        "faults": [{"line": fault.seq, "text": fault.text} for fault in found.faults],
        "accepted": [{"line": fault.seq, "text": fault.text} for fault in found.explained],
    }


def _print_examined(found: "Examined") -> None:
    if found.first is None or found.last is None:
        click.echo("The audit has no lines.")
    else:
        ends = [str(line.facts().get("at", "?"))[:19] for line in (found.first, found.last)]
        click.echo(
            f"{counted(found.count, 'line')}, {found.first.seq} to {found.last.seq}, "
            f"{ends[0]}Z to {ends[1]}Z"
        )
    for fault in found.explained:
        click.echo(f"  Accepted by an operator: {plain(fault.text)}")
    for fault in found.faults[:SHOWN_FAULTS]:
        click.echo(f"  {plain(fault.text)}")
    if len(found.faults) > SHOWN_FAULTS:
        click.echo(f"  and {len(found.faults) - SHOWN_FAULTS} more: --json lists them")
    click.echo(
        "It was TOUCHED: compare it with lines that were exported earlier."
        if found.faults
        else "Nothing was changed, removed, added or moved."
    )


@audit.command()
@config_option
@since_option
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="File to write, for your eyes only; else stdout.",
)
def export(config: Path, since: datetime | None, output: Path | None) -> None:
    """Write lines as JSON, one object each, with what `verify --file` needs.

    Kept where this host cannot write, they prove what no key of this host can: that even who can
    read the key has changed nothing since. For example, every night:

        droidrack audit export --since 2026-05-01 --output /mnt/archive/audit-2026-05.jsonl
    """
    from droidrack import compose

    settings = compose.load_settings(config)
    asyncio.run(_export(settings, since, output))


async def _export(settings: "Settings", since: datetime | None, output: Path | None) -> None:
    from droidrack import compose_journal
    from droidrack.app.audit_views import walk

    file = None if output is None or str(output) == "-" else output
    async with compose_journal.observe_journal(settings) as journal:
        try:
            with open_private(file) if file else nullcontext(sys.stdout) as stream:
                async for line in walk(journal.audit, since):
                    stream.write(exported(line) + "\n")
        except OSError as exc:
            if file is None:
                raise
            raise unwritable(file, exc) from exc


@audit.command()
@config_option
@click.option("--phone", default="", help="Only this phone's, by its name in devices.toml.")
@click.option("--message", "uid", default="", help="Only the message with this uid.")
@click.option("--number", default="", help="Only this number's, where numbers are hashed.")
@click.option("--kind", type=click.Choice([kind.value for kind in AuditKind]), help="Only these.")
@since_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The newest.")
@json_option
def show(
    config: Path,
    phone: str,
    uid: str,
    number: str,
    kind: str | None,
    since: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List lines, the oldest first.

    Works while a controller runs. For example, whether a number was ever written to, and why not:

        droidrack audit show --number +15550100001
    """
    from droidrack import compose, compose_journal
    from droidrack.app.audit_views import Wanted
    from droidrack.core.ids import Msisdn

    settings = compose.load_settings(config)
    veiled = ""
    if number:
        veiled = compose_journal.pen(settings).veiled(Msisdn(number), settings.audit.numbers)
    if phone:
        phone_named(settings, phone)
    wanted = Wanted(kind or "", "", phone, uid, veiled)
    lines, names = asyncio.run(_lines(settings, wanted, since, limit))
    if number and not lines:
        _see_that_it_is_one(Msisdn(number))
    if as_json:
        print_json([dict(line.facts()) for line in lines])
    elif not lines:
        click.echo("No such lines.")
    else:
        print_table("Audit (UTC)", _COLUMNS, [_row(line, names) for line in lines])


def _see_that_it_is_one(number: "Msisdn") -> None:
    """Refuse what nobody can dial, lest "no lines" sounds like an answer.

    Asked when no line has it: what the panel sent by mistake was refused, and that line is found.
    """
    from droidrack.core.numbering import Unreadable, read_number

    reading = read_number(number, "")
    if isinstance(reading, Unreadable) and reading.code == "NUMBER_INVALID":
        raise ConfigError(
            f"--number {number.masked()}: {reading.code}: {reading.detail}",
            hint="write it as the panel gave it, for example with + and country code",
        )


@audit.command()
@config_option
@click.option("--lines", "-n", type=click.IntRange(0), default=20, show_default=True, help="Many.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until interrupted.")
def tail(config: Path, lines: int, follow: bool) -> None:
    """Print the newest lines, one on a line of the terminal, and those that come."""
    from droidrack import compose

    settings = compose.load_settings(config)
    asyncio.run(_tail(settings, lines, follow=follow))


async def _tail(settings: "Settings", count: int, *, follow: bool) -> None:
    from droidrack import compose_journal
    from droidrack.app import views

    async with compose_journal.observe_journal(settings) as journal:
        names = views.phone_names(await journal.phones())
        newest = await journal.audit.newest(max(count, 1))
        seen = newest[-1].seq if newest else 0
        for line in newest if count else ():
            click.echo(_sentence(line, names))
        while follow:
            for line in await journal.audit.lines(after=seen, limit=100):
                click.echo(_sentence(line, names))
                seen = line.seq
            await asyncio.sleep(FOLLOW_S)


async def _lines(
    settings: "Settings", wanted: "Wanted", since: datetime | None, limit: int
) -> tuple[list[AuditLine], Mapping[Any, str]]:
    from collections import deque
    from dataclasses import replace

    from droidrack import compose_journal
    from droidrack.app import views
    from droidrack.app.audit_views import walk

    async with compose_journal.observe_journal(settings) as journal:
        records = await journal.phones()
        device = views.device_of(records, wanted.phone) if wanted.phone else None
        wanted = replace(wanted, device=device or "")
        found: deque[AuditLine] = deque(maxlen=limit)
        async for line in walk(journal.audit, since):
            if wanted.holds(line.facts()):
                found.append(line)
        return list(found), views.phone_names(records)


def _row(line: AuditLine, names: Mapping[Any, str]) -> list[object]:
    facts = line.facts()
    device = facts.get("device", "")
    shown = {**facts, "at": str(facts.get("at", ""))[:19], "phone": names.get(device, device)}
    return [shown.get(key, "") for key in _COLUMNS]


def _sentence(line: AuditLine, names: Mapping[Any, str]) -> str:
    facts = line.facts()
    device = str(facts.get("device", ""))
    parts = [
        f"{str(facts.get('at', ''))[:19]}Z",
        str(facts.get("who", "")),
        str(facts.get("what", "")),
        names.get(device, device),
        *(str(facts.get(key, "")) for key in ("subject", "rule", "code", "number", "detail")),
    ]
    return plain("  ".join(part for part in parts if part))
