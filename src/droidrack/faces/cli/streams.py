"""Standard output as a command needs it: it takes every character, and says where it is lost."""

import codecs
import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from droidrack.core.errors import RackError

ESCAPED = "droidrack-escaped"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Characters that an encoding lacks as `\u2014`: legible, and within JSON the same text."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def take_every_character() -> None:
    """Let no text be too much for the terminal's encoding, nor a broken one for UTF-8."""
    codecs.register_error(ESCAPED, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPED)


@contextmanager
def lost_output_told() -> Iterator[None]:
    """What the block prints has arrived when it ends.

    Raises:
        RackError: standard output cannot be written.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as exc:
        if sys.stdout is None or not _stdout_fails():
            raise
        # What is left in its buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise RackError(
            f"standard output cannot be written: {(exc.strerror or 'input/output error').lower()}",
            hint="not everything was printed; look at where the output goes to",
        ) from exc


def _stdout_fails() -> bool:
    """Whether it is standard output that failed: an empty line tells, at the end of what failed."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False
