"""`droidrack pair` and `droidrack relink`: one-time tokens become sessions with the panel."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError, GatewayChanged, RackError
from droidrack.core.ids import Token
from droidrack.core.selection import Selection
from droidrack.faces.cli.options import (
    Command,
    config_option,
    error_json,
    json_option,
    note,
    plain,
    print_json,
    show_error,
)
from droidrack.faces.cli.selectors import ask, chosen, selection_options, yes_option

if TYPE_CHECKING:
    from droidrack.app.pairing_run import Outcome, Paired, Purse
    from droidrack.core.settings import PhoneSettings, Settings


@dataclass(frozen=True, slots=True)
class Source:
    """Where the tokens of a run come from; nothing named: from where devices.toml says."""

    file: Path | None
    stdin: bool
    list: Path | None
    pictures: tuple[Path, ...]

    @property
    def single(self) -> bool:
        """Whether it holds one token."""
        return self.file is not None or self.stdin


def token_options(command: Command) -> Command:
    """Add the options that give tokens."""
    for option in reversed(
        (
            click.option(
                "--token-file",
                type=click.Path(path_type=Path, dir_okay=False),
                help="File with the pairing token, not readable by other users.",
            ),
            click.option("--token-stdin", is_flag=True, help="Read the pairing token from stdin."),
            click.option(
                "--csv",
                "token_list",
                type=click.Path(path_type=Path, dir_okay=False),
                help="CSV file with the columns phone and token; without other options it also "
                "chooses the phones.",
            ),
            click.option(
                "--qr",
                "pictures",
                multiple=True,
                type=click.Path(path_type=Path, exists=True),
                help="Picture of one or several of the panel's QR codes, or a folder of pictures; "
                "may be repeated. One that is called like a phone is for that phone.",
            ),
        )
    ):
        command = option(command)
    return command


@click.command()
@config_option
@selection_options
@token_options
@json_option
def pair(
    config: Path,
    selection: Selection,
    token_file: Path | None,
    token_stdin: bool,
    token_list: Path | None,
    pictures: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Pair attached phones with the panel, each by its one-time pairing token.

    Without a source the token comes from where devices.toml says. There is no option for the token
    itself: what stands on a command line can be read by every user of the host, in the process list
    and in the shell's history.

    Works beside a running controller, which takes the session up within 5 s. A phone that is paired
    already is passed over, so a run that was interrupted is continued by typing it again; `relink`
    pairs such a phone anew. For example:

        droidrack pair --phone bay-1 --token-file bay-1.token

        droidrack pair --csv tokens.csv

        droidrack pair --all --qr screenshot.png
    """
    source = Source(token_file, token_stdin, token_list, pictures)
    settings, phones, purse = _prepared(config, selection, source)
    results = _results(settings, phones, purse, again=False, quiet=as_json)
    _finish(results, as_json=as_json)


@click.command()
@config_option
@selection_options
@token_options
@yes_option
@json_option
def relink(
    config: Path,
    selection: Selection,
    token_file: Path | None,
    token_stdin: bool,
    token_list: Path | None,
    pictures: tuple[Path, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Pair phones anew that were paired before, and see that they keep their gateways.

    After the panel ended a session, after a factory reset, or on another host: the panel knows a
    phone by its device uuid, which outlives all of these. The former session, if any, ends. A
    phone that comes back with another gateway than this host remembers is told as a fault. For
    example:

        droidrack relink --phone bay-1 --token-file bay-1.token
    """
    source = Source(token_file, token_stdin, token_list, pictures)
    settings, phones, purse = _prepared(config, selection, source)
    ask("End the sessions and pair anew", phones, yes=yes or source.single)
    results = _results(settings, phones, purse, again=True, quiet=as_json)
    _finish(results, as_json=as_json)


# --- Phones and tokens ------------------------------------------------------------------------


def _prepared(
    config: Path, selection: Selection, source: Source
) -> tuple["Settings", Sequence["PhoneSettings"], "Purse"]:
    """The phones that are meant and their tokens; every mistake is told before one is spent."""
    from droidrack import compose

    given = [source.file, source.stdin, source.list, source.pictures]
    if sum(map(bool, given)) > 1:
        raise click.UsageError("--token-file, --token-stdin, --csv and --qr exclude each other")
    settings = compose.load_settings(config)
    if source.list is not None:
        return settings, *_by_list(settings, selection, source.list)
    phones = chosen(settings, selection, without="only")
    if source.pictures:
        return settings, phones, _by_pictures(phones, source.pictures)
    own: dict[str, Token] = {}
    if source.single:
        if len(phones) > 1:
            raise click.UsageError("one token pairs one phone: name it with --phone")
        own[phones[0].name] = _token_from(phones[0], source.file)
    return settings, phones, _purse(own)


def _purse(own: dict[str, Token], common: Iterable[Token] = ()) -> "Purse":
    from droidrack.app.pairing_run import Purse

    return Purse(own, common)


def _by_list(
    settings: "Settings", selection: Selection, path: Path
) -> tuple[Sequence["PhoneSettings"], "Purse"]:
    from droidrack import compose

    lines = compose.token_list(path, [phone.name for phone in settings.phones])
    own = {line.phone: line.token for line in lines}
    named = Selection(phones=tuple(own))
    return chosen(settings, selection or named), _purse(own)


def _by_pictures(phones: Sequence["PhoneSettings"], paths: tuple[Path, ...]) -> "Purse":
    from droidrack import compose

    own: dict[str, Token] = {}
    common: list[Token] = []
    names = {phone.name for phone in phones}
    for seen in compose.picture_tokens(paths):
        name = seen.picture.stem
        if name in names and name not in own:
            own[name] = seen.token
        else:
            common.append(seen.token)
    return _purse(own, common)


def _token_from(phone: "PhoneSettings", token_file: Path | None) -> Token:
    """The token of a file or of stdin, where a person types it unseen."""
    from droidrack import compose
    from droidrack.app.pairing_run import HOW_TO_GIVE_ONE
    from droidrack.core.token_list import is_token

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
    if not is_token(text.strip()):
        raise ConfigError("stdin holds no single pairing token", hint=HOW_TO_GIVE_ONE)
    return Token(text.strip())


# --- The run and its report -------------------------------------------------------------------


def _results(
    settings: "Settings",
    phones: Sequence["PhoneSettings"],
    purse: "Purse",
    *,
    again: bool,
    quiet: bool,
) -> list[dict[str, Any]]:
    from droidrack import compose

    compose.forbid_core_dumps()  # A rack's tokens pass through this process.
    return asyncio.run(_run(settings, phones, purse, again=again, quiet=quiet))


async def _run(
    settings: "Settings",
    phones: Sequence["PhoneSettings"],
    purse: "Purse",
    *,
    again: bool,
    quiet: bool,
) -> list[dict[str, Any]]:
    from droidrack import compose, compose_journal
    from droidrack.app.finding import find
    from droidrack.app.pairing_run import PairingRun

    results: dict[str, dict[str, Any]] = {}

    def hear(phone: "PhoneSettings", outcome: "Outcome") -> None:
        results[phone.name] = _result(phone, outcome)
        if isinstance(outcome, RackError):
            show_error(outcome)
        elif not quiet:
            _print_paired(outcome)

    records = await compose_journal.known_phones(settings)
    async with (
        compose.open_world(settings, note) as world,
        compose.open_buses(settings, note) as buses,
    ):
        found = await find(buses, phones)
        what = "relink" if again else "pair"
        run = PairingRun(
            world,
            records,
            purse,
            recorded=lambda name: compose_journal.audited(settings, what, subject=name),
            again=again,
        )
        await run.run(found, phones, hear)
    return [results[phone.name] for phone in phones]


def _result(phone: "PhoneSettings", outcome: "Outcome") -> dict[str, Any]:
    if isinstance(outcome, RackError):
        return {"phone": phone.name, "outcome": "failed", "error": error_json(outcome)}
    rows = [{"slot": r.slot, "uid": r.uid, "label": r.label} for r in outcome.session.sims]
    return {
        "phone": phone.name,
        "outcome": "moved" if outcome.moved else "paired" if outcome.new else "already",
        "device": outcome.device,
        "gateway": outcome.session.gateway_uid,
        "gateway_before": outcome.gateway_before or None,
        "new": outcome.new,
        "sims": rows,
        "error": None,
    }


def _moved(result: dict[str, Any]) -> GatewayChanged:
    now, before = plain(result["gateway"]), plain(result["gateway_before"])
    return GatewayChanged(
        f"{result['phone']}: the panel gave gateway {now}, before it was {before}",
        hint="it is another panel or account, or the phone's row was deleted there; messages "
        "queued for the former gateway stay there",
    )


def _print_paired(paired: "Paired") -> None:
    how = "paired" if paired.new else "paired already,"
    kept = " (kept)" if paired.gateway_before and not paired.moved else ""
    click.echo(f"{paired.phone}: {how} as gateway {plain(paired.session.gateway_uid)}{kept}")
    if not paired.new:
        return
    for row in paired.session.sims:
        click.echo(f"  slot {row.slot}: SIM row {plain(row.uid)}, {plain(row.label)}")


def _finish(results: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """The report as a whole; exit code 1 where a phone was not paired, or got another gateway."""
    count = dict.fromkeys(("paired", "already", "moved", "failed"), 0)
    for result in results:
        count[result["outcome"]] += 1
        if result["outcome"] == "moved":
            show_error(_moved(result))
    if as_json:
        print_json(list(results))
    elif len(results) > 1:
        told = f"{count['paired'] + count['moved']} paired, {count['already']} paired already"
        click.echo(f"{told}, {count['failed']} failed")
        if count["already"]:
            click.echo("Hint: `droidrack relink` pairs anew who is paired already", err=True)
    if count["failed"] or count["moved"]:
        raise SystemExit(1)
