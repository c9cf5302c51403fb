"""The three standard streams a phone's tool talks through.

The wire (a simulated adbd) and the tests each bring their own; a tool never knows which.
"""

from typing import Protocol


class Console(Protocol):
    """Standard input, output and error of one running tool."""

    async def read(self, size: int) -> bytes:
        """Up to `size` bytes of standard input; b"" at its end, and from then on."""
        ...

    async def stdout(self, data: bytes) -> None:
        """Write to standard output; returns when the reader has room again."""
        ...

    async def stderr(self, data: bytes) -> None:
        """Write to standard error; returns when the reader has room again."""
        ...


class CapturedConsole:
    """A console in memory: a given input, and everything written kept in `out` and `err`."""

    def __init__(self, stdin: bytes = b"") -> None:
        self._stdin = memoryview(stdin)
        self.out = bytearray()
        self.err = bytearray()

    async def read(self, size: int) -> bytes:
        chunk, self._stdin = bytes(self._stdin[:size]), self._stdin[size:]
        return chunk

    async def stdout(self, data: bytes) -> None:
        self.out += data

    async def stderr(self, data: bytes) -> None:
        self.err += data
