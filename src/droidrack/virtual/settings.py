"""The settings provider: three namespaces of names and texts."""

import random
from collections.abc import Mapping

from droidrack.virtual.spec import PhoneSpec

NAMESPACES = ("system", "secure", "global")


class Settings:
    """What `settings` reads and writes. Survives reboots."""

    def __init__(self, spec: PhoneSpec, dice: random.Random) -> None:
        self._values: dict[str, dict[str, str]] = {
            "system": {"screen_off_timeout": "30000", "screen_brightness": "102"},
            "secure": {
                "user_setup_complete": "1",
                "sms_default_application": _SMS_APP,
                "android_id": f"{dice.getrandbits(64):016x}",  # Drawn anew after each erasing.
            },
            "global": {
                "adb_enabled": "1",
                "airplane_mode_on": "0",
                "device_name": spec.model,
                "device_provisioned": "1",
                "stay_on_while_plugged_in": "0",
                "auto_time": "1",
            },
        }

    def get(self, namespace: str, name: str) -> str | None:
        """A value, None where there is none."""
        return self._values[namespace].get(name)

    def put(self, namespace: str, name: str, value: str) -> None:
        """Write a value."""
        self._values[namespace][name] = value

    def delete(self, namespace: str, name: str) -> bool:
        """Delete a value; whether there was one."""
        return self._values[namespace].pop(name, None) is not None

    def namespace(self, namespace: str) -> Mapping[str, str]:
        """All values of a namespace, live."""
        return self._values[namespace]


_SMS_APP = "com.google.android.apps.messaging"
