"""The contract of `ports.Vault`, for every implementation."""

from pathlib import Path

import pytest

from droidrack.adapters.vault import FileVault, MemoryVault
from droidrack.core.ids import DeviceUuid, Slot, Token
from droidrack.ports import PanelSim, StoredSession, Vault

A = DeviceUuid("0a1b2c3d-0000-4000-8000-00000000000a")
B = DeviceUuid("0a1b2c3d-0000-4000-8000-00000000000b")
SESSION = StoredSession(
    Token("s3cret-ä-\u202e"),
    "gw-1",
    (PanelSim("sim-1", Slot(0), 'Bl"au\n', True), PanelSim("sim-2", Slot(1), "", False)),
)
LATER = StoredSession(Token("s3cret-2"), "gw-1", ())


@pytest.fixture(params=["file", "memory"])
def vault(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    """An empty vault."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    return FileVault(tmp_path / "vault") if request.param == "file" else MemoryVault()


def test_load_unknown_phone_is_none(vault: Vault) -> None:
    """A phone that was never paired has no session."""
    assert vault.load(A) is None


def test_store_then_load_gives_the_same_session(vault: Vault) -> None:
    """Token, gateway and SIM rows come back as they were."""
    vault.store(A, SESSION)

    assert SESSION == vault.load(A)


def test_store_again_replaces(vault: Vault) -> None:
    """The latest session of a phone counts."""
    vault.store(A, SESSION)
    vault.store(A, LATER)

    assert LATER == vault.load(A)


def test_store_keeps_phones_apart(vault: Vault) -> None:
    """One phone's session is no other's, and forgetting one keeps the other."""
    vault.store(A, SESSION)
    vault.store(B, LATER)
    vault.forget(A)

    assert vault.load(A) is None
    assert LATER == vault.load(B)


def test_forget_unknown_phone_is_quiet(vault: Vault) -> None:
    """Forgetting is idempotent, before the first session too."""
    vault.forget(A)
    vault.store(A, SESSION)
    vault.forget(A)
    vault.forget(A)

    assert vault.load(A) is None


def test_repr_of_a_session_hides_its_token(vault: Vault) -> None:
    """A loaded session prints without its token."""
    vault.store(A, SESSION)

    assert "s3cret" not in repr(vault.load(A))
