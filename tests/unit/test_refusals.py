"""Every refusal has its stable code, its remedy, its row in the document and its audit line."""

import ast
import asyncio
from pathlib import Path

import pytest

from droidrack.adapters.journal_memory import MemoryJournal
from droidrack.app.minutes import Minutes
from droidrack.core import case, recipient, rules
from droidrack.core.case import Hold, Refuse
from droidrack.core.codes import CODES
from droidrack.core.ids import Body, DeviceUuid, MessageUid, Msisdn
from droidrack.core.message import Message, MessageState, Priority
from droidrack.virtual.timeloop import START, VirtualClock

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "error-codes.md").read_text("utf-8")
MAKERS = {"Refuse": 1, "Hold": 0, "failed": 0, "_failed": 0}
"""Who makes a verdict, and which of its arguments is the code."""


def codes_said() -> set[str]:
    """Every code that stands in the source of the door's rules."""
    found = set()
    for module in (case, rules, recipient):
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = MAKERS.get(node.func.id)
                arguments = node.args[place : place + 1] if place is not None else []
                found |= {
                    each.value
                    for each in arguments
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    return found


def test_rules_of_the_door_say_codes() -> None:
    """The reading above finds them."""
    wanted = {"EXPIRED", "OPTED_OUT", "QUIET_HOURS", "QUOTA_USED", "PACE_LIMIT", "SIM_CHANGED"}
    assert wanted <= codes_said()


@pytest.mark.parametrize("code", sorted(codes_said()))
def test_refusal_has_code_remedy_and_row(code: str) -> None:
    """What a message is refused or held for can be looked up, and something can be done."""
    assert code in CODES
    assert CODES[code].remedy
    assert f"| `{code}` |" in DOCUMENT


@pytest.mark.parametrize("code", sorted(codes_said()))
def test_refusal_and_hold_have_an_audit_line_with_their_code(code: str) -> None:
    """The audit names the code, the rule and the message; the number only veiled."""

    async def scenario() -> list[dict[str, object]]:
        loop = asyncio.get_running_loop()
        journal = MemoryJournal()
        await journal.open()
        message = Message(
            uid=MessageUid("m1"),
            number=Msisdn("+15550100001"),
            body=Body("hello"),
            sim_uid="sim-1",
            priority=Priority.NORMAL,
            received_at=START,
        )
        minutes = Minutes(journal, VirtualClock(loop), DeviceUuid("d1"))
        minutes.hold(message, Hold(code, "why", rule="some"))
        minutes.hold(message, Hold(code, "why", rule="some"))
        refusal = Refuse(MessageState.FAILED, code, "why", rule="some")
        await journal.audit.append(minutes.refuse(message, refusal))
        return [dict(line.facts()) for line in await journal.audit.lines(limit=9)]

    lines = asyncio.run(scenario())

    assert [("hold", code), ("refuse", code)] == [(line["what"], line["code"]) for line in lines]
    assert all((line["rule"], line["subject"]) == ("some", "m1") for line in lines)
    assert "5550100001" not in str(lines)
