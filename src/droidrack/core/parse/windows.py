"""`dumpsys window windows`: who has a window on the screen.

Only the owners are read. The titles of Android's own dialogs are translated, the packages are not.
"""

import re

from droidrack.core.parse.text import refusal, unix_text

_DUMP = "dumpsys window"
_WINDOW = re.compile(r"^\s*Window #[0-9]{1,4}[: ]", re.MULTILINE)
_PACKAGE = re.compile(r"^\s.*\bpackage=([A-Za-z0-9_.]{1,255})", re.MULTILINE)

PHONE_PROCESS = "com.android.phone"
"""Owner of the dialogs that hold a message back: the limit's, and those of short codes."""

MAKERS_KEEPERS = frozenset(
    {
        "com.miui.securitycenter",
        "com.lbe.security.miui",
        "com.huawei.systemmanager",
        "com.hihonor.systemmanager",
        "com.coloros.safecenter",
        "com.coloros.securitypermission",
        "com.oplus.safecenter",
        "com.oplus.securitypermission",
        "com.oppo.safe",
        "com.iqoo.secure",
        "com.vivo.permissionmanager",
        "com.meizu.safe",
        "com.letv.android.letvsafe",
        "com.asus.mobilemanager",
    }
)
"""Makers' permission keepers, which ask before an app sends. The packages are known to exist; that
each of them asks about the shell is a guess, so a window of theirs counts only beside a message
that shows no sign of life."""


def asking_package(packages: frozenset[str]) -> str:
    """The owner of a window behind which a message may be waiting; "" where there is none."""
    if PHONE_PROCESS in packages:
        return PHONE_PROCESS
    return min(packages & MAKERS_KEEPERS, default="")


def window_packages(text: str) -> frozenset[str]:
    """The packages that own a window.

    Raises:
        ParseError: no window is listed, or their owners are not; a phone always shows some.
    """
    text = unix_text(_DUMP, text)
    windows = len(_WINDOW.findall(text))
    owners = _PACKAGE.findall(text)
    if not windows or len(owners) < windows:
        raise refusal(_DUMP, f"{windows} windows and {len(owners)} owners found", text)
    return frozenset(owners)
