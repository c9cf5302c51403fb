"""What our client makes of a panel that misbehaves, fault by fault."""

import asyncio
import json

import pytest
from panel_bench import DEVICE, NOW, WAYS, bench, registration, sent

from droidrack.core.errors import (
    Effect,
    PanelBusy,
    PanelError,
    PanelRefused,
    PanelUnavailable,
    SessionOver,
)
from droidrack.virtual.panel.faults import BAD_ITEMS, Fault, FaultKind

pytestmark = pytest.mark.parametrize("way", WAYS)
K = FaultKind

TRANSIENT = {
    "500": Fault(K.STATUS, status=500),
    "502": Fault(K.STATUS, status=502),
    "503": Fault(K.STATUS, status=503),
    "408": Fault(K.STATUS, status=408),
    "hang": Fault(K.HANG),
    "drop": Fault(K.DROP),
    "reset": Fault(K.RESET),
    "half": Fault(K.HALF),
    "slow": Fault(K.SLOW, delay_s=0.05),
    "html": Fault(K.HTML),
    "empty": Fault(K.EMPTY),
    "cut JSON": Fault(K.CUT_JSON),
    "success false": Fault(K.FAILURE),
    "redirect": Fault(K.REDIRECT),
    "huge": Fault(K.HUGE),
}
"""Faults that pass: each must end as PanelUnavailable within the deadline."""

SHORT_S = 0.4


async def poll_under(way: str, fault: Fault) -> tuple[PanelError | None, int]:
    """One poll under a fault, and how many messages a poll after it brings."""
    async with bench(way, deadline_s=SHORT_S) as b:
        token, _ = await b.pair()
        b.store.queue(DEVICE, "+15555550123", "x", slot=0)
        b.plan.add("pending", fault)
        seen: PanelError | None = None
        try:
            await b.panel.pending(token, NOW)
        except PanelError as exc:
            seen = exc
        return seen, len((await b.panel.pending(token, NOW)).messages)


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_poll_under_a_passing_fault_is_unavailable_and_the_next_one_works(
    way: str, fault: Fault
) -> None:
    """27, 28, 32: bounded time, one class of error, and the connection pool survives."""
    error, messages = asyncio.run(poll_under(way, fault))
    assert (PanelUnavailable, 1) == (type(error), messages)


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_report_under_a_passing_fault_is_settled_by_the_repeat(way: str, fault: Fault) -> None:
    """29: whether or not the panel took the lost report, the same report again ends it well."""

    async def run() -> tuple[type[PanelError], list[str]]:
        async with bench(way, deadline_s=SHORT_S) as b:
            token, _ = await b.pair()
            uid = b.store.queue(DEVICE, "+15555550123", "x", slot=0)
            b.plan.add("report", fault)
            with pytest.raises(PanelError) as lost:
                await b.panel.report(token, [sent(uid)])
            await b.panel.report(token, [sent(uid)])
            return lost.type, [row.state for row in b.store.ledger()]

    assert (PanelUnavailable, ["sent"]) == asyncio.run(run())


@pytest.mark.parametrize("kind", [K.STATUS, K.HANG, K.DROP])
def test_report_taken_but_not_acknowledged_is_a_harmless_repeat(way: str, kind: FaultKind) -> None:
    """29: the panel took it and the answer was lost; the second one is a repeat, not a change."""

    async def run() -> list[str]:
        async with bench(way, deadline_s=SHORT_S) as b:
            token, _ = await b.pair()
            uid = b.store.queue(DEVICE, "+15555550123", "x", slot=0)
            b.plan.add("report", Fault(kind, taken=True))
            with pytest.raises(PanelUnavailable):
                await b.panel.report(token, [sent(uid)])
            await b.panel.report(token, [sent(uid)])
            return [row.outcome for row in b.store.statuses(uid)]

    assert ["first", "repeat"] == asyncio.run(run())


@pytest.mark.parametrize("kind", [K.STATUS, K.HANG, K.DROP, K.RESET, K.HALF, K.CUT_JSON])
def test_register_with_a_lost_answer_says_that_the_token_may_be_spent(
    way: str, kind: FaultKind
) -> None:
    """The effect is UNKNOWN, the hint says what to do, and a new token brings the same gateway."""

    async def run() -> None:
        async with bench(way, deadline_s=SHORT_S) as b:
            b.plan.add("register", Fault(kind, taken=True))
            with pytest.raises(PanelUnavailable) as lost:
                await b.panel.register(registration(b.store.mint()))
            assert Effect.UNKNOWN is lost.value.effect
            assert "may be spent" in lost.value.hint
            gateway = b.store.device(DEVICE).gateway_uid
            again = await b.panel.register(registration(b.store.mint()))
            assert gateway == again.gateway_uid

    asyncio.run(run())


@pytest.mark.parametrize("status", [401, 403])
def test_any_call_with_401_or_403_ends_the_session(way: str, status: int) -> None:
    """31: the phone needs pairing."""
    error, _ = asyncio.run(poll_under(way, Fault(K.STATUS, status=status)))
    assert type(error) is SessionOver


def test_revoked_token_stays_dead_until_the_phone_is_paired_again(way: str) -> None:
    """31: revocation in the panel is final for that token; re-linking brings the phone back."""

    async def run() -> list[bool]:
        async with bench(way) as b:
            token, _ = await b.pair()
            b.plan.add("pending", Fault(K.REVOKED))
            over = []
            for _ in range(2):
                try:
                    await b.panel.pending(token, NOW)
                    over.append(False)
                except SessionOver:
                    over.append(True)
            fresh, _ = await b.pair()
            await b.panel.pending(fresh, NOW)
            return over

    assert [True, True] == asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "header", "delay_s"),
    [
        (429, "7", 7.0),
        (429, "", None),
        (429, "soon", None),
        (429, "-5", None),
        (429, "9" * 5_000, 3_600.0),
        (503, "30", 30.0),
    ],
)
def test_busy_panel_hands_on_its_own_delay(
    way: str, status: int, header: str, delay_s: float | None
) -> None:
    """27: seconds are kept, capped at an hour; nonsense counts as silence."""
    error, messages = asyncio.run(
        poll_under(way, Fault(K.STATUS, status=status, retry_after=header))
    )
    assert isinstance(error, PanelBusy)
    assert (delay_s, 1) == (error.retry_after_s, messages)


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 422])
def test_lasting_refusal_carries_status_and_reason(way: str, status: int) -> None:
    """30: the app can park the report and show why."""
    error, _ = asyncio.run(poll_under(way, Fault(K.STATUS, status=status)))
    assert isinstance(error, PanelRefused)
    assert status == error.status
    assert f"Fault on request: {status}." == error.fields[0][1]


def test_pending_with_malformed_items_keeps_the_good_one(way: str) -> None:
    """32: every bad item is refused alone with a reason; the loop never dies."""

    async def run() -> None:
        async with bench(way) as b:
            token, _ = await b.pair()
            uid = b.store.queue(DEVICE, "+15555550123", "x", slot=0)
            b.plan.add("pending", Fault(K.MALFORMED))
            pending = await b.panel.pending(token, NOW)
            assert [uid] == [message.uid for message in pending.messages]
            assert 2 * len(BAD_ITEMS) == len(pending.refused)
            assert all(item.reason for item in pending.refused)

    asyncio.run(run())


@pytest.mark.parametrize("variant", BAD_ITEMS)
def test_pending_with_one_bad_item_names_its_uid_where_it_is_certain(
    way: str, variant: str
) -> None:
    """A uid that was read can be answered; a doubtful one must not be."""

    async def run() -> tuple[str, ...]:
        async with bench(way) as b:
            token, _ = await b.pair()
            b.plan.add("pending", Fault(K.MALFORMED, variant=variant))
            return tuple(item.uid for item in (await b.panel.pending(token, NOW)).refused)

    item = json.loads(BAD_ITEMS[variant])
    uid = item.get("uid", "") if isinstance(item, dict) else ""
    certain = isinstance(uid, str) and uid.startswith("bad-") and variant != "body-twice"
    assert (uid if certain else "",) * 2 == asyncio.run(run())


def test_pending_repeated_after_its_end_offers_the_same_again(way: str) -> None:
    """25: the local panel can hand out a settled message, as a restored one would."""

    async def run() -> list[list[str]]:
        async with bench(way) as b:
            token, _ = await b.pair()
            uid = b.store.queue(DEVICE, "+15555550123", "x", slot=0)
            await b.panel.pending(token, NOW)
            await b.panel.report(token, [sent(uid)])
            b.plan.script("pending", [None, Fault(K.REPEAT), Fault(K.CHANGED)])
            answers = [await b.panel.pending(token, NOW) for _ in range(3)]
            return [[m.body.reveal() for m in answer.messages] for answer in answers]

    assert [[], ["x"], ["x (changed)"]] == asyncio.run(run())


def test_fault_of_one_device_leaves_the_others_alone(way: str) -> None:
    """A rule can name the phone it is for."""

    async def run() -> None:
        async with bench(way) as b:
            first, _ = await b.pair()
            second, _ = await b.pair("another-device-0002")
            b.plan.add("*", Fault(K.STATUS), times=None, device_uuid=DEVICE)
            assert () == (await b.panel.pending(second, NOW)).messages
            with pytest.raises(PanelUnavailable):
                await b.panel.pending(first, NOW)

    asyncio.run(run())
