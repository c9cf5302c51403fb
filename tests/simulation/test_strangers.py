"""Others send from the same phone: an app, or a person with the phone in hand.

Up to Android 10 the radio log names no message. What it says of a stranger's must neither be told
of ours nor let ours be sent again.
"""

import asyncio

import pytest
from sim_scenario import NUMBER, event, phones, ready, told_by
from sim_world import Site

from droidrack.virtual.faults import Fate, Outcome

DOUBT, SENT = ("failed", "OUTCOME_UNKNOWN"), ("sent", "")
SLOW, LOST = Fate(latency_s=8.0), Fate(outcome=Outcome.LOST)

Lines = tuple[tuple[str, str], ...]

HANDED: Lines = (
    (
        "GsmSMSDispatcher",
        "sendSms:  isIms()=false mRetryCount=0 mImsRetry=0 mMessageRef=0 SS=0",
    ),
    ("RILJ", "[3999]> SEND_SMS [SUB0]"),
)
ANSWERED: Lines = (
    ("RILJ", "[3999]< SEND_SMS { mMessageRef = 3, mErrorCode = -1, mAckPdu = null} [SUB0]"),
)
GOOD: Lines = (*ANSWERED, ("SMSDispatcher", "Persist SMS into SENT"))
BAD: Lines = (
    ("RILJ", "[3999]< SEND_SMS error 1 [SUB0]"),
    (
        "RILJ",
        "[3999]< SEND_SMS error: com.android.internal.telephony.CommandException: "
        "RADIO_NOT_AVAILABLE ret=",
    ),
    ("SMSDispatcher", "Persist SMS into FAILED"),
)


def write(site: Site, lines: Lines) -> None:
    """The phone's log says this of a stranger's message."""
    for tag, text in lines:
        site.phones[0].model.logs.write("radio", "D", tag, text)


@pytest.mark.parametrize("api", [27, 28, 29])
@pytest.mark.parametrize(
    ("fate", "strange", "expected"),
    [(LOST, GOOD, DOUBT), (SLOW, BAD, None)],
    ids=["sent beside a lost one", "failed beside a slow one"],
)
@pytest.mark.parametrize("before", [False, True], ids=["begun after ours", "begun before ours"])
def test_words_about_a_strangers_message_are_not_about_ours(
    api: int, fate: Fate, strange: Lines, expected: tuple[str, str] | None, before: bool
) -> None:
    """Ours goes out once at the most, and is told as its row tells it, or as a doubt."""

    async def story(site: Site) -> None:
        await ready(site)
        if before:
            write(site, HANDED)
        phone = site.phones[0]
        phone.model.radio.faults.script(fate)
        await site.ask(phone, 0, NUMBER, "ours")
        await event(site, "submit")
        await asyncio.sleep(2.0)
        write(site, strange if before else HANDED + strange)
        await event(site, "status")
        await asyncio.sleep(400.0)

    site = told_by(story, specs=phones(api))
    # Only from Android 10 on the store shows the shell what was sent.
    certain = SENT if api >= 29 else DOUBT
    assert [expected or certain] == list(site.truth.told.values())


@pytest.mark.parametrize("api", [27, 28, 29])
def test_strangers_message_that_is_over_does_not_touch_the_next_of_ours(api: int) -> None:
    """What was handed to the radio before and had its last word is nobody's business."""

    async def story(site: Site) -> None:
        await ready(site)
        write(site, HANDED + GOOD)
        await asyncio.sleep(1.0)
        await site.ask(site.phones[0], 0, NUMBER, "ours")
        await event(site, "status")

    assert [SENT] == list(told_by(story, specs=phones(api)).truth.told.values())


@pytest.mark.parametrize("api", [27, 28])
@pytest.mark.parametrize(
    "strange",
    [HANDED + ANSWERED, (HANDED + ANSWERED) * 3 + GOOD[1:]],
    ids=["without a last word", "of three parts"],
)
def test_strangers_message_that_the_radio_answered_owes_nothing_for_long(
    api: int, strange: Lines
) -> None:
    """What an SMS app keeps in its own store never has a last word: ours must not wait for it."""

    async def story(site: Site) -> None:
        await ready(site)
        write(site, strange)
        await asyncio.sleep(10.0)
        for number in range(3):
            await site.ask(site.phones[0], 0, f"{NUMBER[:-1]}{number}", "ours")
        await event(site, "status", 3)

    assert [SENT] * 3 == list(told_by(story, specs=phones(api)).truth.told.values())


def test_last_word_pays_one_debt_only() -> None:
    """Of an own message that its row settled first: the stranger's word is still to come."""

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        phone.model.radio.faults.script(Fate(silent=True), LOST)
        await site.ask(phone, 0, NUMBER, "settled by its row")
        await event(site, "submit")
        write(site, HANDED[:1])
        await event(site, "status")
        write(site, HANDED)
        write(site, GOOD[1:])  # Of ours, late.
        await asyncio.sleep(2.0)
        await site.ask(phone, 0, "+15551239999", "lost")
        await event(site, "submit", 2)
        await asyncio.sleep(4.0)
        write(site, GOOD)  # Of the stranger's.
        await event(site, "status", 2)
        await asyncio.sleep(300.0)

    assert [SENT, DOUBT] == list(told_by(story, specs=phones(29)).truth.told.values())


@pytest.mark.parametrize("api", [24, 27, 28, 29, 34])
@pytest.mark.parametrize(
    "text",
    [
        "Subscription 9 is inactive.",
        "sendTextForSubscriber iccSmsIntMgr is null for Subscription: 9",
    ],
)
def test_line_about_another_subscription_is_not_about_ours(api: int, text: str) -> None:
    """Any app may ask for a card that is gone: ours is neither failed nor sent again."""

    async def story(site: Site) -> None:
        await ready(site)
        site.phones[0].model.radio.faults.script(Fate(latency_s=6.0))
        await site.ask(site.phones[0], 0, NUMBER, "ours")
        await event(site, "submit")
        await asyncio.sleep(2.0)
        write(site, (("UiccSmsController" if api < 29 else "SmsController", text),))
        await event(site, "status")

    assert [SENT] == list(told_by(story, specs=phones(api)).truth.told.values())


@pytest.mark.parametrize("api", [27, 29])
def test_failure_that_the_log_names_nobody_for_is_not_tried_again(api: int) -> None:
    """It may have been a stranger's, while ours is kept back behind a dialog."""

    async def story(site: Site) -> None:
        await ready(site)
        bad = Fate(outcome=Outcome.RIL_ERROR, ril_error="RADIO_NOT_AVAILABLE")
        site.phones[0].model.radio.faults.script(bad)
        await site.ask(site.phones[0], 0, NUMBER, "ours")
        await event(site, "status")
        await asyncio.sleep(120.0)

    site = told_by(story, specs=phones(api))
    assert [("failed", "RIL_RADIO_NOT_AVAILABLE")] == list(site.truth.told.values())
    assert [] == site.air.messages
