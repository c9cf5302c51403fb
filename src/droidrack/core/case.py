"""What the door looks at, and what it may answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from droidrack.core.allowance import Allowance
from droidrack.core.ids import Iccid, Imsi, Slot, SubId
from droidrack.core.message import Message, MessageState
from droidrack.core.optout import OptOut
from droidrack.core.settings import Policy
from droidrack.core.telephony import SimState


@dataclass(frozen=True, slots=True)
class SimReading:
    """One SIM slot as the phone shows it now. None: the phone does not say."""

    slot: Slot
    state: SimState | None
    sub_id: SubId | None
    iccid: Iccid | None
    imsi: Imsi | None = None
    in_service: bool | None = None  # None: not known, which holds nothing
    country: str = ""  # of its home network, ISO 3166, two capitals; "": the phone does not say


@dataclass(frozen=True, slots=True)
class SimBinding:
    """Which SIM the panel means by a SIM row: slot, and the card that was in it when bound."""

    sim_uid: str
    slot: Slot
    iccid: Iccid | None


@dataclass(frozen=True, slots=True)
class Case:
    """A message before the door, with all that its rules ask about.

    `held_s` is how long its SIM has been holding its messages, by a clock that does not jump.
    """

    message: Message  # ACCEPTED
    binding: SimBinding | None  # the SIM that its `sim_uid` names; None: not bound
    sims: tuple[SimReading, ...]  # the slots as read before this batch
    row_exists: bool  # whether the panel told of this SIM row, bound or not
    now: datetime  # aware, UTC
    policy: Policy
    held_s: float = 0.0
    country: str = ""  # the SIM's, ISO 3166, two capitals; "": not known
    opt_out: OptOut | None = None  # the recipient's entry in the opt-out list
    asking: str = ""  # the package that shows a window on the phone and waits for its owner
    allowance: Allowance | None = None  # what was sent and may be; None: nothing is counted
    held: Mapping[Slot, str] = field(default_factory=dict)  # SIMs that failed too often, and how
    spent_s: float = 0.0  # how long a quota has been holding the SIM's messages

    @property
    def sim(self) -> SimReading | None:
        """The slot that the message is for, as the phone shows it."""
        bound = self.binding
        return next((sim for sim in self.sims if bound and sim.slot == bound.slot), None)


class Rule(StrEnum):
    """The stable name of each rule; `door.RULES` has their order."""

    EXPIRY = "expiry"
    BODY = "body"
    SEGMENTS = "segments"
    NUMBER = "number"
    SIM_ROW = "sim-row"
    SIM = "sim"
    NATIONAL_NUMBER = "national-number"
    PREFIX = "prefix"
    OPT_OUT = "opt-out"
    QUIET_HOURS = "quiet-hours"
    DIALOG = "dialog"
    QUOTA = "quota"
    PACE = "pace"
    CALL = "call"  # Not of the door: the phone's profile has no call that takes this message.


@dataclass(frozen=True, slots=True)
class Go:
    """It may go, on this SIM."""

    sim: SimReading
    sub_id: SubId
    segments: int
    rule: str = ""  # none stood in its way


@dataclass(frozen=True, slots=True)
class Refuse:
    """It will never go. `state` is FAILED or EXPIRED. `rule` is the one that said so."""

    state: MessageState
    code: str
    detail: str = ""
    rule: str = ""


class Stops(StrEnum):
    """Who else must not pass while a message is held."""

    NOBODY = "nobody"
    SIM = "sim"  # The messages behind it on the same SIM row keep their order.
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Hold:
    """It cannot go now; `code` says why. `until`: when that may change, where it is known."""

    code: str
    detail: str = ""
    until: datetime | None = None
    rule: str = ""
    stops: Stops = Stops.NOBODY


Verdict = Refuse | Hold
"""What a rule says that does not let pass."""

Decision = Go | Verdict


def failed(code: str, detail: str = "") -> Refuse:
    """It will never go, and the panel is told the code."""
    return Refuse(MessageState.FAILED, code, detail)
