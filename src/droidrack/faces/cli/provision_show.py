"""What a run looks like at its end: the steps that a person has to know of, and every phone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from droidrack.core.provision.record import PhoneFate, RunKind, StepState
from droidrack.faces.cli.options import print_table

if TYPE_CHECKING:
    from droidrack.app.provision.campaign import Outcome

SHOWN = (
    StepState.PENDING,
    StepState.DONE,
    StepState.FAILED,
    StepState.NEEDS_HUMAN,
    StepState.APPLYING,
)

NAMES_LIMIT = 8
"""Names on one line; `--json` and the certificate have all."""

WORDS = {
    RunKind.PLAN: {PhoneFate.DONE: "planned"},
    RunKind.VERIFY: {PhoneFate.DONE: "as wanted", PhoneFate.FAILED: "not as wanted"},
    RunKind.DRIFT: {PhoneFate.DONE: "as wanted", PhoneFate.FAILED: "drifted"},
}
"""A run that only looks has done nothing, and says so."""


def show_outcome(outcome: "Outcome", builds: Sequence[str], *, kept: bool) -> None:
    """Print a run."""
    rows = _grouped(outcome)
    if rows:
        columns = ("step", "state", "phones", "is", "wanted", "cause", "what to do", "screen")
        print_table(f"{outcome.run.recipe} {outcome.run.version}", columns, rows)
    words = WORDS.get(outcome.run.kind, {})
    print_table(
        "Phones",
        ("phone", "port", "model", "fate", "steps", "written", "cause"),
        [
            (
                p.phone.name,
                p.phone.port,
                f"{p.phone.maker} {p.phone.model}",
                words.get(p.phone.fate, p.phone.fate.value),
                len(p.steps),
                sum(s.writes for s in p.steps) if outcome.run.kind is RunKind.APPLY else None,
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


def _grouped(outcome: "Outcome") -> list[tuple[str, ...]]:
    """Steps worth a line; phones for which the line is the same share it."""
    groups: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for phone in outcome.phones:
        for step in phone.steps:
            if step.state in SHOWN:
                seen, wanted = _difference(step.before, step.wanted)
                said = (step.step, _word(step.state), seen, wanted, step.cause, step.hint,
                        step.screen)  # fmt: skip
                groups.setdefault((step.position, said), []).append(phone.phone.name)
    return [
        (*said[:2], _names(phones), *said[2:])
        for (_, said), phones in sorted(groups.items(), key=lambda group: group[0][0])
    ]


def _difference(seen: str, wanted: str) -> tuple[str, str]:
    """Of lists of values, those that differ."""
    left, right = seen.split(", "), wanted.split(", ")
    return (
        ", ".join(part for part in left if part not in right) or seen,
        ", ".join(part for part in right if part not in left) or wanted,
    )


def _names(phones: Sequence[str]) -> str:
    shown = ", ".join(phones[:NAMES_LIMIT])
    more = len(phones) - NAMES_LIMIT
    return f"{shown} and {more} more" if more > 0 else shown


def _word(state: StepState) -> str:
    return "would apply" if state is StepState.PENDING else state.value
