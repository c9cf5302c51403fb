"""Reads `devices.toml` again while the controller runs.

A file with mistakes changes nothing: what is in force stays in force, and the mistakes are told. A
reload that was asked for while one runs comes after it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from droidrack.app.rack import Rack
from droidrack.app.views import Shown
from droidrack.app.world import World
from droidrack.core.errors import ConfigError, RackError
from droidrack.core.settings import PhoneSettings, Settings
from droidrack.core.settings_change import Change, change_of
from droidrack.core.words import counted


class Notice(Protocol):
    """Hears how the service is. Calls return at once and never fail."""

    def reloading(self) -> None:
        """The configuration is being read."""
        ...

    def ready(self, status: str = "") -> None:
        """The service works."""
        ...


class Reloading:
    """The way of a new configuration into a running rack."""

    def __init__(
        self, world: World, rack: Rack, *, read: Callable[[], Settings], notice: Notice
    ) -> None:
        """`read`: the file's settings now; ConfigError where it has mistakes."""
        self._world = world
        self._rack = rack
        self._read = read
        self._notice = notice
        self._turn = asyncio.Lock()

    async def reload(self) -> Shown:
        """Let the file hold as it is now; what changed, by the phones' names.

        Raises:
            ConfigError: the file has mistakes; nothing changed.
        """
        async with self._turn:
            self._notice.reloading()
            try:
                change = change_of(self._world.settings, self._read())
                await self._rack.reload(change)
            except ConfigError as error:
                mistakes = "; ".join(error.mistakes)
                why = f"{error.message}: {mistakes}" if mistakes else error.message
                self._world.tell("configuration refused, nothing changed", why=why)
                raise
            finally:
                phones = counted(len(self._world.settings.phones), "phone")
                self._notice.ready(f"{phones} configured")
        shown = _shown(change)
        facts = {key: ", ".join(names) for key, names in shown.items() if names}
        self._world.tell("configuration read again", **facts)
        return dict(shown)

    async def hangup(self) -> None:
        """The same for a signal, which nobody waits for: what is wrong was told to the log."""
        try:
            await self.reload()
        except RackError as error:
            if not isinstance(error, ConfigError):
                self._world.tell("configuration not read again", why=error.message)


def _shown(change: Change) -> dict[str, list[str]]:
    return {
        "added": _names(change.added),
        "removed": _names(change.removed),
        "changed": _names(change.changed),
        "relabelled": _names(change.relabelled),
        "parts": list(change.parts),
        "needs_restart": list(change.waiting),
    }


def _names(phones: Sequence[PhoneSettings]) -> list[str]:
    return [phone.name for phone in phones]
