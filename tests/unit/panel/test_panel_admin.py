"""The admin API and the raw edges of the gateway API, over HTTP in process."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from droidrack.core.errors import ConfigError
from droidrack.virtual.panel.faults import Fault, FaultKind, FaultPlan
from droidrack.virtual.panel.queue import Reading
from droidrack.virtual.panel.server import create_app, serving
from droidrack.virtual.panel.store import PanelStore

UUID = "uuid-of-phone-1"
JSON = {"Accept": "application/json"}


@pytest.fixture
def store() -> Iterator[PanelStore]:
    """A panel with one phone."""
    store = PanelStore(dice=random.Random(1))
    _, device = store.register(
        pairing_token=store.mint(),
        device_name="Phone",
        device_uuid=UUID,
        android_version="14",
        app_version="1.0",
    )
    store.create_sim(device, 0, "Main", "DE")
    yield store
    store.close()


def ask(
    store: PanelStore,
    method: str,
    path: str,
    *,
    client: str = "127.0.0.1",
    admin_token: str = "",
    faults: FaultPlan | None = None,
    **options: Any,
) -> httpx.Response:
    """One request of the panel."""

    async def run() -> httpx.Response:
        app = create_app(store, admin_token=admin_token, faults=faults)
        transport = httpx.ASGITransport(app, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            return await http.request(method, path, **options)

    return asyncio.run(run())


def test_admin_mints_pairing_tokens_that_work(store: PanelStore) -> None:
    """As many as asked for."""
    answer = ask(store, "POST", "/admin/pairing-tokens", json={"count": 3})
    tokens = answer.json()["data"]["tokens"]
    fields = {"device_name": "P", "android_version": "14", "app_version": "1"}
    for index, token in enumerate(tokens):
        store.register(pairing_token=token, device_uuid=f"another-phone-{index}", **fields)
    assert 4 == len(store.devices())


@pytest.mark.parametrize(
    "body",
    ["{", "[]", "3", "null", "[" * 100_000],
    ids=["broken", "list", "number", "null", "deep"],
)
def test_admin_mints_nothing_for_a_body_that_is_no_object(store: PanelStore, body: str) -> None:
    """A script that sends nonsense is told, and no token is lost to it."""
    answer = ask(
        store,
        "POST",
        "/admin/pairing-tokens",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert 422 == answer.status_code
    assert {"body": ["The body must be a JSON object."]} == answer.json()["errors"]


def test_admin_queues_messages_and_shows_them(store: PanelStore) -> None:
    """What was queued is in the ledger, in full and in order."""
    new = [
        {"device_uuid": UUID, "number": "+15555550100", "body": "é 😀", "slot": 0},
        {"device_uuid": UUID, "number": "bad", "body": "", "sim_uid": "nowhere", "uid": "m2"},
    ]
    queued = ask(store, "POST", "/admin/messages", json={"messages": new})
    rows = ask(store, "GET", f"/admin/messages?device_uuid={UUID}").json()["data"]
    assert (201, [row["uid"] for row in rows]) == (
        queued.status_code,
        queued.json()["data"]["uids"],
    )
    assert [("é 😀", "queued"), ("", "queued")] == [(row["body"], row["state"]) for row in rows]


def test_admin_refuses_a_batch_with_one_bad_message(store: PanelStore) -> None:
    """None is queued, and the path names the bad field."""
    new = [
        {"device_uuid": UUID, "number": "+15555550100", "body": "x", "slot": 0},
        {"device_uuid": UUID, "number": 7, "body": "x"},
    ]
    answer = ask(store, "POST", "/admin/messages", json={"messages": new})
    assert 422 == answer.status_code
    assert {"messages.1.number", "messages.1.slot"} == set(answer.json()["errors"])
    assert [] == store.ledger()


def test_admin_lists_devices_with_their_sims(store: PanelStore) -> None:
    """One row a device."""
    (row,) = ask(store, "GET", "/admin/devices").json()["data"]
    assert (UUID, [0]) == (row["uuid"], [sim["slot"] for sim in row["sims"]])


def test_admin_sets_quota_reading_and_revokes(store: PanelStore) -> None:
    """Each takes effect in the store."""
    ask(store, "PUT", f"/admin/devices/{UUID}/quota", json={"per_day": 5})
    ask(store, "PUT", "/admin/reading", json={"reading": "lease"})
    ask(store, "POST", f"/admin/devices/{UUID}/revoke", json={})
    device = store.device(UUID)
    expected = (5, Reading.LEASE, False)
    assert expected == (device.quota_per_day, store.messages.reading, device.online)


def test_admin_call_for_an_unknown_device_is_404(store: PanelStore) -> None:
    """In JSON, with a sentence."""
    answer = ask(store, "POST", "/admin/devices/nobody/revoke", json={})
    assert (404, "No such device.") == (answer.status_code, answer.json()["message"])


def test_admin_sets_shows_and_clears_faults(store: PanelStore) -> None:
    """A rule set over HTTP is the rule in the plan."""
    plan = FaultPlan()
    rule = {
        "endpoint": "pending",
        "kind": "status",
        "status": 429,
        "retry_after": "7",
        "times": 2,
        "probability_percent": 50,
    }
    assert 201 == ask(store, "POST", "/admin/faults", faults=plan, json=rule).status_code
    (seen,) = plan.rules
    expected = (Fault(FaultKind.STATUS, status=429, retry_after="7"), 2, 0.5)
    assert expected == (seen.fault, seen.times, seen.probability)
    shown = ask(store, "GET", "/admin/faults", faults=plan).json()["data"]
    assert "pending" == shown["rules"][0]["endpoint"]
    ask(store, "DELETE", "/admin/faults", faults=plan)
    assert plan.idle


def test_admin_refuses_an_unknown_fault(store: PanelStore) -> None:
    """A misspelt word is no silent good behaviour."""
    rule = {"endpoint": "pendin", "kind": "hangs"}
    answer = ask(store, "POST", "/admin/faults", json=rule)
    assert (422, {"endpoint", "kind"}) == (answer.status_code, set(answer.json()["errors"]))


def test_admin_without_a_token_answers_this_host_only(store: PanelStore) -> None:
    """It shows numbers and texts, and mints tokens."""
    assert 200 == ask(store, "GET", "/admin/devices").status_code
    assert 403 == ask(store, "GET", "/admin/devices", client="192.0.2.7").status_code


def test_admin_with_a_token_asks_everybody_for_it(store: PanelStore) -> None:
    """On loopback, too."""
    good = {"Authorization": "Bearer sesame"}
    assert 403 == ask(store, "GET", "/admin/devices", admin_token="sesame").status_code
    answer = ask(
        store, "GET", "/admin/devices", admin_token="sesame", client="192.0.2.7", headers=good
    )
    assert 200 == answer.status_code


def test_admin_write_from_a_web_page_is_refused(store: PanelStore) -> None:
    """A form of another site cannot send this content type."""
    answer = ask(store, "POST", f"/admin/devices/{UUID}/revoke", data={"a": "b"})
    assert (415, True) == (answer.status_code, store.device(UUID).online)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b"[" * 50_000])
def test_register_with_an_unreadable_body_names_the_missing_fields(
    store: PanelStore, body: bytes
) -> None:
    """The framework reads what it cannot parse as an empty form."""
    path = "/api/gateway/sms/android/register-session"
    answer = ask(store, "POST", path, content=body, headers=JSON)
    assert (422, 5) == (answer.status_code, len(answer.json()["errors"]))


def test_body_beyond_the_limit_is_413(store: PanelStore) -> None:
    """Memory is bounded on this side, too."""
    path = "/api/gateway/sms/android/register-session"
    answer = ask(store, "POST", path, content=b" " * (1 << 20) + b"{}", headers=JSON)
    assert 413 == answer.status_code


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"uid": "m", "status": "delivered"}, "status"),
        ({"uid": "m", "status": "sent"}, "delivered_at"),
        ({"uid": "m", "status": "sent", "delivered_at": "2026-05-23T12:01:14Z"}, "delivered_at"),
        ({"uid": "m", "status": "failed"}, "error"),
        ({"uid": "m", "status": "failed", "error": 7}, "error"),
        ({"uid": 7, "status": "failed", "error": "X"}, "uid"),
        ({"status": "failed", "error": "X"}, "uid"),
        ({"uid": "unknown", "status": "failed", "error": "X"}, "uid"),
        ("text", "uid"),
    ],
)
def test_update_statuses_refuses_what_the_page_does_not_allow(
    store: PanelStore, line: object, field: str
) -> None:
    """Each rule of the page, by the field's path; the message stays as it was."""
    token, _ = store.register(
        pairing_token=store.mint(),
        device_name="Phone",
        device_uuid=UUID,
        android_version="14",
        app_version="1.0",
    )
    store.queue(UUID, "+15555550100", "x", slot=0, uid="m")
    headers = JSON | {"Authorization": f"Bearer {token}"}
    path = "/api/logs/sms/update-statuses"
    answer = ask(store, "POST", path, json={"statuses": [line]}, headers=headers)
    assert (422, True) == (answer.status_code, f"statuses.0.{field}" in answer.json()["errors"])
    assert ["queued"] == [entry.state for entry in store.ledger()]


def test_serving_on_a_taken_port_is_a_config_error(store: PanelStore) -> None:
    """It names the address and says what to do."""

    async def run() -> None:
        app = create_app(store)
        async with serving(app) as port, serving(app, port=port):
            raise AssertionError("two servers on one port")

    with pytest.raises(ConfigError, match="cannot listen on 127") as mistake:
        asyncio.run(run())
    assert "another port" in mistake.value.hint
