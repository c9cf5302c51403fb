"""`droidrack provision`: plan, apply, verify, drift, report, steps."""

import asyncio
import getpass
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError
from droidrack.core.provision.record import PhoneFate, RunKind, StepState
from droidrack.faces.cli.options import DEFAULT_CONFIG, json_option, print_json, print_table

if TYPE_CHECKING:
    from droidrack.app.provision.bench import Choices, Target
    from droidrack.app.provision.campaign import Outcome
    from droidrack.core.provision.recipe import Recipe
    from droidrack.core.settings import AdbSettings, Settings

SETTLE_S = 3.0
"""How long `--attached` waits for the adb servers to list their phones."""


@click.group()
def provision() -> None:
    """Bring many phones into one state by a recipe, with proof; safe to repeat and to interrupt."""


def _where(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which phones."""
    options = (
        click.argument("recipe"),
        click.option(
            "--config", "-c", type=click.Path(path_type=Path, dir_okay=False), default=None,
            envvar="DROIDRACK_CONFIG", help=f"The rack's configuration [default: {DEFAULT_CONFIG}]",
        ),
        click.option("--adb", metavar="HOST:PORT", help="A given adb server, instead of --config."),
        click.option(
            "--virtual", type=click.IntRange(1, 200),
            help="Rehearse on so many virtual phones of several makers; nothing is kept.",
        ),
        click.option("--attached", is_flag=True, help="Every attached phone, named by its serial."),
        click.option("--only", multiple=True, metavar="PHONE", help="Only these phones."),
        click.option(
            "--variables", type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="CSV of variables and labels: phone,zone,labels,…",
        ),
        click.option(
            "--state", type=click.Path(path_type=Path, file_okay=False),
            help="Folder for journal and evidence, where --config names none.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _how(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every run."""
    options = (
        click.option("--operator", help="Who answers for the run [default: your user name]"),
        click.option("--quiet", "-q", is_flag=True, help="No progress, only the result."),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


@provision.command()
@_where
@_how
def plan(**given: Any) -> None:
    """Show what an apply would do on each phone. Nothing is changed."""
    _run(RunKind.PLAN, given)


@provision.command()
@_where
@click.option("--canary", type=click.IntRange(0), default=0, help="So many phones go first.")
@click.option(
    "--stop-rate", type=click.FloatRange(0, 1), default=0.3, show_default=True,
    help="Share of failed phones at which no more is done.",
)  # fmt: skip
@click.option(
    "--parallel", type=click.IntRange(1, 1000), default=64, show_default=True,
    help="Phones with a step under way.",
)  # fmt: skip
@click.option(
    "--transfers", type=click.IntRange(1, 64), default=8, show_default=True,
    help="Files on their way from this host.",
)  # fmt: skip
@click.option(
    "--hub-transfers", type=click.IntRange(1, 16), default=4, show_default=True,
    help="Files on their way behind one hub.",
)  # fmt: skip
@click.option(
    "--absent", type=click.FloatRange(1, 86_400), default=120.0, show_default=True,
    help="Seconds that a phone may be away in the middle of its steps.",
)  # fmt: skip
@click.option(
    "--again", multiple=True, metavar="[PHONE:]STEP",
    help="Permit a `once` step to run again where an earlier try may have had an effect.",
)  # fmt: skip
@_how
def apply(**given: Any) -> None:
    """Bring the phones into the recipe's state. Repeat it after any interruption."""
    _run(RunKind.APPLY, given)


@provision.command()
@_where
@_how
def verify(**given: Any) -> None:
    """Check every phone against the recipe, and journal the result. Nothing is changed."""
    _run(RunKind.VERIFY, given)


@provision.command()
@_where
@click.option("--reapply", is_flag=True, help="Apply the recipe where a phone has drifted.")
@_how
def drift(reapply: bool, **given: Any) -> None:
    """Tell which phones no longer are as they were provisioned, and whose build has changed."""
    _run(RunKind.DRIFT, given, reapply=reapply)


# --- A run ----------------------------------------------------------------------------------------


def _run(kind: RunKind, given: Mapping[str, Any], *, reapply: bool = False) -> None:
    outcome, builds = asyncio.run(_go(kind, given))
    drifted = [p.phone.name for p in outcome.phones if p.phone.fate is not PhoneFate.DONE]
    if reapply and drifted:
        outcome, builds = asyncio.run(_go(RunKind.APPLY, {**given, "only": tuple(drifted)}))
    if given["as_json"]:
        from droidrack.core.provision.certificate import certificate

        steps = [step for phone in outcome.phones for step in phone.steps]
        document = certificate(outcome.run, [p.phone for p in outcome.phones], steps)
        document["builds_changed"] = builds
        print_json(document)
    else:
        _print(outcome, builds)
    raise SystemExit(0 if outcome.good else 1)


async def _go(kind: RunKind, given: Mapping[str, Any]) -> "tuple[Outcome, list[str]]":
    from droidrack import compose_provisioning as wiring
    from droidrack.app.provision.campaign import Campaign
    from droidrack.faces.cli.provision_live import Progress

    recipe, origin = wiring.read_recipe(given["recipe"])
    async with _place(given) as (adb, state_dir, settings, keeps):
        targets = await _targets(given, adb, state_dir, settings)
        title = f"{kind.value} {recipe.name} on {len(targets)} phone(s)"
        progress = Progress(
            phones=len(targets), title=title, as_json=given["as_json"], quiet=given["quiet"]
        )
        async with (
            wiring.open_run_journal(state_dir if keeps else None) as journal,
            wiring.open_workshop(
                recipe, origin, adb=adb, state_dir=state_dir, journal=journal, tell=_silent,
                watch=progress,
            ) as shop,
        ):  # fmt: skip
            before = await _last_builds(journal, recipe) if kind is RunKind.DRIFT else {}
            campaign = Campaign(shop.bench, _choices(kind, given), recipe, targets)
            with progress.showing():
                outcome = await campaign.go(shop.buses)
    builds = [
        f"{p.phone.name}: {before[p.phone.device]} → {p.phone.fingerprint}"
        for p in outcome.phones
        if before.get(p.phone.device, p.phone.fingerprint) != p.phone.fingerprint
    ]
    return outcome, builds


async def _last_builds(journal: Any, recipe: "Recipe") -> dict[str, str]:
    """The build that each phone had when the recipe was last applied."""
    builds: dict[str, str] = {}
    for run in reversed(await journal.runs(recipe=recipe.name)):
        if run.kind is RunKind.APPLY:
            builds |= {phone.device: phone.fingerprint for phone in await journal.phones(run.uid)}
    return builds


def _choices(kind: RunKind, given: Mapping[str, Any]) -> "Choices":
    from droidrack import compose_provisioning as wiring
    from droidrack.app.provision.bench import Choices
    from droidrack.app.provision.limits import LimitSettings

    choices = Choices(
        kind=kind,
        operator=given["operator"] or getpass.getuser(),
        host=socket.gethostname(),
        holder=wiring.holder(),
    )
    if "canary" not in given:
        return choices
    return replace(
        choices,
        canary=given["canary"],
        stop_rate=given["stop_rate"],
        absent_s=given["absent"],
        again=frozenset(given["again"]),
        limits=LimitSettings(
            phones=given["parallel"],
            transfers=given["transfers"],
            hub_transfers=given["hub_transfers"],
        ),
    )


Place = tuple["tuple[AdbSettings, ...]", Path, "Settings | None", bool]


@asynccontextmanager
async def _place(given: Mapping[str, Any]) -> AsyncIterator[Place]:
    """Where the phones and the state are: (adb servers, folder, settings, whether it is kept)."""
    import tempfile

    from droidrack import compose
    from droidrack.core.settings import AdbSettings

    if given["virtual"]:
        from droidrack.virtual.rehearsal import rehearsal

        with tempfile.TemporaryDirectory(prefix="droidrack-rehearsal-") as home:
            async with rehearsal(given["virtual"]) as port:
                yield (AdbSettings(port=port, own=False),), Path(home), None, False
        return
    if given["adb"]:
        host, _, port = given["adb"].rpartition(":")
        if not port.isdigit():
            raise ConfigError(f"--adb: expected HOST:PORT, seen {given['adb']!r}")
        if given["state"] is None:
            raise ConfigError("--adb needs --state: a folder for journal and evidence")
        server = AdbSettings(host=host or "127.0.0.1", port=int(port), own=False)
        yield (server,), given["state"], None, True
        return
    settings = compose.load_settings(given["config"] or Path(DEFAULT_CONFIG))
    yield settings.adb, given["state"] or Path(settings.state_dir), settings, True


async def _targets(
    given: Mapping[str, Any],
    adb: "tuple[AdbSettings, ...]",
    state_dir: Path,
    settings: "Settings | None",
) -> "list[Target]":
    from droidrack import compose_provisioning as wiring
    from droidrack.app.provision.bench import Target

    table = wiring.read_variables(given["variables"]) if given["variables"] else {}
    if settings is not None and not given["attached"]:
        phones = list(settings.phones)
    else:
        phones = await _attached(adb, state_dir)
    targets = []
    for phone in phones:
        own = dict(table.get(phone.name) or table.get(phone.serial) or {})
        labels = frozenset(own.pop("labels", "").split()).union(phone.labels)
        given_here = {name: value for name, value in own.items() if value}
        targets.append(Target(phone, labels, {**phone.variables, **given_here}))
    known = {target.name for target in targets}
    if strangers := [name for name in (*given["only"], *table) if name not in known
                     and name not in {phone.serial for phone in phones}]:  # fmt: skip
        raise ConfigError(
            f"no phone is called {', '.join(strangers)}",
            hint=f"known: {', '.join(sorted(known)) or 'none; see droidrack devices'}",
        )
    chosen = [t for t in targets if not given["only"] or t.name in given["only"]]
    if not chosen:
        raise ConfigError("no phone to work on", hint="see what is attached: droidrack devices")
    return chosen


async def _attached(adb: "tuple[AdbSettings, ...]", state_dir: Path) -> list[Any]:
    from contextlib import AsyncExitStack

    from droidrack import compose
    from droidrack.app.arrival import survey
    from droidrack.core.settings import PhoneSettings

    async with AsyncExitStack() as stack:
        opening = [compose.open_bus(server, state_dir, _silent, borrow=True) for server in adb]
        buses = [await stack.enter_async_context(bus) for bus in opening]
        seen = await survey(buses, settle_s=SETTLE_S)
    return [
        PhoneSettings(name=one.arrival.serialno, serial=one.arrival.serialno)
        for one in seen
        if one.arrival is not None
    ]


# --- What it looks like ---------------------------------------------------------------------------

_SHOWN = (StepState.PENDING, StepState.DONE, StepState.FAILED, StepState.NEEDS_HUMAN,
          StepState.APPLYING)  # fmt: skip


def _print(outcome: "Outcome", builds: Sequence[str]) -> None:
    rows = [
        (p.phone.name, s.step, _word(s.state), s.before, s.wanted, s.cause, s.hint, s.screen)
        for p in outcome.phones
        for s in p.steps
        if s.state in _SHOWN
    ]
    if rows:
        columns = ("phone", "step", "state", "is", "wanted", "cause", "what to do", "screen")
        print_table(f"{outcome.run.recipe} {outcome.run.version}", columns, rows)
    print_table(
        "Phones",
        ("phone", "model", "fate", "steps", "written", "cause"),
        [
            (
                p.phone.name,
                f"{p.phone.maker} {p.phone.model}",
                p.phone.fate.value,
                len(p.steps),
                sum(s.writes for s in p.steps),
                p.phone.cause,
            )
            for p in outcome.phones
        ],
    )
    for line in builds:
        click.echo(f"Build changed: {line}")
    if outcome.run.kind is not RunKind.PLAN:
        click.echo(f"Certificate: droidrack provision report {outcome.run.recipe} "
                   f"--run {outcome.run.uid}")  # fmt: skip


def _word(state: StepState) -> str:
    return "would apply" if state is StepState.PENDING else state.value


def _silent(event: str, /, **facts: object) -> None:
    """Progress and journal tell a run; log lines would tear the live table."""


# --- Looking back ---------------------------------------------------------------------------------


@provision.command()
@_where
@click.option("--run", "uid", help="The run; left out: the latest of this recipe.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False),
    help="Folder for certificate.json, .csv and .html; left out: the run's evidence folder.",
)  # fmt: skip
@json_option
def report(uid: str | None, out: Path | None, as_json: bool, **given: Any) -> None:
    """Write the certificate of a run: JSON, CSV and one HTML page with its pictures."""
    asyncio.run(_report(given, uid, out, as_json=as_json))


async def _report(
    given: Mapping[str, Any], uid: str | None, out: Path | None, *, as_json: bool
) -> None:
    from droidrack import compose_provisioning as wiring
    from droidrack.core.provision.certificate import certificate, certificate_csv
    from droidrack.faces.cli.provision_page import page

    name = given["recipe"]
    name = wiring.read_recipe(name)[0].name if name.endswith(".toml") else name
    state_dir = _state_dir(given)
    async with wiring.open_run_journal(state_dir) as journal:
        runs = [r for r in await journal.runs(recipe=name, limit=1000) if uid in (None, r.uid)]
        if not runs:
            raise ConfigError(f"no run of {name} in {state_dir}", hint="apply or verify it first")
        run = runs[0]
        phones, steps = await journal.phones(run.uid), await journal.steps(run.uid)
    document = certificate(run, phones, steps)
    if as_json and out is None:
        print_json(document)
        return
    evidence = state_dir / wiring.EVIDENCE_DIR / run.uid
    folder = out or evidence
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    address = "" if folder == evidence else evidence.absolute().as_uri()
    for ending, text in (
        ("json", json.dumps(document, ensure_ascii=False, indent=2) + "\n"),
        ("csv", certificate_csv(document)),
        ("html", page(document, evidence=address)),
    ):
        (folder / f"certificate.{ending}").write_text(text, encoding="utf-8")
        click.echo(folder / f"certificate.{ending}")


@provision.command()
@_where
@click.option("--confirm", metavar="PHONE:STEP", help="A person did this step; needs --operator.")
@click.option("--operator", help="Who confirms.")
@json_option
def steps(confirm: str | None, operator: str | None, as_json: bool, **given: Any) -> None:
    """List a recipe's steps with their latest state on each phone, or confirm a person's step."""
    asyncio.run(_steps(given, confirm, operator, as_json=as_json))


async def _steps(
    given: Mapping[str, Any], confirm: str | None, operator: str | None, *, as_json: bool
) -> None:
    from droidrack import compose_provisioning as wiring

    recipe, _ = wiring.read_recipe(given["recipe"])
    async with wiring.open_run_journal(_state_dir(given)) as journal:
        if confirm:
            await _confirm(journal, recipe, confirm, operator)
        latest = await _latest(journal, recipe)
    rows = [
        {
            "step": step.name,
            "type": step.type,
            "risk": step.risk.value,
            "needs": ", ".join(step.needs) or None,
            "phone": name,
            "state": record.state.value if record else None,
            "cause": (record.cause or None) if record else None,
            "by": (record.by or None) if record else None,
        }
        for step in recipe.steps
        for name, record in latest.get(step.name) or _NOBODY
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(f"{recipe.name} {recipe.version}", list(rows[0]), [r.values() for r in rows])


_NOBODY: list[tuple[Any, Any]] = [(None, None)]


async def _latest(journal: Any, recipe: "Recipe") -> dict[str, list[tuple[str, Any]]]:
    """Step → (phone, newest record of an apply)."""
    found: dict[tuple[str, str], Any] = {}
    for run in reversed(await journal.runs(recipe=recipe.name)):
        names = {phone.device: phone.name for phone in await journal.phones(run.uid)}
        for step in await journal.steps(run.uid):
            found[step.step, names[step.device]] = step
    by_step: dict[str, list[tuple[str, Any]]] = {}
    for (step_name, phone), record in sorted(found.items()):
        by_step.setdefault(step_name, []).append((phone, record))
    return by_step


async def _confirm(journal: Any, recipe: "Recipe", confirm: str, operator: str | None) -> None:
    """Journal that a person did a step that asked for one."""
    from datetime import UTC, datetime

    phone, _, step = confirm.rpartition(":")
    if not operator:
        raise ConfigError("--confirm needs --operator: who did it")
    records = dict((await _latest(journal, recipe)).get(step, ()))
    record = records.get(phone)
    if record is None or record.state is not StepState.NEEDS_HUMAN:
        state = record.state.value if record else "never reached"
        raise ConfigError(
            f"{confirm}: no step that waits for a person; it is {state}",
            hint="see which do: droidrack provision steps RECIPE",
        )
    done = replace(record, state=StepState.DONE, by=operator, cause="", hint="",
                   after=f"confirmed by {operator}", ended_at=datetime.now(UTC))  # fmt: skip
    await journal.write_step(done)


def _state_dir(given: Mapping[str, Any]) -> Path:
    from droidrack import compose

    if given["state"] is not None:
        return Path(given["state"])
    return Path(compose.load_settings(given["config"] or Path(DEFAULT_CONFIG)).state_dir)
