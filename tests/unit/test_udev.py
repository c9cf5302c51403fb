"""The udev rules of a rack."""

import re

import pytest

from droidrack.core.udev import RULES_PATH, access_rule, autosuspend_rule, hub_rules, rules_text


def test_rules_phones_are_opened_and_kept_awake() -> None:
    """Each rule is tied to the ADB interface, one per line."""
    text = rules_text(group="rack")
    rules = [line for line in text.splitlines() if not line.startswith("#")]

    assert [access_rule("rack"), autosuspend_rule()] == rules
    assert all('ENV{ID_USB_INTERFACES}=="*:ff4201:*"' in rule for rule in rules)
    assert 'GROUP="rack"' in rules[0]
    assert rules[1].endswith('ATTR{power/control}="on"')


def test_rules_autosuspend_left_out_is_not_there() -> None:
    """An operator may keep the kernel's own habit."""
    assert "power/control" not in rules_text(autosuspend=False)


def test_rules_hubs_once_each_and_sorted() -> None:
    """The text is the same whatever the order in which hubs were proven."""
    hubs = [("2109", "2817"), ("0bda", "5411"), ("2109", "2817")]

    assert rules_text(hubs=hubs) == rules_text(hubs=reversed(hubs))
    assert 1 == rules_text(hubs=hubs).count("# Port power of hub 2109:2817")


@pytest.mark.parametrize("group", ['x", RUN+="sh', "", "Rack", "a b"])
def test_rules_odd_group_is_refused(group: str) -> None:
    """Nothing gets into a rule that root runs but a plain name."""
    with pytest.raises(ValueError):
        rules_text(group=group)


def test_hub_rules_quotes_are_balanced() -> None:
    """Values stand between double quotes for udev; the shell's own are single."""
    for line in hub_rules("2109", "2817").splitlines():
        assert 0 == line.count('"') % 2
        assert 0 == line.count("'") % 2
    with pytest.raises(ValueError):
        hub_rules("210", "2817")


def test_rules_file_is_read_between_usb_id_and_uaccess() -> None:
    """Its number is above 50 and below 73."""
    number = re.search(r"/(\d\d)-", RULES_PATH)

    assert number is not None
    assert 50 < int(number[1]) < 73
