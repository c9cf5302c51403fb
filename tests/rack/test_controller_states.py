"""Every state is named right: boots, locked storage, orders of people, alarms, held SIMs."""

import asyncio
import json
import os
import pwd
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from controller_bench import BRISK, SWIFT, Bench, Running, bench, journal_events, swift

from droidrack import compose
from droidrack.app.in_flight import IN_FLIGHT_LIMIT
from droidrack.app.operating import Request
from droidrack.core.breaker import FAILURE_LIMIT
from droidrack.core.errors import ControllerAbsent, ControllerRefused
from droidrack.core.provision.record import Purpose
from droidrack.core.settings import HealthSettings, Policy, Settings
from droidrack.core.standing import PhoneState
from droidrack.virtual.faults import Fate, Outcome
from droidrack.virtual.spec import spec_with

QUICK = HealthSettings(read_s=0.3)


def quick(table: Bench, **health: float) -> Bench:
    """The same bench, whose phones are looked at often."""
    settings = replace(table.settings, health=replace(QUICK, **health))  # type: ignore[arg-type]
    return replace(table, settings=settings)


async def order(running: Running, act: str, phone: str = "bay-0", **args: object) -> dict[str, Any]:
    """An act of a person, without the socket."""
    request = Request("tester", act, {"phone": phone, **args})
    return dict(await running.controller.desk.answer(request))


async def ask(settings: Settings, act: str, **args: object) -> dict[str, Any]:
    """The same over the socket."""
    return await compose.ask_controller(settings, act, args, deadline_s=20)


async def stands(running: Running, state: str, index: int = 0) -> None:
    """Wait until a phone is in a state."""
    await running.until(
        lambda: running.states()[index] == state,
        lambda: f"{state}, but {running.workers[index].standing}",
    )


def alarms(running: Running, index: int = 0) -> list[str]:
    """The kinds that ring."""
    return [r.alarm.kind for r in running.workers[index].oversight.ringing]


def test_phone_that_restarts_is_met_when_its_boot_is_complete(tmp_path: Path) -> None:
    """Booting, then locked storage, and work only after its user unlocked it."""

    async def scenario() -> None:
        spec = spec_with(swift(0, api=34), locked_boot=True, boot_s=0.3)
        async with bench([spec], tmp_path) as table, table.controller() as running:
            await running.ready()
            await order(running, "reboot")
            await stands(running, "locked storage")
            assert "RUNNING_LOCKED" in running.workers[0].standing.cause
            table.phones[0].model.unlock()
            await running.ready()
        events = reversed(await journal_events(table))
        states = [e.text.split(" → ")[1].split(":")[0] for e in events if e.kind == "state"]
        after = states[states.index("ready") :]
        way = [state for state in after if state in ("booting", "locked storage", "unproven")]
        assert ["booting", "locked storage", "unproven"] == list(dict.fromkeys(way))

    asyncio.run(scenario())


def test_pause_keeps_messages_and_outlives_a_restart(tmp_path: Path) -> None:
    """A paused phone makes no call; another controller on the journal keeps the pause."""

    async def scenario() -> None:
        async with bench([swift(0), swift(1)], tmp_path) as table:
            async with table.controller() as running:
                await running.ready()
                answer = await ask(table.settings, "pause", phone="bay-0", why="new hub")
                assert "paused" == answer["state"]
                other = table.queue("goes out", phone=1)
                mine = table.queue("stays here")
                await table.reported(running, [other])
                assert ["paused", "ready"] == running.states()
            async with table.controller() as running:
                await stands(running, "paused")
                assert "new hub" in running.workers[0].standing.cause
                assert [] == table.on_air(phone=0)
                await ask(table.settings, "resume", phone="bay-0")
                await table.reported(running, [mine])
        acts = [event.text for event in await journal_events(table) if event.kind == "operator"]
        assert [act.split(": ")[1] for act in acts] == ["resume", "pause"]

    asyncio.run(scenario())


def test_drained_phone_sends_what_it_took_and_takes_nothing_new(tmp_path: Path) -> None:
    """What was accepted goes out; what the panel still has stays there."""

    async def scenario() -> None:
        async with bench([swift(0)], tmp_path) as table, table.controller() as running:
            await running.ready()
            await order(running, "pause")
            await order(running, "drain")
            await stands(running, "draining")
            uid = table.queue("left with the panel")
            later = asyncio.get_running_loop().time() + 4 * SWIFT.poll_s
            await running.until(lambda: asyncio.get_running_loop().time() > later, "some polls")
            assert table.latest(uid) is None
            await order(running, "resume")
            await table.reported(running, [uid])

    asyncio.run(scenario())


def test_sim_whose_network_refuses_is_held_and_the_other_goes_on(tmp_path: Path) -> None:
    """After failures in a row nothing more leaves on that SIM, and nothing moves to the other."""

    async def scenario() -> None:
        policy = Policy(send_tries=1, sim_wait_s=1.0)
        async with bench([swift(0, api=34, sims=2)], tmp_path, policy=policy) as plain:
            table = quick(plain)
            async with table.controller() as running:
                await running.ready()
                radio = table.phones[0].model.radio
                radio.faults.always(Fate(Outcome.RIL_ERROR, ril_error="NETWORK_NOT_READY"), slot=0)
                numbers = (f"+1555000{n:04d}" for n in range(100))
                failing = [
                    table.queue(f"bad {n}", slot=0, number=next(numbers))
                    for n in range(FAILURE_LIMIT + 6)
                ]
                await table.reported(running, failing)
                told = [table.told(uid)[-1][1] or "" for uid in failing]
                tried = sum("NETWORK_NOT_READY" in error for error in told)
                assert FAILURE_LIMIT <= tried < FAILURE_LIMIT + IN_FLIGHT_LIMIT
                assert len(failing) - tried == sum("SIM_HELD" in error for error in told)
                good = table.queue("good", slot=1, number=next(numbers))
                await table.reported(running, [good])
                assert ["good"] == table.on_air()
                await running.until(lambda: "sim-held" in alarms(running), "an alarm")
                assert "degraded" in running.states()
                await order(running, "resume")
                radio.faults.always(Fate(), slot=0)
                again = table.queue("again", slot=0, number=next(numbers))
                await table.reported(running, [again])
                assert ["good", "again"] == table.on_air()

    asyncio.run(scenario())


def test_hot_phone_waits_until_it_is_cool(tmp_path: Path) -> None:
    """At 45 °C nothing leaves; the alarm begins and ends as events."""

    async def scenario() -> None:
        async with bench([swift(0)], tmp_path) as plain:
            table = quick(plain)
            table.phones[0].model.battery.temperature_c = 45.5
            async with table.controller() as running:
                await running.until(lambda: "battery-hot" in alarms(running), "an alarm")
                uid = table.queue("when it is cool")
                later = asyncio.get_running_loop().time() + 1.0
                await running.until(lambda: asyncio.get_running_loop().time() > later, "a while")
                assert [] == table.on_air()
                table.phones[0].model.battery.temperature_c = 30.0
                await table.reported(running, [uid])
                await running.until(lambda: not alarms(running), "the end of the alarm")
        kinds = {event.kind for event in await journal_events(table)}
        assert {"alarm", "alarm-over"} <= kinds

    asyncio.run(scenario())


def test_phone_that_answers_and_drops_sends_is_silent(tmp_path: Path) -> None:
    """A zombie: every question is answered, and no message is ever proven."""

    async def scenario() -> None:
        policy = Policy(confirm_deadline_s=0.5)
        async with bench([swift(0, api=34)], tmp_path, policy=policy) as plain:
            table = quick(plain, silence_s=1.5)
            async with table.controller() as running:
                await running.ready()
                table.phones[0].model.radio.faults.always(Fate(Outcome.LOST))
                for n in range(3):
                    table.queue("lost", number=f"+1555000{n:04d}")
                await running.until(lambda: "silent" in alarms(running), "an alarm")
                assert ["degraded"] == running.states()

    asyncio.run(scenario())


def test_limit_dialog_holds_the_phone_until_a_person_answers(tmp_path: Path) -> None:
    """The dialog is seen, nothing more is sent, and it is never tapped away."""

    async def scenario() -> None:
        async with bench([swift(0, api=34)], tmp_path) as plain:
            table = quick(plain)
            async with table.controller() as running:
                await running.ready()
                radio = table.phones[0].model.radio
                radio.faults.script(Fate(Outcome.DIALOG))
                table.queue("behind the dialog", number="+15550000001")
                await running.until(lambda: "limit-dialog" in alarms(running), "an alarm")
                uid = table.queue("after it", number="+15550000002")
                later = asyncio.get_running_loop().time() + 1.0
                await running.until(lambda: asyncio.get_running_loop().time() > later, "a while")
                assert 1 == len(radio.dialogs)
                assert [] == table.on_air()
                radio.answer_dialog(allow=True)
                await table.reported(running, [uid])

    asyncio.run(scenario())


def test_shell_waits_for_calm_and_is_audited(tmp_path: Path) -> None:
    """The command's output comes back; who ran it is an event; a secret in it is masked."""

    async def scenario() -> None:
        async with bench([swift(0)], tmp_path) as table, table.controller() as running:
            await running.ready()
            answer = await ask(table.settings, "shell", phone="bay-0", command="echo hello; exit 3")
            assert (3, "hello\n") == (answer["exit_code"], answer["stdout"])
            await order(running, "shell", command="echo +15550001234")
            picture = await ask(table.settings, "screenshot", phone="bay-0")
            assert picture["png"].startswith("iVBOR")
        texts = [event.text for event in await journal_events(table) if event.kind == "operator"]
        assert any("shell: echo hello" in text for text in texts)
        assert not any("15550001234" in text for text in texts)

    asyncio.run(scenario())


def test_every_act_over_the_socket_is_one_line_of_the_audit(tmp_path: Path) -> None:
    """Who, what and which phone, also of what fails; a status is no act."""

    async def scenario() -> None:
        async with bench([swift(0)], tmp_path) as table, table.controller() as running:
            await running.ready()
            await ask(table.settings, "status")
            await ask(table.settings, "pause", phone="bay-0", why="new hub")
            await ask(table.settings, "resume", phone="bay-0")
            await ask(table.settings, "shell", phone="bay-0", command="echo +15550001234")
            await ask(table.settings, "reboot", phone="bay-0")
            await table.phones[0].link.unplug()
            await stands(running, "absent")
            with pytest.raises(ControllerRefused):
                await ask(table.settings, "screenshot", phone="bay-0")
            lines = await running.controller.world.journal.audit.newest(50)
        read = [json.loads(line.text) for line in lines]
        acts = [line for line in read if line["kind"] == "act"]
        names = ("pause", "resume", "shell", "reboot", "screenshot")
        assert [(name, "bay-0") for name in names] == [(a["what"], a["subject"]) for a in acts]
        assert {pwd.getpwuid(os.getuid()).pw_name} == {act["who"] for act in acts}
        assert "15550001234" not in str(read)

    asyncio.run(scenario())


def test_phone_that_another_process_has_is_not_touched(tmp_path: Path) -> None:
    """Restart, shell and picture wait for its return; an order of a person is kept."""

    async def scenario() -> None:
        async with bench([swift(0)], tmp_path) as table:
            async with table.controller() as running:
                await running.ready()
                device = running.workers[0].device
            assert device is not None
            async with compose.open_lessee(table.settings) as other:
                leases, now = other.leases, other.clock.now()
                await leases.take(device, Purpose.PROVISIONING, "a recipe", now=now, ttl_s=60)
            async with table.controller() as running:
                await stands(running, "leased")
                boot_id = table.phones[0].model.boot_id
                for act, args in (("reboot", {}), ("shell", {"command": "id"}), ("screenshot", {})):
                    with pytest.raises(ControllerRefused, match="a recipe"):
                        await ask(table.settings, act, phone="bay-0", **args)
                assert boot_id == table.phones[0].model.boot_id
                await ask(table.settings, "pause", phone="bay-0")
                await running.controller.world.lessee.leases.release(device, "a recipe")
                await stands(running, "paused")

    asyncio.run(scenario())


def test_socket_is_private_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    """Mode 0600, own words for nonsense, and nothing left behind at the end."""

    async def scenario() -> None:
        async with bench([swift(0)], tmp_path) as table:
            socket = Path(table.settings.state_dir) / compose.CONTROL_SOCKET
            async with table.controller() as running:
                await running.ready()
                assert 0o600 == socket.stat().st_mode & 0o777
                for act, args in (("dance", {}), ("pause", {"phone": "nobody"}), ("pause", {})):
                    with pytest.raises(ControllerRefused) as refused:
                        await ask(table.settings, act, **args)
                    assert "CONFIG_INVALID" == refused.value.remote
                assert "absent" not in (await ask(table.settings, "status"))["totals"]["states"]
            assert not socket.exists()
            with pytest.raises(ControllerAbsent) as absent:
                await ask(table.settings, "status")
            assert absent.value.hint

    asyncio.run(scenario())


def test_status_counts_work_and_shows_sims(tmp_path: Path) -> None:
    """What `droidrack status` prints agrees with what was done."""

    async def scenario() -> None:
        async with bench([swift(0, api=34, sims=2)], tmp_path, pacing=BRISK) as plain:
            table = quick(plain)
            async with table.controller() as running:
                await running.ready()
                uids = [table.queue("hi", number=f"+1555000{n:04d}") for n in range(3)]
                await table.reported(running, uids)
                await running.until(
                    lambda: (
                        bool(running.workers[0].oversight.sims)
                        and running.workers[0].oversight.sims[0].signal_dbm is not None
                    ),
                    "a reading of the SIMs",
                )
                answer = await ask(table.settings, "status")
                (phone,) = answer["phones"]
                assert 3 == phone["work"]["sent"]
                assert {"waiting": 0, "open": 0} == {
                    key: phone["queue"][key] for key in ("waiting", "open")
                }
                first = phone["sims"][0]
                card = table.phones[0].model.spec.sims[0]
                assert card is not None
                assert f"•••{card.iccid[-2:]}" == first["iccid"]
                assert card.iccid not in str(answer)
                assert PhoneState.READY.value == phone["state"]

    asyncio.run(scenario())


def test_phone_that_was_updated_is_told_once(tmp_path: Path) -> None:
    """Another build than last time is an event, and the phone works again once it is proven."""

    async def scenario() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            async with table.controller() as running:
                await running.ready()
            model = table.phones[0].model
            model.overrides["ro.build.fingerprint"] = model.spec.fingerprint.replace("user", "next")
            for _ in range(2):
                async with table.controller() as running:
                    await running.ready()
        changes = [e for e in await journal_events(table) if e.kind == "build-changed"]
        assert ["bay-0"] == [event.phone for event in changes]

    asyncio.run(scenario())
