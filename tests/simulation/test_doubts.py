"""A doubt that was told stays one: no row of another message turns it into `sent` later.

Each story has one message that never left and of which nothing is known, and another to the same
number that was sent. What happens to the phone or the host then must not free the other's row.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sim_scenario import NUMBER, event, ready, told_by
from sim_world import Site

from droidrack.virtual.faults import Fate, Outcome, Row

OTHER = "+15551230777"
LOST = Fate(outcome=Outcome.LOST)
DOUBT, SENT = ("failed", "OUTCOME_UNKNOWN"), ("sent", "")
HOUR_S = 3600.0

Story = Callable[[Site], Awaitable[None]]


async def doubt(site: Site, number: str = NUMBER) -> None:
    """A message that the modem loses, told as a doubt."""
    site.phones[0].model.radio.faults.script(LOST)
    await site.ask(site.phones[0], 0, number, "lost")
    await event(site, "status")


async def sent(site: Site, number: str = NUMBER, *, reports: int = 2) -> None:
    """A message that is sent, or whatever was scripted."""
    await site.ask(site.phones[0], 0, number, "sent")
    await event(site, "status", reports)


def ends_with(story: Story, *expected: tuple[str, str]) -> None:
    """Play a story for half a day; what the panel was told of each message at its end."""
    site = told_by(story, end_s=14 * HOUR_S)
    assert list(expected) == [site.truth.told[uid] for uid in site.truth.uids]


@pytest.mark.parametrize("later_s", [60.0, 1200.0])
def test_row_that_two_messages_explain_stays_undecided_for_as_long_as_both_may(
    later_s: float,
) -> None:
    """The radio log proves the second; an hour later its row is not the first one's."""

    async def story(site: Site) -> None:
        await ready(site)
        await doubt(site)
        await asyncio.sleep(later_s)
        await sent(site)
        await asyncio.sleep(11 * HOUR_S)

    ends_with(story, DOUBT, SENT)


@pytest.mark.parametrize(
    ("fate", "third"),
    [
        (
            Fate(outcome=Outcome.RIL_ERROR, ril_error="NETWORK_REJECT", flip_s=3.0),
            ("failed", "RIL_NETWORK_REJECT"),
        ),
        (Fate(row=Row.DELETED, flip_s=5.0), SENT),
    ],
    ids=["became invisible", "was deleted"],
)
def test_newest_row_that_disappears_frees_no_other(fate: Fate, third: tuple[str, str]) -> None:
    """The highest id falls by one; rows that proved a message go on being taken."""

    async def story(site: Site) -> None:
        await ready(site)
        await doubt(site)
        await asyncio.sleep(HOUR_S + 100)
        await sent(site)
        await asyncio.sleep(60)
        site.phones[0].model.radio.faults.script(fate)
        await sent(site, OTHER, reports=3)
        for reports in (4, 5):
            await asyncio.sleep(60)
            await sent(site, OTHER, reports=reports)
        await asyncio.sleep(HOUR_S)

    ends_with(story, DOUBT, SENT, third, SENT, SENT)


@pytest.mark.parametrize("killed", [False, True], ids=["running", "after a restart"])
def test_store_that_shows_nothing_for_a_moment_is_not_an_empty_one(killed: bool) -> None:
    """A row of long ago must not lie above the watermark of a new message."""

    async def story(site: Site) -> None:
        await ready(site)
        store = site.phones[0].model.store
        await sent(site, reports=1)
        await asyncio.sleep(600)
        store.blind = True
        if killed:
            site.kill("while the store shows nothing", back_in_s=5.0)
            await asyncio.sleep(30)
        site.phones[0].model.radio.faults.script(LOST)
        await site.ask(site.phones[0], 0, NUMBER, "lost")
        await event(site, "submit", 2)
        store.blind = False
        await event(site, "status", 2)
        await asyncio.sleep(HOUR_S)

    ends_with(story, SENT, DOUBT)


def test_store_that_was_emptied_proves_again_once_it_is_believed() -> None:
    """Ids start anew after a reset; the messages that follow have their rows."""

    async def story(site: Site) -> None:
        await ready(site)
        phone = site.phones[0]
        for reports in range(1, 4):
            await sent(site, f"+1555123{reports:04d}", reports=reports)
        phone.model.store.reset()
        await asyncio.sleep(60)
        await sent(site, reports=4)
        await asyncio.sleep(60)
        phone.model.radio.faults.script(Fate(silent=True))
        await sent(site, OTHER, reports=5)

    ends_with(story, *[SENT] * 5)


@pytest.mark.parametrize("hours", [0, -2, 30])
def test_clock_that_jumps_before_a_restart_swaps_no_two_messages(hours: int) -> None:
    """Ages come from the host's boot, not from its date."""

    async def story(site: Site) -> None:
        await ready(site)
        await doubt(site)
        await site.phones[0].handset.reboot()
        site.turn_clock(timedelta(hours=hours))
        await asyncio.sleep(30)
        await site.ask(site.phones[0], 0, NUMBER, "sent")
        await event(site, "air")
        site.kill("while the second has no verdict")
        await asyncio.sleep(HOUR_S)

    ends_with(story, DOUBT, SENT)


def test_rows_taken_before_the_clock_jumped_stay_taken_after_a_restart() -> None:
    """The journal is asked by date for what proved a message; the date may have moved since."""

    async def story(site: Site) -> None:
        await ready(site)
        await doubt(site)
        await asyncio.sleep(HOUR_S + 100)
        await sent(site)
        site.turn_clock(timedelta(days=30))
        site.kill("after the clock jumped")
        await asyncio.sleep(2 * HOUR_S)

    ends_with(story, DOUBT, SENT)
