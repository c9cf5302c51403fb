"""The panel: pairing, pending messages, reports and heartbeats."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from droidrack.core.ids import DeviceUuid, Imsi, Slot, Token
from droidrack.core.message import Message
from droidrack.core.report import StatusReport


@dataclass(frozen=True, slots=True)
class Registration:
    """What a phone tells the panel when it is paired."""

    pairing_token: Token
    device_name: str
    device_uuid: DeviceUuid
    android_version: str
    app_version: str


@dataclass(frozen=True, slots=True)
class PanelSim:
    """The panel's record of one SIM slot."""

    uid: str
    slot: Slot
    label: str
    active: bool
    country: str = ""  # As it was last told by us; the panel does not say. "": not known.


@dataclass(frozen=True, slots=True)
class Session:
    """A paired phone."""

    token: Token
    gateway_uid: str
    user_name: str
    sims: tuple[PanelSim, ...]


@dataclass(frozen=True, slots=True)
class SimPulse:
    """One heartbeat of one SIM. A value that could not be read is None and is left out."""

    sim_uid: str
    active: bool | None
    signal_dbm: int | None
    messages_sent_24h: int | None
    imsi: Imsi | None


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item of `pending` that is not a message. `uid` is "" where even that was unreadable."""

    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pending:
    """One answer to `pending`."""

    messages: tuple[Message, ...]
    refused: tuple[RefusedItem, ...]


class Panel(Protocol):
    """The SMS panel (XSender Android Gateway API).

    1. Every call MUST end by PanelUnavailable at the latest after the configured deadline.
    2. 401 and 403 MUST raise SessionOver; 429, and a 503 that names a delay, PanelBusy with the
       panel's own delay; 408 and 425 PanelUnavailable; 4xx otherwise PanelRefused with the panel's
       field errors; anything else that is not the documented answer PanelUnavailable. A redirect
       MUST NOT be followed.
    3. `pending` MUST refuse a malformed item alone and return the others.
    4. A call MUST NOT be repeated by the adapter itself: repeating is a decision of the app.
    5. Token, numbers and bodies MUST NOT appear in any error.
    6. `report` of an empty batch MUST NOT call the panel.
    7. The effect of PanelUnavailable MUST be UNKNOWN unless the request certainly did not leave.
    """

    async def register(self, registration: Registration) -> Session:
        """Exchange a pairing token for a session. If the answer is lost the token may be spent."""
        ...

    async def logout(self, token: Token) -> None:
        """End the session; the panel keeps the device."""
        ...

    async def create_sim(self, token: Token, slot: Slot, label: str, country: str) -> PanelSim:
        """A SIM row for a slot. `country` is an ISO 3166 code in capitals."""
        ...

    async def update_sim(
        self, token: Token, uid: str, *, label: str, country: str, active: bool
    ) -> PanelSim:
        """Change a SIM row."""
        ...

    async def delete_sim(self, token: Token, uid: str) -> None:
        """Remove a SIM row; active campaigns assigned to it stop."""
        ...

    async def heartbeat(self, token: Token, pulse: SimPulse) -> None:
        """Tell the state of one SIM."""
        ...

    async def pending(self, token: Token, now: datetime) -> Pending:
        """Messages to send now, stamped with `now` as their time of reception."""
        ...

    async def report(self, token: Token, reports: Sequence[StatusReport]) -> None:
        """Tell outcomes. All or nothing: PanelRefused concerns the batch as a whole."""
        ...
