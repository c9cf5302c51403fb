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
