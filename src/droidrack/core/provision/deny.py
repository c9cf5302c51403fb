"""What no recipe can express, whoever wrote it.

Three lists: identifiers of the phone (never changed), safety of the platform (never switched off or
answered by machine), and packages without which a phone does not start again. They are checked when
a recipe is loaded, and again with the phone's own values in place of the variables.
"""

import re
import shlex
from collections.abc import Iterator

CORE_PACKAGES = frozenset(
    [
        "android",
        "com.android.phone",
        "com.android.systemui",
        "com.android.settings",
        "com.android.shell",
        "com.android.providers.telephony",
        "com.android.providers.settings",
        "com.android.providers.media",
        "com.android.providers.contacts",
        "com.android.providers.downloads",
        "com.android.server.telecom",
        "com.android.packageinstaller",
        "com.google.android.packageinstaller",
        "com.android.externalstorage",
        "com.android.permissioncontroller",
        "com.google.android.permissioncontroller",
        "com.android.keychain",
        "com.android.bluetooth",
        "com.android.nfc",
        "com.android.location.fused",
        "com.android.mtp",
        "com.android.inputdevices",
        "com.android.certinstaller",
        "com.android.networkstack",
        "com.google.android.networkstack",
        "com.android.networkstack.tethering",
        "com.android.wifi.resources",
        "com.google.android.ext.services",
        "android.ext.services",
        "com.android.internal.systemui.navbar",
        "com.google.android.webview",
        "com.android.webview",
        "com.android.stk",
        "com.android.carrierconfig",
        "com.android.ims",
        "com.qualcomm.qti.telephonyservice",
        "com.sec.imsservice",
        "com.mediatek.ims",
        "com.miui.securitycenter",
        "com.miui.core",
        "com.xiaomi.finddevice",
        "com.lbe.security.miui",
        "com.samsung.android.providers.contacts",
        "com.sec.android.app.launcher.permissions",
        "com.samsung.android.incallui",
        "com.sec.phone",
        "com.android.providers.blockednumber",
        "com.android.providers.userdictionary",
        "com.android.companiondevicemanager",
    ]
)
"""Removing or disabling one of these has left phones of some maker in a boot loop, without a
network or without their dialogs (com.xiaomi.finddevice and com.miui.core on MIUI are the notorious
ones)."""

IDENTIFIER_SETTINGS = frozenset(
    [
        "android_id",
        "bluetooth_address",
        "wifi_mac_address",
        "advertising_id",
        "imei",
        "serialno",
        "device_serial",
    ]
)

SAFETY_SETTINGS = frozenset(
    [
        "sms_outgoing_check_max_count",
        "sms_outgoing_check_interval_ms",
        "sms_short_code_confirmation",
        "sms_short_code_rule",
        "package_verifier_enable",
        "package_verifier_user_consent",
        "verifier_verify_adb_installs",
        "upload_apk_enable",
        "adb_enabled",
        "adb_wifi_enabled",
        "install_non_market_apps",
        "enabled_accessibility_services",
        "accessibility_enabled",
        "enabled_notification_listeners",
        "lock_screen_lock_after_timeout",
        "lockscreen.password_type",
        "frp_bypass",
        "secure_frp_mode",
        "user_setup_complete",
        "device_provisioned",
    ]
)
"""Android's own guards, consent, factory-reset protection, and what keeps us connected."""

PROMPT_PACKAGES = frozenset(
    [
        "com.android.permissioncontroller",
        "com.google.android.permissioncontroller",
        "com.android.packageinstaller",
        "com.google.android.packageinstaller",
        "com.miui.packageinstaller",
        "com.samsung.android.packageinstaller",
        "com.miui.securitycenter",
        "com.lbe.security.miui",
        "com.coloros.safecenter",
        "com.oplus.safecenter",
        "com.vivo.permissionmanager",
        "com.huawei.systemmanager",
        "com.android.vending",
        "com.google.android.gms",
        "com.android.phone",
        "com.android.stk",
        "com.android.systemui",
        "com.android.keyguard",
        "com.android.certinstaller",
        "com.android.vpndialogs",
        "com.android.companiondevicemanager",
        "com.android.managedprovisioning",
        "com.google.android.apps.work.oobconfig",
    ]
)
"""Packages whose windows ask for consent or guard the phone. The system's own dialogs about USB
debugging and the limit of messages are among them. A flow never touches them."""

PROMPT_TEXTS = re.compile(
    r"(?i)\b(usb debugging|allow .{0,60} to |install via usb|installieren über usb|"
    r"sending (a large number|sms messages)|unknown apps|device admin|accessibility service|"
    r"full control of your device|verify it.?s you|enter your (pin|password|pattern)|"
    r"factory reset|erase all data)"
)
"""Titles of consent and security screens that belong to no package of their own, in English; on a
phone in another language the packages decide."""

_WORD = re.compile(r"[\w./+-]+")
_DENIED_WORDS = {
    "input": "blind input to the screen",
    "sendevent": "blind input to the screen",
    "monkey": "blind input to the screen",
    "su": "root",
    "setenforce": "switching SELinux off",
    "fastboot": "the boot loader",
    "frp": "factory-reset protection",
    "iphonesubinfo": "the phone's identity",
}
_DENIED_PATTERNS = (
    (re.compile(r"(?i)\bAT\+(EGMR|CFUN=9)|\bEGMR\b"), "writing an IMEI"),
    (
        re.compile(r"(?i)\bsetprop\s+\S*(serialno|imei|meid|macaddr|mac_addr|wifimac|btmac)"),
        "an identifier of the phone",
    ),
    (re.compile(r"(?i)\b(ip|ifconfig)\b.*\b(address|hw\s+ether)\s+[0-9a-f]{2}:"), "a MAC address"),
    (re.compile(r"(?i)/persist/|/efs/|/nvdata|/nvram|nvcfg"), "the modem's own storage"),
    (re.compile(r"(?i)\bservice\s+call\s+isms\b"), "sending messages; that is the rack's work"),
    (
        re.compile(r"(?i)\bcontent\s+(insert|update|delete)\b.*content://(sms|mms)"),
        "the phone's record of its messages; it is the rack's witness",
    ),
    (re.compile(r"(?i)\bsettings\s+(put|delete)\s+(--user\s+\S+\s+)?\w+\s+(\S+)"), "setting"),
    (re.compile(r"(?i)\b(pm|cmd\s+package)\s+(uninstall|disable\S*|clear)\b(.*)"), "package"),
)


def denied_setting(key: str) -> str:
    """Why a setting may not be written; "" where it may."""
    name = key.casefold()
    if name in IDENTIFIER_SETTINGS or re.search(r"imei|serialno|mac_addr", name):
        return f"{key} is an identifier of the phone; no step can change one"
    if name in SAFETY_SETTINGS:
        return f"{key} is one of Android's own guards; a recipe cannot touch it"
    return ""


def denied_package(package: str) -> str:
    """Why a package may not be removed or disabled; "" where it may."""
    if package in CORE_PACKAGES:
        return f"{package} is a core package: a phone without it may not start again"
    return ""


def denied_command(command: str) -> str:
    """Why a shell command may not be part of a recipe; "" where it may.

    A fence for honest authors, not a jail: a script that hides its words from this reading is
    still run as the phone's shell user, who can change no identifier.
    """
    for pattern, what in _DENIED_PATTERNS:
        for found in pattern.finditer(command):
            if what == "setting":
                reason = denied_setting(found[3].strip("'\""))
            elif what == "package":
                reason = next(filter(None, map(denied_package, _WORD.findall(found[3]))), "")
            else:
                reason = f"{what} is beyond what a recipe may do"
            if reason:
                return reason
    for word in _words(command):
        if word in _DENIED_WORDS:
            return f"`{word}`: {_DENIED_WORDS[word]} is beyond what a recipe may do"
    return ""


def _words(command: str) -> Iterator[str]:
    """Words in the place of a command's name, and a service's name after `service call`."""
    for line in re.split(r"[\n;|&()`{}]+", command):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            words = line.split()
        while words and (re.match(r"\w+=", words[0]) or words[0] in ("exec", "then", "do", "!")):
            words.pop(0)
        if words:
            yield words[0].rsplit("/", 1)[-1]
        if words[:2] == ["service", "call"] and len(words) > 2:
            yield words[2]
        if words[:1] in (["toybox"], ["cmd"], ["busybox"]) and len(words) > 1:
            yield words[1]
