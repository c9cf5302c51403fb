"""A virtual Android phone: one object that owns what a phone owns and runs its tools.

Time passes by the running asyncio loop, the date comes from `wall`, chance from `dice`: the same
three give the same phone, in real and in virtual time alike. What happens to messages is scripted
through `radio.faults`; coverage, cards and settings are written directly.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta, timezone

from droidrack.virtual.air import Air
from droidrack.virtual.battery import Battery
from droidrack.virtual.binder import BinderService
from droidrack.virtual.console import Console
from droidrack.virtual.estate import Estate
from droidrack.virtual.identity_services import iphonesubinfo_service, isub_service
from droidrack.virtual.isms import isms_service
from droidrack.virtual.log_buffers import LogBuffers
from droidrack.virtual.properties import properties
from droidrack.virtual.radio import Radio
from droidrack.virtual.settings import Settings
from droidrack.virtual.sim_slots import SimSlot, Subscriptions
from droidrack.virtual.sms_store import SHELL_PACKAGE, SmsStore
from droidrack.virtual.spec import PhoneSpec, SimCard
from droidrack.virtual.tools import TOOLS
from droidrack.virtual.usage_guard import UsageGuard

SHELL_NOT_FOUND = 127
UP_SINCE = timedelta(hours=1)
"""How long a phone has been up when it is made: nothing about it is still starting."""

API_26_NEW_MKSH = 26  # From here an unknown name is "inaccessible or not found".


class VirtualPhone:
    """The model of one phone.

    Attributes:
        spec: what it is.
        slots: its SIM slots; coverage, signal, PIN and cards are theirs.
        subscriptions: the ids that Android gave to the cards.
        radio: the way out; `radio.faults`, `radio.bad_numbers` and `radio.answer_dialog` steer it.
        store: the SMS provider.
        logs: the log buffers; `logs.silenced` makes one dumb.
        settings: `settings get …`.
        estate: apps, rights, roles, Wi-Fi: what recipes touch.
        battery: what `dumpsys battery` reads.
        overrides: properties that hide the computed ones of `getprop`.
        clock_skew: added to `wall` wherever the phone shows or stores a date.
        air: what its radio really sent.
        unlocked: whether its user's storage is open; see `unlock`.
    """

    def __init__(
        self,
        spec: PhoneSpec,
        *,
        wall: Callable[[], datetime],
        dice: random.Random,
        air: Air | None = None,
    ) -> None:
        """Make a phone that has been switched on and is ready; needs no running loop."""
        self.spec = spec
        self.wall = wall
        self.dice = dice
        self.air = air if air is not None else Air()
        self.clock_skew = timedelta()
        self.slots = tuple(
            SimSlot(index, card, spec.quirks.signal_dbm[index % len(spec.quirks.signal_dbm)])
            for index, card in enumerate(spec.sims)
        )
        self.subscriptions = Subscriptions(self.slots)
        self.logs = LogBuffers(self.local_now)
        self.store = SmsStore(spec.api)
        self.settings = Settings(spec, dice)
        self.estate = Estate(spec, self.settings)
        self.battery = Battery()
        self.overrides: dict[str, str] = {}
        self.radio = Radio(
            spec, wall=self.now, dice=dice, air=self.air, store=self.store, logs=self.logs
        )
        self.services: Mapping[str, BinderService] = {}
        self.powered = False
        self.framework_up = False
        self.unlocked = True
        self.boot_id = ""
        self.booted_at = wall()
        self._rise: asyncio.Task[None] | None = None
        self._power_on()
        self.booted_at -= UP_SINCE
        self._raise_framework()

    # --- Tools ---

    @property
    def tools(self) -> frozenset[str]:
        """Names that `tool` knows; the shell finds nothing else."""
        return frozenset(TOOLS)

    async def tool(self, argv: Sequence[str], console: Console) -> int:
        """Run one of the phone's tools to its end.

        Args:
            argv: the name (a path counts by its last component) and its arguments, as text whose
                undecodable bytes are surrogate escapes.
            console: the tool's standard streams.

        Returns:
            The exit code; 127 with the shell's own words for a name that does not exist.
        """
        tool: Callable[[VirtualPhone, Sequence[str], Console], Awaitable[int]] | None
        tool = TOOLS.get(argv[0].rsplit("/", 1)[-1])
        if tool is None:
            await console.stderr(self.not_found(argv[0]).encode("utf-8", "surrogateescape"))
            return SHELL_NOT_FOUND
        return await tool(self, argv, console)

    def not_found(self, name: str) -> str:
        """What the phone's shell says of an unknown name."""
        old = self.spec.api < API_26_NEW_MKSH
        return f"/system/bin/sh: {name}: {'not found' if old else 'inaccessible or not found'}\n"

    @property
    def proc_files(self) -> Mapping[str, Callable[[], bytes]]:
        """Files below /proc that change by themselves, by path."""
        return {
            "/proc/sys/kernel/random/boot_id": self._boot_id_line,
            "/proc/uptime": self._uptime_line,
        }

    def has_package(self, package: str | None) -> bool:
        """Whether a package belongs to the shell's uid."""
        return package == SHELL_PACKAGE

    def properties(self) -> dict[str, str]:
        """All properties as `getprop` lists them now."""
        return properties(self) | self.overrides

    # --- Clock ---

    def now(self) -> datetime:
        """The phone's clock, UTC."""
        return self.wall() + self.clock_skew

    def local_now(self) -> datetime:
        """The phone's clock in its own time zone, as logs show it."""
        offset = timedelta(minutes=self.spec.quirks.utc_offset_min)
        return self.now().astimezone(timezone(offset))

    @property
    def uptime_s(self) -> float:
        """Seconds since the last boot."""
        return max((self.wall() - self.booted_at).total_seconds(), 0.0)

    # --- Power ---

    async def power_off(self) -> None:
        """Switch off: calls and messages end where they stand, followers of the log end."""
        if self._rise is not None:
            self._rise.cancel()
            self._rise = None
        self.powered = self.framework_up = False
        self.services = {}
        self.radio.stop()
        self.logs.end()

    async def boot(self) -> None:
        """Switch on: the shell is there at once, the framework `quirks.boot_s` later."""
        self._power_on()
        self.unlocked = not self.spec.quirks.locked_boot
        self._rise = asyncio.get_running_loop().create_task(self._framework_later())

    async def reboot(self) -> None:
        """Switch off, stay away for `quirks.off_s`, switch on again."""
        await self.power_off()
        await asyncio.sleep(self.spec.quirks.off_s)
        await self.boot()

    def erase(self) -> None:
        """What a factory reset erases, while switched off; hardware, cards and build stay."""
        if self.powered:
            raise ValueError("switch it off first")
        self.store.reset()
        self.settings = Settings(self.spec, self.dice)
        self.estate = Estate(self.spec, self.settings)
        self.subscriptions = Subscriptions(self.slots)

    def unlock(self) -> None:
        """Somebody enters the screen's secret for the first time since the boot."""
        self.unlocked = True

    async def restart_phone_process(self) -> None:
        """The process com.android.phone dies and comes back: it reads its settings anew."""
        self.radio.stop()
        self._raise_framework()

    def feed(self, on: bool) -> None:
        """Give it power over USB, or none. The battery service logs each change, cable or not."""
        self.battery.usb = on
        self.battery.status = 2 if on else 3
        self._log_battery()

    def _log_battery(self) -> None:
        battery = self.battery
        plugged = 2 if battery.usb else int(battery.ac)
        text = f"[{battery.status},{battery.health},1,{plugged},Li-ion]"
        self.logs.write("events", "I", "battery_status", text, pid=1200, tid=1200)

    # --- Cards and networks ---

    def insert_sim(self, slot: int, sim: SimCard) -> None:
        """Put a card into a slot; a card that was never seen before gets a new subscription."""
        self.slots[slot].card = sim
        self.subscriptions.refresh()

    def remove_sim(self, slot: int) -> SimCard | None:
        """Take the card out and return it."""
        card, self.slots[slot].card = self.slots[slot].card, None
        return card

    def swap_sims(self) -> None:
        """Exchange the cards of the two slots; each keeps its subscription id."""
        first, second = self.slots[0], self.slots[1]
        first.card, second.card = second.card, first.card

    def set_airplane(self, on: bool) -> None:
        """Switch airplane mode, as the quick setting does."""
        self.settings.put("global", "airplane_mode_on", str(int(on)))
        for slot in self.slots:
            slot.radio_on = not on

    def receive_sms(self, slot: int, sender: str, body: str) -> int:
        """A message comes in on a slot; returns the `_id` of its row."""
        subscription = self.subscriptions.in_slot(slot)
        if subscription is None:
            raise ValueError(f"slot {slot} of {self.spec.serial} has no card to receive on")
        by_slot = self.spec.quirks.rows_by_slot
        return self.store.receive(
            sub_id=slot if by_slot else subscription.sub_id,
            address=sender,
            body=body,
            at=self.now(),
            sent_at=self.wall(),
        )

    # --- Boot ---

    def _boot_id_line(self) -> bytes:
        return f"{self.boot_id}\n".encode()

    def _uptime_line(self) -> bytes:
        return f"{self.uptime_s:.2f} {self.uptime_s * 1.9:.2f}\n".encode()

    def _power_on(self) -> None:
        digits = f"{self.dice.getrandbits(128):032x}"
        self.boot_id = "-".join(
            (digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:])
        )
        self.booted_at = self.wall()
        self.powered = True
        self.estate.restarted()
        self.logs.write("main", "I", "boot", "Android is starting", pid=1, tid=1)

    async def _framework_later(self) -> None:
        await asyncio.sleep(self.spec.quirks.boot_s)
        self._raise_framework()

    def _raise_framework(self) -> None:
        """Start the phone process: it alone reads the limit's settings, once."""
        self.radio.start(UsageGuard(self.settings.namespace("global"), self.now))
        self.services = {
            service.name: service
            for service in (isms_service(self), isub_service(self), iphonesubinfo_service(self))
        }
        self.framework_up = True
        self._log_battery()
        self.logs.write("radio", "D", "RILJ", "Connected to radio service", tid=1553)
        self.logs.write("system", "I", "ActivityManager", "System now ready", pid=1200, tid=1200)
