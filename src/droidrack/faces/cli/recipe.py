"""`droidrack recipe`: validate, show, new, types."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError
from droidrack.core.words import counted
from droidrack.faces.cli.options import (
    json_option,
    plain,
    print_json,
    print_table,
    unwritable,
)

if TYPE_CHECKING:
    from droidrack.core.provision.recipe import Guard, Recipe

TEMPLATE = """\
# Rehearse it: droidrack provision apply {file} --virtual 8
[recipe]
schema = 1
name = "{name}"
version = "1"
summary = "What the phones are for"
# extends = ["lab-bench"]    # begin with a recipe that ships, or with one of yours

[[steps]]
name = "screen"
type = "screen"
timeout_s = 60

[[steps]]
name = "clock"
type = "clock"
auto_zone = false

[[steps]]
name = "restart"
type = "restart"
"""


@click.group()
def recipe() -> None:
    """Check, show and begin recipes. `droidrack recipe types` lists what a step can do."""


@recipe.command()
@click.argument("recipes", nargs=-1, required=True)
@json_option
def validate(recipes: tuple[str, ...], as_json: bool) -> None:
    """Check recipes; all mistakes of all files at once, each with its place."""
    from droidrack import compose_provisioning as wiring

    mistakes: list[str] = []
    good = []
    for reference in recipes:
        try:
            read, _ = wiring.read_recipe(reference)
            good.append({"recipe": read.name, "version": read.version, "steps": len(read.steps),
                         "sha256": read.digest})  # fmt: skip
        except ConfigError as error:
            mistakes += error.mistakes or (error.message,)
    if as_json:
        print_json({"good": good, "mistakes": mistakes})
    else:
        for entry in good:
            click.echo(f"{entry['recipe']} {entry['version']}: {entry['steps']} steps, good")
    if mistakes:
        raise ConfigError(counted(len(mistakes), "mistake"), mistakes=tuple(mistakes))


@recipe.command()
@click.argument("reference", required=False)
@click.option("--text", is_flag=True, help="The file as it is written.")
@json_option
def show(reference: str | None, text: bool, as_json: bool) -> None:
    """Show a recipe with all it extends; without a name, list those that ship."""
    from droidrack import compose_provisioning as wiring

    if reference is None:
        read = [wiring.read_recipe(name)[0] for name in wiring.shipped_recipes()]
        rows = [{"recipe": r.name, "version": r.version, "summary": r.summary} for r in read]
        _list(rows, "Recipes that ship", as_json=as_json)
    elif text:
        click.echo(wiring.recipe_text(reference), nl=False)
    else:
        _show(wiring.read_recipe(reference)[0], as_json=as_json)


def _show(read: "Recipe", *, as_json: bool) -> None:
    rows = [
        {
            "step": step.name,
            "type": step.type,
            "what": ", ".join(f"{k}={v}" for k, v in step.params.items() if v is not None),
            "when": _when(step.guard),
            "needs": ", ".join(step.needs),
            "risk": step.risk.value,
            "note": step.note,
        }
        for step in read.steps
    ]
    if as_json:
        print_json({"recipe": read.name, "version": read.version, "summary": read.summary,
                    "sha256": read.digest, "when": _when(read.guard), "steps": rows})  # fmt: skip
    else:
        click.echo(f"{read.summary}. SHA-256 {read.digest}")
        _list(rows, f"{read.name} {read.version}", as_json=False)


def _when(guard: "Guard") -> str:
    parts = [f"API ≥ {guard.min_api}"] if guard.min_api else []
    parts += [f"API ≤ {guard.max_api}"] if guard.max_api < 10_000 else []
    for name in ("makers", "not_makers", "models", "builds", "labels"):
        if values := getattr(guard, name):
            parts.append(f"{name} {', '.join(values)}")
    return "; ".join(parts)


def _list(rows: list[dict[str, Any]], title: str, *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
    else:
        print_table(title, list(rows[0]), [row.values() for row in rows])


@recipe.command()
@click.argument("name")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file [default: NAME.toml]"
)
def new(name: str, out: Path | None) -> None:
    """Begin a recipe: three steps that work, to be changed."""
    from droidrack.core.provision.recipe_load import NAME

    name = name.removesuffix(".toml")
    if not NAME.match(name):
        raise ConfigError(
            f"expected small letters, digits and `-`, seen {plain(name)!r}",
            hint="for example: droidrack recipe new bay-1",
        )
    file = out or Path(f"{name}.toml")
    if file.exists():
        raise ConfigError(f"{file} is there already", hint="choose another name, or --out")
    try:
        file.write_text(TEMPLATE.format(name=name, file=file), encoding="utf-8")
    except OSError as exc:
        raise unwritable(file, exc) from exc
    click.echo(f"{file}: next, `droidrack provision plan {file} --virtual 4`")


@recipe.command()
@click.argument("type_name", required=False)
@json_option
def types(type_name: str | None, as_json: bool) -> None:
    """List the types of steps, or explain one."""
    from droidrack.core.provision.manual import step_page
    from droidrack.core.provision.registry import STEP_TYPES

    if type_name is not None:
        kind = STEP_TYPES.get(type_name)
        if kind is None:
            raise ConfigError(f"no type {type_name!r}", hint=f"known: {', '.join(STEP_TYPES)}")
        click.echo(step_page(kind), nl=False)
        return
    rows = [{"type": kind.name, "what": kind.title} for kind in STEP_TYPES.values()]
    _list(rows, "Types of steps", as_json=as_json)
