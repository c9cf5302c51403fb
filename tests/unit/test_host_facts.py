"""What is asked of this host's directories."""

from pathlib import Path

from droidrack.adapters.host_facts import look_at


def test_directory_that_can_be_made_is_writable_and_is_not_made(tmp_path: Path) -> None:
    """Trying leaves nothing behind."""
    place = look_at(tmp_path / "a" / "b")

    assert place.writable
    assert place.mode is None
    assert [] == list(tmp_path.iterdir())


def test_directory_that_a_file_system_does_not_take_is_not_writable() -> None:
    """By its mode root may write there; the kernel lets nobody."""
    assert not look_at(Path("/proc/nope/state")).writable
