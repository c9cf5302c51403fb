"""A step for one phone: variables in place, secrets and files fetched, and its key.

The key names a step by what it does, so that the journal knows across runs, recipes' other edits
and restarts whether this very thing was done. It holds a secret's name, never the secret.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from droidrack.core.provision.acts import Refusal
from droidrack.core.provision.fields import FILE, FILES, SECRET_KEY, substituted
from droidrack.core.provision.recipe import Facts, LocalFile, Recipe, Secret, Step
from droidrack.core.provision.registry import STEP_TYPES
from droidrack.core.provision.steptype import Params

Describe = Callable[[str, str], LocalFile]
"""(path, file of the recipe it is counted from) → the file; Refusal if it is not there."""

Reveal = Callable[[str], Secret]
"""Name of a secret → the secret; Refusal if its source is empty."""


def variables_of(recipe: Recipe, facts: Facts) -> dict[str, str]:
    """Every `${name}` of a recipe for one phone.

    Raises:
        Refusal: the phone lacks a variable without a default.
    """
    values = {
        "phone.name": facts.name,
        "phone.serial": facts.serial,
        "phone.model": facts.model,
        "phone.maker": facts.maker,
    }
    for variable in recipe.variables:
        value = facts.variables.get(variable.name, variable.default)
        if value is None:
            raise Refusal(
                f"{facts.name} has no value for the variable {variable.name!r}",
                hint=f"give it in the CSV (--variables) or in devices.toml: {variable.text}",
            )
        values[variable.name] = value
    return values


def resolve(
    step: Step, variables: dict[str, str], describe: Describe, reveal: Reveal
) -> tuple[Params, str]:
    """The step's parameters for one phone, and its key.

    Raises:
        Refusal: a file or a secret is not there, or a value is denied once it is known.
    """
    kind = STEP_TYPES[step.type]
    params: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for item in kind.fields:
        value = substituted(step.params[item.name], variables)
        params[item.name] = named[item.name] = value
        if value is None:
            continue
        if item.kind is FILE:
            params[item.name] = file = describe(value, step.origin)
            named[item.name] = file.sha256
        elif item.kind is FILES:
            files = tuple(describe(path, step.origin) for path in value)
            params[item.name], named[item.name] = files, [file.sha256 for file in files]
        elif item.kind.is_secret:
            params[item.name] = reveal(value[SECRET_KEY])
    for key, reason in kind.deny({**named, **_plain(params)}):
        raise Refusal(f"{key}: {reason}", hint="a variable brought a value that is not allowed")
    if "flow" in params:
        params["flow"] = tuple(_with_secret(action, reveal) for action in params["flow"])
    acts = kind.acts_by or tuple(named)
    return params, key_of(step.type, {name: named[name] for name in acts})


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if not isinstance(value, Secret)}


def _with_secret(action: Mapping[str, Any], reveal: Reveal) -> Mapping[str, Any]:
    if SECRET_KEY not in action:
        return action
    return {**action, SECRET_KEY: reveal(action[SECRET_KEY])}


def key_of(type_name: str, named: Mapping[str, Any]) -> str:
    """32 hexadecimal digits that are the same for the same thing done."""
    text = json.dumps([type_name, named], sort_keys=True, ensure_ascii=False, default=list)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
