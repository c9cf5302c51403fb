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
        (
            "RIL_UiccSmsController: sendTextForSubscriber iccSmsIntMgr is null for Subscription: 3",
            RadioKind.INACTIVE,
            {"sub_id": 3, "message_id": None},
        ),
        (
            "SmsController: sendMultipartTextForSubscriber iccSmsIntMgr is null for "
            "Subscription: 3 id: 77",
            RadioKind.INACTIVE,
            {"sub_id": 3, "message_id": 77},
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


GSM = "GsmSMSDispatcher: sendSms:  isIms()=false mRetryCount=2 mImsRetry=0 mMessageRef=0 "


@pytest.mark.parametrize(
    ("line", "kind", "message_id"),
    [
        (f"{GSM}mUsesImsServiceForIms=false SS=0 id=77", RadioKind.DISPATCHED, 77),  # 11
        (f"{GSM}mUsesImsServiceForIms=false SS=0 id=0", RadioKind.DISPATCHED, None),
        (f"{GSM}mUsesImsServiceForIms=false SS=0", RadioKind.DISPATCHED, None),  # 10
        ("SMSDispatcher: sendText id: 77", RadioKind.ANNOUNCED, 77),  # 11, 12
        ("SMSDispatcher: sendText id: {x-message-id:77}", RadioKind.ANNOUNCED, 77),  # 13
        ("SMSDispatcher: sendText id: 0", RadioKind.ANNOUNCED, None),
        ("SMSDispatcher: No carrier package. id: 77", RadioKind.ANNOUNCED, 77),
        ("SMSDispatcher: No carrier package. {x-message-id:77}", RadioKind.ANNOUNCED, 77),
        ("SMSDispatcher: Persist SMS into SENT {x-message-id:0}", RadioKind.PERSISTED_SENT, None),
    ],
)
def test_message_id_is_read_as_each_release_prints_it(
    line: str, kind: RadioKind, message_id: int | None
) -> None:
    """Android 11 knows no tag; 0 is what a caller has that gave no id."""
    event = parse_radio_line(HEAD + line)
    assert event is not None
    assert (kind, message_id) == (event.kind, event.message_id)


def test_line_over_ims_tells_thread_time_and_try() -> None:
    """SMS over IMS has no id: who it is follows from the thread and the moment."""
    line = "ImsSmsDispatcher [1]: sendSms:  mRetryCount=2 mMessageRef=0 SS=0"
    event = parse_radio_line(HEAD + line)
    assert event is not None
    assert (RadioKind.DISPATCHED, 1250, 2, True) == (event.kind, event.tid, event.retry, event.ims)
    assert 5 * 3600 + 6 * 60 + 7.89 == pytest.approx(event.clock_s)
    assert None is event.message_id


@pytest.mark.parametrize(
    "text",
    [
        "sendDataForSubscriber caller=com.example.messages",
        "sendVisualVoicemailSmsForSubscriber caller=com.android.phone",
        "sendStoredMultipartText caller=com.example.messages",
    ],
)
def test_call_of_any_app_is_told(text: str) -> None:
    """Whatever an app sends: what its thread announced before is over."""
    event = parse_radio_line(f"{HEAD}SmsController: {text}")
    assert event is not None
    assert RadioKind.CALLED is event.kind


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        (  # Up to 11.
            "{ mMessageRef = 0, mErrorCode = 38, mAckPdu = null}",
            (None, 38, "SMS_FAIL_RETRY"),
        ),
        (  # From 12 on.
            "{ mMessageRef = 0, mErrorCode = 38, mAckPdu = null, {x-message-id:77}} result={ }",
            (77, 38, "SMS_FAIL_RETRY"),
        ),
        ("", (None, None, "SMS_FAIL_RETRY")),
        ("{ mMessageRef = 0, mErrorCode = -1, mAckPdu = null}", (None, None, "SMS_FAIL_RETRY")),
    ],
)
def test_refusal_tells_the_networks_cause(tail: str, expected: object) -> None:
    """What came with the error: the cause, and from 12 on the message id."""
    exception = "com.android.internal.telephony.CommandException: SMS_FAIL_RETRY"
    line = f"RilRequest: [0123]< SEND_SMS error: {exception} ret={tail}"
    event = parse_radio_line(HEAD + line)
    assert event is not None
    assert expected == (event.message_id, event.error_code, event.error)


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        (" { messageRef = 1, errorCode = 0, ackPdu = null}", RadioKind.RIL_ANSWER),
        ("", None),
        (" [SUB0]", None),
        (" request not supported, falling back", None),
        (" failed", None),
        (" {unknown}", None),
        (" error=NONE", None),
        (" error=NETWORK_REJECT", RadioKind.RIL_ERROR),
    ],
)
def test_answer_is_good_by_its_message_reference_alone(tail: str, kind: RadioKind | None) -> None:
    """A text that nobody knows is no good answer, for it would count as taken by the network."""
    event = parse_radio_line(f"{HEAD}RILJ    : [0123]< SEND_SMS{tail}")
    assert kind == (event.kind if event else None)


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
        HEAD + "SmsController: sendDataForSubscriber iccSmsIntMgr is null for Subscription: 3",
        HEAD + "RIL_UiccSmsController: Subscription 4 is inactive.",
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
