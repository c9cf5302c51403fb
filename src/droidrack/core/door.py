"""The door before the radio: may this message go, now, on this SIM?

Looked at immediately before the attempt, never earlier, because everything it asks about changes
while a message waits. It is a list of small rules in a fixed order; the first one that does not let
pass decides. docs/policy.md has the same list with codes, remedies and settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from droidrack.core import recipient, rules
from droidrack.core.case import (
    Case,
    Decision,
    Go,
    Hold,
    Refuse,
    Rule,
    SimBinding,
    SimReading,
    Stops,
    Verdict,
)
from droidrack.core.rules import expires_at, sim_hold
from droidrack.core.sms import segment_count

__all__ = [
    "LAST",
    "OUTRIGHT",
    "RULES",
    "Case",
    "Decision",
    "Go",
    "Hold",
    "Refuse",
    "Rule",
    "SimBinding",
    "SimReading",
    "Step",
    "Stops",
    "Verdict",
    "decide",
    "expires_at",
    "last_word",
    "overdue",
    "refuse_outright",
    "sim_hold",
    "trace",
]

Asked = Callable[[Case], Verdict | None]

RULES: tuple[tuple[Rule, Asked], ...] = (
    (Rule.EXPIRY, rules.expiry),
    (Rule.BODY, rules.body),
    (Rule.SEGMENTS, rules.segments),
    (Rule.NUMBER, recipient.number),
    (Rule.SIM_ROW, rules.sim_row),
    (Rule.SIM, rules.sim),
    (Rule.NATIONAL_NUMBER, recipient.national_number),
    (Rule.PREFIX, recipient.prefix),
    (Rule.OPT_OUT, recipient.opt_out),
    (Rule.QUIET_HOURS, recipient.quiet_hours),
    (Rule.DIALOG, rules.dialog),
    (Rule.QUOTA, rules.quota),
    (Rule.PACE, rules.pace),
)
"""Every rule in the order it is asked: what can never go first, then the SIM, then what a message
waits for. Each rule asks about its own matter only, and passes what an earlier one must refuse."""

OUTRIGHT = frozenset({Rule.BODY, Rule.SEGMENTS, Rule.NUMBER})
"""The rules that ask about the message alone: their refusals need not wait for a phone."""

LAST = frozenset({Rule.EXPIRY, Rule.OPT_OUT, Rule.QUIET_HOURS})
"""The rules whose answer may change between the look at a message and its call."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule said. None: it lets pass."""

    rule: Rule
    verdict: Verdict | None


def trace(case: Case) -> tuple[Step, ...]:
    """What every rule says, in order; the first verdict is the one that decides."""
    return tuple(Step(rule, _ask(rule, ask, case)) for rule, ask in RULES)


def decide(case: Case) -> Decision:
    """Whether a message may be handed to the radio now."""
    for rule, ask in RULES:
        verdict = _ask(rule, ask, case)
        if verdict is not None:
            return verdict
    sim = case.sim
    if sim is None or sim.sub_id is None:
        raise AssertionError("a SIM that is not held is there and has a subscription")
    return Go(sim, sim.sub_id, segment_count(case.message.body.reveal()))


def refuse_outright(case: Case) -> Verdict | None:
    """What is wrong with the message itself, if anything; nothing of the phone is looked at."""
    return _first(case, OUTRIGHT)


def last_word(case: Case) -> Verdict | None:
    """What may have changed since the door let a message pass, if it did."""
    return _first(case, LAST)


def overdue(case: Case) -> Verdict | None:
    """Whether the message's time ran out; nothing of the phone is looked at."""
    return _first(case, frozenset({Rule.EXPIRY}))


def _first(case: Case, rules: frozenset[Rule]) -> Verdict | None:
    verdicts = (_ask(rule, ask, case) for rule, ask in RULES if rule in rules)
    return next((verdict for verdict in verdicts if verdict is not None), None)


def _ask(rule: Rule, ask: Asked, case: Case) -> Verdict | None:
    verdict = ask(case)
    return None if verdict is None else replace(verdict, rule=rule.value)
