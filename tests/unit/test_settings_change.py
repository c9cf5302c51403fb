"""What a new configuration changes in a running controller."""

from dataclasses import replace
from pathlib import PurePath

from droidrack.core.settings import (
    Intervals,
    Pacing,
    PanelSettings,
    PhoneSettings,
    Policy,
    Settings,
)
from droidrack.core.settings_change import change_of

ONE = PhoneSettings("bay-1", serial="A1")
TWO = PhoneSettings("bay-2", serial="A2")
RACK = Settings(
    panel=PanelSettings(url="https://panel.example.com"),
    phones=(ONE, TWO),
    state_dir=PurePath("/var/lib/droidrack"),
)


def names(phones: tuple[PhoneSettings, ...]) -> list[str]:
    """The phones' names."""
    return [phone.name for phone in phones]


def test_change_of_the_same_file_is_none() -> None:
    """Reading the file again without an edit does nothing."""
    assert not change_of(RACK, replace(RACK, phones=(TWO, ONE), groups={}))


def test_change_names_added_removed_and_changed_phones() -> None:
    """Who is not named is not disturbed."""
    slower = replace(ONE, pacing=Pacing(min_gap_s=9))
    new = replace(RACK, phones=(slower, PhoneSettings("bay-3", serial="A3")))
    change = change_of(RACK, new)
    assert (["bay-3"], ["bay-2"], ["bay-1"]) == (
        names(change.added),
        names(change.removed),
        names(change.changed),
    )
    assert new == change.settings


def test_change_of_labels_disturbs_nobody() -> None:
    """Only commands look at labels."""
    change = change_of(RACK, replace(RACK, phones=(replace(ONE, labels=("lab",)), TWO)))
    assert (["bay-1"], []) == (names(change.relabelled), names(change.changed))
    assert ("lab",) == change.settings.phones[0].labels


def test_change_of_intervals_and_policy_holds_at_once() -> None:
    """What is read where it is used takes effect without a restart."""
    new = replace(RACK, intervals=Intervals(poll_s=7), policy=Policy(max_segments=3))
    change = change_of(RACK, new)
    assert (("intervals", "policy"), ()) == (change.parts, change.waiting)
    assert new == change.settings


def test_change_of_what_is_wired_at_the_start_waits() -> None:
    """Another panel or state directory is named, and the old one stays in force until then."""
    new = replace(
        RACK,
        panel=PanelSettings(url="https://other.example.com"),
        state_dir=PurePath("/elsewhere"),
        intervals=Intervals(poll_s=7),
    )
    change = change_of(RACK, new)
    assert ("panel", "state_dir") == change.waiting
    assert (RACK.panel, RACK.state_dir) == (change.settings.panel, change.settings.state_dir)
    assert 7 == change.settings.intervals.poll_s
