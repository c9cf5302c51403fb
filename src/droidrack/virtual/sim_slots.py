"""SIM slots, their coverage, and the subscriptions that Android makes of the cards."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from droidrack.virtual.spec import SimCard


class ServiceState(IntEnum):
    """`android.telephony.ServiceState` voice registration."""

    IN_SERVICE = 0
    OUT_OF_SERVICE = 1
    EMERGENCY_ONLY = 2
    POWER_OFF = 3


@dataclass(slots=True)
class SimSlot:
    """One slot with the modem behind it. Tests and demos write these fields freely.

    `coverage` is what the network offers here; `service` is what the phone makes of it.
    """

    index: int
    card: SimCard | None
    signal_dbm: int  # RSRP
    coverage: ServiceState = ServiceState.IN_SERVICE
    roaming: bool = False
    pin_required: bool = False
    radio_on: bool = True  # False in airplane mode.

    @property
    def ready(self) -> bool:
        """Whether a card is inserted and unlocked."""
        return self.card is not None and not self.pin_required

    @property
    def service(self) -> ServiceState:
        """The state that dumps show and that sending depends on."""
        if not self.radio_on:
            return ServiceState.POWER_OFF
        return self.coverage if self.ready else ServiceState.OUT_OF_SERVICE

    @property
    def in_service(self) -> bool:
        """Whether a message could go out now."""
        return self.service is ServiceState.IN_SERVICE

    def sim_state(self, api: int) -> str:
        """The slot's word in `gsm.sim.state`: a usable card is LOADED from 9 on, READY before."""
        if self.card is None:
            return "ABSENT"
        if self.pin_required:
            return "PIN_REQUIRED"
        return "LOADED" if api >= 28 else "READY"

    @property
    def level(self) -> int:
        """Bars, 0 to 4, by AOSP's default RSRP thresholds (−128, −118, −108, −98)."""
        if not self.in_service:
            return 0
        return sum(self.signal_dbm >= limit for limit in (-128, -118, -108, -98))


@dataclass(frozen=True, slots=True)
class Subscription:
    """A row of siminfo: the id that a card got when it was inserted for the first time."""

    sub_id: int
    card: SimCard


class Subscriptions:
    """Every card this phone has ever seen. Ids start at 1, grow, and are never given twice."""

    def __init__(self, slots: Sequence[SimSlot]) -> None:
        self._slots = slots
        self._known: list[Subscription] = []
        self.refresh()

    def refresh(self) -> None:
        """Take note of the cards that are inserted now, slot by slot."""
        for slot in self._slots:
            if slot.card is not None and self._of(slot.card) is None:
                self._known.append(Subscription(len(self._known) + 1, slot.card))

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._known)

    def in_slot(self, index: int) -> Subscription | None:
        """The active subscription of a slot; None for an empty or unknown slot."""
        if not 0 <= index < len(self._slots):
            return None
        card = self._slots[index].card
        return None if card is None else self._of(card)

    def slot_of(self, sub_id: int) -> SimSlot | None:
        """The slot whose card has this id now; None for a stale, foreign or dummy id."""
        for slot in self._slots:
            found = self.in_slot(slot.index)
            if found is not None and found.sub_id == sub_id:
                return slot
        return None

    @property
    def active(self) -> tuple[Subscription, ...]:
        """The subscriptions of the inserted cards, in slot order."""
        found = (self.in_slot(slot.index) for slot in self._slots)
        return tuple(subscription for subscription in found if subscription is not None)

    @property
    def default(self) -> Subscription | None:
        """The phone's default for SMS, voice and data: the first active one."""
        return self.active[0] if self.active else None

    def _of(self, card: SimCard) -> Subscription | None:
        return next((known for known in self._known if known.card.iccid == card.iccid), None)
