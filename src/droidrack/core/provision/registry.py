"""Every type of step, by name. The manual's pages are printed from here."""

from collections.abc import Mapping
from types import MappingProxyType

from droidrack.core.provision.step_general import (
    EVIDENCE,
    EXPECT,
    HUMAN,
    ONCE,
    PUSH,
    SCREENSHOT,
    SHELL,
    WAIT,
)
from droidrack.core.provision.step_packages import APK, PACKAGE_STATE
from droidrack.core.provision.step_rights import (
    APP_OP,
    DOZE,
    PERMISSION,
    SMS_APP,
    STANDBY_BUCKET,
)
from droidrack.core.provision.step_settings import (
    ANIMATIONS,
    CHARGE_LIMIT,
    CLOCK,
    LOCALE,
    OTA,
    SCREEN,
    SETTING,
    TIME_ZONE,
    VOLUME,
)
from droidrack.core.provision.step_system import DEVICE_OWNER, RESTART, WIFI
from droidrack.core.provision.step_ui import UI
from droidrack.core.provision.steptype import StepType

_ALL = (
    APK, PACKAGE_STATE, PERMISSION, APP_OP, DOZE, STANDBY_BUCKET, SMS_APP,
    SETTING, SCREEN, ANIMATIONS, CLOCK, TIME_ZONE, LOCALE, VOLUME, OTA, CHARGE_LIMIT,
    WIFI, PUSH, EVIDENCE, SCREENSHOT, EXPECT, WAIT, RESTART, DEVICE_OWNER,
    SHELL, ONCE, HUMAN, UI,
)  # fmt: skip

STEP_TYPES: Mapping[str, StepType] = MappingProxyType({kind.name: kind for kind in _ALL})


def rests_on_journal(kind: StepType, params: Mapping[str, object]) -> bool:
    """Whether only the journal can tell that a step was done: the phone shows nothing of it."""
    return kind.name in (UI.name, HUMAN.name) and not params["check"]
