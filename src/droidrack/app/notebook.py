"""A notebook that lasts as long as its controller: for benches and simulations."""

from droidrack.core.capability import Proof
from droidrack.core.guard import GuardReading
from droidrack.core.ids import DeviceUuid
from droidrack.core.learn import Codes
from droidrack.core.standing import Order


class MemoryNotebook:
    """See `ports.Notebook`."""

    def __init__(self) -> None:
        self._codes: dict[str, Codes] = {}
        self._proofs: dict[DeviceUuid, Proof] = {}
        self._guards: dict[DeviceUuid, tuple[GuardReading, ...]] = {}
        self._quarantines: dict[DeviceUuid, str] = {}
        self._orders: dict[str, Order | None] = {}
        self._sms_apps: dict[DeviceUuid, str] = {}

    def codes(self, build: str) -> Codes | None:
        """What was read of a build's framework."""
        return self._codes.get(build)

    def keep_codes(self, build: str, codes: Codes) -> None:
        """Keep it, replacing what was kept."""
        if build:
            self._codes[build] = codes

    def proof(self, device: DeviceUuid) -> Proof | None:
        """As what a phone was proven last."""
        return self._proofs.get(device)

    def keep_proof(self, device: DeviceUuid, proof: Proof) -> None:
        """Keep it, replacing an earlier one."""
        self._proofs[device] = proof

    def guard(self, device: DeviceUuid) -> tuple[GuardReading, ...]:
        """What the phone's own limit was read as, oldest first."""
        return self._guards.get(device, ())

    def keep_guard(self, device: DeviceUuid, readings: tuple[GuardReading, ...]) -> None:
        """Keep them, replacing what was kept."""
        self._guards[device] = readings

    def quarantine(self, device: DeviceUuid) -> str:
        """Why a phone must not send; "" where it may."""
        return self._quarantines.get(device, "")

    def set_quarantine(self, device: DeviceUuid, reason: str) -> None:
        """Keep a phone from sending; "" lets it send again."""
        self._quarantines[device] = reason

    def order(self, phone: str) -> Order | None:
        """What an operator ordered of a phone."""
        return self._orders.get(phone)

    def set_order(self, phone: str, order: Order | None) -> None:
        """Keep an order, or take it back."""
        self._orders[phone] = order

    def sms_app(self, device: DeviceUuid) -> str:
        """The default SMS app that a phone had at first."""
        return self._sms_apps.get(device, "")

    def keep_sms_app(self, device: DeviceUuid, app: str) -> None:
        """Keep it."""
        self._sms_apps[device] = app
