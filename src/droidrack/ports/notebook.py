"""The notebook: what was learnt and proven of a build or a phone."""

from typing import Protocol

from droidrack.core.capability import Proof
from droidrack.core.guard import GuardReading
from droidrack.core.ids import DeviceUuid
from droidrack.core.learn import Codes
from droidrack.core.standing import Order


class Notebook(Protocol):
    """What was learnt of builds and of phones, which must not send, and what people ordered.

    1. A note MUST be whole or absent after a crash.
    2. Codes, proofs and readings that cannot be read MUST count as absent: that costs a probe.
    3. A quarantine that cannot be read MUST count as one, and an order as a pause.
    4. Codes of a build without a name ("") MUST NOT be kept.
    5. A failure to write MUST raise VaultError.
    """

    def codes(self, build: str) -> Codes | None:
        """What was read of a build's framework; None: nobody looked yet."""
        ...

    def keep_codes(self, build: str, codes: Codes) -> None:
        """Keep it, replacing what was kept; codes without an interface say that none was found."""
        ...

    def proof(self, device: DeviceUuid) -> Proof | None:
        """As what a phone was proven last."""
        ...

    def keep_proof(self, device: DeviceUuid, proof: Proof) -> None:
        """Keep it, replacing an earlier one."""
        ...

    def guard(self, device: DeviceUuid) -> tuple[GuardReading, ...]:
        """What the phone's own limit was read as, oldest first; () where nobody looked yet."""
        ...

    def keep_guard(self, device: DeviceUuid, readings: tuple[GuardReading, ...]) -> None:
        """Keep them, replacing what was kept."""
        ...

    def quarantine(self, device: DeviceUuid) -> str:
        """Why a phone must not send; "" where it may."""
        ...

    def set_quarantine(self, device: DeviceUuid, reason: str) -> None:
        """Keep a phone from sending, over restarts too; "" lets it send again."""
        ...

    def order(self, phone: str) -> Order | None:
        """What an operator ordered of the phone of this name; None: nothing."""
        ...

    def set_order(self, phone: str, order: Order | None) -> None:
        """Keep an order over restarts, or take it back."""
        ...

    def sms_app(self, device: DeviceUuid) -> str:
        """The default SMS app that a phone had when it was first asked; "" where nobody asked."""
        ...

    def keep_sms_app(self, device: DeviceUuid, app: str) -> None:
        """Keep it, replacing what was kept."""
        ...
