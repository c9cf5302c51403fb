"""A phone's file system as the shell user sees it, in memory."""

import errno
import fnmatch
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace

_DIRECTORY = stat.S_IFDIR | 0o771
_FILE = stat.S_IFREG | 0o644
_STANDARD = (
    "/data/local/tmp",
    "/dev",
    "/proc/sys/kernel/random",
    "/storage/emulated/0/Download",
    "/system/bin",
)
_LINKS = {"/sdcard": "/storage/emulated/0", "/mnt/sdcard": "/storage/emulated/0"}
DEFAULT_CAPACITY = 256 << 20
"""Bytes a phone holds in all: more than a test pushes, less than a host would miss."""


@dataclass(frozen=True, slots=True)
class Node:
    """A file (`content` holds bytes) or a directory (None)."""

    mode: int
    mtime: int
    content: bytes | None = None

    @property
    def size(self) -> int:
        """In bytes, as `stat` tells it."""
        return 4096 if self.content is None else len(self.content)


def _failure(code: int, path: str) -> OSError:
    return OSError(code, os.strerror(code), path)


class FileTree:
    """Paths to nodes. Relative paths start at `/`. Errors are OSError with errno and path.

    `now` tells the phone's clock in whole seconds of the epoch.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self.capacity_bytes = DEFAULT_CAPACITY
        self.on_change: Callable[[str], None] = lambda path: None
        self._now = now
        self._live: dict[str, Callable[[], bytes]] = {}
        self._nodes: dict[str, Node] = {"/": Node(_DIRECTORY, now())}
        for path in _STANDARD:
            self.mkdir(path, parents=True)

    def provide(self, path: str, content: Callable[[], bytes]) -> None:
        """A read-only file whose content is made when it is read, as in /proc."""
        self._live[path] = content

    def stat(self, path: str) -> Node:
        """The node at `path`."""
        path = self._resolved(path)
        if path in self._live:
            return Node(stat.S_IFREG | 0o444, self._now(), self._live[path]())
        if path in self._nodes:
            return self._nodes[path]
        parent = self._nodes.get(path.rpartition("/")[0] or "/")
        not_directory = parent is not None and parent.content is not None
        raise _failure(errno.ENOTDIR if not_directory else errno.ENOENT, path)

    def exists(self, path: str) -> bool:
        """Whether something is there."""
        path = self._resolved(path)
        return path in self._nodes or path in self._live

    def is_kind(self, kind: str, path: str) -> bool:
        """What `test -e|-f|-d|-s path` answers."""
        if not self.exists(path):
            return False
        node = self.stat(path)
        directory = node.content is None
        answers = {"-e": True, "-f": not directory, "-d": directory, "-s": node.size > 0}
        return answers[kind]

    def listing(self, path: str) -> dict[str, Node]:
        """Names and nodes in a directory, sorted by name."""
        if self.stat(path).content is not None:
            raise _failure(errno.ENOTDIR, path)
        inside = self._resolved(path).rstrip("/") + "/"
        names = {
            known[len(inside) :]
            for known in (*self._nodes, *self._live)
            if known.startswith(inside) and known != "/" and "/" not in known[len(inside) :]
        }
        return {name: self.stat(inside + name) for name in sorted(names)}

    def glob(self, pattern: str) -> list[str]:
        """Paths that match a shell pattern, in which `*` stays within one directory."""
        depth = pattern.count("/")
        absolute = pattern if pattern.startswith("/") else "/" + pattern
        found = sorted(
            path
            for path in (*self._nodes, *self._live)
            if path.count("/") == absolute.count("/") and fnmatch.fnmatchcase(path, absolute)
        )
        return [path[1:] if depth < absolute.count("/") else path for path in found]

    def read(self, path: str) -> bytes:
        """A file's content."""
        content = self.stat(path).content
        if content is None:
            raise _failure(errno.EISDIR, path)
        return content

    def write(
        self, path: str, content: bytes, *, mode: int = 0o644, mtime: int | None = None
    ) -> None:
        """Create or replace a file; ENOSPC beyond the capacity, and nothing is changed then."""
        resolved = self._resolved(path)
        if resolved in self._live or not resolved.startswith(("/data", "/storage")):
            raise _failure(errno.EACCES if self.exists(resolved) else errno.EROFS, path)
        if self.stat(resolved.rpartition("/")[0] or "/").content is not None:
            raise _failure(errno.ENOTDIR, path)
        old = self._nodes.get(resolved)
        if old is not None and old.content is None:
            raise _failure(errno.EISDIR, path)
        if self.used_bytes - (old.size if old else 0) + len(content) > self.capacity_bytes:
            raise _failure(errno.ENOSPC, path)
        self.on_change(f"write {resolved}")
        when = self._now() if mtime is None else mtime
        self._nodes[resolved] = Node(stat.S_IFREG | (mode & 0o777), when, content)

    def append(self, path: str, content: bytes) -> None:
        """Add to a file's end; it is created if need be."""
        self.write(path, (self.read(path) if self.exists(path) else b"") + content)

    def mkdir(self, path: str, *, parents: bool = False) -> None:
        """Make a directory; EEXIST where one is, unless `parents`."""
        resolved = self._resolved(path)
        if self.exists(resolved):
            if not parents or self.stat(resolved).content is not None:
                raise _failure(errno.EEXIST, path)
            return
        parent = resolved.rpartition("/")[0] or "/"
        if parents:
            self.mkdir(parent, parents=True)
        if self.stat(parent).content is not None:
            raise _failure(errno.ENOTDIR, path)
        self._nodes[resolved] = Node(_DIRECTORY, self._now())

    def chmod(self, path: str, mode: int) -> None:
        """Change permission bits."""
        node = self.stat(path)
        resolved = self._resolved(path)
        if resolved in self._live:
            raise _failure(errno.EPERM, path)
        self._nodes[resolved] = replace(node, mode=stat.S_IFMT(node.mode) | mode)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file, or with `recursive` a directory and all below it."""
        node, resolved = self.stat(path), self._resolved(path)
        if node.content is None and not recursive:
            raise _failure(errno.EISDIR, path)
        if resolved in self._live or not resolved.startswith(("/data/", "/storage/")):
            raise _failure(errno.EACCES, path)
        for known in [known for known in self._nodes if f"{known}/".startswith(f"{resolved}/")]:
            del self._nodes[known]

    @property
    def used_bytes(self) -> int:
        """Bytes in files."""
        return sum(len(node.content) for node in self._nodes.values() if node.content)

    def _resolved(self, path: str) -> str:
        whole = os.path.normpath("/" + path).replace("//", "/")
        for link, target in _LINKS.items():
            if whole == link or whole.startswith(link + "/"):
                return target + whole[len(link) :]
        return whole
