"""What adb's states mean for a person."""

import pytest

from droidrack.core.transport import advice


def test_advice_no_permissions_holds_a_udev_rule() -> None:
    """The sentence that adb prints with the state does not hide it, and the rule is spelt out."""
    told = advice("no permissions (user in plugdev group; are your udev rules wrong?); see [http:]")
    assert 'SUBSYSTEM=="usb"' in told.remedy
    assert "plugdev" in told.remedy


@pytest.mark.parametrize("state", ["unauthorized", "offline", "bootloader", "never heard of"])
def test_advice_every_state_has_a_meaning_and_a_remedy(state: str) -> None:
    """An unknown state gets advice, too."""
    assert advice(state).meaning
    assert advice(state).remedy
