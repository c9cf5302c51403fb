"""Lines of the radio log become words about one message, or about none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from droidrack.core.evidence import RadioWord, Word
from droidrack.core.ids import PhoneId, SubId
from droidrack.core.parse.radio_log import parse_radio_line
from droidrack.core.radio_trace import trace

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
ZERO, ONE = PhoneId(0), PhoneId(1)


def traced(text: str) -> tuple[RadioWord, ...]:
    """Words of a log whose lines were heard a second apart and written 0.1 s apart.

    `PID|`, `PID.TID|` or `PID.TID+SECONDS|` before a line: its process, its thread and a pause.
    """
    heard = []
    clock = datetime(2026, 5, 1, 23, 59, 59, 500000, tzinfo=UTC)
    for number, line in enumerate(text.strip().splitlines()):
        head, bar, tail = line.strip().partition("|")
        where, _, pause = (head if bar else "1200").partition("+")
        pid, _, tid = where.partition(".")
        clock += timedelta(seconds=float(pause or 0.1))
        prefix = f"{clock:%m-%d %H:%M:%S}.{clock.microsecond // 1000:03}  {pid}  {tid or pid} D "
        event = parse_radio_line(prefix + (tail if bar else head))
        assert event is not None, line
        heard.append((event, NOON + timedelta(seconds=number)))
    return trace(heard)


def word(
    kind: Word,
    line: int,
    message_id: int | None,
    error: str = "",
    phone_id: PhoneId | None = None,
) -> RadioWord:
    """The word of a line."""
    return RadioWord(kind, NOON + timedelta(seconds=line), message_id, phone_id, error)


def dispatch(message_id: int) -> str:
    """The dispatcher's line."""
    return (
        "GsmSMSDispatcher: sendSms:  isIms()=false mRetryCount=0 mImsRetry=0 mMessageRef=0 "
        f"SS=0 {{x-message-id:{message_id}}}"
    )


def good(token: int, message_id: int) -> str:
    """The modem's good answer."""
    return (
        f"RILJ: [{token:04d}]< SEND_SMS {{ mMessageRef = 5, mErrorCode = -1, mAckPdu = null, "
        f"{{x-message-id:{message_id}}}}} [PHONE0]"
    )


def request(token: int) -> str:
    """The request to the modem."""
    return f"RILJ: [{token:04d}]> SEND_SMS [PHONE0]"


def bad(token: int, name: str) -> str:
    """The modem's refusal, as API 26 and later print it."""
    return (
        f"RILJ: [{token:04d}]< SEND_SMS error 28 [PHONE0]\n"
        f"RILJ: [{token:04d}]< SEND_SMS error: com.android.internal.telephony.CommandException: "
        f"{name} ret="
    )


SENT, FAILED = "SMSDispatcher: Persist SMS into SENT", "SMSDispatcher: Persist SMS into FAILED"


def test_trace_verdict_belongs_to_the_message_that_was_answered() -> None:
    """The id of the good answer names the verdict that follows."""
    log = "\n".join([dispatch(7), request(1), good(1, 7), SENT])
    assert (word(Word.SENT, 3, 7),) == traced(log)


def test_trace_refusal_is_named_by_its_token_and_counted_once() -> None:
    """A refusal has no id: its token leads to the request. Number and name are one refusal."""
    log = "\n".join([dispatch(7), request(1), bad(1, "NETWORK_REJECT"), FAILED])
    expected = (
        word(Word.ERROR, 3, 7, "NETWORK_REJECT"),
        word(Word.FAILED, 4, 7, "NETWORK_REJECT"),
    )
    assert expected == traced(log)


def test_trace_retry_that_succeeds_is_sent() -> None:
    """An error that Android retried does not stain the verdict."""
    log = "\n".join(
        [dispatch(7), request(1), bad(1, "SMS_FAIL_RETRY"), dispatch(7), request(2), good(2, 7)]
    )
    words = traced(f"{log}\n{SENT}")
    assert [Word.ERROR, Word.SENT] == [each.word for each in words]
    assert {7} == {each.message_id for each in words}


def test_trace_verdict_passes_by_a_message_that_was_not_answered() -> None:
    """A message the modem is still silent about cannot be the one that was persisted."""
    log = "\n".join([dispatch(7), request(1), dispatch(8), request(2), good(2, 8), SENT])
    assert (word(Word.SENT, 5, 8),) == traced(log)


def test_trace_two_answered_messages_lose_their_claim() -> None:
    """Two answers before the first verdict: neither verdict has a name, the next message has."""
    both = [dispatch(7), request(1), dispatch(8), request(2), good(2, 8), good(1, 7), SENT]
    third = [dispatch(9), request(3), good(3, 9), SENT]
    words = traced("\n".join([*both, SENT, *third]))
    assert [None, None, 9] == [each.message_id for each in words]
    words = traced("\n".join([*both, *third, SENT]))
    assert [None, None] == [each.message_id for each in words[:2]]


def test_trace_failed_verdict_is_not_given_to_a_good_answer() -> None:
    """A failure goes to the message that had an error, not to the one that went well."""
    log = "\n".join(
        [dispatch(7), request(1), bad(1, "MODEM_ERR"), dispatch(8), request(2), good(2, 8), FAILED]
    )
    assert word(Word.FAILED, 7, 7, "MODEM_ERR") == traced(f"{log}\n{SENT}")[1]
    assert word(Word.SENT, 8, 8) == traced(f"{log}\n{SENT}")[2]


def test_trace_two_dispatches_before_a_request_are_not_told_apart() -> None:
    """A request that could be either message's gives its refusal no name."""
    log = "\n".join([dispatch(7), dispatch(8), request(1), request(2), bad(1, "MODEM_ERR")])
    assert (word(Word.ERROR, 5, None, "MODEM_ERR"),) == traced(log)


def test_trace_failure_without_service_is_the_dispatched_message() -> None:
    """Without service the dispatcher gives up before it asks the modem."""
    assert (word(Word.FAILED, 1, 7),) == traced(f"{dispatch(7)}\n{FAILED}")


def test_trace_inactive_subscription_is_dropped() -> None:
    """Android drops a message for a stale subscription with a line and nothing else."""
    line = "SmsController: sendTextForSubscriber iccSmsIntMgr is null for Subscription: 3"
    dropped = word(Word.DROPPED, 0, None)
    assert (replace(dropped, sub_id=SubId(3)),) == traced(line)
    assert (replace(dropped, message_id=7, sub_id=SubId(3)),) == traced(f"{line} id: 7")


def test_trace_refusal_is_named_by_its_own_id() -> None:
    """From 12 on a refusal carries the id: its request need not have been told apart."""
    error = (
        "RilRequest: [0001]< SEND_SMS error: com.android.internal.telephony.CommandException: "
        "NETWORK_REJECT ret={ mMessageRef = 0, mErrorCode = 38, mAckPdu = null, "
        "{x-message-id:7}} result=null"
    )
    log = [dispatch(7), dispatch(8), request(1), request(2), error, FAILED]
    refused = replace(word(Word.ERROR, 4, 7, "NETWORK_REJECT"), cause=38)
    assert refused == traced("\n".join(log))[0]


def test_trace_of_android_11_lives_on_the_dispatchers_line_and_the_token() -> None:
    """There the dispatcher's line alone has an id, and neither answer of the modem."""
    first = "GsmSMSDispatcher: sendSms:  isIms()=false mRetryCount=0 mMessageRef=0 SS=0 id=7"
    answer = "RILJ: [0001]< SEND_SMS { mMessageRef = 5, mErrorCode = -1, mAckPdu = null} [PHONE0]"
    assert (word(Word.SENT, 3, 7),) == traced("\n".join([first, request(1), answer, SENT]))
    refusal = "RilRequest: [0001]< SEND_SMS error: CommandException: MODEM_ERR ret="
    words = traced("\n".join([first, request(1), refusal, FAILED]))
    assert (word(Word.ERROR, 2, 7, "MODEM_ERR"), word(Word.FAILED, 3, 7, "MODEM_ERR")) == words


def ims(retry: int = 0) -> str:
    """A part is handed to IMS."""
    return f"ImsSmsDispatcher [0]: sendSms:  mRetryCount={retry} mMessageRef=0 SS=0"


def ims_result(token: int, status: int = 1) -> str:
    """The answer of the IMS service."""
    reason = 0 if status == 1 else 102
    return (
        f"ImsSmsDispatcher [0]: onSendSmsResult token={token} messageRef={token} status={status} "
        f"reason={reason} networkReasonCode=38"
    )


TEXT, PARTS = "SMSDispatcher: sendText id: {}", "SMSDispatcher: No carrier package. id: {}"


def test_trace_part_over_ims_belongs_to_the_text_its_thread_announced() -> None:
    """Another thread's announcement between, of another app or of our own, changes nothing."""
    log = [
        f"1200.71|{TEXT.format(7)}",
        f"1200.72|{TEXT.format(0)}",
        f"1200.73|{TEXT.format(8)}",
        f"1200.71|{ims()}",
        f"1200.74|{ims_result(1)}",
        f"1200.74|{SENT}",
    ]
    assert (word(Word.SENT, 5, 7),) == traced("\n".join(log))


def test_trace_all_parts_over_ims_belong_to_their_text() -> None:
    """From 14 on each call tells its caller, so that another app's parts are not taken for ours."""
    called = "1200.71|SmsController: sendMultipartTextForSubscriber caller=com.android.shell"
    parts = [f"1200.71|{PARTS.format(7)}", *[f"1200.71|{ims()}"] * 3]
    results = [f"1200.74|{ims_result(token)}" for token in (1, 2, 3)]
    assert (word(Word.SENT, 8, 7),) == traced("\n".join([called, *parts, *results, SENT]))
    assert (word(Word.SENT, 7, None),) == traced("\n".join([*parts, *results, SENT]))


@pytest.mark.parametrize(
    "lines",
    [
        [f"1200.72|{ims()}"],  # Another thread's.
        [f"1200.71+2|{ims()}"],  # Too late for the same call.
        ["1200.71|SmsController: sendDataForSubscriber caller=a.b", f"1200.71|{ims()}"],
        [f"1200.71|{TEXT.format(0)}", f"1200.71|{ims()}"],
        [f"1200.71|{ims(1)}", f"1200.71|{ims()}"],  # A retry of who knows what, and then?
    ],
)
def test_trace_part_over_ims_that_may_be_anothers_is_nobodys(lines: list[str]) -> None:
    """A text that waits behind a dialog was announced; what goes out meanwhile is not its own."""
    log = [f"1200.71|{TEXT.format(7)}", *lines, f"1200.74|{ims_result(1)}", SENT]
    assert {None} == {each.message_id for each in traced("\n".join(log))}


def test_trace_text_has_one_part_over_ims() -> None:
    """What follows it on its thread is another app's data message: now two are with IMS."""
    log = [f"1200.71|{TEXT.format(7)}", *[f"1200.71|{ims()}"] * 2, ims_result(1), SENT]
    assert (word(Word.SENT, 4, None),) == traced("\n".join(log))


def test_trace_retry_over_ims_is_the_refused_message() -> None:
    """Android tries again two seconds later, from a thread of its own."""
    log = [f"1200.71|{TEXT.format(7)}", f"1200.71|{ims()}", f"1200.74|{ims_result(1, 3)}"]
    again = [f"1200.1200+2|{ims(1)}", f"1200.74|{ims_result(2)}", SENT]
    assert (word(Word.SENT, 5, 7),) == traced("\n".join([*log, *again]))


def test_trace_retry_over_ims_is_nobodys_when_two_were_refused() -> None:
    """Another app's message may be the one that is tried again."""
    ours = [f"1200.71|{TEXT.format(7)}", f"1200.71|{ims()}", f"1200.74|{ims_result(1, 3)}"]
    another = [f"1200.72|{ims()}", f"1200.74|{ims_result(2, 3)}"]
    again = [f"1200.1200+2|{ims(1)}", f"1200.74|{ims_result(3)}", SENT]
    assert (word(Word.SENT, 7, None),) == traced("\n".join([*ours, *another, *again]))


def test_trace_failure_over_ims_tells_reason_and_cause() -> None:
    """What IMS said of the last try is why the message failed."""
    log = [f"1200.71|{TEXT.format(7)}", f"1200.71|{ims()}", f"1200.74|{ims_result(1, 2)}", FAILED]
    failed = replace(word(Word.FAILED, 3, 7, "102"), cause=38)
    assert (failed,) == traced("\n".join(log))


@pytest.mark.parametrize("refused", [False, True])
def test_trace_failure_while_a_text_is_kept_back_is_nobodys(refused: bool) -> None:
    """A person may have said no to the one behind the dialog; the other may yet be sent."""
    log = [
        f"1200.71|{TEXT.format(7)}",  # Behind a dialog: it is not handed on.
        f"1200.72|{TEXT.format(8)}",
        f"1200.72|{ims()}",
        *([ims_result(1, status=3)] * refused),
        FAILED,
        *([ims(retry=1)] * refused),
        ims_result(2),
        SENT,
    ]
    words = traced("\n".join(log))
    assert [(Word.FAILED, None), (Word.SENT, 8)] == [(w.word, w.message_id) for w in words]


def test_trace_message_that_falls_back_to_the_modem_keeps_its_name() -> None:
    """Status 4: the other dispatcher goes on, and says whose it is."""
    log = [f"1200.71|{TEXT.format(7)}", f"1200.71|{ims()}", f"1200.74|{ims_result(1, 4)}"]
    modem = [f"1200.74|{dispatch(7)}", f"1200.74|{request(1)}", good(1, 7), SENT]
    assert (word(Word.SENT, 6, 7),) == traced("\n".join([*log, *modem]))


def test_trace_without_ids_gives_words_without_a_name() -> None:
    """Up to API 29 nothing names a message."""
    log = """
        GsmSMSDispatcher: sendSms:  isIms()=false mRetryCount=0 mImsRetry=0 mMessageRef=0 SS=0
        RILJ: [0001]> SEND_SMS [SUB1]
        RILJ: [0001]< SEND_SMS { mMessageRef = 5, mErrorCode = -1, mAckPdu = null} [SUB1]
    """
    assert (word(Word.SENT, 3, None),) == traced(f"{log.strip()}\n{SENT}")


def test_trace_new_phone_process_knows_nothing_of_the_old() -> None:
    """A verdict of a restarted phone process is not the old process's message."""
    log = "\n".join([dispatch(7), request(1), good(1, 7), f"1300|{SENT}"])
    assert (word(Word.SENT, 3, None),) == traced(log)


def test_trace_log_that_begins_in_the_middle_names_nobody() -> None:
    """The buffer's first lines may be the end of a story that was not heard."""
    assert (word(Word.SENT, 0, None),) == traced(SENT)


def test_trace_result_of_an_earlier_message_is_not_inherited_by_a_later_one() -> None:
    """Two are with IMS and one result came: the next result may still be the other's."""
    log = [dispatch(11), dispatch(12), ims_result(1), dispatch(13), ims_result(2), SENT]

    assert (word(Word.SENT, 5, None),) == traced("\n".join(log))
