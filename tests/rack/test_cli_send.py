"""`droidrack send`: one message by hand, through the controller's own rooms."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli_bench import NUMBER, TEXT, Desk, desk
from controller_bench import journal_life, swift
from live_rack import DEADLINE_S

from droidrack import compose, compose_journal
from droidrack.adapters.run_journal import SqlRunJournal
from droidrack.app import bench
from droidrack.app.arrival import Arrival
from droidrack.app.bench import bench_message, choose_sim, meet_ready, send_one
from droidrack.app.finding import find
from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.errors import PhoneGone
from droidrack.core.identity import device_uuid
from droidrack.core.ids import Body, MessageUid, Msisdn
from droidrack.core.message import MessageState
from droidrack.core.provision.record import Purpose
from droidrack.core.settings import PhoneSettings
from droidrack.ports import Life
from droidrack.virtual.faults import Fate, Outcome


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """A phone with two cards, one with a single card; no output may show number or text."""
    with desk([swift(13), swift(9, sims=1)], tmp_path) as it:
        yield it
        printed = "\n".join(it.printed)
        assert [] == [secret for secret in it.secrets if secret in printed]


def send(shelf: Desk, *words: str, text: str = TEXT, phone: str = "bay-1") -> tuple[int, str, str]:
    """Exit code, stdout and stderr of one `send`."""
    done = shelf.run(
        "send", "--phone", phone, "--to", NUMBER, "--body-stdin", *words, stdin=text.encode()
    )
    return done.exit_code, done.stdout, done.stderr


def test_send_without_pairing_reaches_the_radio_byte_for_byte(shelf: Desk) -> None:
    """Exit code 0, the proof, and exactly one message on the air; the panel hears nothing."""
    text = 'It\'s $(reboot) & "x"\n שלום 👍🏽\n'
    code, out, _ = send(shelf, text=text)
    assert 0 == code, out
    (message,) = shelf.table.rack.air.messages
    assert (NUMBER, text) == (message.number, message.body)
    assert ": sent" in out.splitlines()[0]
    assert "-sent (attempt 1)" in out
    assert "none: it was sent from a bench" in out
    assert [] == shelf.do(shelf.table.store.statuses)


def test_send_as_a_program_reads_the_text_from_a_file(shelf: Desk, tmp_path: Path) -> None:
    """The text of a file is sent as it is; the slot is the one that was named."""
    file = tmp_path / "text"
    file.write_text(TEXT)
    done = shelf.spawn(
        *("send", "--phone", "bay-0", "--slot", "1", "--to", NUMBER),
        *("--body-file", str(file), "--json"),
    )
    assert 0 == done.returncode, done.stderr
    (message,) = shelf.table.rack.air.messages
    assert (TEXT, 1) == (message.body, message.slot)


def test_send_that_the_radio_refuses_exits_1(shelf: Desk) -> None:
    """A failure is shown with its code and what to do; the journal holds it."""
    shelf.do(lambda: shelf.table.phones[1].model.radio.bad_numbers.add(NUMBER))
    code, out, _ = send(shelf)
    assert 1 == code
    assert ": failed " in out
    assert "What to do:" in out
    assert [] == shelf.table.rack.air.messages


@pytest.mark.parametrize(
    ("phone", "words", "code", "said"),
    [
        ("bay-0", (), 2, "choose one with --slot: 0, 1"),
        ("bay-0", ("--slot", "3"), 2, "slot 3 holds no card"),
        ("bay-9", (), 2, "no phone is called"),
        ("bay-0", ("--body", "too"), 2, "only one of --body-file, --body-stdin and --body may"),
    ],
)
def test_send_that_is_not_clear_sends_nothing(
    shelf: Desk, phone: str, words: tuple[str, ...], code: int, said: str
) -> None:
    """What is missing is named, and nothing is in the journal."""
    exit_code, _, err = send(shelf, *words, phone=phone)
    assert (code, True) == (exit_code, said in err), err
    assert [] == shelf.table.rack.air.messages


def test_send_with_a_number_that_is_none_is_refused_at_the_door(shelf: Desk) -> None:
    """The same door as for the panel's messages: no call is made."""
    done = shelf.run("send", "--phone", "bay-1", "--to", "12-34", "--body-stdin", stdin=TEXT)
    assert 1 == done.exit_code
    assert "failed NUMBER_INVALID" in done.stdout


def test_send_beside_a_controller_says_who_holds_the_journal(shelf: Desk) -> None:
    """It ends at once and sends nothing."""
    with shelf.controller():
        code, _, err = send(shelf)
    assert 1 == code
    assert "JOURNAL_BUSY" in err
    assert "stop that controller first" in err


def test_send_whose_answer_is_lost_keeps_its_open_attempt(shelf: Desk) -> None:
    """The phone may have heard of it: the command says so, and the journal goes on looking."""
    # A radio that never answers: no witness can speak before the command has given up.
    phone = shelf.table.phones[1]
    shelf.do(lambda: phone.model.radio.faults.script(Fate(Outcome.ANSWER_LOST)))
    phone.link.cut_next(after="executed", match=NUMBER[1:])
    code, _, err = send(shelf)
    assert 1 == code
    assert "droidrack why bench-" in err
    uid = next(word for word in err.split() if word.startswith("bench-"))
    life = shelf.call(journal_life(shelf.table, uid))
    assert MessageState.SENDING is life.state
    assert 1 == len(life.attempts)


def test_send_that_is_interrupted_says_that_it_may_have_gone_out(shelf: Desk) -> None:
    """The phone has the message; whoever types Ctrl-C is told where its outcome will stand."""
    # A radio that never answers: the command would wait for its proof.
    phone = shelf.table.phones[1]
    shelf.do(lambda: phone.model.radio.faults.script(Fate(Outcome.ANSWER_LOST)))
    words = ("send", "--phone", "bay-1", "--to", NUMBER, "--body", TEXT)
    with shelf.start(*words) as sending:
        shelf.call(_until(lambda: asyncio.sleep(0.05, bool(shelf.table.rack.air.messages))))
        sending.send_signal(signal.SIGINT)
        _, err = sending.communicate(timeout=DEADLINE_S)
    assert 130 == sending.returncode, err
    assert "it may have been sent" in err
    assert "droidrack why bench-" in err
    shelf.printed.append(err)


def test_send_whose_phone_leaves_after_the_verdict_shows_the_verdict(
    shelf: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the witnesses have proven stands, and nobody is told to look again."""
    walk = bench._walk

    async def walk_and_leave(
        world: World, handset: Handset, phone: PhoneSettings, uid: MessageUid
    ) -> None:
        await walk(world, handset, phone, uid)
        raise BaseExceptionGroup("rooms", [PhoneGone("the cable was pulled")])

    monkeypatch.setattr(bench, "_walk", walk_and_leave)
    code, out, err = send(shelf)
    assert 0 == code, err
    assert ": sent" in out.splitlines()[0]


def test_send_that_ends_before_the_call_is_taken_back(shelf: Desk) -> None:
    """A message that no phone heard of is cancelled: no later controller sends it by surprise."""

    async def play() -> Life:
        settings, lines = shelf.table.settings, shelf.table.lines
        async with (
            compose.open_world(settings, lines) as world,
            compose.open_buses(settings, lines) as buses,
        ):
            await world.journal.open()
            phone = settings.phones[1]
            found = (await find(buses, [phone]))[phone.name]
            assert isinstance(found, Arrival)
            handset = await meet_ready(world, found)
            message = bench_message(Msisdn(NUMBER), Body(TEXT), world.clock.now(), 60)
            sim = choose_sim(handset, None)
            try:
                return await send_one(world, handset, phone, message, sim, wait_s=0)
            finally:
                await world.journal.close()

    life = shelf.call(play())
    assert (MessageState.CANCELLED, ()) == (life.state, life.reports)
    assert [] == shelf.table.rack.air.messages


def test_send_leaves_other_messages_of_the_phone_waiting(shelf: Desk) -> None:
    """What the panel queued before is the controller's to send, not the bench's."""
    token = shelf.mint()
    shelf.run("pair", "--phone", "bay-1", "--token-stdin", stdin=token)
    with shelf.controller() as running:
        shelf.call(running.ready(1))
        model = shelf.table.phones[1].model
        card = shelf.do(lambda: model.remove_sim(0))
        assert card is not None
        worker = running.workers[1]

        def noticed() -> bool:
            return worker.handset is not None and worker.handset.sims[0].sub_id is None

        shelf.call(running.until(noticed, "the controller sees the empty slot"))
        uid = shelf.do(lambda: shelf.table.queue("the panel's", phone=1))
        journal = running.controller.world.journal
        device = shelf.do(lambda: shelf.table.device(1))

        async def waits() -> bool:
            return [m.uid for m in await journal.waiting(device, limit=9)] == [uid]

        shelf.call(_until(waits))
    shelf.do(lambda: model.insert_sim(0, card))
    code, out, _ = send(shelf)
    assert 0 == code, out
    assert [TEXT] == [message.body for message in shelf.table.rack.air.messages]
    life = shelf.call(journal_life(shelf.table, uid))
    assert MessageState.ACCEPTED is life.state


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - the other side is a controller: no event
            await asyncio.sleep(0.02)


def test_send_binds_no_row_of_the_panel(shelf: Desk) -> None:
    """Afterwards the journal's bindings are as before: a bench row does not stay."""
    assert 0 == send(shelf)[0]

    async def bindings() -> int:
        async with compose_journal.observe_journal(shelf.table.settings) as journal:
            (record,) = await journal.phones()
            return len(await journal.sims(record.device))

    assert 0 == shelf.call(bindings())


def test_send_leaves_a_phone_alone_that_is_being_provisioned(shelf: Desk) -> None:
    """Refused at once with who has the phone; not a word reaches the radio."""
    device = str(device_uuid(shelf.table.settings.phones[1].serial, None))

    async def lease() -> None:
        journal = SqlRunJournal(Path(shelf.table.settings.state_dir) / compose_journal.JOURNAL_FILE)
        await journal.open()
        now = datetime.now(UTC)
        await journal.take(device, Purpose.PROVISIONING, "a recipe", now=now, ttl_s=300)
        await journal.close()

    shelf.call(lease())
    code, _, err = send(shelf)
    assert 0 != code
    assert "leased to provisioning by a recipe" in err
    assert [] == shelf.table.rack.air.messages
