"""Several questions to a phone in one round trip.

Each command is followed by a line that names its section and its exit status, marked with a token
chosen per call so that no dump can imitate it. Parsing is done here, on the host; the phone only
runs the commands. A section that did not come back is absent, and the others are still good.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """What one command of the script printed."""

    text: str
    exit_code: int


def script(commands: Mapping[str, str], mark: str) -> str:
    """A shell script that runs `commands` in order.

    Args:
        commands: section name (letters, digits, `_`, `.`) → one command line.
        mark: letters and digits, new for each call.
    """
    # Standard error goes with the text, where parsers look for refusals. The empty line ends an
    # unfinished last line of the dump, so that the mark stands at the beginning of its own.
    return "\n".join(
        f"{command} 2>&1 </dev/null\nrc=$?\necho\necho {mark}:{name}:$rc:"
        for name, command in commands.items()
    )


_END = re.compile(r"([\w.]+):(\d+):\n?")


def split(text: str, mark: str) -> dict[str, Section]:
    """The sections of an answer to `script`, in order; cut sections are absent."""
    # Not one expression with the mark in it: marks are used once, and to compile one costs more
    # than all the rest.
    found: dict[str, Section] = {}
    start, at = 0, text.find(f"{mark}:")
    while at >= 0:
        line_begins = at == 0 or text[at - 1] == "\n"
        end = _END.match(text, at + len(mark) + 1) if line_begins else None
        if end is not None:
            found[end[1]] = Section(text[start : max(at - 1, start)], int(end[2]))
            start = end.end()
        at = text.find(f"{mark}:", end.end() if end else at + 1)
    return found
