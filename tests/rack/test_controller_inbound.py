"""Texts that arrive on phones, end to end: a real adb server, the controller, a webhook receiver.

What is believed stands outside the controller: what the receiver took, what is on the air, and what
the phones' stores hold.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from controller_bench import Bench, bench, swift
from receiver_bench import SECRET, Receiver, receiving

from droidrack import compose_journal
from droidrack.app.inbound import CLOSED_BY_RELEASE
from droidrack.core.inbound import InboundText
from droidrack.core.inbound_settings import HookSettings, InboundSettings, WebhookSettings
from droidrack.virtual.spec import PhoneSpec, spec_with

SENDER = "+15550200001"
HOSTILE = (
    'It\'s "quoted", type=2, _id=9\nRow: 1 _id=99, date=1, date_sent=1, sub_id=1, '
    "address=+15550299999\nRow: 1 body=STOP\n$(reboot) `id` €😀"
)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_SECRET", SECRET)


@asynccontextmanager
async def inbound_bench(
    specs: list[PhoneSpec], home: Path, **settings: object
) -> AsyncIterator[tuple[Bench, Receiver]]:
    """A bench whose controller looks often and forwards to a receiver."""
    async with receiving() as receiver, bench(specs, home) as table:
        crm = WebhookSettings("crm", receiver.url, secret_env="CRM_SECRET", deadline_s=5.0)
        fields: dict[str, object] = {"poll_s": 0.2, "webhooks": (crm,), **settings}
        inbound = InboundSettings(**fields)  # type: ignore[arg-type]
        table.settings = replace(table.settings, inbound=inbound)
        yield table, receiver


async def kept(table: Bench) -> list[InboundText]:
    """What the journal holds; a controller may be running."""
    async with compose_journal.observe_journal(table.settings) as journal:
        return [text for _, text in await journal.inbox.texts(limit=1000)]


def test_texts_reach_the_receiver_once_with_phone_card_and_every_character(
    tmp_path: Path,
) -> None:
    """Old texts stay where they are; new ones come whole, in order, signed; no phone is changed."""

    async def play() -> None:
        specs = [swift(0, api=34, sims=2), swift(1, api=29, sims=1)]
        async with inbound_bench(specs, tmp_path) as (table, receiver):
            first, second = (phone.model for phone in table.phones)
            first.receive_sms(0, SENDER, "from before droidrack")
            async with table.controller() as running:
                await running.ready()
                before = [phone.model.store.rows() for phone in table.phones]
                assert 1 == len(before[0])
                for n in range(10):
                    first.receive_sms(1, SENDER, "same text")
                    second.receive_sms(0, "Bank, body=x", f"{n}: {HOSTILE}")
                await running.until(lambda: len(receiver.texts()) >= 20, "20 texts")
                found = await kept(table)
        assert [(1, specs[0].sims[1].iccid)] * 10 == [  # type: ignore[union-attr]
            (each["slot"], each["iccid"]) for each in receiver.taken if each["phone"] == "bay-0"
        ]
        assert [f"{n}: {HOSTILE}" for n in range(10)] == [
            each["text"] for each in receiver.taken if each["sender"] == "Bank, body=x"
        ]
        assert (20, 0) == (len({each["id"] for each in receiver.taken}), receiver.forged)
        assert {each["id"] for each in receiver.taken} == {text.id for text in found}
        unread = [row for row in first.store.rows() if row["read"] == 0]
        assert 11 == len(unread) == len(first.store.rows())

    asyncio.run(play())


def test_restarts_resets_and_deletions_neither_repeat_nor_lose_a_text(tmp_path: Path) -> None:
    """The rows' identity decides, not their number."""

    async def play() -> None:
        async with inbound_bench([swift(0, api=34, sims=1)], tmp_path) as (table, receiver):
            phone = table.phones[0].model

            async def arrive(*texts: str) -> None:
                for text in texts:
                    phone.receive_sms(0, SENDER, text)

            async with table.controller() as running:
                await running.ready()
                await arrive("one", "two")
                await running.until(lambda: len(receiver.texts()) >= 2, "two texts")
            await arrive("three, while nobody looked")
            async with table.controller() as running:
                await running.until(lambda: len(receiver.texts()) >= 3, "the third")
                phone.store.delete(3)
                await arrive("four, after a deletion")
                await running.until(lambda: len(receiver.texts()) >= 4, "the fourth")
                phone.store.reset()
                await arrive("five, row 1 again")
                await running.until(lambda: len(receiver.texts()) >= 5, "the fifth")
                phone.store.clear()
                await arrive("six, in an emptied store")
                await running.until(lambda: len(receiver.texts()) >= 6, "the sixth")
            texts = [text.partition(",")[0] for text in receiver.texts()]
            assert ["one", "two", "three", "four", "five", "six"] == texts
            assert 6 == len(await kept(table))

    asyncio.run(play())


def test_receiver_that_is_away_gets_all_in_order_and_delays_no_other(tmp_path: Path) -> None:
    """A refused text holds up its own sender at its own endpoint only; a hook goes on beside it."""

    async def play() -> None:
        seen = tmp_path / "seen"
        code = f"import sys; open({str(seen)!r}, 'a').write(sys.stdin.read())"
        hook = HookSettings("local", (sys.executable, "-c", code))
        dead = WebhookSettings("dead", "http://127.0.0.1:1/", secret_env="CRM_SECRET")
        async with inbound_bench([swift(0, api=34, sims=1)], tmp_path) as (table, receiver):
            inbound = table.settings.inbound
            inbound = replace(inbound, hooks=(hook,), webhooks=(*inbound.webhooks, dead))
            table.settings = replace(table.settings, inbound=inbound)
            phone = table.phones[0].model
            async with table.controller() as running:
                await running.ready()
                receiver.refuse = "blocked"
                phone.receive_sms(0, SENDER, "blocked")
                phone.receive_sms(0, SENDER, "behind it")
                phone.receive_sms(0, "+15550200002", "another's")
                await running.until(lambda: len(receiver.asked) >= 3, "some tries")
                assert ["another's"] == receiver.texts()
                uid = table.queue("goes out meanwhile")
                await table.reported(running, [uid])
                receiver.refuse = ""
                await running.until(lambda: len(receiver.texts()) >= 3, "the blocked ones")
                await running.until(lambda: len(_lines(seen)) >= 3, "the hook")
        assert ["another's", "blocked", "behind it"] == receiver.texts()
        told = [json.loads(line)["text"] for line in _lines(seen)]
        assert ["blocked", "behind it"] == [text for text in told if text != "another's"]
        private = [fact for _, facts in table.lines.told for fact in facts.values()]
        assert not [fact for fact in private if SENDER in str(fact) or SECRET in str(fact)]

    asyncio.run(play())


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_stop_that_came_while_nobody_looked_prevents_the_first_send(tmp_path: Path) -> None:
    """It is on the list with the text itself, across all phones; a START takes it off again."""

    async def play() -> None:
        specs = [swift(0, api=34, sims=1), swift(1, api=34, sims=1)]
        async with inbound_bench(specs, tmp_path) as (table, receiver):
            async with table.controller() as running:
                await running.ready()
            # The panel hands it over before anybody has looked into the inbox again.
            table.phones[0].model.receive_sms(0, SENDER, " Stopp! ")
            uids = [table.queue("news", phone=0, number=SENDER)]
            async with table.controller() as running:
                await table.reported(running, uids)
                uids.append(table.queue("news", phone=1, number=SENDER))
                await table.reported(running, uids)
                assert [[("failed", "OPTED_OUT")]] * 2 == [table.told(uid) for uid in uids]
                table.phones[1].model.receive_sms(0, SENDER, "START")
                await running.until(lambda: len(receiver.texts()) >= 2, "the START")
                again = table.queue("welcome back", phone=1, number=SENDER)
                await table.reported(running, [again])
                assert [("sent", None)] == table.told(again)
        assert ["welcome back"] == table.on_air()

    asyncio.run(play())


def test_closed_store_is_stated_and_harms_nothing(tmp_path: Path) -> None:
    """By the release, or by its maker: the phone sends all the same, and the journal says why."""

    async def play() -> None:
        closed = spec_with(swift(1, api=34, sims=1), store_closed=True)
        async with inbound_bench([swift(0, api=28, sims=1), closed], tmp_path) as (table, _):
            async with table.controller() as running:
                await running.ready()
                table.phones[0].model.receive_sms(0, SENDER, "nobody can read it")
                uid = table.queue("goes out", phone=0)
                await table.reported(running, [uid])
            async with compose_journal.observe_journal(table.settings) as journal:
                marks = {mark.device: mark for mark in await journal.inbox.watermarks()}
                assert () == await journal.inbox.texts(limit=9)
            assert CLOSED_BY_RELEASE == marks[table.device(0)].closed
            assert "store is closed" in marks[table.device(1)].closed
            assert not marks[table.device(1)].begun

    asyncio.run(play())


def test_build_whose_rows_may_name_slots_names_no_card(tmp_path: Path) -> None:
    """What `sub_id` means there is not certain, and a guess would name another card."""

    async def play() -> None:
        spec = spec_with(swift(0, api=29, sims=2), maker="HUAWEI", rows_by_slot=True)
        async with (
            inbound_bench([spec], tmp_path) as (table, receiver),
            table.controller() as running,
        ):
            await running.ready()
            table.phones[0].model.receive_sms(1, SENDER, "hello")
            await running.until(lambda: bool(receiver.taken), "the text")
        assert (None, None) == (receiver.taken[0]["slot"], receiver.taken[0]["iccid"])

    asyncio.run(play())
