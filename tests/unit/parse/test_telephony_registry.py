"""The registry dump: phones, their order, and what must not be read as current."""

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.parse.telephony_registry import parse_telephony_registry
from droidrack.core.telephony import NOT_PRINTED, CallState, DataState, Rat, Registration

STATE = "{mVoiceRegState=%d(X), mDataRegState=1(OUT_OF_SERVICE), mIsEmergencyOnly=false}"
LTE = "SignalStrength:{mLte=CellSignalStrengthLte: rsrp=-90 level=4,primary=CellSignalStrengthLte}"


def test_phone_in_a_call_on_3g_is_read_with_crlf() -> None:
    """A whole dump of two phones with the line ends of an old shell."""
    text = "\r\n".join(
        [
            "last known state:",
            "  Phone Id=0",
            "    mCallState=2",
            "    mCallIncomingNumber=+15550001111",
            f"    mServiceState={STATE % 0}",
            "    mDataConnectionState=3",
            "  Phone Id=1",
            "    mCallState=1",
            f"    mSignalStrength={LTE}",
            "  mActiveDataSubId=7",
        ]
    )
    registry = parse_telephony_registry(text)
    first, second = registry.phones
    assert (CallState.OFFHOOK, DataState.SUSPENDED) == (first.call, first.data_connection)
    assert first.service is not None
    assert Registration.IN_SERVICE is first.service.voice
    assert NOT_PRINTED is first.unavailable["signal"]
    assert second.signal is not None
    assert (CallState.RINGING, Rat.LTE, -90) == (second.call, second.signal.rat, second.signal.dbm)
    assert registry.active_data_sub_id == 7
    assert "1555" not in repr(registry)


def test_grep_without_headings_begins_a_phone_at_each_repeated_key() -> None:
    """Three phones of a grep for two keys."""
    lines = [f"mServiceState={STATE % code}\nmCallState={code}" for code in (0, 1, 2)]
    phones = parse_telephony_registry("\n".join(lines)).phones
    assert [0, 1, 2] == [phone.phone_id for phone in phones]
    assert [CallState.IDLE, CallState.RINGING, CallState.OFFHOOK] == [p.call for p in phones]


def test_line_break_in_an_operator_name_parts_no_state() -> None:
    """The name is whole, what follows it is read, and so is the next value and the log."""
    state = (
        "{mVoiceRegState=0(X), mOperatorAlphaLong=FOO\nBAR, mOperatorAlphaShort=FOO\nBAR, "
        "mIsEmergencyOnly=false, mNetworkRegistrationInfos=[NetworkRegistrationInfo{ domain=CS "
        "registrationState=HOME cellIdentity=CellIdentityLte:{ mMcc=001 mMnc=01 mAlphaLong=FOO\n"
        "BAR mAlphaShort=FOO\nBAR}}], mOperatorAlphaLongRaw=FOO\nBAR}"
    )
    log = f"  2026-01-02T03:04:05.678901 - notifyX: subId=1 phoneId=0 state={state}\n"
    registry = parse_telephony_registry(
        f"  Phone Id=0\n    mServiceState={state}\n    mCallState=2\nlocal logs:\n{log}"
    )
    (phone,) = registry.phones
    assert phone.service is not None
    assert ("FOO\nBAR", "FOO\nBAR", "00101", False, CallState.OFFHOOK) == (
        phone.service.operator_long,
        phone.service.operator_short,
        phone.service.operator_numeric,
        phone.service.emergency_only,
        phone.call,
    )
    assert [phone.service] == [entry.service for entry in registry.logs]


def test_state_that_was_cut_in_a_name_takes_no_other_line() -> None:
    """A grep keeps the first line only: its name is not known, the next key is its own."""
    text = f"mServiceState={{mVoiceRegState=0(X), mOperatorAlphaLong=FOO\nmSignalStrength={LTE}"
    (phone,) = parse_telephony_registry(text).phones
    assert phone.service is not None
    assert phone.service.operator_long is None
    assert phone.signal is not None


def test_logs_and_registrations_are_never_current_state() -> None:
    """What follows the state repeats its keys for earlier moments."""
    text = (
        "last known state:\n  Phone Id=0\n    mCallState=0\nlocal logs:\n    mCallState=2\n"
        "registrations: count=1\n    mCallState=1\n"
    )
    assert [CallState.IDLE] == [phone.call for phone in parse_telephony_registry(text).phones]


def test_unreadable_part_spoils_no_other() -> None:
    """An unknown signal layout is Unavailable with its reason; the call state stands."""
    text = (
        "Phone Id=0\n mCallState=0\n mSignalStrength=SignalStrength: 1 2 3\n mServiceState=null\n"
    )
    (phone,) = parse_telephony_registry(text).phones
    assert CallState.IDLE is phone.call
    assert phone.signal is None
    assert "row of Android 9" in phone.unavailable["signal"].reason
    assert "null" in phone.unavailable["service"].reason


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Can't find service: telephony.registry",
        "Permission Denial: can't dump telephony.registry from pid=1, uid=2000",
        "last known state:\n  Phone Id=0\n",
        "  mServiceState=nonsense +15550001111222\n",
    ],
)
def test_text_without_any_state_is_a_parse_error_without_numbers(text: str) -> None:
    """The excerpt helps to recognise the dump and holds nobody's number."""
    with pytest.raises(ParseError) as caught:
        parse_telephony_registry(text)
    assert "15550001111" not in str(caught.value)
    assert len(caught.value.excerpt) <= 255


def test_unreadable_phones_beside_an_active_data_subscription_are_a_parse_error() -> None:
    """One line of the device does not make a dump of its phones."""
    with pytest.raises(ParseError):
        parse_telephony_registry("Phone Id=0\n mServiceState=gone\nmActiveDataSubId=3\n")


def test_grep_of_the_active_data_subscription_alone_is_an_answer() -> None:
    """-1 means that there is none, which is not the same as nothing printed."""
    registry = parse_telephony_registry("  mActiveDataSubId=-1\n")
    assert (None, True, ()) == (
        registry.active_data_sub_id,
        registry.active_data_printed,
        registry.phones,
    )


def test_unknown_call_state_is_unavailable_not_idle() -> None:
    """A number Android does not define is no state."""
    text = f"mCallState=9\nmSignalStrength={LTE}"
    (phone,) = parse_telephony_registry(text).phones
    assert phone.call is None
    assert "call" in phone.unavailable
