"""`droidrack provision report` and `droidrack provision steps`: what was done."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError
from droidrack.core.provision.record import StepState
from droidrack.faces.cli.options import json_option, print_json, print_table
from droidrack.faces.cli.provision_place import state_dir_of, where

if TYPE_CHECKING:
    from droidrack.core.provision.recipe import Recipe


@click.command()
@where
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
    state_dir = state_dir_of(given)
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


@click.command()
@where
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
