"""Judges whether a phone is what its profile says, from its answers to calls that only read.

The answers must have the shape that the table says, and agree with what the phone's dumps say. A
wrong code calls another method, and another method answers otherwise: with an exception, with
another shape, with another number.

What decides is what a message depends on: which subscription sits in which slot, which card that
is, and that ISms is numbered as the table says, unless the phone's own framework said so. The rest
is told to the operator and bars nothing.
"""

from collections.abc import Iterator

from droidrack.core.call import CallRow
from droidrack.core.capability import (
    READS,
    Capability,
    Finding,
    Observed,
    SlotAnswers,
    Standing,
    Witnessed,
    heard_live,
    witnesses,
)
from droidrack.core.ids import Iccid, Imsi, Slot, SubId, luhn_valid
from droidrack.core.parse.isub import Subscriptions
from droidrack.core.profile import Facts, Profile
from droidrack.core.reply import Refused, Reply, Returned, Unclear, sub_id_of
from droidrack.core.words import counted

ICCID_DIGITS = range(18, 23)
"""ITU-T E.118: 19 or 20 with check digit; cards with 18 and 22 are in the field."""

IMSI_DIGITS = range(10, 16)
"""ITU-T E.212: at most 15; the shortest in use have 14, with room for the odd one."""

OTHER_METHOD = frozenset({"ANSWER_SHAPE", "BINDER_UNKNOWN_TRANSACTION"})
"""Answers that another method, or none, gives in place of the one that was meant."""


def assess(profile: Profile, learnt: frozenset[str], observed: Observed) -> Capability:
    """What a phone's answers say about its profile.

    Args:
        profile: with the phone's own codes in it, as far as they are known.
        learnt: interfaces whose codes are the phone's own.
        observed: the answers.
    """
    findings = tuple(_findings(profile, learnt, observed))
    standing, reason = Standing.PROVEN, ""
    deciding = [finding for finding in findings if finding.decides]
    if bad := [finding for finding in deciding if finding.good is False]:
        standing, reason = Standing.BARRED, f"{bad[0].subject}: {bad[0].text}"
    elif open_ := [finding for finding in deciding if finding.good is None]:
        standing, reason = Standing.UNPROVEN, f"{open_[0].subject}: {open_[0].text}"
    cards = any(_sub_id(answers) is not None for answers in observed.slots)
    seen = witnesses(profile.facts, observed.witnessed)
    return Capability(standing, reason, findings, seen, cards)


def _findings(profile: Profile, learnt: frozenset[str], observed: Observed) -> Iterator[Finding]:
    yield Finding("send call", not profile.barred, profile.barred or "known", decides=True)
    for answers in observed.slots:
        yield from _slot(profile, answers, observed.dump)
    yield from _distinct_cards(observed)
    yield from _isms(profile, learnt, observed)
    yield from _witness_findings(profile.facts, observed.witnessed)


# --- SIMs -----------------------------------------------------------------------------------------


def _slot(profile: Profile, answers: SlotAnswers, dump: Subscriptions | None) -> Iterator[Finding]:
    yield _subscription(answers, dump)
    sub_id = _sub_id(answers)
    if sub_id is None:
        return
    where = f"slot {answers.slot}"
    if (back := _asked_back(answers)) is not None:
        text = f"subscription {sub_id} is {'' if back else 'not '}in this slot"
        yield Finding(f"{where} asked back", back, text)
    if answers.iccid is not None:
        yield _iccid(where, answers, sub_id, dump)
    if answers.imsi is not None:
        yield _imsi(where, answers)


def _sub_id(answers: SlotAnswers) -> SubId | None:
    reply = answers.sub_id
    return sub_id_of(reply.value) if isinstance(reply, Returned) else None


def _subscription(answers: SlotAnswers, dump: Subscriptions | None) -> Finding:
    """The call and the dump must name the same subscription for a slot."""
    subject = f"slot {answers.slot}: subscription"
    reply = answers.sub_id
    if not isinstance(reply, Returned):
        return Finding(subject, _doubt(reply), _refusal(reply), decides=True)
    called = sub_id_of(reply.value)
    if dump is None:
        text = f"{_named(called)}; the dump could not be read"
        return Finding(subject, called is None or _asked_back(answers), text, decides=True)
    dumped = _dumped(dump, answers.slot)
    if called == dumped:
        return Finding(subject, True, f"{_named(called)}, call and dump agree", decides=True)
    text = f"the call says {_named(called)}, `dumpsys isub` says {_named(dumped)}"
    return Finding(subject, False, text, decides=True)


def _asked_back(answers: SlotAnswers) -> bool | None:
    """Whether the slot of the slot's subscription is that slot again."""
    reply = answers.slot_index
    return reply.value == answers.slot if isinstance(reply, Returned) else None


def _named(sub_id: SubId | None) -> str:
    return "none" if sub_id is None else str(sub_id)


def _dumped(dump: Subscriptions, slot: Slot) -> SubId | None:
    """The subscription of a slot by the dump's map, or by its entries where it prints no map."""
    if dump.slot_to_sub:
        return next(iter(dump.slot_to_sub.get(slot, ())), None)
    entry = dump.in_slot(slot)
    return entry.sub_id if entry is not None else None


def _iccid(where: str, answers: SlotAnswers, sub_id: SubId, dump: Subscriptions | None) -> Finding:
    subject = f"{where}: ICCID"
    reply = answers.iccid
    if not isinstance(reply, Returned):
        # A phone that does not tell is served as one that cannot: by slot alone.
        bad = _doubt(reply) is False
        return Finding(subject, False if bad else None, _refusal(reply), decides=bad)
    digits = _digits(reply)
    if reply.value in (None, ""):
        return Finding(subject, None, "the card does not tell it yet")
    if len(digits) not in ICCID_DIGITS:
        text = f"{len(str(reply.value))} characters that are no ICCID: another method answered"
        return Finding(subject, False, text, decides=True)
    known = [s.iccid for s in dump.subscriptions if s.sub_id == sub_id] if dump else []
    if known and known[0] is not None and _stem(known[0].reveal()) != _stem(digits):
        return Finding(subject, False, "the dump names another card", decides=True)
    check = "check digit right" if luhn_valid(digits) else "without a right check digit"
    return Finding(subject, True, f"{Iccid(digits)}, {len(digits)} digits, {check}", decides=True)


def _stem(iccid: str) -> str:
    """Without check digit and padding, of which releases print one or the other."""
    return iccid.rstrip("fF")[:18]


def _digits(reply: Returned) -> str:
    text = reply.value.rstrip("fF") if isinstance(reply.value, str) else ""
    return text if text.isascii() and text.isdigit() else ""


def _imsi(where: str, answers: SlotAnswers) -> Finding:
    subject = f"{where}: IMSI"
    reply = answers.imsi
    if not isinstance(reply, Returned):
        bad = _doubt(reply) is False
        return Finding(subject, False if bad else None, _refusal(reply))
    digits = _digits(reply)
    if reply.value in (None, ""):
        return Finding(subject, None, "the card does not tell it yet")
    if len(digits) not in IMSI_DIGITS:
        return Finding(subject, False, "no IMSI: another method answered", decides=True)
    if answers.home and not digits.startswith(answers.home):
        text = f"{Imsi(digits)} is not of the card's network {answers.home}"
        return Finding(subject, False, text)
    return Finding(subject, True, f"{Imsi(digits)}, {len(digits)} digits")


def _distinct_cards(observed: Observed) -> Iterator[Finding]:
    read = [_digits(a.iccid) for a in observed.slots if isinstance(a.iccid, Returned)]
    known = [digits for digits in read if digits]
    if len(known) > 1:
        text = "each slot has its own" if len(set(known)) == len(known) else "two slots show one"
        yield Finding("cards", len(set(known)) == len(known), text, decides=True)


# --- ISms -----------------------------------------------------------------------------------------


def _isms(profile: Profile, learnt: frozenset[str], observed: Observed) -> Iterator[Finding]:
    """The reads of ISms. They decide unless the phone's own framework gave the codes.

    One that answers as it should shows the numbering; one of another shape disproves it. A read
    needs no permission, so that a refusal is another method's, unless the other read is right.
    """
    rows = [(profile.row(name), reply) for name, reply in observed.reads.items()]
    decides = any(row.interface not in learnt for row, _ in rows)
    findings = [_read(row, reply, observed, decides=decides) for row, reply in rows]
    yield from findings
    if decides and not any(finding.good for finding in findings):
        said = any(isinstance(reply, Returned | Refused) for _, reply in rows)
        text = "no read of it answers as it should: another numbering, or a maker's gate"
        yield Finding("ISms", False if said else None, text, decides=True)


def _read(row: CallRow, reply: Reply, observed: Observed, *, decides: bool) -> Finding:
    if not isinstance(reply, Returned):
        doubt = _doubt(reply)
        return Finding(row.name, doubt, _refusal(reply), decides=decides and doubt is False)
    subs = {sub for answers in observed.slots if (sub := _sub_id(answers)) is not None}
    if row.name == READS[1] and isinstance(reply.value, int):
        known = reply.value < 0 or reply.value in subs
        text = f"subscription {reply.value}" + ("" if known else ", which is in no slot")
        return Finding(row.name, known, text)
    return Finding(row.name, True, f"{row.returns.value}: {reply.value}")


def _doubt(reply: Reply | None) -> bool | None:
    """False: another method answered. None: nothing was said about the method."""
    return False if isinstance(reply, Unclear) and reply.code in OTHER_METHOD else None


def _refusal(reply: Reply | None) -> str:
    return f"{reply.code}: {reply.message}" if isinstance(reply, Refused | Unclear) else "not asked"


# --- Witnesses ------------------------------------------------------------------------------------


def _witness_findings(facts: Facts, witnessed: Witnessed) -> Iterator[Finding]:
    seen = witnesses(facts, witnessed)
    if facts.store_readable:
        yield Finding("SMS store", seen.store, witnessed.store or "answers the shell")
    else:
        yield Finding("SMS store", None, "closed to the shell on this release")
    speaks = counted(witnessed.radio_lines, "line") if witnessed.radio_lines else "silent"
    if facts.radio_verdict:
        yield Finding("radio log", seen.radio, speaks)
    else:
        text = f"{speaks}; this release writes no final word there, only what the modem took"
        yield Finding("radio log", None, text)
    if heard_live(facts, witnessed):
        text = "while the controller listens; what is open when it restarts will be UNKNOWN"
        yield Finding("proof of sending", None, text)
    elif not (seen.store or seen.radio):
        text = "neither store nor radio log: the outcome of every message will be UNKNOWN"
        yield Finding("proof of sending", False, text)
