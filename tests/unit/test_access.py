"""What this user may not use of the state directory is one error, with who may."""

import asyncio
import ctypes
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from droidrack.adapters.access import denial
from droidrack.adapters.journal_sql import SqlJournal
from droidrack.adapters.learnt_files import FileNotebook
from droidrack.core.errors import JournalDamaged, JournalDenied, JournalError, StateDenied
from droidrack.core.ids import DeviceUuid
from droidrack.core.standing import OrderKind
from droidrack.faces.cli.main import main

NOBODY = 65534
ROOTS_WAYS = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7)."""


@pytest.fixture
def humble() -> Iterator[None]:
    """Modes count for this thread and those that it starts, also where root runs the tests."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, ourselves
    had, now = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert 0 == libc.capget(header, had)
    now[:] = had[:]
    now[0] &= ~ROOTS_WAYS  # Of the effective ones only: they can be had back.
    assert 0 == libc.capset(header, now)
    yield
    assert 0 == libc.capset(header, had)


@pytest.fixture
def config(tmp_path: Path, humble: None) -> Iterator[Path]:
    """A rack that was at work here, and can be cleared away however a test left it."""
    file, state = tmp_path / "devices.toml", tmp_path / "state"
    file.write_text(
        'state_dir = "state"\n[panel]\nurl = "http://127.0.0.1:9"\n'
        "[[adb]]\nown = false\nport = 29337\n"
        '[[phones]]\nname = "bay-1"\nserial = "S1"\n',
        encoding="utf-8",
    )

    async def work() -> None:
        journal = SqlJournal(state / "journal.sqlite")
        await journal.open()
        await journal.close()

    asyncio.run(work())
    (state / "vault").mkdir(mode=0o700)
    yield file
    state.chmod(0o700)
    (state / "vault").chmod(0o700)


def run(config: Path, command: str) -> Result:
    """Type a command; an exception that no user should see fails the test."""
    words = [*command.split(), "--config", str(config)]
    return CliRunner().invoke(main, words, input="token\n", catch_exceptions=False)


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "pause --phone bay-1",
        "messages",
        "events",
        "events --follow",
        "inbox",
        "audit show",
        "optout list",
        "optout add +15550100001",
        "policy check --to +15550100001 --body hello --sim 0",
        "pair --phone bay-1 --token-stdin",
        "logout --phone bay-1 --yes",
        "sims list --phone bay-1",
        "devices",
        "map",
        "usb ports",
        "probe --phone bay-1",
        "provision steps lab-bench",
        "run",
    ],
)
def test_state_directory_that_may_not_be_entered_is_named(config: Path, command: str) -> None:
    """Whatever is typed: one error, and no other trouble is guessed."""
    state = config.parent / "state"
    state.chmod(0)

    done = run(config, command)

    assert 1 == done.exit_code, done.output
    assert f"Error [STATE_DENIED]: {state}: " in done.stderr
    assert "may not enter it" in done.stderr
    assert "mode 0000" in done.stderr
    assert f"Hint: chmod u+rwx {state}\n" in done.stderr


@pytest.mark.parametrize(
    ("part", "mode", "what"),
    [
        ("journal.sqlite", 0o400, "write to"),
        ("journal.sqlite", 0, "read"),
        ("journal.sqlite.seal", 0, "read"),
        ("journal.sqlite.lock", 0, "read"),
        ("vault", 0, "enter"),
    ],
)
def test_part_that_may_not_be_used_is_the_one_that_is_blamed(
    config: Path, part: str, mode: int, what: str
) -> None:
    """`run` refuses, and `doctor` knows why."""
    place = config.parent / "state" / part
    place.chmod(mode)

    refused, doctor = run(config, "run"), run(config, "doctor --json")

    assert 1 == refused.exit_code
    assert f"[STATE_DENIED]: {place}: " in refused.stderr
    assert f"may not {what} it" in refused.stderr
    findings = json.loads(doctor.stdout)["findings"]
    (found,) = [each for each in findings if str(place) in each["seen"]]
    assert ("error", f"chmod u+rw{'x' * place.is_dir()} {place}") == (
        found["severity"],
        found["remedy"],
    )


def test_state_directory_that_takes_no_files_is_no_full_disk(config: Path) -> None:
    """The hint is about its mode."""
    state = config.parent / "state"
    state.chmod(0o555)

    done = run(config, "run")

    assert f"[STATE_DENIED]: {state}: " in done.stderr
    assert "may not write to it" in done.stderr
    assert "free space" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_file_of_another_user_is_told_with_the_command_to_become_them(
    tmp_path: Path, humble: None
) -> None:
    """The owner of the place is who runs droidrack here; a stray file goes back to them."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "file").touch(mode=0o600)
    os.chown(state / "file", NOBODY, NOBODY)
    stray = denial(state / "file")
    os.chown(state, NOBODY, NOBODY)
    os.chown(tmp_path, 1, 1)  # Not ours either.
    tmp_path.chmod(0o755)
    foreign = denial(state / "file")

    assert stray is not None
    assert f"`sudo chown 0 {state / 'file'}`" in stray.hint
    assert foreign is not None
    assert foreign.message.startswith(f"{state}: ")
    assert "sudo -u " in foreign.hint


def test_what_is_not_there_may_be_read_and_may_be_made(tmp_path: Path) -> None:
    """Nothing speaks against it."""
    assert denial(tmp_path / "a" / "b") is None
    assert denial(tmp_path / "a" / "b", write=False) is None


def test_note_that_may_not_be_looked_at_keeps_a_phone_from_sending(
    tmp_path: Path, humble: None
) -> None:
    """There may be a quarantine or a pause in it."""
    notebook = FileNotebook(tmp_path / "learnt")
    device = DeviceUuid("0a1b2c3d-0000-4000-8000-00000000000a")
    notebook.set_quarantine(device, "")
    (tmp_path / "learnt").mkdir(mode=0)

    order = notebook.order("bay-1")

    assert notebook.quarantine(device)
    assert order is not None
    assert OrderKind.PAUSE is order.kind


def test_only_a_journal_that_may_not_be_used_stops_every_phone() -> None:
    """The rack ends everybody for a failing journal; a session file concerns its own phone."""
    assert not issubclass(StateDenied, JournalError)
    assert issubclass(JournalDenied, JournalDamaged)
    assert StateDenied.code == JournalDenied.code
