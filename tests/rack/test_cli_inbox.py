"""`droidrack inbox` beside a running controller."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cli_bench import NUMBER, PROGRAM, TEXT, Desk, desk
from controller_bench import swift
from live_rack import DEADLINE_S

from droidrack.core.inbound_settings import InboundSettings


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Two paired phones, one of them too old to show its texts; two texts arrived."""
    specs = [swift(0, api=34, sims=2), swift(1, api=27, sims=1)]
    with desk(specs, tmp_path_factory.mktemp("inbox")) as it:
        inbound = InboundSettings(poll_s=0.2)
        it.table.settings = replace(it.table.settings, inbound=inbound)
        for phone in ("bay-0", "bay-1"):
            assert 0 == it.run("pair", "--phone", phone, "--token-stdin", stdin=it.mint()).exit_code
        with it.controller() as running:
            it.call(running.ready())
            for slot in (0, 1):
                arrive(it, slot)
            until_shown(it, 2)
            yield it


def arrive(shelf: Desk, slot: int) -> None:
    """A text comes in on the first phone."""
    shelf.do(lambda: shelf.table.phones[0].model.receive_sms(slot, NUMBER, TEXT))


def until_shown(shelf: Desk, count: int) -> None:
    """Wait until the command lists so many."""
    for _ in range(100):
        if len(shelf.json("inbox")) >= count:
            return
    raise AssertionError(f"never {count} texts")


def test_inbox_lists_texts_without_secrets(shelf: Desk) -> None:
    """Phone, slot and fate are there; number, text and card are masked."""
    rows = shelf.json("inbox")
    assert [("bay-0", 0), ("bay-0", 1)] == [(row["phone"], row["slot"]) for row in rows[:2]]
    assert {} == rows[0]["forwarded"]
    table = shelf.run("inbox")
    for output in (str(rows), table.stdout, table.stderr):
        assert [] == [secret for secret in shelf.secrets if secret in output]


def test_inbox_names_the_phone_whose_texts_nobody_sees(shelf: Desk) -> None:
    """Silence is no proof that nobody wrote."""
    said = shelf.run("inbox").stderr
    assert "bay-1: inbound texts not available: this Android keeps the SMS store" in said
    assert "bay-0" not in said


def test_inbox_reveal_shows_number_and_text(shelf: Desk) -> None:
    """A person who asks sees who wrote what."""
    table = shelf.run("inbox", "--reveal").stdout
    assert NUMBER in table
    assert TEXT in table


def test_inbox_is_chosen_by_phone_card_time_and_count(shelf: Desk) -> None:
    """Each choice alone."""
    card = shelf.table.phones[0].model.spec.sims[1]
    assert card is not None
    assert {1} == {row["slot"] for row in shelf.json("inbox", "--sim", card.iccid[-5:])}
    assert [] == shelf.json("inbox", "--phone", "bay-1")
    assert [] == shelf.json("inbox", "--since", "2999-01-01")
    assert 1 == len(shelf.json("inbox", "--limit", "1"))


@pytest.mark.parametrize("words", [("--phone", "nobody"), ("--sim", "1"), ("--sim", "99999")])
def test_inbox_choice_that_means_nothing_is_a_mistake(shelf: Desk, words: tuple[str, str]) -> None:
    """Exit code 2 with what could have been meant."""
    done = shelf.run("inbox", *words)
    assert 2 == done.exit_code
    assert "Hint:" in done.stderr
    assert done.stderr.startswith("Error") or "--sim" in words  # Whose texts nobody sees is noise.
    assert ("at least 4 digits are needed" in done.stderr) == (words == ("--sim", "1"))


def test_inbox_follow_prints_what_arrives_line_by_line(shelf: Desk) -> None:
    """One JSON object per text, those that are there and those that come, until Ctrl-C."""
    command = [str(PROGRAM), "inbox", "--follow", "--json", "--config", str(shelf.config)]
    environment = {"PATH": os.defpath, "HOME": str(shelf.table.home), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as program:
        try:
            assert program.stdout is not None
            there = [json.loads(program.stdout.readline()) for _ in range(2)]
            arrive(shelf, 0)
            come = json.loads(program.stdout.readline())
            program.send_signal(signal.SIGINT)
            _, said = program.communicate(timeout=DEADLINE_S)
        finally:
            program.kill()
    assert (130, "Interrupted.") == (program.returncode, said.splitlines()[-1])
    assert come["id"] not in {row["id"] for row in there}
