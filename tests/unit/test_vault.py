"""What the file vault refuses, what a crash leaves, and that no token shows."""

import json
import os
from pathlib import Path

import pytest

from droidrack.adapters import private_files
from droidrack.adapters.vault import FileVault
from droidrack.adapters.vault_seal import CREDENTIAL, AesSealer
from droidrack.core.errors import VaultError
from droidrack.core.ids import DeviceUuid, Slot, Token
from droidrack.ports import PanelSim, StoredSession

A = DeviceUuid("0a1b2c3d-0000-4000-8000-00000000000a")
B = DeviceUuid("0a1b2c3d-0000-4000-8000-00000000000b")
SESSION = StoredSession(Token("s3cret-a"), "gw-1", (PanelSim("sim-1", Slot(0), "Blau", True),))
OTHER = StoredSession(Token("s3cret-b"), "gw-2", ())


@pytest.fixture(autouse=True)
def no_service_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials but those a test gives."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the vault will be."""
    return tmp_path / "state" / "vault"


def session_file(directory: Path, device: DeviceUuid = A) -> Path:
    """The file of a phone's session."""
    return directory / f"{device}.session"


def test_store_makes_private_files_that_hold_no_token(directory: Path) -> None:
    """Directory 0700, files 0600, and the token is nowhere on the disk in clear."""
    FileVault(directory).store(A, SESSION)

    assert 0o700 == directory.stat().st_mode & 0o777
    assert {f"{A}.session", "key"} == {path.name for path in directory.iterdir()}
    for path in directory.iterdir():
        assert 0o600 == path.stat().st_mode & 0o777
        assert b"s3cret" not in path.read_bytes()


def test_store_under_a_loose_umask_stays_private(directory: Path) -> None:
    """The process's umask does not decide who may read tokens."""
    before = os.umask(0)
    try:
        FileVault(directory).store(A, SESSION)
    finally:
        os.umask(before)

    assert 0o700 == directory.stat().st_mode & 0o777
    assert 0o600 == session_file(directory).stat().st_mode & 0o777


def test_load_from_another_process_opens_the_seal(directory: Path) -> None:
    """A new vault object finds the key again."""
    FileVault(directory).store(A, SESSION)

    assert SESSION == FileVault(directory).load(A)


def test_load_from_an_empty_place_creates_nothing(directory: Path) -> None:
    """Looking into a vault that is not there leaves no trace."""
    assert FileVault(directory).load(A) is None
    assert not directory.exists()


def test_load_open_directory_is_refused_with_the_fix(directory: Path) -> None:
    """A directory that others may enter is refused with the exact command."""
    FileVault(directory).store(A, SESSION)
    directory.chmod(0o750)
    with pytest.raises(VaultError, match="mode 0750") as caught:
        FileVault(directory).load(A)

    assert caught.value.hint.startswith(f"chmod 700 {directory}")


@pytest.mark.parametrize("name", [f"{A}.session", "key"])
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_load_open_file_is_refused_with_the_fix(directory: Path, name: str, mode: int) -> None:
    """A session or key that others may read is refused with the exact command."""
    FileVault(directory).store(A, SESSION)
    (directory / name).chmod(mode)
    with pytest.raises(VaultError, match=f"mode {mode:04o}") as caught:
        FileVault(directory).load(A)

    assert caught.value.hint.startswith(f"chmod 600 {directory / name}")


def test_store_into_an_open_directory_is_refused(directory: Path) -> None:
    """No token is written where others could read it."""
    directory.mkdir(parents=True)
    directory.chmod(0o755)
    with pytest.raises(VaultError, match="mode 0755"):
        FileVault(directory).store(A, SESSION)

    assert [] == list(directory.iterdir())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"format": 2, "sealed": ""}', "expected format 1"),
        (b'{"format": 1, "sealed": "?"}', "not base64"),
        (b'{"format": 1, "sealed": 7}', "not base64"),
        (b'{"format": 1, "sealed": "AAAA"}', "cut short"),
        (b'{"format": 1, "sealed": "' + b"A" * 80 + b'"}', "does not open"),
        (b" " * (64 * 1024 + 1), "larger than"),
    ],
)
def test_load_damaged_file_is_named(directory: Path, content: bytes, reason: str) -> None:
    """Whatever happened to a file, the error names it and why it is of no use."""
    FileVault(directory).store(A, SESSION)
    session_file(directory).write_bytes(content)
    with pytest.raises(VaultError, match=reason) as caught:
        FileVault(directory).load(A)

    assert str(session_file(directory)) in caught.value.message


def test_load_flipped_bit_does_not_open(directory: Path) -> None:
    """Every byte of the seal is authenticated."""
    sealer = AesSealer(bytes(32))
    seal = bytearray(sealer.seal(A, b"plain"))
    for index in range(len(seal)):
        changed = bytes([*seal[:index], seal[index] ^ 1, *seal[index + 1 :]])
        with pytest.raises(VaultError, match="does not open"):
            sealer.open(A, changed)

    assert b"plain" == sealer.open(A, bytes(seal))


def test_load_another_phones_file_does_not_open(directory: Path) -> None:
    """A session file renamed to another phone's gives that phone no session."""
    vault = FileVault(directory)
    vault.store(A, SESSION)
    vault.store(B, OTHER)
    session_file(directory, B).replace(session_file(directory, A))

    with pytest.raises(VaultError, match="does not open"):
        vault.load(A)


def test_load_damaged_file_harms_no_other_phone(directory: Path) -> None:
    """One damaged session costs one pairing."""
    vault = FileVault(directory)
    vault.store(A, SESSION)
    vault.store(B, OTHER)
    session_file(directory, A).write_bytes(b"")

    assert OTHER == vault.load(B)


def test_key_lost_is_never_replaced_by_a_new_one(directory: Path) -> None:
    """Beside sealed sessions a missing key is an error, on reading and on writing."""
    FileVault(directory).store(A, SESSION)
    (directory / "key").unlink()

    with pytest.raises(VaultError, match="the key is missing"):
        FileVault(directory).load(A)
    with pytest.raises(VaultError, match="the key is missing"):
        FileVault(directory).store(B, OTHER)
    assert not (directory / "key").exists()


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "é"])
def test_key_of_another_form_is_refused_unshown(directory: Path, text: str) -> None:
    """A key file that holds no key is named, its content is not."""
    FileVault(directory).store(A, SESSION)
    (directory / "key").write_text(text)
    with pytest.raises(VaultError, match="expected a key of 64 hexadecimal digits") as caught:
        FileVault(directory).load(A)

    assert not text or text not in caught.value.message.replace(str(directory), "")


def test_key_of_the_service_manager_goes_first(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a credential no key is written beside the sessions, and only it opens them."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / CREDENTIAL).write_text("ab" * 32 + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    FileVault(directory).store(A, SESSION)

    assert not (directory / "key").exists()
    assert SESSION == FileVault(directory).load(A)

    (credentials / CREDENTIAL).write_text("cd" * 32)
    with pytest.raises(VaultError, match="another key"):
        FileVault(directory).load(A)


def test_key_made_by_two_at_once_is_one(directory: Path) -> None:
    """Who comes second to making the key uses the first one's."""
    private_files.make_private_directory(directory)
    private_files.create_private(directory / "key", b"first")
    private_files.create_private(directory / "key", b"second")

    assert b"first" == private_files.read_private(directory / "key")
    assert ["key"] == [path.name for path in directory.iterdir()]


def test_store_that_cannot_finish_leaves_the_earlier_session(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails before the rename costs the new session only, and no stray file stays."""
    vault = FileVault(directory)
    vault.store(A, SESSION)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VaultError, match="no space left on device"):
        vault.store(A, OTHER)

    assert SESSION == vault.load(A)
    assert {f"{A}.session", "key"} == {path.name for path in directory.iterdir()}


def test_store_flushes_file_before_rename_and_directory_after(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content reaches the disk before its name does, and the name before `store` returns."""
    vault = FileVault(directory)
    vault.store(A, SESSION)
    seen: list[tuple[bool, bool]] = []
    flush = os.fsync
    before = session_file(directory).stat().st_ino

    def watched(descriptor: int) -> None:
        is_directory = os.path.samestat(os.fstat(descriptor), directory.stat())
        seen.append((is_directory, session_file(directory).stat().st_ino != before))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    vault.store(A, OTHER)

    assert [(False, False), (True, True)] == seen


def test_forget_removes_what_a_crash_left(directory: Path) -> None:
    """A half-written file of the phone goes with its session."""
    vault = FileVault(directory)
    vault.store(A, SESSION)
    (directory / f".{A}.session.x1y2").write_bytes(b"half")
    vault.forget(A)

    assert ["key"] == [path.name for path in directory.iterdir()]


def test_device_that_is_no_file_name_is_our_bug(directory: Path) -> None:
    """A device uuid never leads out of the vault."""
    with pytest.raises(ValueError, match="no device uuid"):
        FileVault(directory).load(DeviceUuid("../key"))


def test_session_file_tells_its_format(directory: Path) -> None:
    """A later release can tell which format it meets."""
    FileVault(directory).store(A, SESSION)

    assert 1 == json.loads(session_file(directory).read_bytes())["format"]
