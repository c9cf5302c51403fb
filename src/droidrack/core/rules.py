"""The rules of the door, one function each: None lets pass.

A rule asks about one matter. It may be asked although an earlier rule refuses (to explain a
decision), so it must not fail on what that one would have kept out.
"""

import re
from datetime import datetime, timedelta

from droidrack.core.case import Case, Hold, Refuse, SimBinding, SimReading, Verdict, failed
from droidrack.core.message import Message, MessageState
from droidrack.core.settings import Policy
from droidrack.core.sms import SINGLE_LIMIT, Encoding, segment
from droidrack.core.telephony import SimState

# Up to 15 digits by ITU-T E.164; short codes have at least three. Separators are the panel's to
# remove: a number is never rewritten. `*` and `#` would reach supplementary services.
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


def expires_at(message: Message, policy: Policy) -> datetime | None:
    """When a message may no longer be sent: its own limit or the site's, whichever is earlier."""
    own = message.valid_until
    if not policy.message_ttl_s:
        return own
    site = message.received_at + timedelta(seconds=policy.message_ttl_s)
    return min(own, site) if own else site


def expiry(case: Case) -> Refuse | None:
    """Nothing old goes out."""
    limit = expires_at(case.message, case.policy)
    if limit is None or case.now < limit:
        return None
    return Refuse(MessageState.EXPIRED, "EXPIRED", f"its time ran out at {limit:%Y-%m-%d %H:%M}Z")


def body(case: Case) -> Refuse | None:
    """There is a text, and a phone can take it."""
    text = case.message.body.reveal()
    if not text:
        return failed("BODY_EMPTY")
    if not _whole(text):
        return failed("BODY_INVALID", "the text holds NUL or half a surrogate pair")
    return None


def segments(case: Case) -> Refuse | None:
    """The text is not longer than the site permits."""
    text, most = case.message.body.reveal(), case.policy.max_segments
    if not _whole(text):
        return None
    # No segment holds more characters: a text of megabytes is not worth cutting.
    characters = most * SINGLE_LIMIT[Encoding.GSM7]
    if len(text) > characters:
        return failed("TOO_MANY_SEGMENTS", f"{len(text)} characters, at most {characters}")
    count = segment(text).count
    if count > most:
        return failed("TOO_MANY_SEGMENTS", f"{count} segments, at most {most}")
    return None


def number(case: Case) -> Refuse | None:
    """The number is one that may be dialled."""
    if _NUMBER.fullmatch(case.message.number.reveal()):
        return None
    return failed("NUMBER_INVALID", "expected 3 to 15 digits, with or without a leading +")


def sim_row(case: Case) -> Refuse | None:
    """The panel's SIM row belongs to this phone."""
    if case.binding is not None or case.row_exists:
        return None
    return failed("SIM_UNKNOWN", "the panel names a SIM row that this phone does not have")


def sim(case: Case) -> Verdict | None:
    """The right card is there, ready and in service; waited for, but not for ever."""
    hold = _sim_hold(case)
    if hold is None:
        return None
    # A message that came while the SIM was held already waits its own time.
    waited_s = (case.now - case.message.received_at).total_seconds()
    own_s = min(case.held_s, waited_s) if waited_s >= 0 else case.held_s
    return failed(hold.code, hold.detail) if own_s >= case.policy.sim_wait_s else hold


def sim_hold(binding: SimBinding, sim: SimReading | None) -> Hold | None:
    """Why a SIM row cannot send now; None when it can. `sim` is its slot's reading."""
    where = f"slot {binding.slot}"
    if sim is None or sim.state in (SimState.ABSENT, None):
        return Hold("SIM_ABSENT", f"{where} is empty")
    if sim.state is None or not sim.state.usable or sim.sub_id is None:
        return Hold("SIM_NOT_READY", f"{where} is {sim.state}")
    if sim.in_service is False:
        return Hold("NO_SERVICE", f"{where} is not registered with a network")
    if binding.iccid is not None and sim.iccid is None:
        return Hold("SIM_NOT_READY", f"{where}: the SIM does not tell its ICCID")
    if binding.iccid is not None and sim.iccid != binding.iccid:
        return Hold("SIM_CHANGED", f"{where} holds another SIM than the panel's row was bound to")
    return None


def _sim_hold(case: Case) -> Hold | None:
    if case.binding is not None:
        return sim_hold(case.binding, case.sim)
    if not case.row_exists:
        return None
    return Hold("SIM_NOT_READY", "no card was in this row's slot yet")


def _whole(text: str) -> bool:
    """Neither NUL nor half a character."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
