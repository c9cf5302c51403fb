"""The eight calls, as the API's page has them: our client against the local panel."""

import asyncio
import random

import pytest
from panel_bench import DEVICE, NOW, WAYS, bench, failed, registration, sent

from droidrack.core.errors import PanelRefused, SessionOver
from droidrack.core.ids import Body, Imsi, Msisdn, Slot, Token
from droidrack.core.message import Message, Priority
from droidrack.ports import SimPulse
from droidrack.virtual.panel.queue import Reading
from droidrack.virtual.panel.store import PanelStore

pytestmark = pytest.mark.parametrize("way", WAYS)

# Everything that a shell, a JSON writer or a charset could spoil.
AWKWARD = "“$(id)” 'é' \"\\\" 😀 שלום\nline\ttab \u0000 end"


def test_register_with_a_minted_token_opens_a_session(way: str) -> None:
    """The session names the gateway and its owner, and its token opens the other calls."""

    async def run() -> None:
        async with bench(way) as b:
            session = await b.panel.register(registration(b.store.mint()))
            device = b.store.device(DEVICE)
            expected = (device.gateway_uid, "Local Panel", ())
            assert expected == (session.gateway_uid, session.user_name, session.sims)
            assert () == (await b.panel.pending(session.token, NOW)).messages

    asyncio.run(run())


def test_register_again_with_the_same_uuid_keeps_gateway_and_sims(way: str) -> None:
    """A reset phone comes back as the same gateway, and its old token is worthless."""

    async def run() -> None:
        async with bench(way) as b:
            first = await b.panel.register(registration(b.store.mint()))
            sim = await b.panel.create_sim(first.token, Slot(1), "OTP", "DE")
            second = await b.panel.register(registration(b.store.mint()))
            assert (first.gateway_uid, (sim,)) == (second.gateway_uid, second.sims)
            with pytest.raises(SessionOver):
                await b.panel.pending(first.token, NOW)

    asyncio.run(run())


def test_register_with_a_spent_token_is_refused_with_the_field(way: str) -> None:
    """A pairing token works once; the refusal names the field and not the token."""

    async def run() -> None:
        async with bench(way) as b:
            token = b.store.mint()
            await b.panel.register(registration(token))
            with pytest.raises(PanelRefused) as refusal:
                await b.panel.register(registration(token, "another-device-0002"))
            assert (422, "pairing_token") == (refusal.value.status, refusal.value.fields[0][0])
            assert token not in str(refusal.value)

    asyncio.run(run())


def test_logout_ends_the_session_and_keeps_the_device(way: str) -> None:
    """The token is dead, the device row stays and is offline."""

    async def run() -> None:
        async with bench(way) as b:
            token, _ = await b.pair()
            await b.panel.logout(token)
            with pytest.raises(SessionOver):
                await b.panel.logout(token)
            assert not b.store.device(DEVICE).online

    asyncio.run(run())


def test_sim_rows_are_created_changed_and_deleted(way: str) -> None:
    """Each call answers the row as it now stands."""

    async def run() -> None:
        async with bench(way) as b:
            token, sim = await b.pair()
            assert (0, "Main", True) == (sim.slot, sim.label, sim.active)
            changed = await b.panel.update_sim(
                token, sim.uid, label="Spare", country="FR", active=False
            )
            expected = (sim.uid, 0, "Spare", False)
            assert expected == (changed.uid, changed.slot, changed.label, changed.active)
            await b.panel.delete_sim(token, sim.uid)
            assert [] == b.store.sims(b.store.device(DEVICE))

    asyncio.run(run())


def test_sim_creation_repeated_after_a_lost_answer_gives_the_same_row(way: str) -> None:
    """The API cannot list rows, so asking again must lead to the row that exists."""

    async def run() -> None:
        async with bench(way) as b:
            token, sim = await b.pair()
            again = await b.panel.create_sim(token, Slot(0), "Main", "DE")
            assert sim == again

    asyncio.run(run())


def test_sim_of_another_device_is_refused(way: str) -> None:
    """A device can neither change nor delete nor report a SIM that is not its own."""

    async def run() -> None:
        async with bench(way) as b:
            _, sim = await b.pair()
            stranger, _ = await b.pair("another-device-0002")
            for call in (
                b.panel.delete_sim(stranger, sim.uid),
                b.panel.update_sim(stranger, sim.uid, label="x", country="DE", active=True),
                b.panel.heartbeat(stranger, SimPulse(sim.uid, True, None, None, None)),
            ):
                with pytest.raises(PanelRefused):
                    await call

    asyncio.run(run())


def test_heartbeat_reaches_the_panel_without_what_is_unknown(way: str) -> None:
    """What could not be read is absent, never 0; the device shows as online."""

    async def run() -> None:
        async with bench(way) as b:
            token, sim = await b.pair()
            full = SimPulse(sim.uid, True, -78, 412, Imsi("001010000000001"))
            await b.panel.heartbeat(token, full)
            await b.panel.heartbeat(token, SimPulse(sim.uid, None, None, None, None))
            seen = [
                (beat.active, beat.signal_strength, beat.messages_sent_24h, beat.imsi)
                for beat in b.store.heartbeats(sim.uid)
            ]
            assert [(True, -78, 412, "001010000000001"), (None, None, None, None)] == seen

    asyncio.run(run())


def test_pending_gives_the_message_as_it_was_queued(way: str) -> None:
    """Number and text arrive character for character, stamped with the caller's time."""

    async def run() -> None:
        async with bench(way) as b:
            token, sim = await b.pair()
            uid = b.store.queue(DEVICE, "+15555550123", AWKWARD, slot=0, priority="high")
            pending = await b.panel.pending(token, NOW)
            expected = Message(
                uid, Msisdn("+15555550123"), Body(AWKWARD), sim.uid, Priority.HIGH, NOW
            )
            assert ((expected,), ()) == (pending.messages, pending.refused)

    asyncio.run(run())


def test_report_is_recorded_with_time_and_code(way: str) -> None:
    """Success carries its time in the panel's zone, failure its code."""

    async def run() -> None:
        async with bench(way) as b:
            token, _ = await b.pair()
            good, bad = (b.store.queue(DEVICE, "+15555550123", "x", slot=0) for _ in range(2))
            await b.panel.report(token, [sent(good), failed(bad)])
            seen = [(row.state, row.delivered_at, row.error) for row in b.store.ledger()]
            expected = [
                ("sent", "2026-05-23 12:01:14", None),
                ("failed", None, "RADIO_NOT_AVAILABLE"),
            ]
            assert expected == seen

    asyncio.run(run())


def test_report_repeated_and_corrected_ends_with_the_last_word(way: str) -> None:
    """Repeats are harmless, a later different status replaces, the history keeps all three."""

    async def run() -> None:
        async with bench(way) as b:
            token, _ = await b.pair()
            uid = b.store.queue(DEVICE, "+15555550123", "x", slot=0)
            for report in (failed(uid), failed(uid), sent(uid)):
                await b.panel.report(token, [report])
            assert "sent" == b.store.ledger()[0].state
            outcomes = [row.outcome for row in b.store.statuses(uid)]
            assert ["first", "repeat", "correction"] == outcomes

    asyncio.run(run())


def test_report_with_one_stranger_is_refused_as_a_whole(way: str) -> None:
    """A batch with an unknown uid changes nothing, and the refusal names the item."""

    async def run() -> None:
        async with bench(way) as b:
            token, _ = await b.pair()
            uid = b.store.queue(DEVICE, "+15555550123", "x", slot=0)
            with pytest.raises(PanelRefused) as refusal:
                await b.panel.report(token, [sent(uid), sent("msg-of-nobody")])
            assert (422, "statuses.1.uid") == (refusal.value.status, refusal.value.fields[0][0])
            assert "queued" == b.store.ledger()[0].state

    asyncio.run(run())


def test_pending_under_lease_offers_once_and_under_repeat_until_reported(way: str) -> None:
    """Both readings of the page, through the same client."""

    async def run(reading: Reading) -> list[int]:
        store = PanelStore(dice=random.Random(1), reading=reading)
        async with bench(way, store=store) as b:
            token, _ = await b.pair()
            uid = store.queue(DEVICE, "+15555550123", "x", slot=0)
            counts = [len((await b.panel.pending(token, NOW)).messages) for _ in range(2)]
            await b.panel.report(token, [sent(uid)])
            return [*counts, len((await b.panel.pending(token, NOW)).messages)]

    assert [1, 0, 0] == asyncio.run(run(Reading.LEASE))
    assert [1, 1, 0] == asyncio.run(run(Reading.REPEAT))


def test_hundred_phones_at_once_each_get_their_own(way: str) -> None:
    """Shared connections never mix up the tokens of phones."""

    async def run() -> None:
        async with bench(way) as b:
            tokens: list[Token] = []
            for index in range(100):
                device = f"device-number-{index:04}"
                tokens.append((await b.pair(device))[0])
                b.store.queue(device, "+15555550123", f"for {index}", slot=0)
            answers = await asyncio.gather(*(b.panel.pending(token, NOW) for token in tokens))
            bodies = [[m.body.reveal() for m in answer.messages] for answer in answers]
            assert [[f"for {index}"] for index in range(100)] == bodies

    asyncio.run(run())
