"""Phones that are not as they should be: each shows its own state, and nothing goes astray."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from controller_bench import SWIFT, at_work, bench, swift

from droidrack.app import rack, sending
from droidrack.core.settings import Intervals, Policy
from droidrack.virtual.spec import make_sim, spec_with


@pytest.mark.parametrize("by_adb_serial", [True, False])
def test_unauthorised_phone_is_shown_and_loses_nothing(by_adb_serial: bool, tmp_path: Path) -> None:
    """The operator reads UNAUTHORIZED; after he has allowed the key, what was taken goes out."""

    async def play() -> None:
        async with (
            bench([swift(0, api=34)], tmp_path, by_adb_serial=by_adb_serial) as table,
            table.controller() as running,
        ):
            await running.ready()
            await table.phones[0].link.deny()
            await running.until(
                lambda: running.states() == ["unauthorized"],
                lambda: f"unauthorized, but {running.states()}",
            )
            uid = table.queue("after the consent")
            await table.phones[0].link.allow()
            await table.reported(running, [uid])

            assert [("sent", None)] == table.told(uid)
            assert ["after the consent"] == table.on_air()

    asyncio.run(play())


def test_unauthorised_phone_is_shown_from_the_start(tmp_path: Path) -> None:
    """A phone that was never allowed is no missing phone, and works once it is."""

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path, by_adb_serial=True) as table:
            await table.phones[0].link.deny()
            async with table.controller() as running:
                await running.until(lambda: running.states() == ["unauthorized"], "unauthorized")
                await table.phones[0].link.allow()
                await running.ready()

    asyncio.run(play())


@pytest.fixture
def blind_to_cards(monkeypatch: pytest.MonkeyPatch) -> Intervals:
    """Nothing looks at the slots again: neither the room for its age nor a heartbeat."""
    monkeypatch.setattr(sending, "SIMS_FRESH_S", 3_600.0)
    return replace(SWIFT, heartbeat_s=3_600.0)


@pytest.mark.parametrize("api", [21, 23, 26, 34])
@pytest.mark.parametrize(("gone", "code"), [(True, "SIM_ABSENT"), (False, "SIM_CHANGED")])
@pytest.mark.parametrize("slot", [0, 1])
def test_card_that_moved_after_the_last_look_sends_nothing(
    api: int,
    gone: bool,
    code: str,
    slot: int,
    tmp_path: Path,
    blind_to_cards: Intervals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Android would hand the text to the first slot: the phone's own shell looks once more."""
    monkeypatch.setattr(sending, "HELD_RECHECK_S", 0.2)

    async def play() -> None:
        soon = Policy(sim_wait_s=1.0)
        spec = swift(0, api=api, sims=2)
        async with (
            bench([spec], tmp_path, policy=soon, intervals=blind_to_cards) as table,
            table.controller() as running,
        ):
            await running.ready()
            ahead = table.queue("sends the reading of the slots ahead", slot=1 - slot)
            await table.reported(running, [ahead])
            model = table.phones[0].model
            if gone:
                model.remove_sim(slot)
            else:
                model.insert_sim(slot, make_sim(7_000_001))
            uid = table.queue("to a card that is gone", slot=slot)
            await table.reported(running, [uid])

            assert [("failed", code)] == table.told(uid)
            assert ["sends the reading of the slots ahead"] == table.on_air()

    asyncio.run(play())


def test_other_card_in_the_slot_holds_and_then_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is bound to its card: another card in that slot never carries its messages."""
    monkeypatch.setattr(sending, "HELD_RECHECK_S", 0.2)
    monkeypatch.setattr(sending, "SIMS_FRESH_S", 0.0)

    async def play() -> None:
        async with bench([swift(0, api=34)], tmp_path) as table:
            table.settings = replace(
                table.settings, policy=replace(table.settings.policy, sim_wait_s=1.0)
            )
            async with table.controller() as running:
                await running.ready()
                table.phones[0].model.insert_sim(0, make_sim(7_000_001))
                uid = table.queue("for the card that was here")
                await table.reported(running, [uid])

                assert [("failed", "SIM_CHANGED")] == table.told(uid)
                assert [] == table.on_air()

    asyncio.run(play())


def test_card_that_comes_late_gets_its_row_without_a_replug(tmp_path: Path) -> None:
    """A phone met while its SIM was not loaded yet serves it once it is there."""

    async def play() -> None:
        async with bench([swift(0, api=34, sims=2)], tmp_path) as table:
            slots = table.phones[0].model.slots
            slots[1].card, late = None, slots[1].card
            async with table.controller() as running:
                await running.ready()
                assert late is not None
                table.phones[0].model.insert_sim(1, late)
                await running.until(
                    lambda: len(table.store.sims(table.store.device(table.device()))) == 2,
                    "the second row",
                )
                uid = table.queue("on the late card", slot=1)
                await table.reported(running, [uid])

                assert [late.iccid] == [m.iccid for m in table.rack.air.messages]

    asyncio.run(play())


def test_phone_that_boots_slowly_is_served_when_it_is_up(tmp_path: Path) -> None:
    """Adbd answers long before the telephony service does; nothing fails meanwhile."""

    async def play() -> None:
        spec = spec_with(swift(0, api=34), boot_s=1.5, off_s=0.05)
        async with at_work([spec], tmp_path) as (table, running):
            await table.phones[0].handset.reboot()
            uid = table.queue("after the boot")
            await table.reported(running, [uid])

            assert [("sent", None)] == table.told(uid)
            assert ["after the boot"] == table.on_air()

    asyncio.run(play())


def test_second_phone_of_one_entry_waits_for_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two phones that fit one entry: the second one serves once the first has left."""
    monkeypatch.setattr(rack, "PLACE_RECHECK_S", 0.2)

    async def play() -> None:
        twin = spec_with(swift(1, api=34), serial=swift(0, api=34).serial)
        async with bench([swift(0, api=34), twin], tmp_path) as table:
            table.settings = replace(table.settings, phones=table.settings.phones[:1])
            async with table.controller() as running:
                await running.ready()
                first = running.workers[0].handset
                assert first is not None
                served = next(p for p in table.phones if p.adb_serial == first.phone.serial)
                await served.link.unplug()
                await running.until(
                    lambda: (
                        running.workers[0].handset is not None
                        and running.workers[0].handset is not first
                        and running.states() == ["ready"]
                    ),
                    lambda: f"the other one at work, but {running.states()}",
                )

    asyncio.run(play())


def test_flapping_phone_ends_well(tmp_path: Path) -> None:
    """Plugged and unplugged in quick succession, a phone ends at work with nothing doubled."""
    # A call that was cut before the phone heard it is in doubt, and no other goes out meanwhile.
    hasty = Policy(confirm_deadline_s=3.0, unknown_hold_s=0.0)

    async def play() -> None:
        async with at_work([swift(0, api=34)], tmp_path, policy=hasty) as (table, running):
            uids = [table.queue(f"m{i}", number=f"+1555000{i:04d}") for i in range(5)]
            for _ in range(4):
                await table.phones[0].link.unplug()
                await asyncio.sleep(0.1)
                await table.phones[0].link.replug()
                await asyncio.sleep(0.1)
            await table.reported(running, uids)
            await running.ready()

            assert table.compare().agree

    asyncio.run(play())


def test_entry_for_another_phone_takes_no_predecessor_s_session(tmp_path: Path) -> None:
    """A phone that takes another's place pairs anew and leaves the queue of the first alone."""

    async def play() -> None:
        async with bench([swift(0, api=34), swift(1, api=34)], tmp_path) as table:
            one, two = table.settings.phones
            table.settings = replace(table.settings, phones=(one,))
            async with table.controller() as running:
                await running.ready()
            gateway = table.store.devices()[0].gateway_uid
            table.settings = replace(
                table.settings, phones=(replace(one, serial=two.serial, token_file=two.token_file),)
            )
            async with table.controller() as running:
                await running.ready()
                assert 2 == len({d.gateway_uid for d in table.store.devices()} | {gateway})
                second = table.store.devices()[1]
                uid = table.store.queue(second.uuid, "+15550000001", "on the second", slot=0)
                await table.reported(running, [uid])

            assert ["on the second"] == table.on_air(phone=1)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("transaction", "told"),
    [
        (250, ("failed", "OUTCOME_UNKNOWN")),  # No such method; phones say so for other faults too.
        (18, ("failed", "EXCEPTION_BAD_PARCELABLE")),  # Too many arguments: refused from 13 on.
        (7, ("failed", "EXCEPTION_SECURITY")),  # Another method, which the shell may not call.
    ],
)
def test_wrong_code_for_sending_never_claims_to_have_sent(
    transaction: int, told: tuple[str, str], tmp_path: Path
) -> None:
    """A site profile with a wrong number: each message has its clear code, none is told as sent."""
    text = 'layer = "site"\nmatch = { sdk = [34, 34] }\n[isms.send_text]\n'

    async def play() -> None:
        policy = Policy(confirm_deadline_s=1.5, unknown_hold_s=0.5)
        async with bench([swift(0, api=34)], tmp_path, policy=policy) as table:
            site = tmp_path / "state" / "profiles"
            site.mkdir(parents=True, mode=0o700)
            (site / "wrong.toml").write_text(
                f'{text}transaction = {transaction}\nsource = "a mistake"\nverified = false\n'
            )
            async with table.controller() as running:
                await running.ready()
                uid = table.queue("with a wrong code")
                await table.reported(running, [uid])

                assert [told] == table.told(uid)
                assert [] == table.on_air()

    asyncio.run(play())
