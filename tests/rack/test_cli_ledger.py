"""`droidrack messages` and `why` beside a running controller."""

from collections.abc import Iterator

import pytest
from cli_bench import NUMBER, TEXT, Desk, desk
from click.testing import CliRunner
from controller_bench import swift

from droidrack.faces.cli.main import main


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One paired phone whose controller runs, with one message sent and one refused."""
    with desk([swift(13)], tmp_path_factory.mktemp("ledger")) as it:
        token = it.mint()
        assert 0 == it.run("pair", "--phone", "bay-0", "--token-stdin", stdin=token).exit_code
        with it.controller() as running:
            it.call(running.ready(0))
            it.do(lambda: it.table.queue(TEXT, number=NUMBER, uid="good"))
            it.do(lambda: it.table.queue(TEXT, number="no number", uid="bad"))
            it.call(it.table.reported(running, ["good", "bad"]))
            yield it


def test_messages_newest_first_without_secrets(shelf: Desk) -> None:
    """State, code and the panel's word are there; number and text are not."""
    rows = shelf.json("messages")
    assert ["bad", "good"] == [row["uid"] for row in rows]
    assert ["failed", "sent"] == [row["state"] for row in rows]
    assert ["failed", "sent"] == [row["told"] for row in rows]
    assert "NUMBER_INVALID" == rows[0]["code"]
    table = shelf.run("messages").stdout
    for output in (str(rows), table):
        assert [] == [secret for secret in shelf.secrets if secret in output]


def test_messages_reveal_shows_number_and_text(shelf: Desk) -> None:
    """A person who asks sees what was sent to whom."""
    table = shelf.run("messages", "--reveal").stdout
    assert NUMBER in table
    assert TEXT in table


@pytest.mark.parametrize(
    ("words", "uids"),
    [
        (("--state", "sent"), ["good"]),
        (("--state", "sent", "--state", "failed"), ["bad", "good"]),
        (("--limit", "1"), ["bad"]),
        (("--phone", "bay-0"), ["bad", "good"]),
        (("--state", "unknown"), []),
    ],
)
def test_messages_are_chosen(shelf: Desk, words: tuple[str, ...], uids: list[str]) -> None:
    """By phone, by states, and as many as wanted."""
    assert uids == [row["uid"] for row in shelf.json("messages", *words)]


def test_messages_of_a_phone_that_left_the_configuration(shelf: Desk) -> None:
    """Its messages stay in the journal and are found by the name it had."""
    text = shelf.config.read_text()
    shelf.config.write_text(text.replace('name = "bay-0"', 'name = "other"'))
    try:
        listed = shelf.json("messages", "--phone", "bay-0,other")
    finally:
        shelf.config.write_text(text)
    assert ["bad", "good"] == [row["uid"] for row in listed]


def test_messages_of_nobodys_phone_name_the_phones(shelf: Desk) -> None:
    """A mistyped name is the operator's mistake, with the names there are."""
    result = shelf.run("messages", "--phone", "bay-9")
    assert 2 == result.exit_code
    assert "the configuration has: bay-0" in result.stderr


def test_why_tells_each_step_with_its_proof(shelf: Desk) -> None:
    """Offered, attempted, witnessed, reported: in order, with times, without secrets."""
    life = shelf.json("why", "good")
    states = [change["state"] for change in life["changes"]]
    assert ["accepted", "sending", "submitted", "sent"] == states
    (attempt,) = life["attempts"]
    assert "call-returned" == attempt["evidence"][0]["kind"]
    assert attempt["evidence"][-1]["kind"] in ("store-sent", "radio-sent")
    (report,) = life["reports"]
    assert "sent" == report["status"]
    assert report["acknowledged_at"]
    done = shelf.spawn("why", "good")
    assert (0, "") == (done.returncode, done.stderr)
    words = [line.split()[2:4] for line in done.stdout.splitlines() if "Z  " in line]
    assert ["state", "accepted"] == words[0]
    assert ["state", "sent"] == words[-1]
    assert [] == [secret for secret in shelf.secrets if secret in done.stdout + str(life)]


def test_why_of_a_refused_message_names_the_remedy(shelf: Desk) -> None:
    """A code is explained where it is met."""
    told = shelf.run("why", "bad").stdout
    assert "bad: failed NUMBER_INVALID" in told
    assert "What to do: Correct the number in the panel." in told


def test_why_of_an_unknown_uid_says_so(shelf: Desk) -> None:
    """Exit code 1 and a sentence, no traceback."""
    done = shelf.spawn("why", "never-heard-of")
    assert (1, "") == (done.returncode, done.stdout)
    assert "the journal holds no message never-heard-of" in done.stderr


def test_table_of_foreign_text_obeys_no_terminal_codes(shelf: Desk) -> None:
    """What others wrote is shown on its line, without escapes that a terminal would follow."""
    done = shelf.run("why", "\x1b[2J\nx")
    assert "\x1b" not in done.stderr
    assert "\\x1b[2J\\nx" in done.stderr


def test_messages_without_a_journal_say_where_it_would_be(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A new rack, or a wrong state_dir: named with its path, nothing is created."""
    home = tmp_path_factory.mktemp("new")
    config = home / "devices.toml"
    config.write_text(
        f'state_dir = "{home / "state"}"\n[panel]\nurl = "http://127.0.0.1:9"\n'
        '[[phones]]\nname = "a"\nserial = "X1"\n'
    )
    for words in (["messages"], ["why", "x"]):
        result = CliRunner().invoke(main, [*words, "--config", str(config)])
        assert 1 == result.exit_code
        assert f"{home / 'state' / 'journal.sqlite'}: there is no journal yet" in result.stderr
    assert not (home / "state").exists()
