"""What a send would do, told without doing it."""

import json

import pytest

from droidrack.adapters.profile_files import profile_table
from droidrack.core.explain import explain_send
from droidrack.core.ids import Body, Msisdn, SubId
from droidrack.core.profile import DeviceIdentity

TABLE = profile_table()
NUMBER = Msisdn("+15550100")


def test_explain_send_of_short_message_gives_the_unquoted_words() -> None:
    """The argument vector of `service call`, its row and the row's origin."""
    profile = TABLE.resolve(DeviceIdentity(34, maker="samsung"))
    told = explain_send(profile, SubId(2), NUMBER, Body("it's me")).as_json()
    argv = ["service", "call", "isms", "5", "i32", "2", "s16", "com.android.shell", "i32", "-1"]
    argv += ["s16", "+15550100", "i32", "-1", "s16", "it's me"]
    argv += ["i32", "0", "i32", "0", "i32", "1", "i64", "0"]
    assert argv == told["argv"]
    assert "android-34" == told["profile"]
    assert None is told["barred"]
    assert "gsm7" == told["encoding"]


def test_explain_send_of_long_message_uses_the_multipart_row() -> None:
    """The parts are the segments that would go out."""
    profile = TABLE.resolve(DeviceIdentity(34))
    told = explain_send(profile, SubId(2), NUMBER, Body("ж" * 80))
    assert "sendMultipartTextForSubscriber" == told.row.method
    assert ("i32", "2", "s16", "ж" * 67, "s16", "ж" * 13) == told.argv[14:20]
    assert 2 == told.segmentation.count


def test_explain_send_on_barred_build_shows_the_words_and_the_reason() -> None:
    """Why not is what the operator wants to know."""
    profile = TABLE.resolve(DeviceIdentity(22, maker="Acme"))
    told = explain_send(profile, SubId(2), NUMBER, Body("hi"))
    assert ("service", "call", "isms", "10") == told.argv[:4]
    assert "Qualcomm" in told.barred


def test_explain_send_carries_the_message_id_it_is_given() -> None:
    """From Android 11 on the radio log would repeat it."""
    profile = TABLE.resolve(DeviceIdentity(36))
    told = explain_send(profile, SubId(2), NUMBER, Body("hi"), message_id=77)
    assert ("i64", "77") == told.argv[-2:]


@pytest.mark.parametrize("body", ["", "a\0b", "\ud800"])
def test_explain_send_of_text_that_cannot_go_is_refused(body: str) -> None:
    """The same refusals as a real send."""
    with pytest.raises(ValueError):
        explain_send(TABLE.resolve(DeviceIdentity(34)), SubId(2), NUMBER, Body(body))


def test_explanation_repr_hides_number_and_text() -> None:
    """Only its JSON, asked for by the operator, shows them."""
    told = explain_send(TABLE.resolve(DeviceIdentity(34)), SubId(2), NUMBER, Body("secret"))
    assert "secret" not in repr(told)
    assert "5550100" not in repr(told)
    assert "secret" in json.dumps(told.as_json())
