"""What pace and quotas count, and which SIMs are held: the journal's books about sending."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from droidrack.core.attempt import Tick
from droidrack.core.ids import DeviceUuid, Iccid, Msisdn, Slot


@dataclass(frozen=True, slots=True)
class Send:
    """One attempt that may have reached the radio."""

    opened_at: datetime
    tick: Tick | None
    segments: int
    number: Msisdn
    slot: Slot
    iccid: Iccid | None  # None: the phone did not tell it


@dataclass(frozen=True, slots=True)
class HoldRecord:
    """Why the messages of one of the panel's SIM rows wait. Holds no secret."""

    device: DeviceUuid
    sim_uid: str
    code: str
    detail: str
    since: datetime


NEWEST_SENDS = 250
"""Always told, whatever their dates: a clock that jumped must not hide what fills a window now."""


class Usage(Protocol):
    """Part of `Journal`, under its rules 1, 3 and 8.

    1. Sends MUST be told in the order in which they were written, oldest first: the newest
       `NEWEST_SENDS`, and before these as many as were opened since then, down to the first that
       was not. An attempt that certainly did not happen MUST NOT be among them.
    2. The cost of a question MUST NOT grow with what is older than it asks for.
    """

    async def of_phone(self, device: DeviceUuid, since: datetime) -> tuple[Send, ...]:
        """What a phone sent, on whatever SIM."""
        ...

    async def of_card(self, iccid: Iccid, since: datetime) -> tuple[Send, ...]:
        """What a SIM sent, on whatever phone."""
        ...

    async def hold(self, record: HoldRecord) -> None:
        """Write down that a SIM row is held, replacing an earlier reason."""
        ...

    async def release(self, device: DeviceUuid, sim_uid: str) -> None:
        """A SIM row is held no more. Idempotent."""
        ...

    async def holds(self) -> tuple[HoldRecord, ...]:
        """Every SIM row that is held, by phone and row."""
        ...
