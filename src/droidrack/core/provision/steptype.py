"""What a type of step is, and the phrases that many types share.

A type is data and two generators (see `acts`). *Verify* is the check asked again: a step is done
when the phone itself says so, never because a command returned.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from droidrack.core.errors import excerpt
from droidrack.core.provision.acts import (
    Act,
    Answers,
    Apply,
    Ask,
    Check,
    Ran,
    Reading,
    Refusal,
    Run,
)
from droidrack.core.provision.fields import Field
from droidrack.core.provision.recipe import Facts, Risk, Secret
from droidrack.core.sections import Section
from droidrack.core.shell import command_line

Params = Mapping[str, Any]


def nothing_denied(params: Params) -> Iterator[tuple[str, str]]:
    """No rules beyond the fields' own."""
    yield from ()


@dataclass(frozen=True, slots=True)
class StepType:
    """One type of step.

    `breaks` and `proof` are for the manual: what goes wrong in the field, and what the phone is
    asked before a step counts as done.
    """

    name: str
    title: str
    text: str
    fields: tuple[Field, ...]
    example: str
    check: Callable[[Params, Facts], Check]
    apply: Callable[[Params, Facts], Apply] | None = None
    deny: Callable[[Params], Iterator[tuple[str, str]]] = nothing_denied  # (key, reason)
    once: bool = False  # Never tried again where an earlier try may have had an effect.
    acts_by: tuple[str, ...] = ()  # Fields that say what is done, where others only look; (): all.
    keeps: bool = False  # Brings evidence and changes nothing: runs in every apply.
    waits: bool = False  # The check may become true by itself, or by a person's hand.
    deadline_s: float = 60.0
    risk: Risk = Risk.LOW
    breaks: str = ""
    proof: str = ""


def ask_one(*argv: str) -> Generator[Ask, Answers, Section]:
    """One question, by words that are quoted here."""
    return (yield from ask_line(command_line(argv)))


def ask_line(command: str) -> Generator[Ask, Answers, Section]:
    """One question, as a shell line."""
    answers = yield Ask({"it": command})
    return answers["it"]


def run(*argv: str, secret: Secret | None = None) -> Generator[Act, Ran, Ran]:
    """Run words that are quoted here; Refusal if the phone refused."""
    return (yield from run_line(command_line(argv), secret=secret))


def run_line(command: str, *, secret: Secret | None = None) -> Generator[Act, Ran, Ran]:
    """Run a shell line; Refusal if the phone refused."""
    done = yield Run(command, secret)
    refuse_unless_ok(done)
    return done


NEEDS_SWITCH = (
    "switch on `USB debugging (Security settings)` in the phone's developer options "
    "(MIUI, HyperOS), or `Disable permission monitoring` (ColorOS), then apply again"
)

_DENIALS = ("SecurityException", "Permission Denial", "not allowed to perform", "Neither user")
_FAILURES = ("Exception occurred", "Exception:", "Error:", "Failure", "Unknown command", "inaccess")


def refuse_unless_ok(done: Ran) -> None:
    """Raise Refusal where a tool's answer is a definite no.

    Android's tools often fail with exit code 0, and always say so in words.
    """
    text = done.text.strip()
    if any(word in text for word in _DENIALS):
        raise Refusal(
            f"the phone denies it to the shell: {excerpt(text)!r}", hint=NEEDS_SWITCH, human=True
        )
    if done.exit_code != 0 or any(word in text for word in _FAILURES):
        raise Refusal(f"exit code {done.exit_code}: {excerpt(text)!r}")


def compared(wanted: Mapping[str, str], seen: Mapping[str, str]) -> Reading:
    """Several named values against the wanted ones."""
    return Reading(
        done=all(seen.get(name) == value for name, value in wanted.items()),
        seen=listed({name: seen.get(name, "") for name in wanted}),
        wanted=listed(wanted),
    )


def listed(values: Mapping[str, str]) -> str:
    """`name=value` pairs for a person; a lone value stands alone."""
    return ", ".join(f"{name}={value or 'nothing'}" for name, value in values.items())


def old_release(facts: Facts, since: int, wanted: str, by_hand: str) -> Reading | None:
    """What to say where a release has no such command; None where it has."""
    if facts.api >= since:
        return None
    return Reading(
        False,
        f"API {facts.api} has no command for it",
        wanted,
        blocked=f"the shell can do this from API {since} on",
        hint=by_hand,
        human=True,
    )
