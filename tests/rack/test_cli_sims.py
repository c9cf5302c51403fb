"""`droidrack sims`: drift shown, rows changed on request, on virtual phones and the local panel."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cli_bench import Desk, desk, paired
from controller_bench import swift

from droidrack.core.ids import Slot
from droidrack.core.settings import SlotSettings
from droidrack.virtual.panel.faults import Fault, FaultKind
from droidrack.virtual.panel.store import SimRow


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """A phone with two cards and one with a single card; every output is searched for secrets."""
    with desk([swift(13), swift(9, sims=1)], tmp_path) as it:
        yield it
        printed = "\n".join(it.printed)
        assert [] == [secret for secret in it.secrets if secret in printed]


def drifts(shelf: Desk, phone: str = "bay-0") -> dict[int, str | None]:
    """What `sims list` says about each slot of a phone."""
    rows = shelf.json("sims", "list", "--phone", phone)
    return {row["slot"]: row["drift"] for row in rows if row["slot"] is not None}


def test_sims_list_agrees_after_a_controller_bound_the_rows(shelf: Desk) -> None:
    """Rows, bindings and cards agree, while the controller runs and after it."""
    paired(shelf)
    assert {0: None, 1: None} == drifts(shelf)  # No journal yet, so no binding is missing.
    with shelf.controller() as running:
        shelf.call(running.ready(0))
        assert {0: None, 1: None} == drifts(shelf)
    rows = shelf.json("sims", "list", "--phone", "bay-0")
    assert all(row["bound"] == row["card"] for row in rows)


def test_sims_list_shows_a_changed_card_until_the_row_is_bound_anew(shelf: Desk) -> None:
    """Another card in the slot is drift with its remedy; `sims bind` ends it."""
    paired(shelf)
    with shelf.controller() as running:
        shelf.call(running.ready(0))
    model = shelf.table.phones[0].model
    one = shelf.do(lambda: model.remove_sim(0))
    other = shelf.do(lambda: shelf.table.phones[1].model.remove_sim(0))
    assert one is not None
    assert other is not None
    assert "SIM_ABSENT" in str(drifts(shelf)[0])
    shelf.do(lambda: model.insert_sim(0, other))
    assert "SIM_CHANGED" in str(drifts(shelf)[0])
    result = shelf.run("sims", "bind", "--phone", "bay-0", "--slot", "0")
    assert 0 == result.exit_code, result.output
    assert {0: None, 1: None} == drifts(shelf)


def test_sims_bind_beside_a_controller_says_stop_it(shelf: Desk) -> None:
    """The binding is the controller's; the command ends at once with who holds the journal."""
    paired(shelf)
    with shelf.controller() as running:
        shelf.call(running.ready(0))
        result = shelf.run("sims", "bind", "--phone", "bay-0", "--slot", "0")
    assert 1 == result.exit_code
    assert "JOURNAL_BUSY" in result.stderr
    assert "stop the controller" in result.stderr


def test_sims_bind_of_an_empty_slot_is_refused(shelf: Desk) -> None:
    """Without a card there is nothing to bind to; the binding stays as it was."""
    paired(shelf)
    shelf.do(lambda: shelf.table.phones[0].model.remove_sim(1))
    result = shelf.run("sims", "bind", "--phone", "bay-0", "--slot", "1")
    assert 1 == result.exit_code
    assert "slot 1 holds no card" in result.stderr


def test_sims_delete_create_update_change_panel_and_memory(shelf: Desk) -> None:
    """Each change is at the panel and in the phone's own session, by slot."""
    paired(shelf)
    assert 0 == shelf.run("sims", "delete", "--phone", "bay-0", "--slot", "1", "--yes").exit_code
    assert "a card without a row at the panel" == drifts(shelf)[1]
    made = shelf.run(
        *("sims", "create", "--phone", "bay-0", "--slot", "1"),
        *("--label", "Red network", "--country", "DE"),
    )
    assert 0 == made.exit_code, made.output
    changed = shelf.run(
        "sims", "update", "--phone", "bay-0", "--slot", "1", "--inactive", "--country", "AT"
    )
    assert 0 == changed.exit_code, changed.output
    (device,) = shelf.do(shelf.table.store.devices)
    row = shelf.do(lambda: shelf.table.store.sims(device))[1]
    assert ("Red network", "AT", False) == (row.label, row.country_code, row.active)
    listed = shelf.json("sims", "list", "--phone", "bay-0")[1]
    assert (row.uid, "Red network", False) == (listed["row"], listed["label"], listed["active"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "--slot", "0", "--country", "DE"), "has a row already"),
        (("create", "--slot", "3"), "wants a country"),
        (("update", "--slot", "3", "--country", "DE"), "no SIM rows fit"),
        (("update", "--country", "DE"), "which row?"),
        (("update", "--slot", "0", "--country", "germany"), "two capitals"),
        (("delete", "--sim", "none-such", "--yes"), "no SIM rows fit"),
    ],
)
def test_sims_change_that_means_no_row_is_refused(
    shelf: Desk, words: tuple[str, ...], said: str
) -> None:
    """A mistake is named with what there is, before the panel hears of it."""
    paired(shelf)
    result = shelf.run("sims", words[0], "--phone", "bay-0", *words[1:])
    assert 2 == result.exit_code
    assert said in result.stderr


def test_sims_row_created_beside_a_controller_is_known_to_it(shelf: Desk) -> None:
    """A message for a row that was made while the controller ran goes out on its card."""
    paired(shelf)
    with shelf.controller() as running:
        shelf.call(running.ready(0))
        shelf.run("sims", "delete", "--phone", "bay-0", "--slot", "1", "--yes")
        shelf.run("sims", "create", "--phone", "bay-0", "--slot", "1", "--country", "DE")
        worker = running.workers[0]
        (device,) = shelf.do(shelf.table.store.devices)
        uid = shelf.do(lambda: shelf.table.store.sims(device))[1].uid
        shelf.call(
            running.until(
                lambda: any(row.uid == uid for row in worker.session.current.sims),  # type: ignore[union-attr]  # It is paired.
                "the controller knows the new row",
            )
        )
        message = shelf.do(lambda: shelf.table.queue("on the new row", phone=0, slot=1))
        shelf.call(shelf.table.reported(running, [message]))
    assert [("sent", None)] == shelf.do(lambda: shelf.table.told(message))


# --- Sync -------------------------------------------------------------------------------------


def slots(shelf: Desk, *entries: tuple[int, str, str]) -> None:
    """Write what devices.toml says about the slots of the first phone."""
    text = shelf.config.read_text().split("[[phones.slots]]")[0]
    head, second = text.rsplit('[[phones]]\nname = "bay-1"', 1)
    tables = "".join(
        f'[[phones.slots]]\nslot = {slot}\nlabel = "{label}"\ncountry = "{country}"\n'
        for slot, label, country in entries
    )
    shelf.config.write_text(f'{head}{tables}[[phones]]\nname = "bay-1"{second}')


def rows(shelf: Desk) -> list[SimRow]:
    """The panel's rows of the first phone."""
    (device,) = shelf.do(shelf.table.store.devices)
    return shelf.do(lambda: shelf.table.store.sims(device))


def steps(shelf: Desk, *words: str, code: int = 0) -> list[tuple[int, str, str | None]]:
    """What `sims sync` says: slot, step and result of each line."""
    lines = shelf.json("sims", "sync", "--phone", "bay-0", *words, code=code)
    return [(line["slot"], line["step"], line["result"]) for line in lines]


def test_sims_sync_dry_run_shows_the_drift_and_changes_nothing(shelf: Desk) -> None:
    """Another label and another country in devices.toml: two updates are named, none is made."""
    paired(shelf)
    before = rows(shelf)
    slots(shelf, (0, "Blue network", "AT"), (1, "SIM 2", before[1].country_code))
    assert [(0, "update", None), (1, "keep", None)] == steps(shelf, "--dry-run")
    assert before == rows(shelf)


def test_sims_sync_updates_label_and_country_once(shelf: Desk) -> None:
    """The rows say what devices.toml says; a second run finds nothing to do."""
    paired(shelf)
    slots(shelf, (0, "Blue network", "AT"), (1, "Red network", "CH"))
    assert [(0, "update", "done"), (1, "update", "done")] == steps(shelf)
    assert [("Blue network", "AT"), ("Red network", "CH")] == [
        (row.label, row.country_code) for row in rows(shelf)
    ]
    assert [(0, "keep", None), (1, "keep", None)] == steps(shelf)


def test_sims_sync_creates_what_is_missing_and_deletes_only_on_request(shelf: Desk) -> None:
    """A slot that is used no more keeps its row until --delete; a lacking one is created."""
    paired(shelf)
    assert 0 == shelf.run("sims", "delete", "--phone", "bay-0", "--slot", "1", "--yes").exit_code
    slots(shelf, (1, "Red network", "DE"))
    assert [(0, "surplus", None), (1, "create", "done")] == steps(shelf)
    assert [0, 1] == [row.slot for row in rows(shelf)]
    assert 1 == shelf.run("sims", "sync", "--phone", "bay-0", "--delete", stdin="n\n").exit_code
    assert [(0, "surplus", "done"), (1, "keep", None)] == steps(shelf, "--delete", "--yes")
    assert [1] == [row.slot for row in rows(shelf)]


def test_sims_sync_that_the_panel_refuses_names_the_row(shelf: Desk) -> None:
    """One refused row is an error of its own; the others are done."""
    paired(shelf)
    slots(shelf, (0, "Blue network", "AT"), (1, "Red network", "CH"))
    shelf.do(
        lambda: shelf.table.faults.add("update_sim", Fault(FaultKind.STATUS, status=422), times=1)
    )
    assert [(0, "update", "failed"), (1, "update", "done")] == steps(shelf, code=1)


def test_sims_controller_updates_rows_when_it_meets_the_phone(shelf: Desk) -> None:
    """The same by itself: a label edited in devices.toml is the panel's after the next start."""
    paired(shelf)
    named = SlotSettings(Slot(0), "Blue network", "AT")
    phones = shelf.table.settings.phones
    edited = (replace(phones[0], slots=(named, SlotSettings(Slot(1), "SIM 2", "CH"))), phones[1])
    shelf.table.settings = replace(shelf.table.settings, phones=edited)
    with shelf.controller() as running:
        shelf.call(running.ready(0))
    assert [("Blue network", "AT"), ("SIM 2", "CH")] == [
        (row.label, row.country_code) for row in rows(shelf)
    ]


def test_sims_row_that_the_panel_deleted_is_created_again(shelf: Desk) -> None:
    """An update that finds no row forgets it; the next run creates the slot's row."""
    paired(shelf)
    uid = rows(shelf)[0].uid
    (device,) = shelf.do(shelf.table.store.devices)
    shelf.do(lambda: shelf.table.store.delete_sim(device, uid))
    slots(shelf, (0, "Blue network", "AT"), (1, "SIM 2", rows(shelf)[0].country_code))
    assert (0, "update", "done") == steps(shelf)[0]
    assert (0, "create", "done") == steps(shelf)[0]
    assert ["Blue network", "SIM 2"] == [row.label for row in rows(shelf)]
