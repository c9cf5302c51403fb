"""The window list: owners, and layouts nobody should guess about."""

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.parse.windows import PHONE_PROCESS, asking_package, window_packages

LIST = """WINDOW MANAGER WINDOWS (dumpsys window windows)
  Window #2 Window{5c2f7a0 u0 Sending SMS messages}:
    mDisplayId=0 mSession=Session{3f1c2a0 1500:1001} mClient=android.os.BinderProxy@1
    mOwnerUid=1001 mShowToOwnerOnly=false package=com.android.phone appop=SYSTEM_ALERT_WINDOW
  Window #1 Window{5c2f7a1 u0 StatusBar}:
    mOwnerUid=10021 mShowToOwnerOnly=false package=com.android.systemui appop=NONE
"""


def test_windows_name_their_owners() -> None:
    """A dialog of the phone process is known by its package, not by its translated title."""
    assert frozenset({PHONE_PROCESS, "com.android.systemui"}) == window_packages(LIST)


@pytest.mark.parametrize(
    ("packages", "owner"),
    [
        ({"com.android.systemui"}, ""),
        ({"com.android.systemui", PHONE_PROCESS}, PHONE_PROCESS),
        ({"com.miui.securitycenter", PHONE_PROCESS}, PHONE_PROCESS),
        ({"com.miui.securitycenter", "com.miui.home"}, "com.miui.securitycenter"),
    ],
)
def test_windows_that_ask_are_known_by_their_owner(packages: set[str], owner: str) -> None:
    """The phone process before a maker's permission keeper; a home screen asks nothing."""
    assert owner == asking_package(frozenset(packages))


@pytest.mark.parametrize(
    "text",
    ["", "Can't find service: window", LIST.replace("package=com.android.phone", "owner=1")],
)
def test_window_list_without_owners_is_refused(text: str) -> None:
    """Nothing is concluded from a list that does not name every owner."""
    with pytest.raises(ParseError):
        window_packages(text)
