"""Steps on the screen: the last resort, where neither setting nor command exists."""

import re

from droidrack.core.provision.acts import Apply, Ask, Check, Picture, Reading, Touch
from droidrack.core.provision.deny import denied_command
from droidrack.core.provision.fields import SCRIPT, TEXT, Field, Kind
from droidrack.core.provision.flow import (
    SELECTING,
    Mistakes,
    candidates,
    flow_mistakes,
    verb_of,
)
from droidrack.core.provision.recipe import Facts, Risk
from droidrack.core.provision.steptype import Params, StepType, ask_line

FLOW = Kind(
    "a list of actions", lambda value: isinstance(value, list) and bool(value), takes_variables=True
)
SELECTORS = Kind(
    "a table of names and lists of selectors",
    lambda value: isinstance(value, dict),
    takes_variables=True,
)


def _check(params: Params, facts: Facts) -> Check:
    if not params["check"]:
        yield Ask({"nothing": "true"})
        return Reading(False, "not done by this recipe yet", "the flow came to its end")
    answer = yield from ask_line(params["check"])
    text, pattern = answer.text.strip(), params["matches"]
    done = bool(re.search(pattern, text)) if pattern else answer.exit_code == 0
    return Reading(done, text[:120] or "nothing", f"matches {pattern!r}" if pattern else "exit 0")


def _apply(params: Params, facts: Facts) -> Apply:
    yield Picture("before")
    for action in params["flow"]:
        verb = verb_of(action)
        resolved = dict(action)
        if verb in SELECTING:
            resolved[verb] = candidates(params, action[verb], facts)
        secret = resolved.pop("secret", None)
        if verb == "picture":
            yield Picture(action["picture"])
        else:
            yield Touch(resolved, secret)
    if not any("secret" in action for action in params["flow"]):
        yield Picture("after")


def _deny(params: Params) -> Mistakes:
    yield from flow_mistakes(params)
    if params["check"] and (reason := denied_command(params["check"])):
        yield "check", reason


UI = StepType(
    name="ui",
    title="Steps on the screen",
    text="Opens, finds, taps, types and scrolls through uiautomator2 (install "
    "`droidrack[screen]`), with a picture before and after. Selectors are chosen by maker and "
    "build. An element that is not there, or any consent or security prompt, ends the flow with "
    "`needs human`; nothing is tapped blindly, and never such a prompt.",
    fields=(
        Field("flow", FLOW, "What to do, action by action.", True),
        Field("selectors", SELECTORS, "Elements by name, with candidates by maker.", False, None),
        Field("check", SCRIPT, "A command that tells when it is done; left out: done once per "
              "phone and build, as the journal has it.", False, None),
        Field("matches", TEXT, "What its answer must contain; left out: exit code 0.", False, None),
    ),
    example='flow = [\n'
    '  { open = "android.settings.SETTINGS" },\n'
    '  { scroll_to = "row" },\n'
    '  { tap = "row" },\n'
    '  { switch = { text = "Chat features" }, on = false },\n'
    ']\n'
    'selectors.row = [{ text = "Connections", makers = ["samsung"] }, { text = "Network" }]',
    check=_check,
    apply=_apply,
    deny=_deny,
    deadline_s=120.0,
    risk=Risk.MEDIUM,
    breaks="Every maker's update moves things about: expect `needs human`, and add a selector.",
    proof="`check`, or the flow's own `expect`; pictures before and after",
)  # fmt: skip
