"""The virtual file system and the small tools over it."""

import errno

import pytest
from shell_kit import make_handset, run

from droidrack.virtual.files import FileTree


@pytest.fixture
def tree() -> FileTree:
    """An empty phone at a fixed moment."""
    return FileTree(lambda: 1_893_585_600)


def test_written_file_is_read_back(tree: FileTree) -> None:
    """Content, mode and time are kept; /sdcard is the same place by another name."""
    tree.write("/sdcard/a", b"x", mode=0o600, mtime=5)
    node = tree.stat("/storage/emulated/0/a")
    assert (b"x", 5, 0o600) == (node.content, node.mtime, node.mode & 0o777)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/system/bin/x", errno.EROFS),
        ("/data/local/tmp", errno.EISDIR),
        ("/data/nowhere/x", errno.ENOENT),
    ],
)
def test_write_where_none_may_be_is_refused(tree: FileTree, path: str, code: int) -> None:
    """The error is that of a phone."""
    with pytest.raises(OSError) as caught:
        tree.write(path, b"x")
    assert caught.value.errno == code


def test_full_phone_keeps_the_old_file(tree: FileTree) -> None:
    """ENOSPC changes nothing."""
    tree.capacity_bytes = 10
    tree.write("/data/local/tmp/a", b"12345678")
    with pytest.raises(OSError) as caught:
        tree.write("/data/local/tmp/a", b"12345678901")
    assert caught.value.errno == errno.ENOSPC
    assert tree.read("/data/local/tmp/a") == b"12345678"


def test_listing_shows_one_level_only(tree: FileTree) -> None:
    """Names in a directory, not those below."""
    tree.mkdir("/data/local/tmp/d/e", parents=True)
    tree.write("/data/local/tmp/f", b"")
    assert ["d", "f"] == list(tree.listing("/data/local/tmp"))


def test_recursive_removal_takes_all_below_and_no_neighbour(tree: FileTree) -> None:
    """`rm -r d` leaves `d2`."""
    tree.mkdir("/data/local/tmp/d/e", parents=True)
    tree.mkdir("/data/local/tmp/d2")
    tree.remove("/data/local/tmp/d", recursive=True)
    assert ["d2"] == list(tree.listing("/data/local/tmp"))


def test_path_cannot_leave_the_tree(tree: FileTree) -> None:
    """Dots above the root stay at the root."""
    assert tree.stat("/../../data").content is None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("printf 'a\\nb\\nc\\n' | head -n 2", "a\nb\n"),
        ("printf 'a\\nb\\nc\\n' | tail -1", "c\n"),
        ("printf 'a b\\nc\\n' | wc -lw", "2 3\n"),
        ("printf 'Ab\\ncd\\n' | grep -i aB", "Ab\n"),
        ("printf abc | toybox md5sum", "900150983cd24fb0d6963f7d28e17f72  -\n"),
        ("mkdir -p /sdcard/x/y; ls /sdcard/x", "y\n"),
        ("touch /sdcard/f; mv /sdcard/f /sdcard/g; ls /sdcard", "Download\ng\n"),
        ("echo x >/sdcard/f; rm /sdcard/f; [ -e /sdcard/f ] || echo gone", "gone\n"),
        ("test -s /proc/sys/kernel/random/boot_id && echo there", "there\n"),
    ],
)
def test_small_tool_prints_what_toybox_prints(command: str, expected: str) -> None:
    """The tools that scripts on phones use."""
    assert expected == run(command.encode()).out.decode()


@pytest.mark.parametrize("command", ["ls -Z /", "rm /nope", "cat /nope", "sleep x", "head -n x"])
def test_small_tool_fails_loudly(command: str) -> None:
    """An unknown option or an absent file is an error with a message."""
    ran = run(command.encode())
    assert ran.code == 1
    assert ran.err


def test_old_phone_has_no_toybox() -> None:
    """Android 5 knows `md5`, not toybox."""
    assert "toybox" not in make_handset(api=22).model.tools
