"""What keeps one phone from sending, whatever its state: orders of people, and alarms.

The rooms ask before they act: `halted` before a call, `closed` before a poll. Alarms are told when
they begin and when they end, never in between.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from droidrack.app.conduct import Conduct
from droidrack.app.world import World
from droidrack.core.ids import DeviceUuid
from droidrack.core.sim_health import SimHealth
from droidrack.core.standing import Duty, Order, OrderKind
from droidrack.core.vitals import Alarm, Severity, Vitals


@dataclass(frozen=True, slots=True)
class Ringing:
    """An alarm and the moment it began."""

    alarm: Alarm
    since: datetime


class Oversight:
    """The brakes of one phone."""

    def __init__(self, world: World, phone: str) -> None:
        self._world = world
        self._phone = phone
        self.conduct = Conduct(world.steady)
        self.device: DeviceUuid | None = None
        self.order = world.notebook.order(phone)
        self.stopping = ""  # The controller ends: why nothing new begins.
        self.vitals: Vitals | None = None  # None: not read since the phone came.
        self.sims: tuple[SimHealth, ...] = ()
        self._ringing: dict[object, Ringing] = {}
        self.on_change: Callable[[], None] = lambda: None

    @property
    def ringing(self) -> tuple[Ringing, ...]:
        """The alarms, gravest first."""
        grave = list(Severity)
        return tuple(
            sorted(self._ringing.values(), key=lambda r: (-grave.index(r.alarm.severity), r.since))
        )

    def halted(self) -> str:
        """Why no new call may be made now; "": it may."""
        if self.order is not None and self.order.kind is OrderKind.PAUSE:
            return self.order.why
        return next((r.alarm.text for r in self.ringing if r.alarm.stops), "")

    def closed(self) -> bool:
        """Whether no new message should be taken from the panel."""
        return bool(self.stopping or self.order or self.halted())

    def duty(self, unpaired: str) -> Duty:
        """What decides how the phone shows while it works."""
        order = self.order
        paused = order.why if order and order.kind is OrderKind.PAUSE else ""
        draining = order.why if order and order.kind is OrderKind.DRAIN else ""
        worth = (r.alarm for r in self.ringing if r.alarm.severity is not Severity.NOTE)
        alarms = [f"{alarm.kind}: {alarm.text}" for alarm in worth]
        return Duty(paused, self.stopping or draining, unpaired, alarms)

    def set_order(self, order: Order | None) -> None:
        """Obey an operator from now on, over restarts too.

        Raises:
            VaultError: it cannot be kept; then it is not obeyed either.
        """
        self._world.notebook.set_order(self._phone, order)
        self.order = order
        if order is None:
            self.conduct.free()
        self.on_change()

    def stop(self, why: str) -> None:
        """Begin nothing new: the controller ends."""
        self.stopping = why
        self.on_change()

    # --- Alarms -------------------------------------------------------------------------------

    def ring(self, alarms: Iterable[Alarm]) -> None:
        """These, and no others, ring now."""
        now = {alarm.key: alarm for alarm in alarms}
        before = {key: known.alarm for key, known in self._ringing.items()}
        for key in self._ringing.keys() - now.keys():
            self._tell("alarm over", self._ringing.pop(key).alarm)
        for key, alarm in now.items():
            known = self._ringing.get(key)
            at = known.since if known else self._world.clock.now()
            self._ringing[key] = Ringing(alarm, at)
            if known is None:
                self._tell("alarm", alarm)
        if now != before:  # Whoever hears of a change looks at the phone again.
            self.on_change()

    def forget(self) -> None:
        """The phone left: what was measured on it is no longer known."""
        self.vitals, self.sims = None, ()
        if self._ringing:
            self.ring(r.alarm for r in self.ringing if r.alarm.kind == "silent")

    def _tell(self, kind: str, alarm: Alarm) -> None:
        begins = kind == "alarm"
        remedy = f" ({alarm.remedy})" if begins else ""
        text = f"{alarm.severity} {alarm.kind}: {alarm.text}{remedy}"
        self._world.chronicle.note(
            kind.replace(" ", "-"), text, phone=self._phone, device=self.device
        )
        facts = {"reason": alarm.text, "remedy": alarm.remedy} if begins else {}
        self._world.tell(kind, phone=self._phone, alarm=alarm.kind, **facts)
