"""docs/policy.md: the door's rules in their real order, with codes and settings that exist."""

import re
from dataclasses import fields
from pathlib import Path

from droidrack.core.case import Rule
from droidrack.core.codes import CODES
from droidrack.core.door import RULES
from droidrack.core.settings import Policy, SlotSettings

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| Rule", "| ---"))
]


def test_page_lists_every_rule_in_the_order_of_the_door() -> None:
    """The order decides which reason is told."""
    listed = [row[0].strip("`") for row in ROWS if row[0]]

    assert [*(rule.value for rule, _ in RULES), Rule.CALL.value] == listed


def test_page_names_only_codes_and_settings_that_exist() -> None:
    """What an operator looks up is there."""
    codes = {code for row in ROWS for code in re.findall(r"`([A-Z_]+)`", row[1])}
    named = {key for row in ROWS for key in re.findall(r"`([a-z_]+)`", row[4])}
    known = {key.name for table in (Policy, SlotSettings) for key in fields(table)}

    assert codes <= CODES.keys()
    assert set() == named - known


def test_page_names_every_policy_setting_of_the_door() -> None:
    """Settings of the rooms behind the radio are told elsewhere."""
    behind = {
        "confirm_deadline_s",
        "unknown_hold_s",
        "unknown_as",
        "send_tries",
        "retention_days",
        "provision_days",
    }

    assert {key.name for key in fields(Policy)} - behind <= set(re.findall(r"`([a-z_]+)`", PAGE))
