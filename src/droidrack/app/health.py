"""The health room of a phone: one gentle look per interval, and what of it rings.

One command asks for everything; each answer gives a value or nothing. Liveness is not an answer to
it: a phone that answers every question and proves no send is silent, and that rings too.
"""

from droidrack.app.asking import Asking
from droidrack.app.handset import Handset
from droidrack.app.oversight import Oversight
from droidrack.app.world import World
from droidrack.core.battery import Battery
from droidrack.core.errors import (
    AnswerCut,
    ParseError,
    PhoneRefused,
    PhoneTimeout,
    VaultError,
)
from droidrack.core.parse.battery import parse_battery
from droidrack.core.parse.upkeep import doze_state, epoch_s, free_bytes, sms_app
from droidrack.core.parse.windows import PHONE_PROCESS, window_packages
from droidrack.core.sections import Section
from droidrack.core.sim_health import sim_alarms, sim_health
from droidrack.core.vitals import FULL_PERCENT, Alarm, Vitals, alarms_of, dialog_alarms

READ_DEADLINE_S = 20.0
"""The slowest dumpsys of a loaded phone seen in the field took 8 s."""

WATCH_S = 10.0
"""How often what needs no question is looked at again: silence, holds, the last reading of SIMs."""

_COMMANDS = {
    "battery": "dumpsys battery",
    "disk": "df -k /data",
    "doze": "dumpsys deviceidle get deep",
    "role": "dumpsys role",
    "app": "settings get secure sms_default_application",
    "windows": "dumpsys window windows",
    "clock": "date +%s",  # Last, so that it is as near to our own clock as can be.
}


async def note_new_build(world: World, handset: Handset, phone: str) -> None:
    """Tell where a phone was updated since it was seen last; it is proven anew by itself.

    Its recipes are not: an update may have set anything back.
    """
    seen = handset.identity.fingerprint
    record = await world.journal.phone(handset.device)
    if record is not None and record.fingerprint not in ("", seen):
        hint = "its recipes are due for a check: droidrack provision drift RECIPE"
        text = f"{record.fingerprint} → {seen}; {hint}"
        world.chronicle.note("build-changed", text, phone=phone, device=handset.device)
        world.tell("build changed", phone=phone, was=record.fingerprint, now=seen, hint=hint)


class Health:
    """The health room of one phone. PhoneError ends `run` when the phone is gone."""

    def __init__(
        self, world: World, handset: Handset, oversight: Oversight, asking: Asking
    ) -> None:
        """`asking`: what is known of the phone's screen; it hears what is seen of it here."""
        self._world = world
        self._handset = handset
        self._oversight = oversight
        self._asking = asking
        asking.on_change = self.watch
        self._full_since: float | None = None
        self._measured: tuple[Alarm, ...] = ()

    async def run(self) -> None:
        """Look for ever, not all phones at once."""
        world = self._world
        every_s = world.settings.health.read_s
        read_at = world.clock.monotonic() - every_s * world.dice.random()
        while True:
            if world.clock.monotonic() - read_at >= every_s:
                read_at = world.clock.monotonic()
                await self.look()
            self.watch()
            await world.clock.sleep(min(WATCH_S, every_s))

    async def look(self) -> None:
        """Read the phone once."""
        try:
            sections = await self._handset.ask(_COMMANDS, deadline_s=READ_DEADLINE_S)
        except (PhoneTimeout, PhoneRefused, AnswerCut) as error:
            # One slow answer must not end a send: whoever sends finds out for himself.
            self._world.tell("health not read", device=self._handset.device, reason=error.message)
            vitals = Vitals()
        else:
            vitals = self._vitals(sections)
        ringing = [r.alarm.kind for r in self._oversight.ringing]
        self._measured = alarms_of(vitals, self._world.settings.health, ringing)
        self._oversight.vitals = vitals
        if vitals.asks_a_person is not None:
            self._asking.hear(phone_process=vitals.asks_a_person)

    def watch(self) -> None:
        """Ring for what is known now."""
        oversight = self._oversight
        holds = oversight.conduct.holds(self._handset.sims)
        oversight.sims = sim_health(self._handset.sims, self._handset.registry, holds)
        silence: tuple[Alarm, ...] = ()
        silent_s = oversight.conduct.silent_s
        if silent_s >= self._world.settings.health.silence_s:
            silence = (Alarm("silent", f"no proof of any message for {silent_s / 60:.0f} min"),)
        asked = dialog_alarms(self._asking.package)
        oversight.ring((*self._measured, *asked, *sim_alarms(oversight.sims), *silence))

    # --- What was read ------------------------------------------------------------------------

    def _vitals(self, sections: dict[str, Section]) -> Vitals:
        battery = _battery(sections["battery"].text)
        phone_s = epoch_s(sections["clock"].text)
        app = sms_app(sections["role"].text, sections["app"].text)
        return Vitals(
            battery=battery,
            storage_free_bytes=free_bytes(sections["disk"].text),
            clock_offset_s=phone_s - self._world.clock.now().timestamp() if phone_s else None,
            doze=doze_state(sections["doze"].text),
            sms_app=app,
            asks_a_person=_asks(sections["windows"].text),
            full_for_s=self._full_for_s(battery),
            usual_sms_app=self._usual(app),
        )

    def _full_for_s(self, battery: Battery | None) -> float:
        percent = battery.percent if battery is not None else None
        if percent is None or percent < FULL_PERCENT:
            self._full_since = None
            return 0.0
        now = self._world.clock.monotonic()
        self._full_since = now if self._full_since is None else self._full_since
        return now - self._full_since

    def _usual(self, app: str | None) -> str:
        """The SMS app that this phone had when it was first asked."""
        notebook, device = self._world.notebook, self._handset.device
        usual = notebook.sms_app(device)
        if not usual and app:
            try:
                notebook.keep_sms_app(device, app)
            except VaultError as error:
                self._world.tell("SMS app not noted", device=device, reason=error.message)
        return usual


def _battery(text: str) -> Battery | None:
    try:
        return parse_battery(text)
    except ParseError:
        return None


def _asks(text: str) -> bool | None:
    try:
        return PHONE_PROCESS in window_packages(text)
    except ParseError:
        return None
