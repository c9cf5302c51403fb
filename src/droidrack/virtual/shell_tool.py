"""The relay of `shell_tool.c` for a host without a C compiler: ten times slower, same wire."""

import os
import select
import socket
import struct
import sys


def _serve_read(link: socket.socket, wanted: int) -> None:
    ready, _, _ = select.select([0, link.fileno()], [], [])
    if 0 not in ready:
        os._exit(255)
    content = os.read(0, min(wanted, 65536))
    link.sendall(struct.pack("=BI", 0, len(content)) + content)


def main() -> int:
    """Relay this process; its exit code."""
    arguments = [os.fsencode(word) for word in [os.environ["DROIDRACK_NAME"], *sys.argv[1:]]]
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(os.environ["DROIDRACK_TOOLS"])
        packed = b"".join(struct.pack("=I", len(word)) + word for word in arguments)
        link.sendall(struct.pack("=I", len(arguments)) + packed)
        with link.makefile("rb") as frames:
            while head := frames.read(5):
                kind, size = struct.unpack("=BI", head)
                if kind == 0:
                    _serve_read(link, size)
                    continue
                content = frames.read(size)
                if kind == 3:
                    return content[0]
                (sys.stdout if kind == 1 else sys.stderr).buffer.write(content)
                (sys.stdout if kind == 1 else sys.stderr).buffer.flush()
    return 255


if __name__ == "__main__":
    sys.exit(main())
