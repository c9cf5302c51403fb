"""The page about states and alarms tells of every one."""

import re
from pathlib import Path

from droidrack.core.standing import PhoneState
from droidrack.core.vitals import ALARMS

PAGE = (Path(__file__).parents[2] / "docs" / "health.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (.+) \|$", part, re.MULTILINE)
    return [re.split(r" \| ?", row) for row in found[2:]]


def test_every_state_is_told() -> None:
    """In the order of the program, and no other."""
    assert [state.value for state in PhoneState] == [row[0] for row in rows("States")]


def test_every_alarm_is_told_as_it_is() -> None:
    """With its severity, whether it stops the phone, and what to do."""
    assert [
        [kind, alarm.severity.value, "yes" if alarm.stops else "", alarm.remedy]
        for kind, alarm in ALARMS.items()
    ] == rows("Alarms")
