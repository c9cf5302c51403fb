"""The syntax tree of the in-process shell, and what is wrong with a text that has none."""

from dataclasses import dataclass


class SyntaxFault(Exception):
    """Not a command of this shell."""


class Incomplete(SyntaxFault):
    """The text may still become a command; `wanted` is a text that has to come first."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"syntax error: unexpected end, '{wanted}' is missing")
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Text:
    """Literal characters. Quoted ones are never split, matched or taken for a keyword."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """`$name`, `${name}`, `$?`, `$1`, `$@` and their kind."""

    name: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Substitution:
    """`$(script)`."""

    script: "Script"
    quoted: bool


Part = Text | Parameter | Substitution


@dataclass(frozen=True, slots=True)
class Word:
    """One word before expansion."""

    parts: tuple[Part, ...]

    @property
    def bare(self) -> str:
        """The word if it is plain unquoted text, else ""."""
        if len(self.parts) == 1 and isinstance(part := self.parts[0], Text) and not part.quoted:
            return part.text
        return ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """`fd` 0, 1 or 2; `op` is `<`, `>`, `>>` or `>&`."""

    fd: int
    op: str
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """`NAME=value … command word …`."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """`( script )` in a copy of the shell, or `{ script; }` in the shell itself."""

    script: "Script"
    subshell: bool
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class If:
    """`if … then … elif … else … fi`."""

    branches: tuple[tuple["Script", "Script"], ...]
    otherwise: "Script | None"
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class For:
    """`for name in words; do … done`."""

    name: str
    words: tuple[Word, ...]
    body: "Script"
    redirects: tuple[Redirect, ...] = ()


@dataclass(frozen=True, slots=True)
class While:
    """`while …; do … done`, or `until`."""

    condition: "Script"
    body: "Script"
    until: bool
    redirects: tuple[Redirect, ...] = ()


Command = Simple | Group | If | For | While


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`a | b`, perhaps after `!`."""

    commands: tuple[Command, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Script:
    """Pipelines in order; each with what must be true of `$?` before it: "", "&&" or "||"."""

    steps: tuple[tuple[str, Pipeline], ...] = ()
