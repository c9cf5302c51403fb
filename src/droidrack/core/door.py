"""The door before the radio: may this message go, now, on this SIM?

Looked at immediately before the attempt, never earlier, because everything it asks about changes
while a message waits. It refuses what can never go, holds what may go later, and lets pass.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from droidrack.core.ids import Iccid, Imsi, Slot, SubId
from droidrack.core.message import Message, MessageState
from droidrack.core.settings import Policy
from droidrack.core.sms import SINGLE_LIMIT, Encoding, segment
from droidrack.core.telephony import SimState

# Up to 15 digits by ITU-T E.164; short codes have at least three. Separators are the panel's to
# remove: a number is never rewritten. `*` and `#` would reach supplementary services.
_NUMBER = re.compile(r"\+?[0-9]{3,15}")


@dataclass(frozen=True, slots=True)
class SimReading:
    """One SIM slot as the phone shows it now. None: the phone does not say."""

    slot: Slot
    state: SimState | None
    sub_id: SubId | None
    iccid: Iccid | None
    imsi: Imsi | None = None
    in_service: bool | None = None  # None: not known, which holds nothing


@dataclass(frozen=True, slots=True)
class SimBinding:
    """Which SIM the panel means by a SIM row: slot, and the card that was in it when bound."""

    sim_uid: str
    slot: Slot
    iccid: Iccid | None


@dataclass(frozen=True, slots=True)
class Go:
    """It may go, on this SIM."""

    sim: SimReading
    sub_id: SubId
    segments: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """It will never go. `state` is FAILED or EXPIRED."""

    state: MessageState
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """It cannot go now; `code` says why, and is what it fails with if nothing changes."""

    code: str
    detail: str = ""


Decision = Go | Refuse | Hold


_NOTHING_HELD: Mapping[Slot, str] = MappingProxyType({})


def _failed(code: str, detail: str = "") -> Refuse:
    return Refuse(MessageState.FAILED, code, detail)


def expires_at(message: Message, policy: Policy) -> datetime | None:
    """When a message may no longer be sent: its own limit or the site's, whichever is earlier."""
    own = message.valid_until
    if not policy.message_ttl_s:
        return own
    site = message.received_at + timedelta(seconds=policy.message_ttl_s)
    return min(own, site) if own else site


def refuse_content(message: Message, policy: Policy) -> Refuse | None:
    """What is wrong with number or text, if anything; does not depend on the phone."""
    if not _NUMBER.fullmatch(message.number.reveal()):
        return _failed("NUMBER_INVALID", "expected 3 to 15 digits, with or without a leading +")
    body = message.body.reveal()
    if not body:
        return _failed("BODY_EMPTY")
    if "\0" in body or any("\ud800" <= char <= "\udfff" for char in body):
        return _failed("BODY_INVALID", "the text holds NUL or half a surrogate pair")
    # No segment holds more characters: a text of megabytes is not worth cutting.
    most = policy.max_segments * SINGLE_LIMIT[Encoding.GSM7]
    if len(body) > most:
        return _failed("TOO_MANY_SEGMENTS", f"{len(body)} characters, at most {most}")
    count = segment(body).count
    if count > policy.max_segments:
        return _failed("TOO_MANY_SEGMENTS", f"{count} segments, at most {policy.max_segments}")
    return None


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


def decide(
    message: Message,
    *,
    binding: SimBinding | None,
    sims: tuple[SimReading, ...],
    row_exists: bool,
    held_s: float,
    now: datetime,
    policy: Policy,
    held: Mapping[Slot, str] = _NOTHING_HELD,
) -> Decision:
    """Whether `message` may be handed to the radio at `now`.

    Args:
        message: an ACCEPTED message.
        binding: the SIM that its `sim_uid` names; None: the panel's row is not known.
        sims: the slots as read before this batch.
        row_exists: whether the panel told of this SIM row, bound or not.
        held_s: how long this SIM has been holding its messages, by a clock that does not jump.
        now: aware, UTC.
        policy: the site's rules.
        held: SIMs that failed too often, by slot, with the reason.
    """
    limit = expires_at(message, policy)
    if limit is not None and now >= limit:
        return Refuse(MessageState.EXPIRED, "EXPIRED")
    refused = refuse_content(message, policy)
    if refused is not None:
        return refused
    if binding is None and not row_exists:
        return _failed("SIM_UNKNOWN", "the panel names a SIM row that this phone does not have")
    sim = next((r for r in sims if binding is not None and r.slot == binding.slot), None)
    hold = (
        sim_hold(binding, sim)
        if binding is not None
        else Hold("SIM_NOT_READY", "no card was in this row's slot yet")
    )
    if hold is None and sim is not None and sim.slot in held:
        hold = Hold("SIM_HELD", f"slot {sim.slot}: {held[sim.slot]}")
    if hold is not None:
        # A message that came while the SIM was held already waits its own time.
        waited_s = (now - message.received_at).total_seconds()
        own_s = min(held_s, waited_s) if waited_s >= 0 else held_s
        return _failed(hold.code, hold.detail) if own_s >= policy.sim_wait_s else hold
    if sim is None or sim.sub_id is None:
        raise AssertionError("a SIM that is not held is there and has a subscription")
    return Go(sim, sim.sub_id, segment(message.body.reveal()).count)
