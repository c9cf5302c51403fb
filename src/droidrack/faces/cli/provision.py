"""`droidrack provision`: plan, apply, verify, drift, report, steps."""

import asyncio
import getpass
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError
from droidrack.core.provision.record import PhoneFate, RunKind
from droidrack.core.provision.registry import STEP_TYPES
from droidrack.faces.cli.options import json_option, plain, print_json
from droidrack.faces.cli.provision_past import report, steps
from droidrack.faces.cli.provision_place import Place, place, silent, targets_of, where
from droidrack.faces.cli.provision_show import WORDS, show_outcome

if TYPE_CHECKING:
    from datetime import datetime

    from droidrack.app.provision.bench import Choices, Target
    from droidrack.app.provision.campaign import Outcome
    from droidrack.core.provision.recipe import Recipe
    from droidrack.core.provision.record import PhoneRecord


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
@click.option(
    "--due", type=click.FloatRange(0.01, 3650), metavar="DAYS",
    help="Leave out phones that were found well so lately, under the build they have now.",
)  # fmt: skip
@_how
def drift(reapply: bool, due: float | None, **given: Any) -> None:
    """Tell which phones no longer are as they were provisioned, and whose build has changed."""
    _run(RunKind.DRIFT, {**given, "due": due}, reapply=reapply)


# --- A run ----------------------------------------------------------------------------------------


def _run(kind: RunKind, given: Mapping[str, Any], *, reapply: bool = False) -> None:
    looks, builds, mended = asyncio.run(_go(kind, given, reapply=reapply))
    last = mended or looks
    if given["as_json"]:
        document = _document(last)
        if kind is RunKind.DRIFT:
            document["builds_changed"] = builds
        if mended is not None:
            document["drift"] = _document(looks)
        print_json(document)
    else:
        show_outcome(looks, builds, kept=not given["virtual"])
        if mended is not None:
            show_outcome(mended, (), kept=not given["virtual"])
    missing = [p for p in looks.phones if p.phone.fate in (PhoneFate.ABSENT, PhoneFate.LEASED)]
    raise SystemExit(0 if last.good and not missing else 1)


def _document(outcome: "Outcome") -> dict[str, Any]:
    from droidrack.core.provision.certificate import certificate

    steps = [step for phone in outcome.phones for step in phone.steps]
    return certificate(outcome.run, [p.phone for p in outcome.phones], steps)


async def _go(
    kind: RunKind, given: Mapping[str, Any], *, reapply: bool
) -> "tuple[Outcome, list[str], Outcome | None]":
    """The run, whose build has changed since the recipe was well there, and what mended it."""
    from droidrack import compose_provisioning as wiring

    recipe, origin = wiring.read_recipe(given["recipe"])
    async with place(given) as where_:
        targets = await targets_of(given, where_.adb, where_.state_dir, where_.settings)
        _vet_again(given, recipe, targets)
        async with wiring.open_run_journal(where_.state_dir if where_.keeps else None) as journal:
            good = await journal.last_good(recipe.name)

            async def one(kind: RunKind, targets: "Sequence[Target]") -> "Outcome":
                return await _one(kind, given, where_, recipe, origin, targets, journal, good)

            outcome = await one(kind, targets)
            mended, drifted = None, _drifted(outcome)
            if reapply and drifted:
                mended = await one(RunKind.APPLY, [t for t in targets if t.name in drifted])
            if where_.keeps:
                await wiring.forget_old(journal, where_.state_dir, where_.keep_days)
    before = {phone.device: phone.fingerprint for phone, _ in good}
    return outcome, _builds_changed(outcome, before), mended


def _vet_again(given: Mapping[str, Any], recipe: "Recipe", targets: "Sequence[Target]") -> None:
    """A permission that means nothing is a slip of the pen; better told than left unused."""
    once = {step.name for step in recipe.steps if STEP_TYPES[step.type].once}
    for given_one in given.get("again", ()):
        phone, _, step = given_one.rpartition(":")
        if step not in once or (phone and phone not in {target.name for target in targets}):
            raise ConfigError(
                f"--again: expected [PHONE:]STEP with a `once` step, seen {plain(given_one)!r}",
                hint=f"`once` steps of this recipe: {', '.join(sorted(once)) or 'none'}",
            )


def _drifted(outcome: "Outcome") -> set[str]:
    bad = (PhoneFate.FAILED, PhoneFate.NEEDS_HUMAN)
    return {phone.phone.name for phone in outcome.phones if phone.phone.fate in bad}


def _builds_changed(outcome: "Outcome", before: Mapping[str, str]) -> list[str]:
    if outcome.run.kind is not RunKind.DRIFT:
        return []
    return [
        f"{p.phone.name}: {before[p.phone.device]} → {p.phone.fingerprint}"
        for p in outcome.phones
        if p.phone.fingerprint
        and before.get(p.phone.device, p.phone.fingerprint) != p.phone.fingerprint
    ]


async def _one(
    kind: RunKind,
    given: Mapping[str, Any],
    where_: "Place",
    recipe: "Recipe",
    origin: str,
    targets: "Sequence[Target]",
    journal: Any,
    good: "Sequence[tuple[PhoneRecord, datetime]]",
) -> "Outcome":
    from droidrack import compose_provisioning as wiring
    from droidrack.app.provision.campaign import Campaign
    from droidrack.faces.cli.provision_live import Progress

    title = f"{kind.value} {recipe.name} on {len(targets)} phone(s)"
    progress = Progress(
        phones=len(targets), title=title, as_json=given["as_json"], quiet=given["quiet"],
        words=WORDS.get(kind, {}),
    )  # fmt: skip
    async with wiring.open_workshop(
        recipe, origin, adb=where_.adb, state_dir=where_.state_dir, journal=journal, tell=silent,
        watch=progress,
    ) as shop:  # fmt: skip
        choices = replace(_choices(kind, given), checked=_checked(given, good))
        with progress.showing():
            return await Campaign(shop.bench, choices, recipe, targets).go(shop.buses)


def _checked(
    given: Mapping[str, Any], good: "Sequence[tuple[PhoneRecord, datetime]]"
) -> dict[str, str]:
    """Phones that `--due` leaves out, with the build they were found well under."""
    from datetime import UTC, datetime, timedelta

    if not given.get("due"):
        return {}
    since = datetime.now(UTC) - timedelta(days=given["due"])
    return {phone.device: phone.fingerprint for phone, began in good if began >= since}


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


provision.add_command(report)
provision.add_command(steps)
