"""How a command travels to the phone's shell: which service, and what goes on its stdin.

Four ways, for two questions. *Does the phone speak shell v2* (Android 7 and later)? It keeps stdout
and stderr apart, ends stdin and tells the exit code. Android 5 and 6 do none of that: there the
`exec:` service is used, which unlike `shell:` is no terminal and so turns no LF into CRLF, and the
exit code comes on a marked last line. *Is the command short*? A service name longer than the
phone's payload aborts the whole adb server, and the oldest payload is 4,096 bytes; so a long
command goes as a script on the stdin of `sh`, which has no limit.

On v1 nothing can end stdin, so a command never gets the stream itself: it reads /dev/null, or the
caller's bytes from a pipe that mksh's builtin `print` fills (Android 5 has no `head -c` or
`base64`, and a here-document cannot end without a newline).
"""

import re
from dataclasses import dataclass

from droidrack.adapters import adb_wire

SERVICE_LIMIT = 4000
"""Bytes in a service name that every phone takes: its payload was 4,096 until July 2015, the
terminating NUL and a margin taken off."""

V2_PREFIX = b"shell,v2,raw:"
V1_PREFIX = b"exec:"


@dataclass(frozen=True, slots=True)
class Carriage:
    """One command, ready for the wire.

    `opening` follows the server's OKAY to `service`. `mark` is empty with shell v2; else the output
    ends with a line of it and the exit code.
    """

    service: bytes
    opening: bytes
    mark: bytes = b""


def carry_v2(command: bytes, stdin: bytes) -> Carriage:
    """A command for a phone that speaks shell v2."""
    service = V2_PREFIX + command
    if len(service) <= SERVICE_LIMIT:
        return Carriage(service, adb_wire.stdin_packets(stdin))
    script = _fed(command, stdin) + b"\n"
    return Carriage(V2_PREFIX + b"sh", adb_wire.stdin_packets(script))


def carry_v1(command: bytes, stdin: bytes, mark: bytes) -> Carriage:
    """A command for Android 5 and 6; `mark` is a word that no output holds by chance."""
    # `echo` sets `$?` itself, so the code is kept first.
    script = _fed(command, stdin) + b"\ncode=$?\necho\necho " + mark + b":$code\n"
    service = V1_PREFIX + script
    if len(service) <= SERVICE_LIMIT:
        return Carriage(service, b"", mark)
    return Carriage(V1_PREFIX + b"sh", script + b"exit\n", mark)


def split_marked(output: bytes, mark: bytes) -> tuple[bytes, int] | None:
    """What a v1 command wrote, and its exit code; None while the marked line has not come.

    Where the shell sat on a terminal after all, the marked line ends in CRLF; then every CRLF of
    the output becomes LF.
    """
    found = re.search(rb"(\r?)\n" + re.escape(mark) + rb":(\d{1,3})\r?\n\Z", output)
    if found is None:
        return None
    written = output[: found.start()]
    if found[1] and output.endswith(b"\r\n"):
        return written.replace(b"\r\n", b"\n"), int(found[2])
    return written + found[1], int(found[2])


def _fed(command: bytes, stdin: bytes) -> bytes:
    """The command in a subshell whose stdin is exactly `stdin`.

    A subshell, so that `exit 3` ends only the command; newlines, so that a comment ends too.
    """
    if not stdin:
        return b"(\n" + command + b"\n) </dev/null"
    escaped = stdin.replace(b"\\", b"\\\\").replace(b"\0", b"\\0000").replace(b"'", b"'\\''")
    return b"print -n -- '" + escaped + b"' | (\n" + command + b"\n)"
