"""Radio log lines that tell what became of an SMS, and many that do not."""

import pytest

from droidrack.core.parse.radio_log import LINE_LIMIT, RadioKind, parse_radio_line

HEAD = "03-04 05:06:07.890  1234  1250 D "


@pytest.mark.parametrize(
    ("line", "kind", "fields"),
    [
        ("SMSDispatcher: Persist SMS into SENT", RadioKind.PERSISTED_SENT, {}),
        (
            "SMSDispatcher: Persist SMS into FAILED {x-message-id:7}",
            RadioKind.PERSISTED_FAILED,
            {"message_id": 7},
        ),
        (
            "RILJ    : [0123]> SEND_SMS [SUB1]",
            RadioKind.RIL_REQUEST,
            {"token": 123, "request": "SEND_SMS", "phone_id": 1},
        ),
        (
            "RILJ: [PHONE0] [0043]> SEND_SMS_EXPECT_MORE",
            RadioKind.RIL_REQUEST,
            {"request": "SEND_SMS_EXPECT_MORE", "phone_id": 0},
        ),
        (
            "RILJ: [0123]< SEND_SMS { mMessageRef = 12, mErrorCode = -1, mAckPdu = null } [PHONE0]",
            RadioKind.RIL_ANSWER,
            {"message_ref": 12, "error_code": None, "phone_id": 0},
        ),
        ("RILJ    : [0123]< SEND_SMS error 28 [SUB0]", RadioKind.RIL_ERROR, {"error": "28"}),
        (
            "RILJ    : [0123]< RIL_REQUEST_IMS_SEND_SMS error: com.android.internal.telephony."
            "CommandException: SMS_SEND_FAIL_RETRY ret=",
            RadioKind.RIL_ERROR,
            {"error": "SMS_SEND_FAIL_RETRY", "request": "IMS_SEND_SMS"},
        ),
        (
            "ImsSmsDispatcher [1]: onSendSmsResult token=3 messageRef=9 status=2 reason=5 "
            "networkReasonCode=38",
            RadioKind.IMS_RESULT,
            {
                "token": 3,
                "message_ref": 9,
                "status": 2,
                "error": "5",
                "error_code": 38,
                "phone_id": 1,
            },
        ),
        (
            "GsmSMSDispatcher: SMS failed with error 4, errorCode 38 {x-message-id:42}",
            RadioKind.SEND_FAILED,
            {"error": "4", "error_code": 38, "message_id": 42},
        ),
        (
            "GsmSMSDispatcher: sendSms:  isIms()=false mRetryCount=1 mImsRetry=0 mMessageRef=0 "
            "mUsesImsServiceForIms=false SS=0 {x-message-id:9223372036854775807}",
            RadioKind.DISPATCHED,
            {"message_id": 9223372036854775807},
        ),
        (
            "SmsController: sendTextForSubscriber caller=com.android.shell {x-message-id:5}",
            RadioKind.CALLED,
            {"message_id": 5},
        ),
        ("SmsController: Subscription 4 is inactive.", RadioKind.INACTIVE, {"sub_id": 4}),
        (
            "SmsController: sendTextForSubscriber iccSmsIntMgr is null for Subscription: 3",
            RadioKind.INACTIVE,
            {"sub_id": 3},
        ),
    ],
)
def test_sending_lines_become_events(line: str, kind: RadioKind, fields: dict[str, object]) -> None:
    """Each line that evidence is drawn from, over the releases."""
    event = parse_radio_line(HEAD + line)
    assert event is not None
    assert kind is event.kind
    assert fields == {name: getattr(event, name) for name in fields}
    assert (1234, "03-04 05:06:07.890") == (event.pid, event.at)


def test_message_id_zero_means_none() -> None:
    """0 is what Android prints for a caller that gave no id."""
    event = parse_radio_line(HEAD + "SMSDispatcher: Persist SMS into SENT {x-message-id:0}")
    assert event is not None
    assert event.message_id is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--------- beginning of radio",
        "Persist SMS into SENT",
        HEAD + "RILJ    : [0123]> SIGNAL_STRENGTH [SUB0]",
        HEAD + "RILJ    : [UNSL]< UNSOL_RESPONSE_NEW_SMS",
        HEAD + "RILJ    : [0123]< SEND_USSD error 2",
        HEAD + "SMSDispatcher: something else",
        HEAD + "SmsController: copyMessageToIccEf iccSmsIntMgr is null for Subscription: 3",
    ],
)
def test_other_lines_are_nothing(line: str) -> None:
    """The radio log speaks mostly of other things."""
    assert parse_radio_line(line) is None


def test_line_longer_than_the_cap_is_read_up_to_it() -> None:
    """A line without an end cannot hold the reader up."""
    long_line = HEAD + "X: " + "a" * LINE_LIMIT + " Persist SMS into SENT"
    assert parse_radio_line(long_line) is None
    assert parse_radio_line(HEAD + "X: Persist SMS into SENT" + " a" * LINE_LIMIT) is not None


def test_events_hold_no_number_and_no_text() -> None:
    """A line that quotes the message gives its codes alone."""
    event = parse_radio_line(HEAD + "RILJ: [1]> SEND_SMS to +15550001111 hello [SUB0]")
    assert "1555" not in repr(event)
    assert "hello" not in repr(event)
