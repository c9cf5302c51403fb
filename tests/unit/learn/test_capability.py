"""What a phone's answers say about its profile."""

from dataclasses import replace

import pytest

from droidrack.adapters.profile_files import profile_table
from droidrack.core.assessment import assess
from droidrack.core.capability import (
    Capability,
    Observed,
    SlotAnswers,
    Standing,
    Witnessed,
    build_of,
    codes_of,
)
from droidrack.core.evidence import Witnesses
from droidrack.core.ids import Slot
from droidrack.core.parse.isub import Subscriptions, parse_isub
from droidrack.core.profile import DeviceIdentity, Profile
from droidrack.core.reply import Refused, Reply, Result, Returned, Unclear

ICCIDS = ("8901260000000010006", "8901260000000010014")
IMSIS = ("001010000001000", "001010000001001")
ISMS = "com.android.internal.telephony.ISms"
OTHER = Unclear("ANSWER_SHAPE", "expected i32, saw 4 words")
DENIED = Refused("EXCEPTION_SECURITY", "no permission")
DEAD = Unclear("BINDER_DEAD_OBJECT", "-32")
OPEN = Witnessed("", 5)


def profile(api: int = 34, maker: str = "Google") -> Profile:
    """The table's profile of a build."""
    return profile_table().resolve(DeviceIdentity(api, maker=maker))


def dump(*subs: int) -> Subscriptions:
    """`dumpsys isub` of a phone with these subscriptions by slot; -1: empty."""
    lines = [f"  Logical SIM slot {slot}: subId={sub}" for slot, sub in enumerate(subs)]
    return parse_isub("\n".join(["SubscriptionManagerService:", *lines, "  defaultSubId=1", ""]))


def slot(
    index: int,
    sub: Result = 1,
    *,
    sub_reply: Reply | None = None,
    iccid: Reply | None = None,
    imsi: Reply | None = None,
    back: int | None = None,
) -> SlotAnswers:
    """A slot whose answers are right but for what is given."""
    return SlotAnswers(
        slot=Slot(index),
        sub_id=sub_reply or Returned(sub),
        slot_index=Returned(index if back is None else back),
        iccid=iccid or Returned(ICCIDS[index]),
        imsi=imsi or Returned(IMSIS[index]),
        home="00101",
    )


def observed(
    *slots: SlotAnswers,
    known: Subscriptions | None = None,
    reads: dict[str, Reply] | None = None,
    witnessed: Witnessed = OPEN,
) -> Observed:
    """One probe."""
    good: dict[str, Reply] = {
        "isms.is_ims_sms_supported": Returned(False),
        "isms.get_preferred_subscription": Returned(1),
    }
    return Observed(slots, good | (reads or {}), known or dump(1), witnessed)


def judged(seen: Observed, *, learnt: bool = False, api: int = 34) -> Capability:
    """The verdict."""
    return assess(profile(api), frozenset([ISMS] if learnt else []), seen)


def test_phone_whose_answers_agree_is_proven() -> None:
    """Two cards: call and dump name the same, identities have their shapes, ISms answers."""
    seen = observed(slot(0, 1), slot(1, 2), known=dump(1, 2))
    capability = judged(seen)
    assert (Standing.PROVEN, "", True) == (
        capability.standing,
        capability.reason,
        capability.cards,
    )
    assert not [finding for finding in capability.findings if finding.good is not True]


def test_findings_hold_no_whole_identity() -> None:
    """What is shown to a person is masked."""
    seen = observed(slot(0, 1), slot(1, 2, imsi=Returned("999990000001001")), known=dump(1, 2))
    text = repr(judged(seen))
    assert not [secret for secret in (*ICCIDS, *IMSIS, "999990000001001") if secret in text]


def test_empty_phone_is_proven_without_cards() -> None:
    """An empty slot is no contradiction, in any release's way of saying so."""
    for empty in (-1, None, (), (-2,)):
        seen = observed(slot(0, empty), known=dump(-1), reads={})
        capability = judged(seen)
        assert (Standing.PROVEN, False) == (capability.standing, capability.cards)


def test_unreadable_dump_is_made_up_for_by_asking_back() -> None:
    """Two calls of ISub that agree stand in for it; two that do not bar; one proves nothing."""
    right, wrong, alone = slot(0), slot(0, back=1), replace(slot(0), slot_index=DENIED)
    standings = [
        assess(profile(), frozenset(), replace(observed(answers), dump=None)).standing
        for answers in (right, wrong, alone)
    ]
    assert [Standing.PROVEN, Standing.BARRED, Standing.UNPROVEN] == standings


BARRING = {
    "another subscription than the dump's": observed(slot(0, 3)),
    "a subscription in a slot that is empty": observed(slot(0, 1), known=dump(-1)),
    "none where the dump has one": observed(slot(0, None)),
    "another shape": observed(slot(0, sub_reply=OTHER)),
    "no such method": observed(
        slot(0, sub_reply=Unclear("BINDER_UNKNOWN_TRANSACTION", "-74 Not a data message"))
    ),
    "an IMEI for an ICCID": observed(slot(0, iccid=Returned("350000000000006"))),
    "a name for an ICCID": observed(slot(0, iccid=Returned("Voicemail"))),
    "another shape for an ICCID": observed(slot(0, iccid=OTHER)),
    "a number for an IMSI": observed(slot(0, imsi=Returned("+15550001000"))),
    "one identity for two cards": observed(
        slot(0, 1), slot(1, 2, iccid=Returned(ICCIDS[0])), known=dump(1, 2)
    ),
    "ISms refuses a read and answers the other one oddly": observed(
        slot(0),
        reads={
            "isms.is_ims_sms_supported": DENIED,
            "isms.get_preferred_subscription": Returned(0),
        },
    ),
    "another shape from ISms": observed(slot(0), reads={"isms.is_ims_sms_supported": OTHER}),
}


@pytest.mark.parametrize("name", BARRING)
def test_contradiction_bars_the_phone_with_its_reason(name: str) -> None:
    """Another method answered: nothing may be sent by such a table."""
    capability = judged(BARRING[name])
    assert Standing.BARRED is capability.standing
    assert capability.reason


def test_dump_that_prints_the_card_must_name_the_same() -> None:
    """Up to Android 6 the dump holds the whole ICCID."""
    line = "{id=1, iccId=%s simSlotIndex=0 displayName=a carrierName=a nameSource=0 iconTint=1}"
    text = " ActiveSubInfoList:\n  " + line
    right = parse_isub(text % ICCIDS[0])
    wrong = parse_isub(text % ICCIDS[1])
    assert Standing.PROVEN is judged(observed(slot(0), known=right), api=23).standing
    assert Standing.BARRED is judged(observed(slot(0), known=wrong), api=23).standing


DOUBTS = {
    "a dead service": observed(slot(0, sub_reply=DEAD)),
    "a service that is not there yet": observed(
        slot(0, sub_reply=Refused("SERVICE_MISSING", "Service isub does not exist"))
    ),
    "an ISms that is dead": observed(
        slot(0),
        reads={"isms.is_ims_sms_supported": DEAD, "isms.get_preferred_subscription": DEAD},
    ),
    "a refusal": observed(slot(0, sub_reply=DENIED)),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_silence_leaves_the_phone_unproven(name: str) -> None:
    """No answer is no contradiction; the phone is asked again."""
    assert Standing.UNPROVEN is judged(DOUBTS[name]).standing


TOLD = {
    "identities refused": observed(slot(0, iccid=DENIED, imsi=DENIED)),
    "identities not read yet": observed(slot(0, iccid=Returned(None), imsi=Returned(""))),
    "an IMSI of another network": observed(slot(0, imsi=Returned("999990000001000"))),
    "asked back, another slot": observed(slot(0, back=1)),
    "a default in no slot": observed(
        slot(0), reads={"isms.get_preferred_subscription": Returned(7)}
    ),
    "ISms refuses a read": observed(slot(0), reads={"isms.is_ims_sms_supported": DENIED}),
}


@pytest.mark.parametrize("name", TOLD)
def test_oddity_that_no_message_depends_on_is_told_and_bars_nothing(name: str) -> None:
    """The operator sees it among the findings."""
    capability = judged(TOLD[name])
    assert Standing.PROVEN is capability.standing
    assert [finding for finding in capability.findings if finding.good is not True]


def test_iccid_without_a_right_check_digit_is_taken_and_said() -> None:
    """Cards without one are in the field; the message depends on sameness alone."""
    seen = observed(slot(0, iccid=Returned("8901260000000010007")))
    capability = judged(seen)
    assert Standing.PROVEN is capability.standing
    assert "without a right check digit" in repr(capability.findings)


def test_odd_read_of_isms_bars_nothing_where_the_phone_gave_its_codes() -> None:
    """Then the number is the phone's own, whatever that method answers."""
    seen = observed(slot(0), reads={"isms.is_ims_sms_supported": OTHER})
    assert Standing.PROVEN is judged(seen, learnt=True).standing


@pytest.mark.parametrize(
    ("api", "witnessed", "expected"),
    [
        (34, Witnessed("", 3), Witnesses(store=True, radio=True, message_ids=True)),
        (34, Witnessed("closed", 3), Witnesses(store=False, radio=True, message_ids=True)),
        (34, Witnessed("", 0), Witnesses(store=True, radio=False, message_ids=False)),
        (34, Witnessed("closed", 0), Witnesses(store=False, radio=False, message_ids=False)),
        (28, Witnessed("", 3), Witnesses(store=False, radio=True, message_ids=False)),
    ],
)
def test_witnesses_are_those_of_the_release_that_this_phone_showed(
    api: int, witnessed: Witnessed, expected: Witnesses
) -> None:
    """A maker may close what Android opens; what Android closes is not believed to be open."""
    capability = judged(observed(slot(0), witnessed=witnessed), api=api)
    assert expected == capability.witnesses
    nobody = "UNKNOWN" in repr(capability.findings)
    assert (not expected.store and not expected.radio) == nobody


@pytest.mark.parametrize(
    ("api", "lines", "good", "said"),
    [
        (21, 3, None, "while the controller listens"),
        (21, 0, False, "neither store nor radio log"),
        (34, 0, False, "neither store nor radio log"),
    ],
)
def test_release_without_a_final_word_proves_to_who_listens(
    api: int, lines: int, good: bool | None, said: str
) -> None:
    """What it says of a part counts as it is heard; only a silent log proves nothing at all."""
    seen = observed(slot(0), witnessed=Witnessed("closed", lines))
    (proof,) = [f for f in judged(seen, api=api).findings if f.subject == "proof of sending"]
    assert good is proof.good
    assert said in proof.text


def test_barred_profile_bars_before_anything_is_asked() -> None:
    """Its reason comes first."""
    barred = profile(22, maker="alps")
    capability = assess(barred, frozenset(), observed(slot(0)))
    assert Standing.BARRED is capability.standing
    assert "5.x builds" in capability.reason


def test_builds_are_told_apart_beyond_their_fingerprint() -> None:
    """A ported system keeps its maker's fingerprint; one without any has no name."""
    stock = {"ro.build.fingerprint": "f", "ro.build.display.id": "QP1A"}
    assert build_of(stock) != build_of(stock | {"ro.build.display.id": "lineage_x-userdebug"})
    assert build_of(stock) != build_of(stock | {"ro.build.fingerprint": "g"})
    assert "" == build_of({"ro.build.display.id": "QP1A"})


def test_codes_change_with_the_table() -> None:
    """What was proven by other codes is proven no longer."""
    assert codes_of(profile(34)) == codes_of(profile(34))
    assert codes_of(profile(34)) != codes_of(profile(29))
