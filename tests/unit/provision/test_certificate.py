"""Certificates, limits, files and APKs: the smaller parts."""

import asyncio
import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench_kit import in_virtual_time, recipe_of
from hypothesis import given
from hypothesis import strategies as st

from droidrack.adapters.recipe_files import EvidenceFolder, RecipeSupplies, read_variables
from droidrack.app.provision.limits import Limits, LimitSettings
from droidrack.core.errors import ConfigError, ParseError
from droidrack.core.ids import UsbPath
from droidrack.core.provision.acts import Refusal
from droidrack.core.provision.apk import UnreadableApk, read_apk
from droidrack.core.provision.certificate import certificate, certificate_csv
from droidrack.core.provision.record import (
    TRANSITIONS,
    PhoneFate,
    PhoneRecord,
    RunKind,
    RunRecord,
    StepRecord,
    StepState,
    advance,
)
from droidrack.core.provision.screen_tree import read_tree
from droidrack.faces.cli.provision_page import page
from droidrack.virtual.apk_build import build_apk

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NASTY = '<script>alert("x")</script>'


def document() -> dict[str, object]:
    """A run with one phone and one step full of nasty texts."""
    run = RunRecord("r", RunKind.APPLY, "lab", "1", "00", NASTY, "here", NOW, NOW, "done")
    phone = PhoneRecord("r", "d", NASTY, "S", "m", "x", "fp", PhoneFate.DONE, NASTY)
    step = StepRecord("r", "d", "s", "k", 0, StepState.DONE, before="=1+1", cause=NASTY)
    return certificate(run, [phone], [step])


def test_page_shows_foreign_text_as_text() -> None:
    """Whatever a phone or a person said cannot become markup."""
    assert "<script>" not in page(document(), evidence=NASTY)


def test_csv_has_no_formula_and_all_columns() -> None:
    """A spreadsheet takes no cell for a formula."""
    (row,) = csv.DictReader(io.StringIO(certificate_csv(document())))
    assert "'=1+1" == row["before"]
    assert ("lab", "done", "s") == (row["recipe"], row["state"], row["step"])


def test_document_is_json() -> None:
    """It goes through json unchanged."""
    assert document() == json.loads(json.dumps(document()))


@pytest.mark.parametrize("before", list(StepState))
def test_step_moves_follow_the_table(before: StepState) -> None:
    """Every move that the table lacks raises."""
    for after in StepState:
        if after in TRANSITIONS[before]:
            assert after is advance(before, after)
        else:
            with pytest.raises(ValueError, match="cannot go"):
                advance(before, after)


def test_limits_bound_transfers_per_host_hub_and_bytes() -> None:
    """Never more than the bounds at once; a busy hub holds no turn of the host's."""

    async def story() -> None:
        limits = Limits(LimitSettings(transfers=4, hub_transfers=2, bytes_in_flight=100))
        active: list[tuple[str, int]] = []
        worst = {"host": 0, "hub": 0, "bytes": 0}

        async def one(hub: str, size: int) -> None:
            async with limits.transfer(UsbPath(f"{hub}.1"), size):
                active.append((hub, size))
                worst["host"] = max(worst["host"], len(active))
                worst["hub"] = max(worst["hub"], sum(name == hub for name, _ in active))
                worst["bytes"] = max(worst["bytes"], sum(min(s, 100) for _, s in active))
                await asyncio.sleep(1)
                active.remove((hub, size))

        sizes = (10, 30, 60, 1000)
        await asyncio.gather(*(one(f"1-{n % 3}", sizes[n % 4]) for n in range(40)))
        assert worst["host"] <= 4
        assert worst["hub"] <= 2
        assert worst["bytes"] <= 100

    in_virtual_time(story)


@given(st.binary(max_size=300))
def test_apk_reader_raises_nothing_else(junk: bytes) -> None:
    """Any bytes are an APK or UnreadableApk."""
    whole = build_apk("org.example.a", permissions=["a.b"])
    cut = whole[: len(whole) - len(junk)] + junk
    for content in (junk, cut):
        try:
            read_apk(io.BytesIO(content))
        except UnreadableApk:
            continue


@given(st.text(max_size=200))
def test_screen_reader_raises_nothing_else(junk: str) -> None:
    """Any text is a hierarchy or ParseError."""
    for text in (junk, f"<hierarchy>{junk}</hierarchy>", f"<hierarchy><node {junk}/></hierarchy>"):
        try:
            read_tree(text)
        except ParseError:
            continue


def test_file_that_changes_during_a_run_is_refused(tmp_path: Path) -> None:
    """What reaches a phone is what was described, or nothing."""
    recipe = recipe_of('[[steps]]\nname = "a"\ntype = "animations"\n')
    supplies = RecipeSupplies(recipe, str(tmp_path / "r.toml"))
    (tmp_path / "x").write_bytes(b"one")
    file = supplies.describe("x", str(tmp_path / "r.toml"))
    assert b"one" == supplies.content(file)
    (tmp_path / "x").write_bytes(b"two")
    with pytest.raises(Refusal, match="changed"):
        supplies.content(file)


def test_secret_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """Mode 644 is refused with the fix; 600 is taken."""
    recipe = recipe_of('[secrets.wifi]\nfile = "key"\n[[steps]]\nname = "a"\ntype = "animations"\n')
    supplies = RecipeSupplies(recipe, str(tmp_path / "r.toml"))
    (tmp_path / "key").write_text("secret\n")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(Refusal, match="read by others"):
        supplies.reveal("wifi")
    (tmp_path / "key").chmod(0o600)
    assert "secret" == supplies.reveal("wifi").reveal()
    assert "secret" not in repr(supplies.reveal("wifi"))


def test_evidence_stays_in_its_folder(tmp_path: Path) -> None:
    """No name of a phone or file leads out of the run's folder; only the owner reads it."""
    kept = EvidenceFolder(tmp_path).keep("run", "../../etc/x y", b"1")
    path = tmp_path / "run" / kept.name
    assert path.resolve().is_relative_to(tmp_path / "run")
    assert 0o600 == path.stat().st_mode & 0o777


def test_variables_file_tells_every_bad_line(tmp_path: Path) -> None:
    """Short lines and repeated phones, each with its number."""
    path = tmp_path / "v.csv"
    path.write_text("phone,zone\na,UTC\nb\na,UTC\n")
    with pytest.raises(ConfigError) as caught:
        read_variables(path)
    assert ["line 3", "line 4"] == [line.partition(":")[0] for line in caught.value.mistakes]
    path.write_text("phone,zone,labels\na,UTC,lab night\n")
    assert {"a": {"zone": "UTC", "labels": "lab night"}} == read_variables(path)
