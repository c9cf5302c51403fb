"""The notebook's promises, by number, for every notebook."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from droidrack.adapters.learnt_files import FileNotebook
from droidrack.app.notebook import MemoryNotebook
from droidrack.core.capability import Proof
from droidrack.core.errors import VaultError
from droidrack.core.guard import GuardReading
from droidrack.core.ids import DeviceUuid
from droidrack.core.learn import Codes, LearntInterface, LearntMethod
from droidrack.core.standing import Order, OrderKind
from droidrack.ports import Notebook

BUILD, OTHER = "fingerprint\nid", "fingerprint\nother"
PHONE = DeviceUuid("0b5e7a52-0000-5000-8000-000000000001")
SECOND = DeviceUuid("0b5e7a52-0000-5000-8000-000000000002")
CODES = Codes(
    {"x.ISms": LearntInterface("a.jar", {"send": LearntMethod(5, "(I)V")})}, ("b.jar is empty",)
)

Open = Callable[[], Notebook]


@pytest.fixture(params=["memory", "files"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Open the notebook; again after a restart, where it outlives one."""
    if request.param == "files":
        return lambda: FileNotebook(tmp_path / "learnt")
    kept = MemoryNotebook()
    return lambda: kept


def test_notebook_knows_nothing_at_first(reopen: Open) -> None:
    """No codes, no proof, and nobody kept from sending."""
    notebook = reopen()
    assert notebook.codes(BUILD) is None
    assert notebook.proof(PHONE) is None
    assert "" == notebook.quarantine(PHONE)


def test_notes_are_kept_by_build_and_by_phone(reopen: Open) -> None:
    """1: what was kept is read back, and only for whom it was kept."""
    notebook = reopen()
    notebook.keep_codes(BUILD, CODES)
    notebook.keep_proof(PHONE, Proof("old", "x=1"))
    notebook.keep_proof(PHONE, Proof(BUILD, "isms.send_text=5"))
    again = reopen()
    assert (CODES, None) == (again.codes(BUILD), again.codes(OTHER))
    assert (Proof(BUILD, "isms.send_text=5"), None) == (again.proof(PHONE), again.proof(SECOND))


def test_readings_of_a_phones_limit_are_kept_in_their_order(reopen: Open) -> None:
    """With what was not set, over restarts, for this phone alone."""
    readings = (GuardReading("boot-1", None, None), GuardReading("boot-2", 10, 60_000))
    reopen().keep_guard(PHONE, readings[:1])
    reopen().keep_guard(PHONE, readings)
    assert (readings, ()) == (reopen().guard(PHONE), reopen().guard(SECOND))


def test_codes_that_were_not_found_are_known_to_be_none(reopen: Open) -> None:
    """So that a phone without classes is read once and not at every plugging-in."""
    reopen().keep_codes(BUILD, Codes(notes=("framework.jar holds no classes",)))
    assert Codes(notes=("framework.jar holds no classes",)) == reopen().codes(BUILD)


def test_build_without_a_name_is_not_kept(reopen: Open) -> None:
    """4: else one nameless phone would teach another."""
    reopen().keep_codes("", CODES)
    assert reopen().codes("") is None


def test_quarantine_lasts_until_it_is_lifted(reopen: Open) -> None:
    """Over restarts; lifting twice is no error."""
    reopen().set_quarantine(PHONE, "left on another SIM")
    assert ("left on another SIM", "") == (
        reopen().quarantine(PHONE),
        reopen().quarantine(SECOND),
    )
    reopen().set_quarantine(PHONE, "")
    reopen().set_quarantine(PHONE, "")
    assert "" == reopen().quarantine(PHONE)


# --- Files ----------------------------------------------------------------------------------------

DAMAGE = [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"codes": 5}', b"[" * 100_000, b" " * (2 << 20)]


@pytest.mark.parametrize("damage", DAMAGE, ids=range(len(DAMAGE)))
def test_damaged_files_cost_a_probe_and_lift_no_quarantine(damage: bytes, tmp_path: Path) -> None:
    """2 and 3: absent for codes and proofs, still in force for a quarantine."""
    notebook = FileNotebook(tmp_path)
    notebook.keep_codes(BUILD, CODES)
    notebook.keep_proof(PHONE, Proof(BUILD, "x"))
    notebook.keep_guard(PHONE, (GuardReading("boot", 1, 2),))
    notebook.set_quarantine(PHONE, "why")
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    assert (None, None) == (notebook.codes(BUILD), notebook.proof(PHONE))
    assert () == notebook.guard(PHONE)
    assert notebook.quarantine(PHONE)


def test_codes_of_another_build_are_not_believed(tmp_path: Path) -> None:
    """A file that was copied or renamed says itself whose codes it holds."""
    notebook = FileNotebook(tmp_path)
    notebook.keep_codes(OTHER, CODES)
    (other,) = tmp_path.iterdir()
    notebook.keep_codes(BUILD, CODES)
    (mine,) = set(tmp_path.iterdir()) - {other}
    mine.write_bytes(other.read_bytes())
    assert notebook.codes(BUILD) is None


def test_files_are_their_owners_alone_and_name_no_number(tmp_path: Path) -> None:
    """They say which codes reach the phones."""
    home = tmp_path / "learnt"
    notebook = FileNotebook(home)
    notebook.keep_codes(BUILD, CODES)
    (path,) = home.iterdir()
    assert (0o700, 0o600) == (home.stat().st_mode & 0o777, path.stat().st_mode & 0o777)
    assert BUILD == json.loads(path.read_bytes())["build"]


def test_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """5: a quarantine that is not on disk must be told."""
    blocked = tmp_path / "file"
    blocked.write_text("here is no directory")
    with pytest.raises(VaultError, match="file"):
        FileNotebook(blocked).set_quarantine(PHONE, "why")


@pytest.mark.parametrize("kind", list(OrderKind))
def test_order_stands_until_it_is_taken_back(reopen: Open, kind: OrderKind) -> None:
    """A pause outlives a restart, for the phone of that name only."""
    reopen().set_order("bay-1", Order(kind, "by root: a test"))
    assert Order(kind, "by root: a test") == reopen().order("bay-1")
    assert reopen().order("bay-2") is None
    reopen().set_order("bay-1", None)
    assert reopen().order("bay-1") is None


def test_order_that_cannot_be_read_is_a_pause(tmp_path: Path) -> None:
    """3: losing the wish of a person must not send."""
    notebook = FileNotebook(tmp_path)
    notebook.set_order("bay-1", Order(OrderKind.DRAIN, "by root"))
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"{")
    order = notebook.order("bay-1")
    assert order is not None
    assert OrderKind.PAUSE is order.kind


def test_sms_app_is_kept_by_phone(reopen: Open) -> None:
    """Against it a later look is held."""
    assert "" == reopen().sms_app(PHONE)
    reopen().keep_sms_app(PHONE, "com.example.sms")
    assert ("com.example.sms", "") == (reopen().sms_app(PHONE), reopen().sms_app(SECOND))
