"""Reading whatever a panel may send: nothing but our own refusal comes out."""

import json
from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from droidrack.adapters.panel_wire import (
    NotOurAnswer,
    field_errors,
    open_envelope,
    pending_from,
    retry_after_s,
    session_from,
    sim_from,
)

NOW = datetime(2026, 5, 23, 12, 0, tzinfo=UTC)
NAMES = st.sampled_from(
    ["uid", "number", "body", "sim_uid", "priority", "slot", "active", "sims", "user", "errors"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=20,
)
JSON_BODIES = VALUES.map(lambda value: json.dumps({"success": True, "data": value}).encode())


@given(VALUES)
def test_any_json_is_a_value_or_our_refusal(value: object) -> None:
    """No answer makes a reader fail in a way the app does not know."""
    for read in (session_from, sim_from, lambda data: pending_from(data, NOW)):
        with suppress(NotOurAnswer):
            assert read(value) is not None


@given(st.lists(VALUES, max_size=8))
def test_every_entry_of_pending_is_taken_or_refused(entries: list[object]) -> None:
    """None is lost: messages and refusals together are as many as the entries."""
    pending = pending_from(entries, NOW)
    assert len(entries) == len(pending.messages) + len(pending.refused)


@given(st.binary(max_size=200) | JSON_BODIES)
def test_any_bytes_are_an_envelope_or_our_refusal(body: bytes) -> None:
    """Neither a success nor an error body can break the reading."""
    assert isinstance(field_errors(body), tuple)
    with suppress(NotOurAnswer):
        open_envelope(body)


@given(st.text(max_size=60), st.none() | st.text(max_size=60))
def test_any_retry_after_is_a_bounded_delay_or_nothing(value: str, date: str | None) -> None:
    """Within 0 and an hour, whatever the header says."""
    delay_s = retry_after_s(value, answered_at=date, now=NOW)
    assert delay_s is None or 0 <= delay_s <= 3_600


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=300))
def test_any_text_arrives_as_it_was_sent(body: str) -> None:
    """Character for character through the JSON."""
    item = {"uid": "m", "number": "+15555550100", "body": body, "sim_uid": "s"}
    answer = open_envelope(json.dumps({"success": True, "data": [item]}).encode())
    assert [body] == [message.body.reveal() for message in pending_from(answer, NOW).messages]
