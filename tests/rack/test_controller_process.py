"""`droidrack run` as an operator starts it: signals, a second one, and what its log gives away."""

import asyncio
import io
import json
import re
import signal
from pathlib import Path

import pytest
from controller_bench import DEADLINE_S, Bench, at_work, bench, swift
from program_bench import droidrack_run, ended, write_config

from droidrack import compose
from droidrack.core.errors import JournalBusy
from droidrack.faces import logs
from droidrack.virtual.faults import Fate, Outcome
from droidrack.virtual.panel.faults import Fault, FaultKind


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_program_cleanly_in_the_middle_of_work(
    number: signal.Signals, tmp_path: Path
) -> None:
    """Exit code 0 within the deadline, no traceback; what was open is settled by the next one."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            table.phones[0].model.radio.faults.always(Fate(latency_s=0.5))
            config = write_config(table)
            with droidrack_run(config) as program:
                await paired(table)
                uids = [table.queue(f"m{i}", number=f"+1555000{i:04d}") for i in range(3)]
                await some_on_air(table)
                program.send_signal(number)
                code, stderr = await ended(program)
            assert (0, False) == (code, "Traceback" in stderr), stderr
            async with table.controller() as running:
                await table.reported(running, uids)
            assert table.compare().agree

    asyncio.run(play())


def test_controller_after_a_killed_one_waits_for_none_of_its_leases(tmp_path: Path) -> None:
    """Kill -9, and the next controller sends at once: the journal's lock says the first is dead."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            config = write_config(table)
            with droidrack_run(config) as program:
                await paired(table)
                table.queue("first")
                await some_on_air(table)
                program.kill()
                assert -signal.SIGKILL == (await ended(program))[0]
            async with table.controller() as running:
                await running.until(
                    lambda: "ready" in running.states() or "leased" in running.states(), "at work"
                )
                assert ["ready"] == running.states()
                await table.reported(running, [table.queue("second", number="+15550000002")])
            assert table.compare().agree

    asyncio.run(play())


def test_second_controller_on_one_state_directory_is_refused(tmp_path: Path) -> None:
    """It ends at once, says why, and has not even started the adb server it was to have."""

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path) as (table, running):
            config = write_config(table)
            given = f"own = false\nport = {table.rack.adb_port}\n"
            config.write_text(config.read_text().replace(given, "own = true\n"))
            with droidrack_run(config) as program:
                code, stderr = await ended(program)
            assert not (tmp_path / "state" / compose.ADB_DIR).exists()
            assert 1 == code
            assert JournalBusy.code in stderr
            assert "Traceback" not in stderr
            assert ["ready"] == running.states()

    asyncio.run(play())


def test_log_of_a_whole_run_tells_no_secret(tmp_path: Path) -> None:
    """No number, text, token or card identity in any line, whatever went wrong on the way."""
    stream = io.StringIO()
    bodies = ["a rather private text", "another secret of mine", "$(third) private text"]

    async def play() -> list[str]:
        async with bench([swift(0, api=34, sims=2), swift(1, api=28)], tmp_path) as table:
            secrets = [token_of(table, index) for index in (0, 1)]
            logs.configure(as_json=True, stream=stream)
            async with table.controller(logs.tell) as running:
                await running.ready()
                table.faults.add("pending", Fault(FaultKind.MALFORMED))
                table.faults.add("report", Fault(FaultKind.STATUS, status=422))
                table.faults.add("heartbeat", Fault(FaultKind.STATUS, status=500))
                radio = table.phones[0].model.radio
                radio.faults.script(Fate(Outcome.RIL_ERROR, ril_error="NETWORK_REJECT"), slot=0)
                uids = [
                    table.queue(text, slot=i % 2, number=f"+155577700{i:02d}")
                    for i, text in enumerate(bodies)
                ]
                uids.append(table.queue(bodies[0], phone=1, number="+15557770099"))
                uids.append(table.queue(bodies[0], phone=1, number="not 5557770098 a number"))
                await running.until(
                    lambda: sum(table.latest(uid) is not None for uid in uids) >= 4, "four told"
                )
                await table.phones[1].link.unplug()
                await running.until(lambda: running.states()[1] == "absent", "absent")
                for worker in running.workers:
                    assert worker.session.current is not None
                    secrets.append(worker.session.current.token.reveal())
                table.store.revoke(table.device())
                await running.until(lambda: running.states()[0] == "session over", "unpaired")
            for phone in table.phones:
                for card in phone.model.spec.sims:
                    secrets += [card.iccid, card.imsi] if card else []
            return secrets

    secrets = asyncio.run(play())
    text = stream.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert {"paired", "message settled", "session over"} <= {line["event"] for line in lines}
    assert [] == [secret for secret in [*secrets, *bodies] if secret in text]
    assert [] == re.findall(r"\+?1?55577700\d\d", text)


def token_of(table: Bench, index: int) -> str:
    """The pairing token that lies there for a phone."""
    return Path(table.settings.phones[index].token_file).read_text(encoding="utf-8")


async def paired(table: Bench) -> None:
    """Wait until the panel knows the phone and its SIM rows."""
    async with asyncio.timeout(DEADLINE_S):
        while not any(table.store.sims(device) for device in table.store.devices()):  # noqa: ASYNC110 (another process: no event)
            await asyncio.sleep(0.05)


async def some_on_air(table: Bench) -> None:
    """Wait until a radio has sent something."""
    async with asyncio.timeout(DEADLINE_S):
        while not table.on_air():  # noqa: ASYNC110 (another process: no event)
            await asyncio.sleep(0.02)
