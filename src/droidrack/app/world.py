"""What the rooms of the app share: the ports and the settings, wired once by `compose`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from droidrack.app.notebook import MemoryNotebook
from droidrack.core.ids import Token
from droidrack.core.profile import ProfileTable
from droidrack.core.settings import PhoneSettings, Settings
from droidrack.ports import Clock, Dice, Journal, Notebook, Panel, Vault


class Tell(Protocol):
    """Says something to the operator's log. Facts hold no secret but in `Masked` types."""

    def __call__(self, event: str, /, **facts: object) -> None:
        """One line."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside, for one controller."""

    panel: Panel
    journal: Journal
    vault: Vault
    clock: Clock
    dice: Dice
    settings: Settings
    profiles: ProfileTable
    tell: Tell
    pairing_token: Callable[[PhoneSettings], Token | None]
    notebook: Notebook = field(default_factory=MemoryNotebook)
    # Who reads a phone's framework: one at a time, because each holds a file of up to 128 MiB.
    reader: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def ago(self, seconds: float) -> datetime:
        """The moment `seconds` before now."""
        return self.clock.now() - timedelta(seconds=seconds)
