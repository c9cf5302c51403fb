"""The phone's own apps, as far as steps on the screen go: Settings, messaging, prompts.

Makers name their rows differently, which is what selectors by maker are for.
"""

from collections.abc import Sequence

from droidrack.virtual.estate import Estate
from droidrack.virtual.screen import Screen
from droidrack.virtual.windows import Row, Window

SETTINGS = "com.android.settings"
MESSAGING = "com.google.android.apps.messaging"
GUARD = "com.miui.securitycenter"

_NETWORK = {"samsung": "Connections", "xiaomi": "SIM cards & mobile networks",
            "oneplus": "Mobile network"}  # fmt: skip
_FILLERS = ("Wallpaper", "Display", "Sound", "Battery", "Storage", "Privacy", "Location", "Safety",
            "Passwords", "Accounts", "Digital wellbeing", "Google", "System")  # fmt: skip


class PhoneApps:
    """Opens windows on a phone's screen. `owner_key` is what was typed into that field."""

    def __init__(self, estate: Estate, screen: Screen) -> None:
        self._estate = estate
        self._screen = screen
        self._draft = estate.settings.get("global", "device_name") or ""
        self.owner_key = ""

    def start(self, target: str) -> bool:
        """`am start` of an intent action or a component; False where nothing answers."""
        openers = {
            "android.settings.SETTINGS": self._settings,
            f"{SETTINGS}/.Settings": self._settings,
            f"{MESSAGING}/.ui.ConversationListActivity": self._messaging,
        }
        opener = openers.get(target)
        if opener is None:
            return False
        self._screen.show(opener())
        return True

    # --- Settings -----------------------------------------------------------------------------

    def _settings(self) -> Window:
        def rows() -> Sequence[Row]:
            network = _NETWORK.get(self._estate.spec.maker.casefold(), "Network & internet")
            fillers = [Row(text) for text in _FILLERS]
            return [
                Row(network, "network", tap=lambda: self._screen.show(self._networks())),
                *fillers,
                Row("Developer options", tap=lambda: self._screen.show(self._developer())),
                Row("About phone", "about", tap=lambda: self._screen.show(self._about())),
            ]

        return Window(SETTINGS, "Settings", rows)

    def _networks(self) -> Window:
        return Window(SETTINGS, "Network", lambda: [self._switch("Chat features", "rcs")])

    def _developer(self) -> Window:
        def rows() -> Sequence[Row]:
            state = self._estate.switches.get("install_usb", False)
            return [Row("Install via USB apps", "usb", tap=self.warn, switch=lambda: state)]

        return Window(SETTINGS, "Developer options", rows)

    def _about(self) -> Window:
        def save() -> None:
            self._estate.settings.put("global", "device_name", self._draft)
            self._estate.changed(f"ui device_name={self._draft}")

        def typed(text: str) -> None:
            self._draft = text

        def pin(text: str) -> None:
            self.owner_key = text

        return Window(
            SETTINGS,
            "About phone",
            lambda: [
                Row("Device name", "name", field=lambda: self._draft, typed=typed),
                Row("Owner key", "key", field=lambda: self.owner_key, typed=pin, password=True),
                Row("Save", "save", tap=save),
            ],
        )

    def _switch(self, text: str, name: str) -> Row:
        def turn() -> None:
            self._estate.switches[name] = not self._estate.switches.get(name, False)
            self._estate.changed(f"ui {name}={self._estate.switches[name]}")

        return Row(text, name, tap=turn, switch=lambda: self._estate.switches.get(name, False))

    # --- Messaging ----------------------------------------------------------------------------

    def _messaging(self) -> Window:
        return Window(
            MESSAGING,
            "Messages",
            lambda: [
                Row("Start chat", "start"),
                Row("Chat settings", "settings",
                    tap=lambda: self._screen.show(self._networks())),
            ],
        )  # fmt: skip

    # --- Prompts ------------------------------------------------------------------------------

    def warn(self) -> None:
        """The maker's warning before a guarded switch turns."""

        def accept() -> None:
            self._estate.switches["install_usb"] = True
            self._estate.changed("ui prompt accepted")
            self._screen.close(window)

        window = Window(
            GUARD,
            "Allow apps to be installed over USB?",
            lambda: [Row("Accept", "accept", tap=accept), Row("Cancel")],
        )
        self._screen.show(window)
