"""`droidrack provision report` and `droidrack provision steps`: what was done."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError
from droidrack.core.provision.record import RunKind, StepState
from droidrack.core.provision.registry import STEP_TYPES, rests_on_journal
from droidrack.faces.cli.options import (
    json_option,
    make_folder,
    plain,
    print_json,
    print_table,
    unwritable,
)
from droidrack.faces.cli.provision_place import state_dir_of, where

if TYPE_CHECKING:
    from droidrack.core.provision.recipe import Recipe

RUNS_LIMIT = 10_000


@click.command()
@where
@click.option("--run", "uid", help="The run; left out: the latest apply, or else the latest.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False),
    help="Folder for certificate.json, .csv and .html; left out: the run's evidence folder.",
)  # fmt: skip
@json_option
def report(uid: str | None, out: Path | None, as_json: bool, **given: Any) -> None:
    """Write the certificate of a run: JSON, CSV and one HTML page with its pictures.

    RECIPE is a recipe's file, or only the name by which it ran.
    """
    asyncio.run(_report(given, uid, out, as_json=as_json))


async def _report(
    given: Mapping[str, Any], uid: str | None, out: Path | None, *, as_json: bool
) -> None:
    from droidrack import compose_provisioning as wiring
    from droidrack.core.provision.certificate import certificate, certificate_csv
    from droidrack.faces.cli.provision_page import page

    name = given["recipe"]
    name = wiring.read_recipe(name)[0].name if name.endswith(".toml") else name
    state_dir = state_dir_of(given)
    async with wiring.open_run_journal(state_dir) as journal:
        run = await _chosen(journal, name, uid, state_dir)
        phones, steps = await journal.phones(run.uid), await journal.steps(run.uid)
        due = await _due(journal, name)
    document = certificate(run, phones, steps)
    document["checks_due"] = due
    for line in due:
        click.echo(f"Another build since, a check is due: {line} (droidrack provision drift)",
                   err=True)  # fmt: skip
    if as_json and out is None:
        print_json(document)
        return
    evidence = state_dir / wiring.EVIDENCE_DIR / run.uid
    folder = out or evidence
    make_folder(folder, 0o700)
    address = "" if folder == evidence else evidence.absolute().as_uri()
    for ending, text in (
        ("json", json.dumps(document, ensure_ascii=False, indent=2) + "\n"),
        ("csv", certificate_csv(document)),
        ("html", page(document, evidence=address)),
    ):
        file = folder / f"certificate.{ending}"
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as exc:
            raise unwritable(file, exc) from exc
        click.echo(file)


async def _due(journal: Any, recipe: str) -> list[str]:
    """Phones on which anybody saw another build than the one they were last found well under."""
    seen = await journal.builds_seen()
    return [
        f"{phone.name}: {phone.fingerprint} → {seen[phone.device]}"
        for phone, _ in await journal.last_good(recipe)
        if seen.get(phone.device, phone.fingerprint) != phone.fingerprint
    ]


async def _chosen(journal: Any, recipe: str, uid: str | None, state_dir: Path) -> Any:
    runs = await journal.runs(recipe=recipe, limit=RUNS_LIMIT)
    if not runs:
        raise ConfigError(
            f"no run of {plain(recipe)} in {state_dir}", hint="apply or verify it first"
        )
    if uid is None:
        return next((run for run in runs if run.kind is RunKind.APPLY), runs[0])
    if (run := {run.uid: run for run in runs}.get(uid)) is None:
        known = ", ".join(run.uid for run in runs[:5])
        raise ConfigError(f"no run {plain(uid)!r} of {plain(recipe)}", hint=f"the latest: {known}")
    return run


@click.command()
@where
@click.option("--confirm", metavar="PHONE:STEP", help="A person did this step; needs --operator.")
@click.option("--operator", help="Who confirms.")
@json_option
def steps(confirm: str | None, operator: str | None, as_json: bool, **given: Any) -> None:
    """List a recipe's steps with their latest state on each phone, or confirm a person's step.

    RECIPE is a recipe's file, or the name of one that ships: the steps stand in it.
    """
    asyncio.run(_steps(given, confirm, operator, as_json=as_json))


async def _steps(
    given: Mapping[str, Any], confirm: str | None, operator: str | None, *, as_json: bool
) -> None:
    from droidrack import compose_provisioning as wiring

    recipe, _ = wiring.read_recipe(given["recipe"])
    async with wiring.open_run_journal(state_dir_of(given)) as journal:
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
    """Step → (phone, its newest record)."""
    by_step: dict[str, list[tuple[str, Any]]] = {}
    for phone, record in await journal.latest(recipe.name):
        by_step.setdefault(record.step, []).append((phone, record))
    return by_step


async def _confirm(journal: Any, recipe: "Recipe", confirm: str, operator: str | None) -> None:
    """Journal that a person did a step that asked for one."""
    from datetime import UTC, datetime

    phone, _, step = confirm.rpartition(":")
    if not operator:
        raise ConfigError("--confirm needs --operator: who did it")
    mine = {one.name: one for one in recipe.steps}.get(step)
    if mine is None:
        raise ConfigError(
            f"--confirm: expected PHONE:STEP, and {plain(recipe.name)} has no step {plain(step)!r}",
            hint=f"its steps: {', '.join(one.name for one in recipe.steps)}",
        )
    if not rests_on_journal(STEP_TYPES[mine.type], mine.params):
        raise ConfigError(
            f"{plain(confirm)}: the phone itself shows whether this step is done",
            hint="apply the recipe again: its check is asked. A `once` step that did not run is "
            "permitted another time with --again",
        )
    records = dict((await _latest(journal, recipe)).get(step, ()))
    record = records.get(phone)
    if record is None or record.state is not StepState.NEEDS_HUMAN:
        state = record.state.value if record else "never reached"
        raise ConfigError(
            f"{plain(confirm)}: no step that waits for a person; it is {state}",
            hint="see which do: droidrack provision steps RECIPE",
        )
    done = replace(record, state=StepState.DONE, by=operator, cause="", hint="",
                   after=f"confirmed by {operator}", ended_at=datetime.now(UTC))  # fmt: skip
    await journal.write_step(done)
