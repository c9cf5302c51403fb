"""The rules of the door about the message and the SIM, one function each: None lets pass.

A rule asks about one matter. It may be asked although an earlier rule refuses (to explain a
decision), so it must not fail on what that one would have kept out.
"""

from datetime import datetime, timedelta

from droidrack.core.case import Case, Hold, Refuse, SimBinding, SimReading, Stops, Verdict, failed
from droidrack.core.message import Message, MessageState
from droidrack.core.recipient import list_key
from droidrack.core.settings import Policy
from droidrack.core.sms import SINGLE_LIMIT, Encoding, segment_count
from droidrack.core.telephony import SimState


def expires_at(message: Message, policy: Policy) -> datetime | None:
    """When a message may no longer be sent: its own limit or the site's, whichever is earlier."""
    ttl_s = policy.ttl_s(message.priority)
    site = message.received_at + timedelta(seconds=ttl_s) if ttl_s else None
    return min((limit for limit in (message.valid_until, site) if limit), default=None)


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
    count = segment_count(text)
    if count > most:
        return failed("TOO_MANY_SEGMENTS", f"{count} segments, at most {most}")
    return None


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
    waits_s = _own_wait_s(case, case.held_s)
    return failed(hold.code, hold.detail) if waits_s >= case.policy.sim_wait_s else hold


def dialog(case: Case) -> Verdict | None:
    """The phone does not ask anybody on its screen: what is sent now would queue up behind that."""
    if not case.asking:
        return None
    detail = f"the phone shows a window of {case.asking} and waits for an answer"
    if _own_wait_s(case, case.held_s) >= case.policy.sim_wait_s:
        return failed("PHONE_ASKS", detail)
    return Hold("PHONE_ASKS", detail, stops=Stops.PHONE)


def quota(case: Case) -> Verdict | None:
    """The SIM may send that much. What a quota stops waits as long as the site says."""
    count = _count(case)
    if case.allowance is None or count is None:
        return None
    found = case.allowance.quota_spent(count, list_key(case.message.number, case.country))
    if found is None:
        return None
    until = case.allowance.date(found.until)
    detail = f"{found.detail}; free from {until:%Y-%m-%d %H:%M}Z"
    longest_s = case.policy.quota_wait_s
    if longest_s and _own_wait_s(case, case.spent_s) >= longest_s:
        return failed("QUOTA_USED", detail)
    stops = Stops.NOBODY if found.newcomers_only else Stops.SIM
    return Hold("QUOTA_USED", detail, until, stops=stops)


def pace(case: Case) -> Verdict | None:
    """There is room in every window of the SIM, of the phone and of Android's own guard."""
    room, count = case.allowance, _count(case)
    if room is None or count is None:
        return None
    if count > room.most_at_once:
        return failed(
            "TOO_MANY_SEGMENTS",
            f"{count} segments, and this phone asks its owner beyond {room.most_at_once} at once",
        )
    card_at, phone_at = room.card_free_at(count), room.phone_free_at(count)
    if card_at > room.now:
        return Hold("PACE_LIMIT", "of the SIM", room.date(card_at), stops=Stops.SIM)
    if phone_at > room.now:
        return Hold("PACE_LIMIT", "of the phone", room.date(phone_at), stops=Stops.PHONE)
    return None


def sim_hold(binding: SimBinding, sim: SimReading | None) -> Hold | None:
    """Why a SIM row cannot send now; None when it can. `sim` is its slot's reading."""
    where = f"slot {binding.slot}"
    if sim is None or sim.state in (SimState.ABSENT, None):
        return Hold("SIM_ABSENT", f"{where} is empty", stops=Stops.SIM)
    if sim.state is None or not sim.state.usable or sim.sub_id is None:
        return Hold("SIM_NOT_READY", f"{where} is {sim.state}", stops=Stops.SIM)
    if sim.in_service is False:
        return Hold("NO_SERVICE", f"{where} is not registered with a network", stops=Stops.SIM)
    if binding.iccid is not None and sim.iccid is None:
        return Hold("SIM_NOT_READY", f"{where}: the SIM does not tell its ICCID", stops=Stops.SIM)
    if binding.iccid is not None and sim.iccid != binding.iccid:
        return Hold(
            "SIM_CHANGED",
            f"{where} holds another SIM than the panel's row was bound to",
            stops=Stops.SIM,
        )
    return None


def _own_wait_s(case: Case, held_s: float) -> float:
    """How long a message has been held: one that came in the middle waits its own time."""
    waited_s = (case.now - case.message.received_at).total_seconds()
    return min(held_s, waited_s) if waited_s >= 0 else held_s


def _count(case: Case) -> int | None:
    """The segments of a text that can be cut; None: another rule refuses it."""
    return segment_count(case.message.body.reveal()) if segments(case) is None else None


def _sim_hold(case: Case) -> Hold | None:
    if case.binding is not None:
        hold, slot = sim_hold(case.binding, case.sim), case.binding.slot
        if hold is None and slot in case.held:
            return Hold("SIM_HELD", f"slot {slot}: {case.held[slot]}", stops=Stops.SIM)
        return hold
    if not case.row_exists:
        return None
    return Hold("SIM_NOT_READY", "no card was in this row's slot yet", stops=Stops.SIM)


def _whole(text: str) -> bool:
    """Neither NUL nor half a character."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
