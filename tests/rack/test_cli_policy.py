"""`droidrack optout` and `droidrack policy check`, beside a controller and without one."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cli_bench import NUMBER, TEXT, Desk, desk
from controller_bench import swift

OTHER, GERMAN = "+15550142638", "+4917139200123"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """One phone with two cards."""
    with desk([swift(13)], tmp_path) as it:
        yield it


def test_list_is_kept_before_any_controller_ran(shelf: Desk, tmp_path: Path) -> None:
    """Added, listed, exported, imported, removed; a number is masked unless it is asked for."""
    assert "2 added" in shelf.run("optout", "add", NUMBER, OTHER, "--note", "rang").stdout
    assert "1 added" in shelf.run("optout", "add", "017139200123", "--country", "de").stdout
    assert "0 added, 1 on" in shelf.run("optout", "add", GERMAN).stdout

    shown = shelf.run("optout", "list").stdout
    assert NUMBER not in shown
    listed = shelf.json("optout", "list", "--reveal")
    assert {NUMBER, OTHER, GERMAN} == {row["number"] for row in listed}
    assert ["operator"] * 3 == [row["source"] for row in listed]

    file = tmp_path / "list.csv"
    assert 0 == shelf.run("optout", "export", "--output", str(file)).exit_code
    assert 0o600 == file.stat().st_mode & 0o777
    assert "1 removed" in shelf.run("optout", "remove", OTHER).stdout
    assert "0 removed, 1 not" in shelf.run("optout", "remove", OTHER).stdout
    assert "1 added, 2 on" in shelf.run("optout", "import", str(file)).stdout
    assert listed == shelf.json("optout", "list", "--reveal")

    acts = [line["what"] for line in shelf.json("audit", "show")]
    assert ["optout add"] * 4 + ["optout remove"] * 2 + ["optout import"] == acts


def test_import_with_a_mistake_takes_nothing(shelf: Desk) -> None:
    """The mistakes are told by their place, and no number is repeated."""
    done = shelf.run("optout", "import", "-", stdin=f"number\n{NUMBER}\n0171392\n")

    assert 2 == done.exit_code
    assert "entry 3: NUMBER_NEEDS_COUNTRY" in done.stderr
    assert "0171392" not in done.stderr
    assert [] == shelf.json("optout", "list")


def test_number_listed_beside_a_controller_gets_nothing_more(shelf: Desk) -> None:
    """The running controller sees the command's change at its next call."""
    token = shelf.mint()
    assert 0 == shelf.run("pair", "--phone", "bay-0", "--token-stdin", stdin=token).exit_code
    table = shelf.table
    with shelf.controller() as running:
        shelf.call(running.ready())
        assert 0 == shelf.run("optout", "add", NUMBER).exit_code
        uids = [shelf.do(partial(table.queue, TEXT, number=number)) for number in (NUMBER, OTHER)]
        both = running.until(lambda: all(map(table.latest, uids)), "both told")
        shelf.call(both)
        told = shelf.do(lambda: [table.told(uid) for uid in uids])

    assert [[("failed", "OPTED_OUT")], [("sent", None)]] == told
    assert [TEXT] == table.on_air()
    assert "OPTED_OUT" in json.dumps(shelf.json("why", uids[0]))


def test_check_says_which_rule_decides_and_sends_nothing(shelf: Desk) -> None:
    """Every rule in order, with the opt-out list and the configuration as they are."""
    asked = ("policy", "check", "--to", NUMBER, "--body", TEXT, "--sim", "0")
    free = shelf.json(*asked)
    assert ("go", "", 1) == (free["decision"], free["rule"], free["segments"])
    assert ["expiry", "body", "segments", "number"] == [r["rule"] for r in free["rules"]][:4]
    assert {"pass"} == {rule["says"] for rule in free["rules"]}

    shelf.run("optout", "add", NUMBER)
    listed = shelf.json(*asked)
    assert ("refuse", "opt-out", "OPTED_OUT") == tuple(
        listed[key] for key in ("decision", "rule", "code")
    )
    wrong = shelf.run("policy", "check", "--to", "*21#", "--body", TEXT, "--sim", "0")
    assert "NUMBER_SERVICE_CODE" in wrong.stdout
    assert [] == shelf.table.on_air()


def test_check_of_an_earlier_time_leaves_out_what_was_sent_since(shelf: Desk) -> None:
    """The pace of today is no answer to a question about last May."""
    sent = shelf.run(
        *("send", "--phone", "bay-0", "--slot", "0", "--to", NUMBER, "--body-stdin"), stdin=TEXT
    )
    assert 0 == sent.exit_code, sent.output
    asked = ("policy", "check", "--to", NUMBER, "--body", TEXT, "--sim", "0", "--at")
    for moment in ("2026-05-01T23:00", "2026-05-01"):
        assert "go" == shelf.json(*asked, moment)["decision"]


def test_message_that_comes_after_the_question_is_refused(shelf: Desk) -> None:
    """It would have waited for less than nothing."""
    asked = ("policy", "check", "--to", NUMBER, "--body", TEXT, "--sim", "0")
    done = shelf.run(*asked, "--at", "2026-05-01", "--received", "2026-05-02")
    assert 2 == done.exit_code
    assert "--received 2026-05-02T00:00:00 is later than --at 2026-05-01T00:00:00" in done.stderr
    assert "later than now" in shelf.run(*asked, "--received", "2999-01-01").stderr
