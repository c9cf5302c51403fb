"""A hub whose ports can be switched, as far as it keeps its word.

Three kinds are sold: hubs that cut the power of a port, hubs that break its data lines and go on
feeding the phone, and hubs that accept the command and do nothing.
"""

from collections.abc import Mapping
from enum import StrEnum

from droidrack.virtual.farm import RackPhone


class Kind(StrEnum):
    """What a port does when it is switched off."""

    HONEST = "honest"
    LYING = "lying"
    DEAD = "dead"


class VirtualHub:
    """Phones by the ports they are in."""

    def __init__(self, phones: Mapping[str, RackPhone], kind: Kind = Kind.HONEST) -> None:
        self._phones = dict(phones)
        self.kind = kind
        self.switched: list[tuple[str, str]] = []  # (port, action), as asked

    async def switch(self, port: str, action: str) -> None:
        """`on`, `off` or `cycle`; an unknown port is a KeyError."""
        self.switched.append((port, action))
        phone = self._phones[port]
        if self.kind is Kind.DEAD:
            return
        if action in ("off", "cycle"):
            if self.kind is Kind.HONEST:
                phone.model.feed(False)
            await phone.link.unplug()
        if action in ("on", "cycle"):
            if self.kind is Kind.HONEST:
                phone.model.feed(True)
            await phone.link.replug()
