"""Reads recipes: TOML text to `Recipe`, or everything that is wrong with it, each with its place.

A recipe may extend others. Their steps come first; a step with a parent's name changes the keys it
gives (or replaces the step, where it gives another type); `after` and `before` place a new one.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from droidrack.core.errors import ConfigError
from droidrack.core.provision.fields import SECRET_KEY, variables_in
from droidrack.core.provision.recipe import (
    ANYONE,
    SCHEMA,
    Guard,
    Recipe,
    Risk,
    SecretSource,
    Step,
    Variable,
)
from droidrack.core.provision.recipe_mistakes import Sayer, as_seen
from droidrack.core.provision.registry import STEP_TYPES
from droidrack.core.provision.steptype import StepType
from droidrack.core.redact import looks_like_token, redact

DEPTH_LIMIT = 8
"""Recipes that extend recipes: deeper is a circle or nobody's to understand."""

STEP_LIMIT = 500
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
HINT = "docs/provisioning.md shows every key; `droidrack recipe new` writes a start"

BUILT_IN_VARIABLES = ("phone.name", "phone.serial", "phone.model", "phone.maker")

_TOP = {"recipe", "guard", "variables", "secrets", "steps"}
_RECIPE = {"schema", "name", "version", "summary", "extends", "remove"}
_GUARD = {
    "min_api": (int, "a whole number"), "max_api": (int, "a whole number"),
    "makers": (list, "a list of texts"), "models": (list, "a list of texts"),
    "builds": (list, "a list of texts"), "labels": (list, "a list of texts"),
    "not_makers": (list, "a list of texts"),
}  # fmt: skip
_COMMON = {
    "name", "type", "when", "needs", "deadline_s", "retries", "risk", "on_failure", "note",
    "after", "before",
}  # fmt: skip

Fetch = Callable[[str, str], tuple[str, str]]
"""(reference, name of the file that extends it) → (name, text); ConfigError if there is none."""


@dataclass(slots=True)
class _Draft:
    """What the files say so far; steps by name, each with the place of its last word."""

    file: str
    head: dict[str, Any] = field(default_factory=dict)
    guard: Guard = ANYONE
    variables: dict[str, Variable] = field(default_factory=dict)
    secrets: dict[str, SecretSource] = field(default_factory=dict)
    steps: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)
    unread: bool = False
    digest: Any = field(default_factory=hashlib.sha256)


def load_recipe(name: str, text: str, fetch: Fetch) -> Recipe:
    """The recipe in a TOML text.

    Args:
        name: of the file, for messages and as the start of relative references.
        text: its content.
        fetch: brings the recipes that it extends.

    Raises:
        ConfigError: `mistakes` holds every one as `file: path: what was expected, what was seen`.
    """
    draft = _Draft(name)
    _absorb(draft, name, text, fetch, ())
    # Of a file that could not be read the rest would be complaints about what it may well say.
    recipe = None if draft.unread else _recipe(draft)
    if recipe is None or draft.mistakes:
        count = len(draft.mistakes)
        raise ConfigError(
            f"{name}: {count} mistake{'s' * (count > 1)}",
            mistakes=tuple(dict.fromkeys(draft.mistakes)),
            hint=HINT,
        )
    return recipe


# --- From files to one draft ----------------------------------------------------------------------


def _absorb(draft: _Draft, name: str, text: str, fetch: Fetch, above: tuple[str, ...]) -> None:
    """Read one file on top of what it extends."""
    draft.digest.update(f"{len(text.encode())}:".encode() + text.encode())
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        draft.mistakes.append(f"{name}: not valid TOML: {redact(str(exc))}")
        draft.unread = True
        return
    say = Sayer(draft.mistakes, name)
    say.unknown(tree, _TOP, "")
    head = say.table(tree, "recipe")
    say.unknown(head, _RECIPE, "recipe.")
    if head.get("schema") != SCHEMA:
        say(f"recipe.schema: expected {SCHEMA}, seen {as_seen(head.get('schema'))}")
    for parent in say.texts(head, "extends", "recipe."):
        if len(above) >= DEPTH_LIMIT or parent in above:
            say(f"recipe.extends: {parent} extends itself, or too deep")
            continue
        try:
            parent_name, parent_text = fetch(parent, name)
        except ConfigError as exc:
            say(f"recipe.extends: {exc.message}")
            draft.unread = True
            continue
        _absorb(draft, parent_name, parent_text, fetch, (*above, parent))
    for gone in say.texts(head, "remove", "recipe."):
        if draft.steps.pop(gone, None) is None:
            say(f"recipe.remove: no step {gone!r} in what it extends")
    draft.head |= {key: value for key, value in head.items() if key in _RECIPE}
    if guard := say.table(tree, "guard"):
        draft.guard = _guard(guard, "guard", say)
    draft.variables |= {item.name: item for item in _variables(say.table(tree, "variables"), say)}
    draft.secrets |= {item.name: item for item in _secrets(say.table(tree, "secrets"), say)}
    _absorb_steps(draft, tree.get("steps", []), say)


def _absorb_steps(draft: _Draft, steps: Any, say: Sayer) -> None:
    if not isinstance(steps, list):
        say("steps: expected [[steps]] tables")
        return
    seen: set[str] = set()
    for index, step in enumerate(steps):
        place = f"{say.file}: steps[{index}]"
        name = step.get("name") if isinstance(step, dict) else None
        if not isinstance(step, dict) or not isinstance(name, str) or not NAME.match(name):
            say(
                f"steps[{index}].name: expected small letters, digits, `-`, `.` or `_`, "
                f"seen {as_seen(name)}"
            )
            if not isinstance(step, dict):
                continue
            name = f"steps[{index}]"  # What else is wrong with it is told as well.
        elif name in seen:
            say(f"steps[{index}].name: {name!r} is the name of an earlier step already")
            name = f"steps[{index}]"
        seen.add(name)
        _place(draft, name, step, place, say)


def _place(draft: _Draft, name: str, step: dict[str, Any], place: str, say: Sayer) -> None:
    old = draft.steps.get(name)
    if old is not None and step.get("type", old[0].get("type")) == old[0].get("type"):
        step = old[0] | step
    beside = step.get("after", step.get("before"))
    if "after" not in step and "before" not in step:
        draft.steps[name] = (step, place)
        return
    order = [key for key in draft.steps if key != name]
    if beside not in order:
        say(f"{place.partition(': ')[2]}: after/before: no step {beside!r} so far")
        return
    index = order.index(beside) + ("after" in step)
    order.insert(index, name)
    draft.steps[name] = (step, place)
    draft.steps = {key: draft.steps[key] for key in order}


# --- From the draft to a recipe -------------------------------------------------------------------


def _recipe(draft: _Draft) -> Recipe:
    head, say = draft.head, Sayer(draft.mistakes, draft.file)
    for key in ("name", "version", "summary"):
        if not isinstance(head.get(key), str) or not head.get(key):
            say(f"recipe.{key}: expected a text, seen {as_seen(head.get(key))}")
    if isinstance(head.get("name"), str) and not NAME.match(head["name"]):
        say(f"recipe.name: expected small letters, digits and `-`, seen {head['name']!r}")
    if not draft.steps:
        say("steps: expected at least one [[steps]] table")
    if len(draft.steps) > STEP_LIMIT:
        say(f"steps: at most {STEP_LIMIT}, seen {len(draft.steps)}")
    known = _Known(draft.variables.keys() | set(BUILT_IN_VARIABLES), set(draft.secrets))
    steps: list[Step] = []
    earlier: set[str] = set()
    for name, (raw, place) in draft.steps.items():
        steps += _step(name, raw, place, known, earlier, draft.mistakes.append)
        earlier.add(name)
    return Recipe(
        name=str(head.get("name", "")),
        version=str(head.get("version", "")),
        summary=str(head.get("summary", "")),
        steps=tuple(steps),
        guard=draft.guard,
        variables=tuple(draft.variables.values()),
        secrets=tuple(draft.secrets.values()),
        digest=draft.digest.hexdigest(),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    variables: set[str]
    secrets: set[str]


def _variables(table: Mapping[str, Any], say: Sayer) -> Iterator[Variable]:
    for name, given in table.items():
        place = f"variables.{name}"
        entry = {"default": given} if isinstance(given, str) else given
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or not isinstance(entry, dict):
            say(f"{place}: expected a text or a table under a plain name")
            continue
        for key in sorted(entry.keys() - {"default", "text"}):
            say(f"{place}.{key}: unknown key; expected default or text")
        default = entry.get("default")
        if default is not None and not isinstance(default, str):
            say(f"{place}.default: expected a text, seen {as_seen(default)}")
        yield Variable(name, default if isinstance(default, str) else None,
                       str(entry.get("text", "")))  # fmt: skip


def _secrets(table: Mapping[str, Any], say: Sayer) -> Iterator[SecretSource]:
    for name, entry in table.items():
        given = set(entry) if isinstance(entry, dict) else set()
        if len(given) != 1 or not given <= {"env", "file"}:
            say(f'secrets.{name}: expected env = "NAME" or file = "path", never the secret')
            continue
        source = str(next(iter(entry.values())))
        if looks_like_token(source):
            say(f"secrets.{name}: a secret must not be written in a recipe")
        yield SecretSource(name, **{next(iter(given)): source})


def _guard(raw: Any, place: str, say: Callable[[str], None]) -> Guard:
    if not raw:
        return ANYONE
    if not isinstance(raw, dict):
        say(f"{place}: expected a table, seen {as_seen(raw)}")
        return ANYONE
    given: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in _GUARD:
            say(f"{place}.{key}: unknown key; expected one of {', '.join(_GUARD)}")
            continue
        kind, expected = _GUARD[key]
        texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if type(value) is not kind or (kind is list and not texts):
            say(f"{place}.{key}: expected {expected}, seen {as_seen(value)}")
            continue
        given[key] = tuple(value) if isinstance(value, list) else value
    return Guard(**given)


def _step(
    name: str,
    raw: dict[str, Any],
    place: str,
    known: _Known,
    earlier: set[str],
    say: Callable[[str], None],
) -> Iterator[Step]:
    kind = STEP_TYPES.get(str(raw.get("type")))
    whose = f"(step {name!r})"
    if kind is None:
        say(f"{place}.type: expected one of {', '.join(STEP_TYPES)}, "
            f"seen {as_seen(raw.get('type'))} {whose}")  # fmt: skip
        return
    mistakes: list[str] = []
    params = _params(kind, raw, known, mistakes)
    needs = raw.get("needs", [])
    if not isinstance(needs, list) or not all(isinstance(item, str) for item in needs):
        mistakes.append(f"needs: expected a list of names of steps, seen {as_seen(needs)}")
        needs = []
    mistakes += [f"needs: no earlier step {item!r}" for item in needs if item not in earlier]
    common = _common(kind, raw, mistakes)
    guard = _guard(raw.get("when"), f"{place}.when", say)
    for mistake in mistakes:
        say(f"{place}.{mistake} {whose}")
    if not mistakes:
        yield Step(name=name, type=kind.name, params=params, guard=guard, needs=tuple(needs),
                   origin=place.partition(": ")[0], **common)  # fmt: skip


def _common(kind: StepType, raw: Mapping[str, Any], mistakes: list[str]) -> dict[str, Any]:
    deadline_s = raw.get("deadline_s", kind.deadline_s)
    retries = raw.get("retries", 0)
    risk = raw.get("risk", kind.risk.value)
    on_failure = raw.get("on_failure", "stop")
    if not isinstance(deadline_s, int | float) or not 1 <= deadline_s <= 86_400:
        mistakes.append(f"deadline_s: expected seconds from 1 to 86400, seen {as_seen(deadline_s)}")
    if type(retries) is not int or not 0 <= retries <= 10:
        mistakes.append(f"retries: expected a whole number from 0 to 10, seen {as_seen(retries)}")
    elif retries and kind.once:
        mistakes.append(f"retries: a step of type {kind.name!r} is never tried again")
    if risk not in {item.value for item in Risk}:
        mistakes.append(f'risk: expected "low", "medium" or "high", seen {as_seen(risk)}')
        risk = kind.risk.value
    if on_failure not in ("stop", "continue"):
        mistakes.append(f'on_failure: expected "stop" or "continue", seen {as_seen(on_failure)}')
    return {
        "deadline_s": float(deadline_s) if isinstance(deadline_s, int | float) else 0.0,
        "retries": retries if type(retries) is int else 0,
        "risk": Risk(risk),
        "goes_on": on_failure == "continue",
        "note": str(raw.get("note", "")),
    }


def _params(
    kind: StepType, raw: Mapping[str, Any], known: _Known, mistakes: list[str]
) -> dict[str, Any]:
    """The values of a type's own fields, defaults filled in."""
    fields = {item.name: item for item in kind.fields}
    for key in sorted(raw.keys() - _COMMON - fields.keys()):
        own = ", ".join(fields) or "none of its own"
        mistakes.append(f"{key}: unknown key; a {kind.name} step knows {own}")
    before = len(mistakes)
    params: dict[str, Any] = {}
    for key, item in fields.items():
        if key not in raw:
            if item.required:
                mistakes.append(f"{key}: missing; expected {item.kind.expected}")
            params[key] = item.default
            continue
        value = params[key] = raw[key]
        if not item.kind.fits(value):
            seen = "something else (not shown)" if item.kind.is_secret else as_seen(value)
            mistakes.append(f"{key}: expected {item.kind.expected}, seen {seen}")
        for name in sorted(variables_in(value) - known.variables):
            mistakes.append(f"{key}: ${{{name}}} is not declared in [variables]")
        if item.kind.is_secret and isinstance(value, dict):
            _check_secret(key, value.get(SECRET_KEY), known, mistakes)
    if len(mistakes) == before:
        mistakes += [f"{key}: {reason}" for key, reason in kind.deny(params)]
        for index, action in enumerate(params.get("flow") or ()):
            if isinstance(action, dict) and SECRET_KEY in action:
                _check_secret(f"flow[{index}]", action[SECRET_KEY], known, mistakes)
    return params


def _check_secret(key: str, name: Any, known: _Known, mistakes: list[str]) -> None:
    if name not in known.secrets:
        mistakes.append(f"{key}: no [secrets.{name}] in the recipe")
