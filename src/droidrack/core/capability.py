"""Whether a phone may carry traffic: unproven, proven, or barred with a reason.

A profile is a claim about a build. Before the first message the claim is held against the phone
itself by calls that only read. Here are the values: what is asked, what was answered, and what it
comes to; `core/assessment.py` judges.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from droidrack.core.evidence import Witnesses
from droidrack.core.ids import Slot
from droidrack.core.parse.isub import Subscriptions
from droidrack.core.profile import Facts, Profile
from droidrack.core.reply import Reply

READS = ("isms.is_ims_sms_supported", "isms.get_preferred_subscription")
"""Calls of ISms that only read, and that need no permission."""


class Standing(StrEnum):
    """Whether a phone may carry traffic."""

    UNPROVEN = "unproven"  # It was not asked yet, or did not answer what decides.
    PROVEN = "proven"
    BARRED = "barred"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `good` None: the phone did not say."""

    subject: str
    good: bool | None
    text: str
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Capability:
    """What a probe found. `cards`: at least one SIM was there to be read."""

    standing: Standing
    reason: str
    findings: tuple[Finding, ...]
    witnesses: Witnesses
    cards: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """That a phone passed its probe, and as what: any change makes it unproven again."""

    build: str  # `build_of` its properties
    codes: str  # `codes_of` its profile


@dataclass(frozen=True, slots=True)
class SlotAnswers:
    """What the calls said about one slot. None: not asked."""

    slot: Slot
    sub_id: Reply | None
    slot_index: Reply | None = None
    iccid: Reply | None = None
    imsi: Reply | None = None
    home: str = ""  # MCC and MNC by `gsm.sim.operator.numeric`


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Which proofs of sending the phone showed. `store`: "" where it answers, else why not."""

    store: str
    radio_lines: int


@dataclass(frozen=True, slots=True)
class Observed:
    """All answers of one probe, taken in one round trip. `dump` None: it could not be read."""

    slots: tuple[SlotAnswers, ...]
    reads: Mapping[str, Reply]
    dump: Subscriptions | None
    witnessed: Witnessed


def build_of(properties: Mapping[str, str]) -> str:
    """What tells one build from another; "" where the phone has no fingerprint.

    Ported systems keep the fingerprint of the maker's, so that alone would give one build's codes
    to the other.
    """
    fingerprint = properties.get("ro.build.fingerprint", "")
    names = ("ro.build.display.id", "ro.build.version.incremental", "ro.build.date.utc")
    named = (fingerprint, *(properties.get(name, "") for name in names))
    return "\n".join(named) if fingerprint else ""


def codes_of(profile: Profile) -> str:
    """The codes a profile would call, so that another table or another lesson shows."""
    rows = (row for row in profile.rows.values() if not row.barred)
    return " ".join(f"{row.name}={row.transaction}" for row in rows)


def witnesses(facts: Facts, witnessed: Witnessed) -> Witnesses:
    """The proofs that a release offers by its sources and that this phone showed."""
    speaks = witnessed.radio_lines > 0
    return Witnesses(
        store=facts.store_readable and not witnessed.store,
        radio=facts.radio_verdict and speaks,
        message_ids=facts.radio_message_id and speaks,
    )


def heard_live(facts: Facts, witnessed: Witnessed) -> bool:
    """Whether the only proof of a sending is what is heard while it happens.

    Such a release logs what the modem took, part by part and for no named message: whoever reads
    the log's past cannot tell whose parts they were.
    """
    return not (facts.store_readable or facts.radio_verdict) and witnessed.radio_lines > 0
