"""The controller as a service: what systemd hears, and a reload of a live process."""

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from controller_bench import DEADLINE_S, Bench, bench, swift
from program_bench import droidrack_run, ended, write_config

from droidrack.faces.cli.main import main


@contextmanager
def manager(path: Path) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(DEADLINE_S)
        yield listening


async def heard(listening: socket.socket, *wanted: str) -> list[str]:
    """The words that the manager hears, until it heard all these in this order; beats left out."""
    words: list[str] = []
    left = list(wanted)
    while left:
        text = (await asyncio.to_thread(listening.recv, 4096)).decode()
        for line in text.split("\n"):
            words += [] if line == "WATCHDOG=1" else [line]
            if left and line == left[0]:
                left.pop(0)
    return words


async def online(table: Bench, count: int) -> None:
    """Wait until the panel has SIM rows of so many phones."""
    async with asyncio.timeout(DEADLINE_S):
        while sum(bool(table.store.sims(d)) for d in table.store.devices()) < count:  # noqa: ASYNC110 (another process: no event)
            await asyncio.sleep(0.05)


def core_limits(pid: int) -> list[str]:
    """The soft and the hard limit of core files of a process."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if "core file" in line]
    return line.split()[4:6]


def test_service_tells_systemd_its_whole_life(tmp_path: Path) -> None:
    """Ready once it works, reloading and ready again at SIGHUP, alive between, stopping at last."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            config = write_config(table)
            given = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
            with (
                manager(tmp_path / "notify") as listening,
                droidrack_run(config, **given) as program,
            ):
                assert ["READY=1", "STATUS=1 phone configured"] == await heard(
                    listening, "READY=1", "STATUS=1 phone configured"
                )
                program.send_signal(signal.SIGHUP)
                told = await heard(listening, "RELOADING=1", "READY=1")
                assert told[1].startswith("MONOTONIC_USEC=")
                beat = await asyncio.to_thread(listening.recv, 4096)
                while beat != b"WATCHDOG=1":
                    beat = await asyncio.to_thread(listening.recv, 4096)
                program.send_signal(signal.SIGTERM)
                await heard(listening, "STOPPING=1")
                code, stderr = await ended(program)
            assert (0, False) == (code, "Traceback" in stderr), stderr

    asyncio.run(play())


def test_service_reload_of_a_broken_file_changes_nothing_and_says_why(tmp_path: Path) -> None:
    """The mistakes are in the log, the phone goes on; the mended file then takes effect."""

    async def play() -> None:
        async with bench([swift(0, api=34), swift(1, api=34)], tmp_path) as table:
            config = write_config(table)
            whole = config.read_text()
            one = whole.rpartition("[[phones]]")[0]
            config.write_text(one)
            given = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
            with (
                manager(tmp_path / "notify") as listening,
                droidrack_run(config, **given) as program,
            ):
                await heard(listening, "READY=1")
                await online(table, 1)
                config.write_text(one + "[[phones]]\nname = 3\n")
                program.send_signal(signal.SIGHUP)
                await heard(listening, "RELOADING=1", "READY=1", "STATUS=1 phone configured")
                uid = table.queue("while the file is broken")
                config.write_text(whole)
                program.send_signal(signal.SIGHUP)
                await heard(listening, "RELOADING=1", "READY=1", "STATUS=2 phones configured")
                await online(table, 2)
                async with asyncio.timeout(DEADLINE_S):
                    while not table.latest(uid):  # noqa: ASYNC110 (another process: no event)
                        await asyncio.sleep(0.05)
                program.send_signal(signal.SIGTERM)
                code, stderr = await ended(program)
            assert 0 == code
            lines = [json.loads(line) for line in stderr.splitlines()]
            (refused,) = [
                x for x in lines if x["event"] == "configuration refused, nothing changed"
            ]
            assert "phones[1].name: expected a name" in refused["why"]
            read = [line for line in lines if line["event"] == "configuration read again"]
            assert ["bay-1"] == [line.get("added") for line in read]

    asyncio.run(play())


def test_reload_command_names_what_changed(tmp_path: Path) -> None:
    """`droidrack reload` answers when the change holds; a broken file is refused before."""

    async def play() -> None:
        async with bench([swift(0, api=34), swift(1, api=34)], tmp_path) as table:
            config = write_config(table)
            whole = config.read_text()
            config.write_text(whole.rpartition("[[phones]]")[0])
            typed = ["reload", "--config", str(config)]
            absent = await asyncio.to_thread(CliRunner().invoke, main, typed)
            assert "CONTROLLER_ABSENT" in absent.stderr
            with droidrack_run(config) as program:
                await online(table, 1)
                config.write_text(whole.replace("poll_s = 0.2", "poll_s = 0.3"))
                done = await asyncio.to_thread(CliRunner().invoke, main, [*typed, "--json"])
                assert 0 == done.exit_code, done.output
                told = {key: value for key, value in json.loads(done.stdout).items() if value}
                assert {"added": ["bay-1"], "parts": ["intervals"]} == told
                again = await asyncio.to_thread(CliRunner().invoke, main, typed)
                assert "nothing changed\n" == again.stdout
                config.write_text("[panel]\n")
                broken = await asyncio.to_thread(CliRunner().invoke, main, typed)
                assert 2 == broken.exit_code
                assert ["0", "0"] == core_limits(program.pid)
                program.send_signal(signal.SIGTERM)
                await ended(program)

    asyncio.run(play())


@pytest.mark.parametrize("lines", ["", "[panel]\nurl = 3\n"])
def test_run_with_a_wrong_file_ends_with_the_code_that_is_not_restarted(
    tmp_path: Path, lines: str
) -> None:
    """Exit code 2 is what the unit's RestartPreventExitStatus names."""
    config = tmp_path / "devices.toml"
    config.write_text(lines)
    assert 2 == CliRunner().invoke(main, ["run", "--config", str(config)]).exit_code
