"""Disk, doze, clock and SMS app, as phones print them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.parse.upkeep import doze_state, epoch_s, free_bytes, sms_app

NEW_DF = (
    "Filesystem     1K-blocks     Used Available Use% Mounted on\n"
    "/dev/block/dm-5 54765568 11849216  42916352  22% /data\n"
)
OLD_DF = (
    "Filesystem               Size     Used     Free   Blksize\n"
    "/data                   52.2G    11.3G    40.9G   4096\n"
)
ROLES = """  roles=[
      {
        name=android.app.role.DIALER
        holders=com.example.dialer
      }
      {
        name=android.app.role.SMS
        holders=com.example.messages
      }
    ]
"""


@pytest.mark.parametrize(
    ("text", "free"),
    [
        (NEW_DF, 42916352 * 1024),
        (OLD_DF, round(40.9 * 1024**3)),
        ("df: /data: Permission denied\n", None),
        ("", None),
    ],
)
def test_free_space_is_read_in_both_forms(text: str, free: int | None) -> None:
    """Blocks of 1 KiB since Android 7, sizes with a letter before."""
    assert free == free_bytes(text)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("IDLE\n", "IDLE"),
        ("  mState=INACTIVE\n  mLightState=ACTIVE\n", "INACTIVE"),
        ("Can't find service: deviceidle\n", None),
    ],
)
def test_doze_state_is_read_from_word_and_dump(text: str, state: str | None) -> None:
    """Since Android 7 one word can be asked for; before there is only the dump."""
    assert state == doze_state(text)


@pytest.mark.parametrize(
    ("roles", "setting", "app"),
    [
        (ROLES, "null\n", "com.example.messages"),
        ("Can't find service: role\n", "com.example.old\n", "com.example.old"),
        ("Can't find service: role\n", "null\n", None),
    ],
)
def test_sms_app_is_the_roles_holder_else_the_setting(
    roles: str, setting: str, app: str | None
) -> None:
    """Since Android 10 the role decides."""
    assert app == sms_app(roles, setting)


def test_clock_is_whole_seconds() -> None:
    """Anything else is not known."""
    assert 1893456000 == epoch_s("1893456000\n")
    assert epoch_s("date: bad format\n") is None


@given(st.text(max_size=300))
def test_nothing_a_phone_prints_is_an_error(text: str) -> None:
    """What is not known is None, whatever the text."""
    free_bytes(text), epoch_s(text), doze_state(text), sms_app(text, text)
