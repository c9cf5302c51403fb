"""Flows on the screen: their actions, and selectors that differ between makers.

A flow is a list of small tables with one verb each. A selector is a table, or the name of an entry
of the step's `selectors`, where each entry is a list of candidates with the phones they are for:
the first that fits the phone *and* is on the screen is meant. None on the screen is a question for
a person, never a tap at a guess.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from droidrack.core.provision.deny import PROMPT_PACKAGES
from droidrack.core.provision.fields import SECRET_KEY
from droidrack.core.provision.recipe import Facts, Guard

SELECTOR_KEYS = ("text", "text_contains", "id", "description", "xpath")
GUARD_KEYS = ("makers", "models", "builds", "min_api", "max_api", "not_makers")
VERBS: Mapping[str, str] = {
    "open": "an intent action or `package/.Activity` to start",
    "tap": "a selector",
    "expect": "a selector that must appear",
    "gone": "a selector that must disappear",
    "scroll_to": "a selector to scroll to",
    "type": "a selector of a text field; with `text` or `secret`",
    "switch": "a selector of a switch; with `on`",
    "press": '"back" or "home"',
    "picture": "a name for a screenshot",
}
COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "type": ("text", "secret"),
    "switch": ("on",),
    "expect": ("wait_s",),
    "gone": ("wait_s",),
    "tap": ("wait_s",),
}
SELECTING = ("tap", "expect", "gone", "scroll_to", "type", "switch")
WAIT_S = 10.0
"""How long a selector may take to appear: slow phones need seconds to open Settings."""

_DENIED_INTENTS = re.compile(
    r"(?i)REQUEST_|ADD_DEVICE_ADMIN|UNKNOWN_APP|ACCESSIBILITY|MASTER_CLEAR|FACTORY|UNINSTALL|"
    r"INSTALL_PACKAGE|NOTIFICATION_LISTENER|MANAGE_(ALL_FILES|APP_ALL)|SET_NEW_PASSWORD|CALL\b"
)

Mistakes = Iterator[tuple[str, str]]


def verb_of(action: Mapping[str, Any]) -> str:
    """The action's verb."""
    return next(verb for verb in VERBS if verb in action)


def candidates(params: Mapping[str, Any], target: Any, facts: Facts) -> tuple[dict[str, str], ...]:
    """The selectors that may be meant on this phone, in order."""
    entries = [target] if isinstance(target, Mapping) else params["selectors"][target]
    return tuple(
        {key: str(entry[key]) for key in SELECTOR_KEYS if key in entry}
        for entry in entries
        if not guard_of(entry).refusal(facts)
    )


def guard_of(entry: Mapping[str, Any]) -> Guard:
    """The phones that a candidate is for."""
    given: dict[str, Any] = {key: entry[key] for key in GUARD_KEYS if key in entry}
    lists = {key: tuple(value) for key, value in given.items() if isinstance(value, list | tuple)}
    return Guard(**(given | lists))


def flow_mistakes(params: Mapping[str, Any]) -> Mistakes:
    """Everything wrong with a step's `flow` and `selectors`, each with its place."""
    selectors = params.get("selectors") or {}
    for name, entries in selectors.items():
        if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
            yield f"selectors.{name}", "expected a list of selectors"
            continue
        for index, entry in enumerate(entries):
            yield from _selector(entry, f"selectors.{name}[{index}]")
    for index, action in enumerate(params["flow"]):
        yield from _action(action, f"flow[{index}]", selectors)


def _action(action: Any, place: str, selectors: Mapping[str, Any]) -> Mistakes:
    if not isinstance(action, Mapping):
        yield place, 'expected a table such as { tap = { text = "Network" } }'
        return
    verbs = [verb for verb in VERBS if verb in action]
    if len(verbs) != 1:
        yield place, f"expected one of {', '.join(VERBS)}, seen {', '.join(action) or 'nothing'}"
        return
    verb = verbs[0]
    for key in action:
        if key != verb and key not in COMPANIONS.get(verb, ()):
            yield f"{place}.{key}", f"unknown key beside {verb}"
    yield from _argument(verb, action, place, selectors)


def _argument(
    verb: str, action: Mapping[str, Any], place: str, selectors: Mapping[str, Any]
) -> Mistakes:
    value, here = action[verb], f"{place}.{verb}"
    if verb in SELECTING:
        if isinstance(value, str):
            if value not in selectors:
                yield here, f"no entry {value!r} in selectors"
        else:
            yield from _selector(value, here)
    elif not isinstance(value, str) or not value:
        yield here, f"expected {VERBS[verb]}"
    elif verb == "press" and value not in ("back", "home"):
        yield here, f'expected "back" or "home", seen {value!r}'
    elif verb == "open" and (reason := _denied_intent(value)):
        yield here, reason
    if verb == "type" and ("text" in action) == ("secret" in action):
        yield here, "expected either text or secret beside it"
    if verb == "type" and not isinstance(action.get(SECRET_KEY, ""), str):
        yield f"{place}.secret", "expected the name of one of the recipe's secrets"
    if verb == "switch" and not isinstance(action.get("on"), bool):
        yield here, "expected on = true or on = false beside it"


def _denied_intent(target: str) -> str:
    if target.partition("/")[0] in PROMPT_PACKAGES or _DENIED_INTENTS.search(target):
        return "this screen asks for consent or guards the phone; use a `human` step"
    return ""


def _selector(entry: Any, place: str) -> Mistakes:
    if not isinstance(entry, Mapping):
        yield place, 'expected a selector such as { text = "Network" }'
        return
    if not any(key in entry for key in SELECTOR_KEYS):
        yield place, f"expected one of {', '.join(SELECTOR_KEYS)}"
    for key, value in entry.items():
        if key not in SELECTOR_KEYS and key not in GUARD_KEYS:
            yield f"{place}.{key}", "unknown key of a selector"
        elif key in SELECTOR_KEYS and not (isinstance(value, str) and value):
            yield f"{place}.{key}", "expected a text"
        elif any(package + ":" in str(value) for package in PROMPT_PACKAGES):
            yield f"{place}.{key}", "a consent or security prompt is never touched"
