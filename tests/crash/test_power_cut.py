"""Power cuts over the real journal: its promises survive, and a disk that lies is found out."""

import shutil
from pathlib import Path

import pytest
from power_cut import Op, broken_promises, cuts, disk_after, drop, record, sweep

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="the recording shim is compiled by cc, which is not here"
)


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> list[Op]:
    """What two runs of a controller with four messages each do to a fresh disk."""
    return record(tmp_path_factory.mktemp("power-cut"), lives=4)


@needs_compiler
def test_every_promise_survives_a_cut_around_every_sync(ops: list[Op], tmp_path: Path) -> None:
    """Nothing that was not synced is there, or any part of it: the journal opens and is whole."""
    tried, broken = sweep(ops, tmp_path / "cut", subsets=1, every=False, seed=1)
    assert (True, []) == (tried > 100, broken)


@needs_compiler
@pytest.mark.parametrize("file", ["-wal", "journal.sqlite"])
def test_disk_that_ignores_syncs_is_found_out(ops: list[Op], file: str, tmp_path: Path) -> None:
    """The test itself can fail: without the syncs of a file, promises are broken."""
    assert any(
        broken_promises(ops[:cut], disk_after(ops[:cut], drop, deaf_to=file), tmp_path / "cut")
        for cut in cuts(ops, every=False)
    )


def test_disk_keeps_what_was_synced_and_no_name_without_its_directory() -> None:
    """The model of the disk: data by the file's sync, names by the directory's."""
    ops = [
        Op("c", "a", 0, b""),
        Op("w", "a", 0, b"one"),
        Op("s", "a", 0, b""),
        Op("s", ".", 0, b""),
        Op("w", "a", 3, b"two"),
        Op("c", "b", 0, b""),
        Op("w", "b", 0, b"three"),
        Op("s", "b", 0, b""),
        Op("u", "a", 0, b""),
    ]
    assert {} == disk_after(ops[:3], drop)
    assert {"a": b"one"} == disk_after(ops, drop)
    assert {"a": b"onetwo"} == disk_after([*ops[:5], Op("s", "a", 0, b"")], drop)
    assert {"b": b"three"} == disk_after(ops, lambda op: op)
