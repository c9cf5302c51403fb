"""What a step asks and does, as values: steps are generators that never touch a phone themselves.

A *check* yields `Ask`s and returns a `Reading`; it changes nothing on the phone. An *apply* yields
acts and receives their results. Whoever drives them (`app/provision`) brings phone, time and
journal. A step that cannot go on raises `Refusal`.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from droidrack.core.provision.recipe import LocalFile, Secret
from droidrack.core.sections import Section


class Refusal(Exception):
    """A definite no. `human` where only a person at the phone can go on."""

    def __init__(self, cause: str, *, hint: str = "", human: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.hint = hint
        self.human = human


@dataclass(frozen=True, slots=True)
class Ask:
    """Questions to the phone's shell by name, answered in one round trip. They change nothing."""

    commands: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a check found. `seen` and `wanted` are for people and certificates, no secrets."""

    done: bool
    seen: str
    wanted: str
    blocked: str = ""  # why applying is pointless or forbidden now
    hint: str = ""
    human: bool = False  # with `blocked`: a person can change that

    @property
    def gap(self) -> str:
        """What is seen instead of what is wanted, without what agrees."""
        seen, wanted = self.seen.split(", "), self.wanted.split(", ")
        off = [part for part in seen if part not in wanted] or seen
        missed = [part for part in wanted if part not in seen] or wanted
        return f"{', '.join(off)} instead of {', '.join(missed)}"


@dataclass(frozen=True, slots=True)
class Run:
    """Run one shell command. `secret` is its standard input, followed by a newline."""

    command: str
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """How a `Run` ended."""

    exit_code: int
    text: str  # standard output, then standard error


@dataclass(frozen=True, slots=True)
class Push:
    """Write a file of this host to the phone, whole."""

    file: LocalFile
    remote: str
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Pull:
    """Keep a file of the phone as evidence."""

    remote: str
    limit_bytes: int
    name: str


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep a text as evidence."""

    text: str
    name: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Keep a screenshot as evidence."""

    name: str


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart the phone and wait until it is usable again under a new boot id."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Let the phone work for a while before it is asked again."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Touch:
    """One action on the screen; see `flow`."""

    action: Mapping[str, Any]
    secret: Secret | None = field(default=None)


Act = Run | Push | Pull | Keep | Picture | Restart | Pause | Touch

CHANGING = (Run, Push, Restart, Touch)
"""Acts that may change the phone; the others only look."""

Answers = Mapping[str, Section]
Check = Generator[Ask, Answers, Reading]
Apply = Generator[Act, Ran, None]
