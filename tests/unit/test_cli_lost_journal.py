"""A state directory whose journal is gone: every command that asks it names the loss."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from droidrack.adapters.journal_sql import SqlJournal
from droidrack.faces.cli.main import main


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A rack that was at work here."""
    file = tmp_path / "devices.toml"
    file.write_text(
        'state_dir = "state"\n[panel]\nurl = "http://127.0.0.1:9"\n'
        "[[adb]]\nown = false\nport = 29337\n"
        '[[phones]]\nname = "bay-1"\nserial = "S1"\n',
        encoding="utf-8",
    )

    async def work() -> None:
        journal = SqlJournal(tmp_path / "state" / "journal.sqlite")
        await journal.open()
        await journal.close()

    asyncio.run(work())
    return file


def lose(config: Path) -> Path:
    """The journal is deleted, and nothing else."""
    journal = config.parent / "state" / "journal.sqlite"
    journal.unlink()
    return journal


@pytest.mark.parametrize(
    "command",
    [
        "messages",
        "events",
        "events --follow",
        "inbox",
        "audit show",
        "optout list",
        "optout export --output -",
        "optout add +15550100001",
        "policy check --to +15550100001 --body hello --sim 0",
        "pair --phone bay-1 --token-stdin",
        "run",
    ],
)
def test_lost_journal_is_named_with_its_remedy(config: Path, command: str) -> None:
    """Not taken for a rack that never ran, and nothing is made in its place."""
    journal = lose(config)

    done = CliRunner().invoke(main, [*command.split(), "--config", str(config)], input="token\n")

    assert 1 == done.exit_code, done.output
    assert "is gone; its seal" in done.stderr
    assert "--accept-journal" in done.stderr
    assert not journal.exists()


def test_doctor_calls_a_lost_journal_an_error(config: Path) -> None:
    """What `run` refuses is not fine."""
    journal = lose(config)

    done = CliRunner().invoke(main, ["doctor", "--json", "--config", str(config)])

    findings = json.loads(done.stdout)["findings"]
    (found,) = [each for each in findings if each["subject"] == "journal"]
    assert "error" == found["severity"]
    assert "--accept-journal" in found["remedy"]
    assert not journal.exists()


def test_list_without_a_journal_says_that_there_is_none(config: Path) -> None:
    """Nobody is on a list that does not exist; is it the right directory?"""
    journal = lose(config)
    journal.with_name("journal.sqlite.seal").unlink()

    done = CliRunner().invoke(main, ["optout", "list", "--config", str(config)])

    assert 0 == done.exit_code
    assert "there is no journal yet" in done.stderr
