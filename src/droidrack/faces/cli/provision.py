"""`droidrack provision`: plan, apply, verify, drift, report, steps."""

import asyncio
import getpass
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.provision.record import PhoneFate, RunKind, StepState
from droidrack.faces.cli.options import json_option, print_json, print_table
from droidrack.faces.cli.provision_past import report, steps
from droidrack.faces.cli.provision_place import place, silent, targets_of, where

if TYPE_CHECKING:
    from droidrack.app.provision.bench import Choices
    from droidrack.app.provision.campaign import Outcome
    from droidrack.core.provision.recipe import Recipe

SETTLE_S = 3.0
"""How long `--attached` waits for the adb servers to list their phones."""


@click.group()
def provision() -> None:
    """Bring many phones into one state by a recipe, with proof; safe to repeat and to interrupt."""


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
@where
@_how
def plan(**given: Any) -> None:
    """Show what an apply would do on each phone. Nothing is changed."""
    _run(RunKind.PLAN, given)


@provision.command()
@where
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
@where
@_how
def verify(**given: Any) -> None:
    """Check every phone against the recipe, and journal the result. Nothing is changed."""
    _run(RunKind.VERIFY, given)


@provision.command()
@where
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
        _print(outcome, builds, kept=not given["virtual"])
    raise SystemExit(0 if outcome.good else 1)


async def _go(kind: RunKind, given: Mapping[str, Any]) -> "tuple[Outcome, list[str]]":
    from droidrack import compose_provisioning as wiring
    from droidrack.app.provision.campaign import Campaign
    from droidrack.faces.cli.provision_live import Progress

    recipe, origin = wiring.read_recipe(given["recipe"])
    async with place(given) as (adb, state_dir, settings, keeps):
        targets = await targets_of(given, adb, state_dir, settings)
        title = f"{kind.value} {recipe.name} on {len(targets)} phone(s)"
        progress = Progress(
            phones=len(targets), title=title, as_json=given["as_json"], quiet=given["quiet"]
        )
        async with (
            wiring.open_run_journal(state_dir if keeps else None) as journal,
            wiring.open_workshop(
                recipe, origin, adb=adb, state_dir=state_dir, journal=journal, tell=silent,
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


# --- What it looks like ---------------------------------------------------------------------------

_SHOWN = (StepState.PENDING, StepState.DONE, StepState.FAILED, StepState.NEEDS_HUMAN,
          StepState.APPLYING)  # fmt: skip


def _print(outcome: "Outcome", builds: Sequence[str], *, kept: bool) -> None:
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
    if kept and outcome.run.kind is not RunKind.PLAN:
        click.echo(f"Certificate: droidrack provision report {outcome.run.recipe} "
                   f"--run {outcome.run.uid}")  # fmt: skip


def _word(state: StepState) -> str:
    return "would apply" if state is StepState.PENDING else state.value


provision.add_command(report)
provision.add_command(steps)
