"""A recipe: what a phone should be like, as named steps; and what a step needs to know of a phone.

Plain values. `recipe_load` makes them from TOML, `registry` knows what each type of step does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from droidrack.core.ids import Masked

SCHEMA = 1
"""The version of the recipe language that this program reads."""


class Secret(Masked):
    """A Wi-Fi key or PIN: travels over standard input only."""

    __slots__ = ()


class Risk(StrEnum):
    """What a step that goes wrong may cost."""

    LOW = "low"  # It can be set back at any time.
    MEDIUM = "medium"  # Somebody may have to touch the phone.
    HIGH = "high"  # Content may be lost, or the phone may leave the rack.


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one phone, now."""

    name: str
    serial: str
    api: int
    maker: str
    model: str
    fingerprint: str
    boot_id: str = ""
    labels: frozenset[str] = frozenset()
    variables: Mapping[str, str] = field(default_factory=dict)
    changed_this_boot: bool = False  # A step changed something since the phone last started.


@dataclass(frozen=True, slots=True)
class Guard:
    """Which phones are meant. Empty fields mean every phone; texts compare without capitals."""

    min_api: int = 0
    max_api: int = 10_000
    makers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()  # parts of ro.build.fingerprint
    labels: tuple[str, ...] = ()  # at least one of them
    not_makers: tuple[str, ...] = ()

    def refusal(self, facts: Facts) -> str:
        """Why a phone is not meant; "" where it is."""
        maker, model = facts.maker.casefold(), facts.model.casefold()
        if facts.api < self.min_api:
            return f"API {facts.api} is below {self.min_api}"
        if facts.api > self.max_api:
            return f"API {facts.api} is above {self.max_api}"
        if self.makers and maker not in map(str.casefold, self.makers):
            return f"maker {facts.maker} is none of {', '.join(self.makers)}"
        if maker in map(str.casefold, self.not_makers):
            return f"maker {facts.maker} is excluded"
        if self.models and model not in map(str.casefold, self.models):
            return f"model {facts.model} is none of {', '.join(self.models)}"
        if self.builds and not any(part in facts.fingerprint for part in self.builds):
            return f"build {facts.fingerprint} is none of {', '.join(self.builds)}"
        if self.labels and not facts.labels.intersection(self.labels):
            return f"it has none of the labels {', '.join(self.labels)}"
        return ""


ANYONE = Guard()


@dataclass(frozen=True, slots=True)
class Step:
    """One step as the recipe has it; `params` may still hold `${variables}`."""

    name: str
    type: str
    params: Mapping[str, Any]
    guard: Guard = ANYONE
    needs: tuple[str, ...] = ()
    deadline_s: float = 60.0  # of one try, waiting for an absent phone not counted
    retries: int = 0  # more tries after one that failed with a known effect
    risk: Risk = Risk.LOW
    goes_on: bool = False  # Whether the phone goes on with later steps after this one failed.
    note: str = ""  # why the step is there, and how to take it back
    origin: str = ""  # the file it came from


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that differs between phones. None as default: every phone must bring one."""

    name: str
    default: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is read from when it is needed: an environment variable or a file."""

    name: str
    env: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole recipe, what it extends already merged in."""

    name: str
    version: str
    summary: str
    steps: tuple[Step, ...]
    guard: Guard = ANYONE
    variables: tuple[Variable, ...] = ()
    secrets: tuple[SecretSource, ...] = ()
    digest: str = ""  # SHA-256 of every text that went into it

    def step(self, name: str) -> Step:
        """The step of this name; KeyError if there is none."""
        return {step.name: step for step in self.steps}[name]


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this host that a step brings to a phone."""

    path: str
    name: str
    size_bytes: int
    sha256: str
    package: str = ""  # of an APK
    version_code: int | None = None
    signers: tuple[str, ...] = ()  # SHA-256 of the signing certificates; empty: unreadable
