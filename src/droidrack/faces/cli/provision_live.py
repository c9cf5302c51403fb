"""Progress of a run: a live table for a person, lines for a log, JSON lines for a program."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from droidrack.app.provision.bench import Progressed
from droidrack.core.provision.record import PhoneFate, StepState
from droidrack.faces.cli.options import plain

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

MOVING = (StepState.PENDING, StepState.APPLYING)


def card_of(event: Progressed) -> str:
    """What a person at the rack needs to read: which phone, where it is, what to do; else ""."""
    if event.state is not StepState.NEEDS_HUMAN:
        return ""
    place = f", USB port {event.port}" if event.port else ""
    lines = [f"A person is needed at {event.phone}{place} (step {event.step}):"]
    lines += [f"    {plain(text)}" for text in (event.cause, event.hint) if text]
    return "\n".join(lines)


@dataclass(slots=True)
class _Line:
    fate: PhoneFate = PhoneFate.RUNNING
    step: str = ""
    ended: int = 0
    total: int = 0
    cause: str = ""


class Progress:
    """Hears of progress and shows it."""

    def __init__(
        self,
        *,
        phones: int,
        title: str,
        as_json: bool,
        quiet: bool,
        words: Mapping[PhoneFate, str],
    ) -> None:
        """`words`: what a fate is called where the kind of run makes it another thing."""
        self._words = words
        self._phones = phones
        self._title = title
        self._as_json = as_json
        self._quiet = quiet
        self._lines: dict[str, _Line] = {}
        self._started = time.monotonic()
        self._live: Live | None = None

    @contextmanager
    def showing(self) -> Iterator[None]:
        """A live table while the context is open, where a person watches."""
        from rich.console import Console

        console = Console(stderr=True)
        if self._as_json or self._quiet or not console.is_terminal:
            yield
            return
        from rich.live import Live

        with Live(self._table(), console=console, refresh_per_second=4) as self._live:
            yield
            self._live.update(self._table())
        self._live = None

    def __call__(self, event: Progressed) -> None:
        """See `Watcher`."""
        line = self._lines.setdefault(event.phone, _Line())
        line.fate, line.total, line.cause = event.fate, event.total or line.total, event.cause
        if event.step:
            line.step = event.step
            line.ended = event.position + (event.state not in MOVING)
        if self._live is not None:
            if card := card_of(event):
                self._live.console.print(card, markup=False, highlight=False)
            self._live.update(self._table())
        elif not self._quiet:
            self._say(event)

    def _say(self, event: Progressed) -> None:
        if self._as_json:
            facts = {
                "at": event.at.isoformat(timespec="milliseconds"),
                "phone": event.phone,
                "fate": event.fate.value,
                "step": event.step or None,
                "state": event.state.value if event.state else None,
                "position": event.position,
                "total": event.total,
                "cause": event.cause or None,
                "hint": event.hint or None,
                "port": event.port or None,
            }
            click.echo(json.dumps(facts, ensure_ascii=False), err=True)
        elif card := card_of(event):
            click.echo(card, err=True)
        elif event.state is not None and event.state not in MOVING:
            cause = f": {event.cause}" if event.cause else ""
            click.echo(f"{event.phone}  {event.step}  {event.state.value}{cause}", err=True)
        elif not event.step:
            cause = f": {event.cause}" if event.cause else ""
            click.echo(f"{event.phone}  {self._word(event.fate)}{cause}", err=True)

    def _table(self) -> "Table":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        steps = sum(line.total for line in self._lines.values()) or 1
        ended = sum(
            line.total if line.fate is not PhoneFate.RUNNING else line.ended
            for line in self._lines.values()
        )
        share = ended / max(steps, 1) * len(self._lines) / max(self._phones, 1)
        table = Table(title=f"{self._title}  {share:.0%}{self._left(share)}",
                      title_justify="left")  # fmt: skip
        for column in ("phone", "", "step", "state"):
            table.add_column(column)
        for name, line in sorted(self._lines.items()):
            bar = ProgressBar(total=max(line.total, 1), completed=line.ended, width=20)
            state = self._word(line.fate) + (f": {line.cause}" if line.cause else "")
            table.add_row(name, bar, line.step, state)
        return table

    def _word(self, fate: PhoneFate) -> str:
        return self._words.get(fate, fate.value)

    def _left(self, share: float) -> str:
        """About how long it goes on, once there is something to judge by."""
        if not 0.05 < share < 1.0:
            return ""
        left_s = (time.monotonic() - self._started) * (1 - share) / share
        amount = f"{left_s / 60:.0f} min" if left_s > 90 else f"{left_s:.0f} s"
        return f", about {amount} left"
