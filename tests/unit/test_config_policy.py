"""`[policy]` of devices.toml: what the door is told."""

from datetime import time
from pathlib import Path

import pytest

from droidrack.adapters.config import effective, load, load_settings
from droidrack.core.errors import ConfigError
from droidrack.core.message import Priority
from droidrack.core.quiet import QuietHours

HEAD = '[panel]\nurl = "https://panel.example.com"\n[[phones]]\nname = "bay-1"\nserial = "R5"\n'


def write(directory: Path, policy: str) -> Path:
    """A devices.toml with this policy."""
    path = directory / "devices.toml"
    path.write_text(f"{HEAD}[policy]\n{policy}\n", encoding="utf-8")
    return path


def test_policy_of_recipients_is_read(tmp_path: Path) -> None:
    """Lists become what the rules ask for."""
    path = write(
        tmp_path,
        'allow_prefixes = ["+49", "727"]\nblock_prefixes = ["+4990"]\n'
        'quiet_from = "20:30"\nquiet_classes = ["normal", "low"]\nhigh_ttl_s = 300',
    )
    policy = load_settings(path).policy

    assert (("+49", "727"), ("+4990",)) == (policy.allow_prefixes, policy.block_prefixes)
    assert (Priority.NORMAL, Priority.LOW) == policy.quiet_classes
    assert QuietHours(time(20, 30), time(8)) == policy.quiet_hours
    assert (300.0, 0.0) == (policy.ttl_s(Priority.HIGH), policy.ttl_s(Priority.NORMAL))


def test_policy_in_force_is_shown_in_the_files_own_words(tmp_path: Path) -> None:
    """`droidrack doctor` prints what could stand in the file."""
    path = write(tmp_path, 'quiet_classes = ["low"]\nblock_prefixes = ["+4990"]')
    shown = {row.key: row.value for row in effective(load(path))}

    assert '["low"]' == shown["policy.quiet_classes"]
    assert '["+4990"]' == shown["policy.block_prefixes"]
    assert '"21:00"' == shown["policy.quiet_from"]


@pytest.mark.parametrize(
    ("policy", "key"),
    [
        ('allow_prefixes = ["0049 "]', "policy.allow_prefixes[0]"),
        ('block_prefixes = ["+"]', "policy.block_prefixes[0]"),
        ('allow_prefixes = ["+49"]\nblock_prefixes = ["+1", "+49"]', "policy.block_prefixes[1]"),
        ('quiet_from = "24:00"', "policy.quiet_from"),
        ('quiet_until = "8"', "policy.quiet_until"),
        ('quiet_classes = ["otp"]', "policy.quiet_classes[0]"),
        ('time_zone = "Europe/Berln"', "policy.time_zone"),
        ("low_ttl_s = -1", "policy.low_ttl_s"),
        ("optout_confirm_s = 1e9", "policy.optout_confirm_s"),
    ],
)
def test_policy_mistake_names_its_key(tmp_path: Path, policy: str, key: str) -> None:
    """Also where two lists contradict each other."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, policy))

    (mistake,) = caught.value.mistakes
    assert mistake.startswith(f"{key}: expected")
