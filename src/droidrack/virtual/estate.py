"""What a phone holds besides telephony: apps and their rights, roles, Wi-Fi, volumes, owner.

`changes` lists everything that was really changed by a tool, in order: a test that says "nothing
was written" looks here. Survives reboots, but for what `HabitQuirks` says.
"""

import asyncio
from dataclasses import dataclass, field

from droidrack.virtual.settings import Settings
from droidrack.virtual.spec import PhoneSpec


@dataclass(frozen=True, slots=True)
class HabitQuirks:
    """How a maker's build treats what a recipe does."""

    ignored: frozenset[str] = frozenset()  # Settings whose writes do nothing, silently.
    reverted: frozenset[str] = frozenset()  # Settings that the maker sets back after `revert_s`.
    forgotten: frozenset[str] = frozenset()  # Settings that a restart sets back.
    revert_s: float = 5.0
    grants_refused: bool = False  # The shell may not grant until a switch is on.
    install_prompt: bool = False  # An install over USB waits for a tap on the phone.
    own_settings: tuple[tuple[str, str, str], ...] = ()  # Keys of the maker: namespace, key, value.


@dataclass(slots=True)
class Package:
    """One installed (or removed system) app."""

    name: str
    version_code: int = 1
    signer: str = "platform"
    system: bool = False
    installed: bool = True
    enabled: int = 0  # COMPONENT_ENABLED_STATE_*; 3: disabled by the user
    requested: tuple[str, ...] = ()
    granted: set[str] = field(default_factory=set)
    paths: tuple[str, ...] = ()
    ops: dict[str, str] = field(default_factory=dict)
    bucket: int = 40
    uid: int = 10_000


@dataclass(slots=True)
class Wifi:
    """The station side of Wi-Fi. `networks` are those in reach: name → key ("" where open)."""

    on: bool = True
    connected: str = ""
    validated: bool = True
    networks: dict[str, str] = field(default_factory=dict)


SYSTEM_APPS = (
    "android",
    "com.android.phone",
    "com.android.settings",
    "com.android.shell",
    "com.android.systemui",
    "com.android.providers.telephony",
    "com.google.android.apps.messaging",
    "com.google.android.gms",
    "com.android.vending",
    "com.example.bloat",
    "com.example.updater",
)
SMS_APP = "com.google.android.apps.messaging"


class Estate:
    """Everything of one phone that recipes touch."""

    def __init__(self, spec: PhoneSpec, settings: Settings) -> None:
        self.spec = spec
        self.settings = settings
        self.habits = HabitQuirks()
        self.changes: list[str] = []
        self.packages = {
            name: Package(
                name,
                version_code=spec.api * 1000,
                system=True,
                paths=(f"/system/app/{name}/{name}.apk",),
                uid=10_000 + index if index else 1000,
            )
            for index, name in enumerate(SYSTEM_APPS)
        }
        self.sessions: dict[int, tuple[list[bytes], tuple[str, ...]]] = {}
        self.doze_exempt: set[str] = set()
        self.wifi = Wifi()
        self.volumes = {2: 5, 3: 7, 4: 6, 5: 5}
        self.zone: str | None = None
        self.locale = "en-US"
        self.owner = ""
        self.accounts: list[str] = []
        self.users = [(0, "Owner")]
        self.switches: dict[str, bool] = {"rcs": True}
        self._saved: dict[tuple[str, str], str | None] = {}

    def adopt(self, habits: HabitQuirks) -> None:
        """Give the phone a maker's habits."""
        self.habits = habits
        for namespace, key, value in habits.own_settings:
            self.settings.put(namespace, key, value)

    def changed(self, what: str) -> None:
        """Note a change."""
        self.changes.append(what)

    def live(self, name: str) -> Package | None:
        """An app as user 0 has it."""
        package = self.packages.get(name)
        return package if package is not None and package.installed else None

    # --- Settings with a maker's habits -------------------------------------------------------

    def put_setting(self, namespace: str, key: str, value: str | None) -> bool:
        """Write (or with None delete) a setting as the maker lets it; whether it was there."""
        self.changed(f"settings {namespace} {key}={value}")
        before = self.settings.get(namespace, key)
        if key in self.habits.ignored:
            return before is not None
        if key in self.habits.forgotten and (namespace, key) not in self._saved:
            self._saved[namespace, key] = before
        if key in self.habits.reverted:
            loop = asyncio.get_running_loop()
            loop.call_later(self.habits.revert_s, self._set, namespace, key, before)
        self._set(namespace, key, value)
        return before is not None

    def _set(self, namespace: str, key: str, value: str | None) -> None:
        if value is None:
            self.settings.delete(namespace, key)
        else:
            self.settings.put(namespace, key, value)

    def restarted(self) -> None:
        """What a start does: forgotten settings come back, the language list takes effect."""
        for (namespace, key), value in self._saved.items():
            self._set(namespace, key, value)
        self._saved.clear()
        self.locale = self.settings.get("system", "system_locales") or self.locale

    # --- Rights -------------------------------------------------------------------------------

    @property
    def may_grant(self) -> bool:
        """Whether the shell may grant permissions now."""
        switch = self.settings.get("global", "usb_debugging_security") == "1"
        return switch or not self.habits.grants_refused

    def sms_app(self) -> str:
        """The default SMS app."""
        return self.settings.get("secure", "sms_default_application") or ""

    def state(self) -> dict[str, object]:
        """Everything that a recipe may have set, to be compared between phones and runs."""
        return {
            "settings": {
                name: dict(self.settings.namespace(name)) for name in ("system", "secure", "global")
            },
            "packages": {
                p.name: (p.version_code, p.installed, p.enabled, sorted(p.granted), dict(p.ops),
                         p.bucket, len(p.paths))
                for p in self.packages.values()
            },
            "doze": sorted(self.doze_exempt),
            "wifi": self.wifi.connected,
            "volumes": dict(self.volumes),
            "zone": self.zone,
            "owner": self.owner,
            "switches": dict(self.switches),
        }  # fmt: skip


MAKERS: dict[str, HabitQuirks] = {
    "xiaomi": HabitQuirks(
        grants_refused=True,
        install_prompt=True,
        ignored=frozenset({"ota_disable_automatic_update"}),
    ),
    "oneplus": HabitQuirks(forgotten=frozenset({"wifi_sleep_policy"})),
    "samsung": HabitQuirks(own_settings=(("global", "protect_battery", "0"),)),
    "vivo": HabitQuirks(reverted=frozenset({"stay_on_while_plugged_in"})),
    "huawei": HabitQuirks(ignored=frozenset({"animator_duration_scale"})),
}
"""Typical habits by maker, from public reports; for rehearsals. A real build may differ."""
