"""From a word of the syntax tree to the arguments it stands for."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from droidrack.virtual.shell_syntax import Parameter, Script, Substitution, SyntaxFault, Text, Word

PHONE_ENVIRONMENT = {
    "ANDROID_DATA": "/data",
    "ANDROID_ROOT": "/system",
    "EXTERNAL_STORAGE": "/sdcard",
    "HOME": "/",
    "HOSTNAME": "localhost",
    "LOGNAME": "shell",
    "SHELL": "/system/bin/sh",
    "TERM": "dumb",
    "TMPDIR": "/data/local/tmp",
    "USER": "shell",
}
"""What adbd gives a shell. Source: AOSP shell_service.cpp."""

_BLANK_IFS = " \t\n"


def decode(content: bytes) -> str:
    """Bytes as text that `encode` turns back into the very same bytes."""
    return content.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes behind a text of this shell."""
    return text.encode("utf-8", "surrogateescape")


class Leave(Exception):
    """`exit`: ends the innermost shell."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class State:
    """What a subshell copies."""

    variables: dict[str, str] = field(
        default_factory=lambda: {**PHONE_ENVIRONMENT, "PATH": "/system/bin", "IFS": _BLANK_IFS}
    )
    arguments: tuple[str, ...] = ()
    name: str = "/system/bin/sh"
    status: int = 0
    substituted: int = 0  # exit code of the last `$(…)`

    def fork(self) -> "State":
        """A copy that changes alone."""
        return replace(self, variables=dict(self.variables))

    def parameter(self, name: str) -> str:
        """The value of `$name`; "" where it has none."""
        if name.isdigit():
            index = int(name)
            values = (self.name, *self.arguments)
            return values[index] if index < len(values) else ""
        special = {"?": str(self.status), "#": str(len(self.arguments)), "$": "4711", "!": ""}
        if name in "@*":
            return " ".join(self.arguments)
        return special.get(name, self.variables.get(name, ""))


Substitute = Callable[[Script], Awaitable[str]]
Glob = Callable[[str], list[str]]


class _Fields:
    """Fields under construction, each beside its pattern (quoted characters made literal)."""

    def __init__(self, ifs: str) -> None:
        self.done: list[tuple[str, str]] = []
        self._current: tuple[str, str] | None = None
        self._ifs = ifs

    def add_quoted(self, text: str) -> None:
        value, pattern = self._current or ("", "")
        self._current = (value + text, pattern + re.sub(r"([*?\[])", r"[\1]", text))

    def add_plain(self, text: str) -> None:
        value, pattern = self._current or ("", "")
        self._current = (value + text, pattern + text)

    def add_split(self, text: str) -> None:
        if not self._ifs:
            if text:
                self.add_plain(text)
            return
        if self._ifs.strip(_BLANK_IFS):
            raise SyntaxFault("an IFS with other characters than blanks is not understood")
        for piece in re.split(f"([{self._ifs}]+)", text):
            if piece and piece[0] in self._ifs:
                self.end()
            elif piece:
                self.add_plain(piece)

    def end(self) -> None:
        if self._current is not None:
            self.done.append(self._current)
        self._current = None


async def expand(
    words: tuple[Word, ...], state: State, substitute: Substitute, glob: Glob
) -> list[str]:
    """All words of a command, expanded, split and matched, in order."""
    arguments: list[str] = []
    for word in words:
        fields = _Fields(state.parameter("IFS"))
        for part in word.parts:
            await _add(part, fields, state, substitute)
        fields.end()
        for value, pattern in fields.done:
            arguments += _matched(value, pattern, glob)
    return arguments


async def expand_whole(word: Word, state: State, substitute: Substitute) -> str:
    """One word without splitting: the value of an assignment, the target of a redirection."""
    values = []
    for part in word.parts:
        if isinstance(part, Text):
            values.append(part.text)
        elif isinstance(part, Parameter):
            values.append(state.parameter(part.name))
        else:
            values.append(await substitute(part.script))
    return "".join(values)


async def _add(
    part: Text | Parameter | Substitution, fields: _Fields, state: State, substitute: Substitute
) -> None:
    if isinstance(part, Text):
        (fields.add_quoted if part.quoted else fields.add_plain)(part.text)
        return
    if isinstance(part, Parameter) and part.name == "@" and part.quoted:
        for index, argument in enumerate(state.arguments):
            if index:
                fields.end()
            fields.add_quoted(argument)
        return
    if isinstance(part, Parameter):
        value = state.parameter(part.name)
    else:
        value = await substitute(part.script)
    (fields.add_quoted if part.quoted else fields.add_split)(value)


def _matched(value: str, pattern: str, glob: Glob) -> list[str]:
    """File names for a pattern; the word itself where nothing matches."""
    if not re.search(r"[*?]|\[.+\]", re.sub(r"\[[*?\[]\]", "", pattern)):
        return [value]
    return glob(pattern) or [value]
