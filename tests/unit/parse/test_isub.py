"""Subscription dumps of the releases and builds that the corpus has no sample of."""

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.ids import Iccid, Slot
from droidrack.core.parse.isub import parse_isub, whole_iccid
from droidrack.core.telephony import SimState

ANDROID_14 = """SubscriptionManagerService:
Active modem count=2
Logical SIM slot sub id mapping:
  Logical SIM slot 0: subId=3
  Logical SIM slot 1: subId=-1
ICCID:
  slot 0: 890101555[****]

defaultSubId=3
defaultVoiceSubId=-1
defaultDataSubId=3
activeDataSubId=3
defaultSmsSubId=2147483647

mSimState[0]=LOADED
mSimState[1]=ABSENT

Active subscriptions:
  [SubscriptionInfoInternal: id=3 iccId=890101555[****] simSlotIndex=0 portIndex=0 isEmbedded=1 isRemovableEmbedded=0 carrierId=1 displayName=Foo mnc=9, Bar [x] carrierName=Foo = Bar isOpportunistic=0 groupUuid= groupOwner= displayNameSource=SIM_SPN iconTint=-1 number=[****] dataRoaming=0 mcc=001 mnc=01 ehplmns= cardString=890101555[****] countryIso=de profileClass=-1]

All subscriptions:
  [SubscriptionInfoInternal: id=2 iccId=89010155500000000019 simSlotIndex=-1 portIndex=-1 isEmbedded=0 displayName=Old carrierName= isOpportunistic=0 displayNameSource=CARRIER mcc= mnc= countryIso= profileClass=-1]
  [SubscriptionInfoInternal: id=3 iccId=890101555[****] simSlotIndex=0 portIndex=0 isEmbedded=1 displayName=Foo carrierName=Foo isOpportunistic=0 mcc=001 mnc=01 countryIso=de]

Local log:
  2024-05-07T20:10:16.865182 - [SubscriptionInfoInternal: id=9 iccId= simSlotIndex=0 displayName=x carrierName=y isOpportunistic=0]

SubscriptionDatabaseManager:
  All subscriptions:
    [SubscriptionInfoInternal: id=3 iccId=890101555[****] simSlotIndex=1 portIndex=0 isEmbedded=0 displayName=Z carrierName=Z isOpportunistic=0 mcc=002 mnc=02 countryIso=fr]
"""  # noqa: E501  one subscription is one line


def test_android_14_service_dump_is_read() -> None:
    """Square brackets, slots by sentence, SIM states, an eSIM; names that look like keys."""
    known = parse_isub(ANDROID_14)
    old, current = known.subscriptions
    assert (2, None, "Old", "", None, None, False) == (
        old.sub_id,
        old.slot,
        old.display_name,
        old.carrier,
        old.mcc,
        old.mnc,
        old.active,
    )
    assert Iccid("89010155500000000019") == old.iccid
    assert (3, 0, "Foo mnc=9, Bar [x]", "Foo = Bar", "001", "01", "de", True, True) == (
        current.sub_id,
        current.slot,
        current.display_name,
        current.carrier,
        current.mcc,
        current.mnc,
        current.country,
        current.embedded,
        current.active,
    )
    assert current.iccid is None
    assert {"sub": 3, "voice": None, "data": 3, "sms": None} == known.defaults
    assert {0: (3,)} == known.slot_to_sub
    assert (SimState.LOADED, SimState.ABSENT) == known.sim_states
    assert (3,) == known.active_sub_ids
    assert current == known.in_slot(Slot(0))


@pytest.mark.parametrize(
    "entry",
    [
        "{mSubId=1, mIccId=8901000000000000001 mSlotId=0 mDisplayName=CARD 1 mNameSource=0 "
        "mColor=0 mNumber= mDataRoaming=0 mSimIconRes=[I@1 mMcc 310 mMnc 260}",
        "{id=1, iccId=8901000000000000001 simSlotIndex=0 displayName=CARD 1 nameSource=0 color=-1 "
        "number= dataRoaming=0 iconRes=[I@1 mcc 310 mnc 260}",
    ],
)
def test_entries_of_android_5_name_no_carrier(entry: str) -> None:
    """5.0 calls its keys otherwise."""
    known = parse_isub(f"ActiveSubInfoList:\n  {entry}\n++++\n")
    (card,) = known.subscriptions
    assert (1, 0, "CARD 1", None, "310", "260", True) == (
        card.sub_id,
        card.slot,
        card.display_name,
        card.carrier,
        card.mcc,
        card.mnc,
        card.active,
    )
    assert card.iccid == Iccid("8901000000000000001")


def test_names_are_as_printed_and_a_cut_entry_has_none() -> None:
    """A comma at a name's end is the name's."""
    entry = (
        "{{id=1, iccId=89 simSlotIndex=0 displayName={0} carrierName=B nameSource=0 mcc 1 mnc 1}}"
    )
    (whole,) = parse_isub(entry.format("A,")).subscriptions
    assert ("A,", "B") == (whole.display_name, whole.carrier)
    (cut,) = parse_isub("{id=1, iccId=89 simSlotIndex=0 displayName=A carri").subscriptions
    assert (None, None) == (cut.display_name, cut.carrier)


def test_entries_that_miui_prints_once_more_are_not_active() -> None:
    """Its table of all cards ever seen stands under a heading of its own."""
    entry = (
        "{{id={0}, iccId=89 simSlotIndex={1} displayName=A carrierName=B nameSource=0 mcc 1 mnc 1}}"
    )
    known = parse_isub(
        f" ActiveSubInfoList:\n  {entry.format(1, 0)}\n ActiveSubInfoList in the DB:\n"
        f"  {entry.format(11, -1)}\n  {entry.format(1, 0)}\n"
    )
    assert (1,) == known.active_sub_ids
    assert {1: True, 11: False} == {each.sub_id: each.active for each in known.subscriptions}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (" mSlotIdToSubIdMap[0]: subId=1", {0: (1,)}),
        (" mSimInfo[0]: subId=1", {0: (1,)}),
        (" sSlotIdxToSubId[1]: subId=4", {1: (4,)}),
        (" sSlotIndexToSubId[0]: subId=2", {0: (2,)}),
        (" sSlotIndexToSubId[0]: subIds=0=[9, 11]", {0: (9, 11)}),
        ("Logical SIM slot 1: subId=5", {1: (5,)}),
        (" sSlotIndexToSubId[0]: subId=-2", {}),
        (" sSlotIndexToSubId[0]: subId=2147483643", {}),
    ],
)
def test_slot_lines_of_every_release(line: str, expected: dict[int, tuple[int, ...]]) -> None:
    """Dummy ids are no subscriptions."""
    assert expected == parse_isub(f"SubscriptionController:\n defaultSubId=1\n{line}\n").slot_to_sub


@pytest.mark.parametrize(
    "country", [" countryIso us", " countryIso=us", "mCountryIso=us", " mCountryIso=us"]
)
def test_android_10_entry_with_blanks_for_equal_signs_is_read(country: str) -> None:
    """Between the two notations keys have a blank or an equal sign; Android 10 forgot a blank."""
    entry = (
        "  {id=2, iccId=890101555[****] simSlotIndex=1 carrierId=1 displayName=A B carrierName=C D "
        "nameSource=0 iconTint=-1 mNumber= dataRoaming=0 iconBitmap=x mcc 001 mnc 001"
        f"{country} isEmbedded true nativeAccessRules null cardString=x}}"
    )
    text = f"SubscriptionController:\n ActiveSubInfoList:\n{entry}\n AllSubInfoList: is null\n"
    (subscription,) = parse_isub(text).subscriptions
    assert ("A B", "C D", "001", "001", "us", True, True) == (
        subscription.display_name,
        subscription.carrier,
        subscription.mcc,
        subscription.mnc,
        subscription.country,
        subscription.embedded,
        subscription.active,
    )


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("89010155500000000019", True),
        ("8901015550000000001", True),
        ("8901015550000000001F", True),
        ("890101555[****]", False),
        ("890101555XXXXXXXXXXX", False),
        ("890101", False),
        ("89010155500000000019000000000000", False),
        ("", False),
        (None, False),
    ],
)
def test_iccid_counts_only_when_printed_whole(text: str | None, whole: bool) -> None:
    """Masked, starred, cut and EID-long values identify no card."""
    assert whole is (whole_iccid(text) is not None)


@pytest.mark.parametrize("text", ["", "Can't find service: isub", "Permission Denial: isub"])
def test_text_without_subscriptions_is_a_parse_error(text: str) -> None:
    """A refusal is not an empty phone."""
    with pytest.raises(ParseError):
        parse_isub(text)
