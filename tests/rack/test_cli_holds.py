"""What an operator sees of a SIM at its limit: `droidrack sims list`, `why`, and the events."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cli_bench import NUMBER, TEXT, Desk, desk
from controller_bench import swift

from droidrack.core.message import Priority
from droidrack.core.settings import Quota


def sleep(it: Desk) -> None:
    """Queue a message to somebody for whom it is night, by UTC as in Iceland."""
    phone = it.table.device(0)
    it.table.store.queue(phone, "+3546111234", TEXT, slot=1, uid="sleeper", priority="low")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A running controller whose SIM may reach one number a month, and has."""
    with desk([swift(13)], tmp_path_factory.mktemp("holds")) as it:
        settings = it.table.settings
        phones = tuple(
            replace(phone, quota=Quota(recipients_per_month=1)) for phone in settings.phones
        )
        night = [f"{datetime.now(UTC) + timedelta(hours=h):%H:%M}" for h in (-6, 6)]
        policy = replace(
            settings.policy,
            quiet_classes=(Priority.LOW,),
            quiet_from=night[0],
            quiet_until=night[1],
        )
        it.table.settings = replace(settings, phones=phones, policy=policy)
        assert 0 == it.run("pair", "--phone", "bay-0", "--token-stdin", stdin=it.mint()).exit_code
        with it.controller() as running:
            it.call(running.ready(0))
            it.do(lambda: sleep(it))
            it.do(lambda: it.table.queue(TEXT, number=NUMBER, uid="first"))
            it.call(it.table.reported(running, ["first"]))
            it.do(lambda: it.table.queue(TEXT, number="+15550142638", uid="newcomer"))
            it.do(lambda: it.table.queue(TEXT, number=NUMBER, uid="again"))
            it.call(it.table.reported(running, ["again"]))
            yield it


def test_why_names_the_quota_that_a_message_waits_for(shelf: Desk) -> None:
    """Code, count, end of the month and remedy; what was sent waits for nothing."""
    waits = shelf.json("why", "newcomer")["waits_for"]
    assert "QUOTA_USED" == waits["code"]
    assert waits["detail"].startswith("1 of 1 recipients of the month; free from ")
    assert waits["remedy"]
    text = shelf.run("why", "newcomer").stdout
    assert "It waits: QUOTA_USED: 1 of 1 recipients of the month" in text
    assert None is shelf.json("why", "first")["waits_for"]
    assert "It waits" not in shelf.run("why", "first").stdout


def test_why_names_the_night_that_a_message_waits_for(shelf: Desk) -> None:
    """A recipient's own hold is none of the SIM's, and stands in the audit; so does each word."""
    waits = shelf.json("why", "sleeper")["waits_for"]
    assert "QUIET_HOURS" == waits["code"]
    assert "; until " in waits["detail"]
    assert "door      hold  quiet-hours  QUIET_HOURS" in shelf.run("why", "sleeper").stdout
    assert ["go"] == [each["what"] for each in shelf.json("why", "first")["door"]]


def test_sims_list_shows_a_held_row_with_its_remedy(shelf: Desk) -> None:
    """The row's line says why nothing goes, and what to do."""
    (held,) = [row for row in shelf.json("sims", "list") if row["held"]]
    assert held["held"].startswith("QUOTA_USED: 1 of 1 recipients of the month")
    assert "Wait for the next period, or raise the quota." == held["remedy"]


def test_what_was_reached_before_is_reached_again(shelf: Desk) -> None:
    """The quota counts numbers; the third message overtook the second."""
    assert [NUMBER, NUMBER] == [message.number for message in shelf.table.rack.air.messages]
