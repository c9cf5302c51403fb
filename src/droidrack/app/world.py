"""What the rooms of the app share: the ports and the settings, wired once by `compose`."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from droidrack.app.chronicle import Chronicle
from droidrack.app.duty_lease import Lessee
from droidrack.app.notebook import MemoryNotebook
from droidrack.app.panel_line import PanelLine
from droidrack.app.steady import Steady
from droidrack.app.waiting import Bell
from droidrack.core.errors import ProfileError
from droidrack.core.ids import DeviceUuid, MessageUid, Slot, Token
from droidrack.core.profile import ProfileTable
from droidrack.core.quota import card_span
from droidrack.core.settings import PhoneSettings, Settings
from droidrack.core.tally import Tally
from droidrack.ports import Clock, Dice, Journal, Notebook, Panel, PhoneRecord, Vault
from droidrack.ports.endpoint import Endpoint


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
    endpoints: tuple[Endpoint, ...] = ()  # Who wants the texts that arrive.
    # Who reads a phone's framework: few at a time, because each holds a file of up to 128 MiB; not
    # one alone, because a phone that hangs keeps its place for two minutes.
    reader: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(3))

    lessee: Lessee | None = None  # None: nobody else ever uses these phones.
    arrived: Bell = field(default_factory=Bell)  # Rings for every text that was stored.
    # How a command that has no journal open learns of the phones it knows; None: ask the journal.
    recall: Callable[[], Awaitable[Sequence[PhoneRecord]]] | None = None

    on_duty: dict[DeviceUuid, str] = field(default_factory=dict)  # Which entry's phone it is.
    attached: Counter[tuple[str, str]] = field(default_factory=Counter)  # ro.serialno and socket.
    # When open attempts were opened, in the steady clock: kept while a phone leaves and returns.
    openings: dict[tuple[MessageUid, int], datetime] = field(default_factory=dict)
    # What each card sent: by ICCID, or by phone and slot where a phone does not tell it.
    cards: dict[str | tuple[DeviceUuid, Slot], Tally] = field(default_factory=dict, repr=False)
    # How far back each of these tallies is whole, and how far it has to be.
    reach: dict[str | tuple[DeviceUuid, Slot], timedelta] = field(default_factory=dict, repr=False)
    card_span: timedelta = field(init=False)
    steady: Steady = field(init=False)
    chronicle: Chronicle = field(init=False)
    panel_line: PanelLine = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steady", Steady(self.clock))
        object.__setattr__(self, "card_span", card_span(self.settings))
        chronicle = Chronicle(self.clock, self.journal)
        object.__setattr__(self, "chronicle", chronicle)
        line = PanelLine(self.clock, chronicle, self.tell, self.settings.panel.url)
        object.__setattr__(self, "panel_line", line)

    def adopt(self, settings: Settings) -> None:
        """Let new settings hold from now on; the rooms read them where they use them."""
        object.__setattr__(self, "settings", settings)
        object.__setattr__(self, "card_span", card_span(settings))

    @contextmanager
    def sole(self, device: DeviceUuid, name: str) -> Iterator[None]:
        """While a phone is on duty nobody else can be the same one.

        Raises:
            ProfileError: somebody is: two phones share a serial.
        """
        if device in self.on_duty:
            raise ProfileError(
                f"{name}: same serial as {self.on_duty[device]}: they cannot be told apart",
                hint="give both entries their USB path (`usb`) in devices.toml, and no serial",
            )
        self.on_duty[device] = name
        try:
            yield
        finally:
            del self.on_duty[device]

    def may_send(self, device: DeviceUuid) -> bool:
        """Whether this phone is ours, as far as others may use it too."""
        return self.lessee is None or self.lessee.holds(device)

    async def records(self) -> Sequence[PhoneRecord]:
        """Every phone that was ever paired.

        Raises:
            JournalError: the journal cannot be read.
        """
        return await (self.recall or self.journal.phones)()

    @contextmanager
    def attending(self, serialno: str, usb: str) -> Iterator[None]:
        """While a phone with this hardware serial is attached at a socket."""
        self.attached[serialno, usb] += 1
        try:
            yield
        finally:
            self.attached[serialno, usb] -= 1

    def shared(self, serialno: str) -> bool:
        """Whether several phones with this hardware serial are configured, or attached by USB.

        Two transports of one socket, or over the network, may be one phone that came back.
        """
        entries = sum(phone.serial == serialno for phone in self.settings.phones)
        sockets = [key for key, count in self.attached.items() if count and key[0] == serialno]
        return entries > 1 or sum(bool(usb) for _, usb in sockets) > 1

    def ago(self, seconds: float) -> datetime:
        """The moment `seconds` before now."""
        return self.clock.now() - timedelta(seconds=seconds)
