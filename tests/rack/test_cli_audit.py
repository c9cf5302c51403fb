"""`droidrack audit`, and the lines that other commands leave."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_bench import NUMBER, TEXT, Desk, desk
from controller_bench import swift


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """One phone with two cards; every output is searched for secrets."""
    with desk([swift(13)], tmp_path) as it:
        yield it
        printed = "\n".join(it.printed)
        assert [] == [secret for secret in it.secrets if secret in printed]


def journal_of(shelf: Desk) -> Path:
    """Where the journal is."""
    (path,) = shelf.config.parent.rglob("journal.sqlite")
    return path


def work(shelf: Desk) -> None:
    """A pairing, a pairing that is refused, and one real message."""
    token = shelf.mint()
    assert 0 == shelf.run("pair", "--phone", "bay-0", "--token-stdin", stdin=token).exit_code
    assert 1 == shelf.run("relink", "--phone", "bay-0", "--token-stdin", stdin=token).exit_code
    sent = shelf.run(
        "send", "--phone", "bay-0", "--slot", "0", "--to", NUMBER, "--body-stdin", stdin=TEXT
    )
    assert 0 == sent.exit_code, sent.output


def test_audit_tells_who_did_what_and_what_the_door_said(shelf: Desk, tmp_path: Path) -> None:
    """Acts and decisions are one chain; neither number nor text stands in it."""
    work(shelf)

    lines = shelf.json("audit", "show")

    told = [(line["what"], line.get("code", "")) for line in lines]
    assert [("pair", ""), ("relink", "PANEL_REFUSED"), ("go", ""), ("send", "")] == told
    assert all("@" in line["who"] for line in lines if line["kind"] == "act")
    assert {"bay-0"} == {line["subject"] for line in lines if line["kind"] == "act"}
    assert NUMBER not in json.dumps(lines)
    assert TEXT not in json.dumps(lines)
    mine = shelf.json("audit", "show", "--number", NUMBER)
    assert ["go", "send"] == [line["what"] for line in mine]
    assert [] == shelf.json("audit", "show", "--number", "+15550109999")
    assert ["go"] == [line["what"] for line in shelf.json("audit", "show", "--kind", "decision")]


def test_verify_is_silent_about_an_untouched_audit_and_names_a_touched_line(shelf: Desk) -> None:
    """Exit code and line number, also for the tail."""
    work(shelf)
    good = shelf.run("audit", "verify")
    assert (0, "Nothing was changed") == (good.exit_code, good.stdout.splitlines()[-1][:19])

    connection = sqlite3.connect(journal_of(shelf))
    connection.execute("UPDATE audit SET text = replace(text, 'go', 'no') WHERE seq = 3")
    connection.execute("DELETE FROM audit WHERE seq = 4")
    connection.commit()
    connection.close()

    found = shelf.json("audit", "verify", code=1)
    assert [3, 4] == [fault["line"] for fault in found["faults"]]
    assert "line 4 is missing at the end" in shelf.run("audit", "verify").stdout


def test_export_can_be_verified_without_the_journal(shelf: Desk, tmp_path: Path) -> None:
    """What lies in an archive is checked there, and an edit in it is found."""
    work(shelf)
    file = tmp_path / "audit.jsonl"
    file.touch(0o644)
    assert 0 == shelf.run("audit", "export", "--output", str(file)).exit_code

    assert 0o600 == file.stat().st_mode & 0o777
    assert file.read_text("utf-8") == shelf.run("audit", "export").stdout
    assert 0 == shelf.run("audit", "verify", "--file", str(file)).exit_code
    assert 4 == len(file.read_text().splitlines())
    file.write_text(file.read_text().replace("PANEL_REFUSED", "PANEL_BUSY"))
    assert 1 == shelf.run("audit", "verify", "--file", str(file)).exit_code
    file.write_text("nothing\n")
    assert "line 1: expected a line" in shelf.run("audit", "verify", "--file", str(file)).stderr
    assert "" == shelf.run("audit", "export", "--since", "2199-01-01").stdout


def test_tail_prints_the_newest_lines_as_text(shelf: Desk) -> None:
    """One act or decision on each line."""
    work(shelf)

    lines = shelf.run("audit", "tail", "-n", "2").stdout.splitlines()

    assert ["door  go  bay-0", "send"] == [
        lines[0].split("Z  ")[1][:15],
        lines[1].split("  ")[2],
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("export", "--output", "{home}/none/x"), "no such file or directory"),
        (("show", "--number", "nonsense"), "NUMBER_INVALID"),
    ],
)
def test_place_or_number_that_is_none_is_refused(
    shelf: Desk, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Neither a trace nor an answer that sounds as if nobody was written to."""
    work(shelf)
    done = shelf.run("audit", *(word.format(home=tmp_path) for word in words))
    assert 2 == done.exit_code
    assert said in done.stderr
    assert "No such lines" not in done.stdout
