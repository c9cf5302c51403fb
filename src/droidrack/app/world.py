"""What the rooms of the app share: the ports and the settings, wired once by `compose`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from droidrack.core.ids import Token
from droidrack.core.profile import ProfileTable
from droidrack.core.settings import PhoneSettings, Settings
from droidrack.ports import Clock, Dice, Journal, Panel, Vault


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

    def ago(self, seconds: float) -> datetime:
        """The moment `seconds` before now."""
        return self.clock.now() - timedelta(seconds=seconds)
