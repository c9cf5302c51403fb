"""The vault: the sessions with the panel, sealed at rest."""

from dataclasses import dataclass
from typing import Protocol

from droidrack.core.ids import DeviceUuid, Token
from droidrack.ports.panel import PanelSim


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What the vault keeps for one phone."""

    token: Token
    gateway_uid: str
    sims: tuple[PanelSim, ...]


class Vault(Protocol):
    """Keeper of session tokens.

    1. `store` MUST be whole or absent after a crash, and readable by the owner only.
    2. A vault others can read MUST be refused with VaultError and the fix.
    """

    def load(self, device: DeviceUuid) -> StoredSession | None:
        """The session of a phone."""
        ...

    def store(self, device: DeviceUuid, session: StoredSession) -> None:
        """Keep a session, replacing an earlier one."""
        ...

    def forget(self, device: DeviceUuid) -> None:
        """Drop a session. Idempotent."""
        ...
