"""Named points at which the program ends itself: for crash tests, never for production.

A point stands before and after each thing that somebody outside can see: a commit of the journal, a
command to a phone, a call of the panel, a session kept. The ports are wrapped from outside, so
that neither the app nor another adapter knows of it; without `DROIDRACK_FAILPOINTS` nothing is
wrapped. `phone.submit.after:2` ends the process, as `kill -9` does, when that point is passed for
the second time; several are separated by commas.

Rejected: calls to a failpoint inside the program. They would be on the path of every message, and
they would stand where their author thought of a crash.
"""

import os
import re
import signal
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from itertools import product
from typing import Any, cast

from droidrack.adapters.journal_writer import CommitHook
from droidrack.core.errors import ConfigError
from droidrack.core.message import MessageState
from droidrack.ports import Bus, Journal, Outage, Panel, Phone, PhoneFiles, Sighting, Vault
from droidrack.ports.endpoint import Endpoint

COMMITS = (
    *("phone", "sim", "accept", "attempt", "settle", "reported", "park", "event"),
    *("hold", "audit"),
)
INBOX_COMMITS = ("inbound", "delivered", "postponed")
"""Units of the journal's commits; "before" is inside the transaction, with all its writes done."""

UNWATCHED = frozenset(
    {"given-up", "disown", "optout", "prune", "inbox-prune", "audit-prune", "reclaim"}
)
"""Units without points: `given-up` and `disown` close a delivery as `delivered` does, `optout` is
one row that stands before any call, and what prunes is repeated at the next start."""

COMMANDS = {
    "submit": re.compile(r"service call isms \d+ i32 \d+ s16 com\.android\.shell "),
    "store": re.compile("content query "),
    "radio-log": re.compile("logcat "),
    "registry": re.compile(r"dumpsys telephony\.registry"),
}
"""What a command is, by a part of its text; anything else is `ask`. Harmless calls of the SMS
service name no caller."""

CALLS = ("register", "create_sim", "heartbeat", "pending", "report")

MOVES = tuple(state for state in MessageState if state is not MessageState.CANCELLED)
"""Where `settle` may move a message. CANCELLED belongs to an operator, not to a crash."""

STEPS = (
    "journal.open",
    *(f"commit.{unit}" for unit in (*COMMITS, *INBOX_COMMITS)),
    *(f"settle.{state}" for state in MOVES),
    *(f"phone.{kind}" for kind in (*COMMANDS, "ask")),
    *(f"panel.{call}" for call in CALLS),
    "vault.store",
    "endpoint.deliver",
)

POINTS = tuple(f"{step}.{side}" for step, side in product(STEPS, ("before", "after")))
"""Every name there is."""


class Failpoints:
    """The armed points of this process, by name, with how often each may still be passed."""

    def __init__(self, armed: Mapping[str, int]) -> None:
        self._left = dict(armed)

    @classmethod
    def of(cls, text: str) -> "Failpoints":
        """What a value of `DROIDRACK_FAILPOINTS` arms.

        Raises:
            ConfigError: a name that does not exist, or a count that is none.
        """
        entries = [entry.strip().partition(":") for entry in text.split(",") if entry.strip()]
        wrong = [
            f"{name}{colon}{count}"
            for name, colon, count in entries
            if name not in POINTS or not (count or "1").isdecimal() or count == "0"
        ]
        if wrong:
            raise ConfigError(
                f"DROIDRACK_FAILPOINTS: no such failpoint: {', '.join(wrong)}",
                mistakes=tuple(wrong),
                hint="unset the variable: it is for crash tests only",
            )
        return cls({name: int(count or 1) for name, _, count in entries})

    def passing(self, name: str) -> None:
        """The program is at this point. May not return."""
        if name in self._left:
            self._left[name] -= 1
            if self._left[name] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    # --- The ports, wrapped -------------------------------------------------------------------

    @property
    def on_commit(self) -> CommitHook:
        """For the journal: called around each of its commits."""

        def around(side: str, units: tuple[str, ...]) -> None:
            for unit in units:
                self.passing(f"commit.{unit}.{side}")

        return around

    def journal(self, inner: Journal) -> Journal:
        """A journal with points around its opening and each kind of verdict."""
        return cast(Journal, _Watched(inner, self, _journal_step))

    def panel(self, inner: Panel) -> Panel:
        """A panel with points around each call."""
        return cast(Panel, _Watched(inner, self, _panel_step))

    def vault(self, inner: Vault) -> Vault:
        """A vault with points around keeping a session."""
        return cast(Vault, _Watched(inner, self, _vault_step))

    def endpoint(self, inner: Endpoint) -> Endpoint:
        """An endpoint with points around each text that is offered."""
        return cast(Endpoint, _Watched(inner, self, _endpoint_step))

    def bus(self, inner: Bus) -> Bus:
        """A bus whose phones have points around each command."""
        return _Bus(inner, self)


Step = Callable[[str, tuple[Any, ...]], str]
"""Name of the step that a call is, from its method and arguments; "": none."""


class _Watched:
    """Any port: what it is asked goes through, with two points around what counts as a step."""

    def __init__(self, inner: object, points: Failpoints, step: Step) -> None:
        self._inner = inner
        self._points = points
        self._step = step

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._inner, name)
        if iscoroutinefunction(member):
            return self._awaited(name, member)
        return self._plain(name, member) if callable(member) else member

    def _awaited(self, name: str, member: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(member)
        async def call(*args: Any, **options: Any) -> Any:
            step = self._step(name, args)
            self._points.passing(f"{step}.before")
            answer = await member(*args, **options)
            self._points.passing(f"{step}.after")
            return answer

        return call

    def _plain(self, name: str, member: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(member)
        def call(*args: Any, **options: Any) -> Any:
            step = self._step(name, args)
            self._points.passing(f"{step}.before")
            answer = member(*args, **options)
            self._points.passing(f"{step}.after")
            return answer

        return call


class _Bus:
    """A bus that hands out watched phones."""

    def __init__(self, inner: Bus, points: Failpoints) -> None:
        self._inner = inner
        self._points = points
        self.watch = inner.watch

    @property
    def outage(self) -> Outage | None:
        return self._inner.outage

    def phone(self, sighting: Sighting) -> Phone:
        return cast(Phone, _Watched(self._inner.phone(sighting), self._points, _phone_step))

    def files(self, sighting: Sighting) -> PhoneFiles:
        return self._inner.files(sighting)


def _journal_step(method: str, arguments: tuple[Any, ...]) -> str:
    if method == "settle":
        return f"settle.{arguments[1]}"
    return "journal.open" if method == "open" else ""


def _panel_step(method: str, _: tuple[Any, ...]) -> str:
    return f"panel.{method}" if method in CALLS else ""


def _vault_step(method: str, _: tuple[Any, ...]) -> str:
    return "vault.store" if method == "store" else ""


def _endpoint_step(method: str, _: tuple[Any, ...]) -> str:
    return "endpoint.deliver" if method == "deliver" else ""


def _phone_step(method: str, arguments: tuple[Any, ...]) -> str:
    if method != "run":
        return ""
    kinds = (kind for kind, part in COMMANDS.items() if part.search(arguments[0]))
    return f"phone.{next(kinds, 'ask')}"
