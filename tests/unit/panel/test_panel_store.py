"""The local panel's memory, without HTTP."""

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from droidrack.virtual.panel.form import Invalid
from droidrack.virtual.panel.queue import NewMessage, Reading, StatusLine
from droidrack.virtual.panel.store import Device, NotFound, PanelStore, Unauthenticated

START = datetime(2026, 5, 23, 12, 0, tzinfo=UTC)
UUID = "uuid-of-phone-1"
NUMBER = "+15555550100"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    """Noon."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Iterator[PanelStore]:
    """An empty panel."""
    store = PanelStore(now=clock, dice=random.Random(1))
    yield store
    store.close()


def pair(store: PanelStore, device_uuid: str = UUID) -> tuple[str, Device]:
    """Register a phone."""
    return store.register(
        pairing_token=store.mint(),
        device_name="Phone",
        device_uuid=device_uuid,
        android_version="14",
        app_version="1.0",
    )


def paired(store: PanelStore, device_uuid: str = UUID) -> Device:
    """A phone with a SIM row in slot 0."""
    _, device = pair(store, device_uuid)
    store.create_sim(device, 0, "Main", "DE")
    return device


def offer(store: PanelStore) -> list[str]:
    """What one poll of the phone brings."""
    device = store.device(UUID)
    return [entry.uid for entry in store.messages.offer(device.id, device.quota_per_day)]


def settle(store: PanelStore, *uids: str, status: str = "sent") -> None:
    """Report messages."""
    at, error = ("2026-05-23 12:00:00", None) if status == "sent" else (None, "CODE")
    store.messages.settle([StatusLine(uid, status, at, error) for uid in uids])


def test_mint_gives_tokens_of_the_pages_shape(store: PanelStore) -> None:
    """ATKN- and a UUID, each one different."""
    tokens = {store.mint() for _ in range(3)}
    assert 3 == len(tokens)
    assert all(token.startswith("ATKN-") and len(token) == 41 for token in tokens)


def test_register_with_a_minted_token_works_once(store: PanelStore) -> None:
    """The second use is refused and leaves no device behind."""
    token = store.mint()
    fields = {"device_name": "P", "android_version": "14", "app_version": "1"}
    store.register(pairing_token=token, device_uuid=UUID, **fields)
    with pytest.raises(Invalid):
        store.register(pairing_token=token, device_uuid="uuid-of-phone-2", **fields)
    assert [UUID] == [device.uuid for device in store.devices()]


def test_register_of_a_known_uuid_relinks(store: PanelStore) -> None:
    """Same gateway, same SIM rows; the older token is closed, the newer one opens."""
    old_token, old = pair(store)
    row, _ = store.create_sim(old, 0, "Main", "DE")
    new_token, new = pair(store)
    assert (old.gateway_uid, [row]) == (new.gateway_uid, store.sims(new))
    assert new == store.authenticate(new_token)
    with pytest.raises(Unauthenticated):
        store.authenticate(old_token)


def test_logout_and_relink_bring_the_device_back(store: PanelStore) -> None:
    """Offline after logout, online after the next registration."""
    token, device = pair(store)
    store.logout(device)
    assert not store.device(UUID).online
    pair(store)
    assert store.device(UUID).online
    with pytest.raises(Unauthenticated):
        store.authenticate(token)


def test_revoke_closes_that_devices_sessions_only(store: PanelStore) -> None:
    """The neighbour's token still opens."""
    token, _ = pair(store)
    other_token, other = pair(store, "uuid-of-phone-2")
    store.revoke(UUID)
    with pytest.raises(Unauthenticated):
        store.authenticate(token)
    assert other == store.authenticate(other_token)


def test_tokens_are_not_in_the_file(tmp_path: Path) -> None:
    """Only hashes are: who reads the file opens no session and pairs no phone."""
    path = tmp_path / "panel.db"
    store = PanelStore(path)
    spare = store.mint()
    token, _ = pair(store)
    store.close()
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [] == [secret for secret in (spare, token) if secret.encode() in content]


def test_store_opened_again_remembers(tmp_path: Path) -> None:
    """Sessions and messages outlive the process."""
    path = tmp_path / "panel.db"
    store = PanelStore(path)
    token, _ = pair(store)
    uid = store.queue(UUID, NUMBER, "x", sim_uid="sim-1")
    store.close()
    store = PanelStore(path)
    found = (store.authenticate(token).uuid, [entry.uid for entry in store.ledger()])
    store.close()
    assert (UUID, [uid]) == found


def test_same_seed_gives_the_same_tokens_and_uids() -> None:
    """A simulation replays exactly."""

    def run() -> list[str]:
        store = PanelStore(now=lambda: START, dice=random.Random(5))
        token, device = pair(store)
        row, _ = store.create_sim(device, 0, "Main", "DE")
        uid = store.queue(UUID, NUMBER, "x", slot=0)
        store.close()
        return [token, device.gateway_uid, row.uid, uid]

    assert run() == run()


def test_queue_for_a_slot_without_a_row_is_refused(store: PanelStore) -> None:
    """The caller learns it; with several messages none is queued."""
    paired(store)
    with pytest.raises(NotFound):
        store.queue_all(
            [NewMessage(UUID, NUMBER, "a", slot=0), NewMessage(UUID, NUMBER, "b", slot=1)]
        )
    assert [] == store.ledger()


def test_queue_with_a_known_uid_is_refused(store: PanelStore) -> None:
    """A uid is unique for good."""
    paired(store)
    store.queue(UUID, NUMBER, "a", slot=0, uid="msg-1")
    with pytest.raises(Invalid):
        store.queue(UUID, NUMBER, "b", slot=0, uid="msg-1")
    assert ["a"] == [entry.body for entry in store.ledger()]


def test_offer_goes_by_priority_then_age(store: PanelStore) -> None:
    """High, normal with unknown words among it, low; within each the oldest first."""
    paired(store)
    words = ["low", "normal", "urgent", "high", "high"]
    for index, word in enumerate(words):
        store.queue(UUID, NUMBER, "x", slot=0, priority=word, uid=f"m{index}")
    assert ["m3", "m4", "m1", "m2", "m0"] == offer(store)


def test_offer_repeats_until_a_status_arrives(store: PanelStore) -> None:
    """The default reading; the ledger counts the offers."""
    paired(store)
    uid = store.queue(UUID, NUMBER, "x", slot=0)
    assert [uid] == offer(store)
    assert [uid] == offer(store)
    settle(store, uid, status="failed")
    assert [] == offer(store)
    assert [("failed", 2)] == [(entry.state, entry.offers) for entry in store.ledger()]


def test_offer_under_lease_comes_once(store: PanelStore) -> None:
    """The other reading."""
    store.messages.reading = Reading.LEASE
    paired(store)
    uid = store.queue(UUID, NUMBER, "x", slot=0)
    assert ([uid], []) == (offer(store), offer(store))


@pytest.mark.parametrize("reading", list(Reading))
def test_offer_never_exceeds_the_remaining_quota(store: PanelStore, reading: Reading) -> None:
    """Two a day: two are offered; the third waits until a sent one is a day old."""
    store.messages.reading = reading
    paired(store)
    store.set_quota(UUID, 2)
    uids = [store.queue(UUID, NUMBER, "x", slot=0) for _ in range(3)]
    assert uids[:2] == offer(store)
    settle(store, uids[0], uids[1])
    assert [] == offer(store)


def test_offer_returns_quota_after_a_day_and_for_failures(store: PanelStore, clock: Clock) -> None:
    """What failed cost nothing; what was sent counts for 24 hours."""
    paired(store)
    store.set_quota(UUID, 1)
    first, second, third = (store.queue(UUID, NUMBER, "x", slot=0) for _ in range(3))
    settle(store, first, status="failed")
    assert [second] == offer(store)
    settle(store, second)
    assert [] == offer(store)
    clock.at += timedelta(days=1, seconds=1)
    assert [third] == offer(store)


def test_offer_is_bounded_by_the_page_size() -> None:
    """Ten thousand waiting messages come in pages."""
    store = PanelStore(page_size=3)
    paired(store)
    store.queue_all([NewMessage(UUID, NUMBER, "x", slot=0) for _ in range(10)])
    count = len(offer(store))
    store.close()
    assert 3 == count


def test_settle_keeps_history_and_the_last_word(store: PanelStore) -> None:
    """First, repeat, correction, and the corrected one again."""
    paired(store)
    uid = store.queue(UUID, NUMBER, "x", slot=0)
    for status in ("failed", "failed", "sent", "sent"):
        settle(store, uid, status=status)
    outcomes = [row.outcome for row in store.statuses(uid)]
    assert ["first", "repeat", "correction", "repeat"] == outcomes
    assert [("sent", None, 4)] == [(e.state, e.error, e.statuses) for e in store.ledger()]


def test_delete_sim_stops_what_is_open_on_it(store: PanelStore) -> None:
    """Settled messages keep their state; a late status of a stopped one still counts."""
    device = paired(store)
    done, open_one = (store.queue(UUID, NUMBER, "x", slot=0) for _ in range(2))
    settle(store, done)
    store.delete_sim(device, store.sims(device)[0].uid)
    assert ["sent", "stopped"] == [entry.state for entry in store.ledger()]
    assert [] == offer(store)
    settle(store, open_one)
    assert ["sent", "sent"] == [entry.state for entry in store.ledger()]


def test_beat_for_a_strangers_sim_leaves_no_trace(store: PanelStore) -> None:
    """NotFound, and nothing is written."""
    device = paired(store)
    stranger = paired(store, "uuid-of-phone-2")
    uid = store.sims(device)[0].uid
    with pytest.raises(NotFound):
        store.beat(
            stranger, uid, active=False, signal_strength=None, messages_sent_24h=None, imsi=None
        )
    assert ([], True) == (store.heartbeats(), store.sim(device, uid).active)


def test_beat_sets_the_sims_flag_and_the_time_of_the_device(
    store: PanelStore, clock: Clock
) -> None:
    """The heartbeat is what shows a device as online."""
    device = paired(store)
    clock.at += timedelta(minutes=1)
    uid = store.sims(device)[0].uid
    store.beat(device, uid, active=False, signal_strength=-90, messages_sent_24h=1, imsi=None)
    seen = store.device(UUID)
    assert (False, True) == (store.sim(device, uid).active, seen.online)
    assert "2026-05-23T12:01:00.000000Z" == seen.seen_at


def test_ledger_entries_print_neither_number_nor_text(store: PanelStore) -> None:
    """A failing test may print a ledger into a log."""
    paired(store)
    store.queue(UUID, NUMBER, "open sesame", slot=0)
    shown = repr(store.ledger())
    assert [] == [secret for secret in (NUMBER, "sesame") if secret in shown]


def test_store_with_an_impossible_path_says_so(tmp_path: Path) -> None:
    """The caller gets the database's own error, with nothing created."""
    with pytest.raises(sqlite3.OperationalError):
        PanelStore(tmp_path / "absent" / "panel.db")
