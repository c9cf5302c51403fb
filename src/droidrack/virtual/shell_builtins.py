"""Builtins of mksh that need nothing but the shell's state and its standard streams."""

import re
from collections.abc import Awaitable, Callable

from droidrack.virtual.channels import Terminals
from droidrack.virtual.shell_words import Leave, State, decode, encode

Builtin = Callable[[State, list[str], Terminals], Awaitable[int]]

UNSUPPORTED = frozenset(
    {".", "alias", "bg", "bind", "break", "builtin", "cd", "continue", "dot", "eval", "exec", "fc"}
    | {"fg", "getopts", "global", "hash", "jobs", "kill", "let", "local", "mapfile", "mknod"}
    | {"readonly", "realpath", "rename", "return", "set", "shift", "source", "suspend", "times"}
    | {"trap", "typeset", "ulimit", "umask", "unalias", "wait", "whence"}
)
"""Builtins of mksh that this shell lacks: using one is an error, never "not found"."""

_ESCAPES = {
    "\\": "\\",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


class Usage(Exception):
    """A form of a builtin that this shell does not know: exit 2, loudly."""


def unescape(text: str, octal: str) -> tuple[str, bool]:
    """Resolve backslash escapes; `octal` matches a number. True: a `c` escape ended the text."""
    pieces, position = [], 0
    for match in re.finditer(rf"\\(?:{octal}|(.))", text, re.DOTALL):
        pieces.append(text[position : match.start()])
        position = match.end()
        digits, letter = match[1], match[2]
        if letter == "c":
            return "".join(pieces), True
        if letter is None:
            pieces.append(decode(bytes([int(digits or "0", 8) & 255])))
        elif letter in _ESCAPES:
            pieces.append(_ESCAPES[letter])
        elif letter in "xuU":
            raise Usage(f"escape \\{letter} is not understood")
        else:
            pieces.append("\\" + letter)
    return "".join(pieces) + text[position:], False


async def _write(words: list[str], terminals: Terminals, *, raw: bool, newline: bool) -> int:
    text = " ".join(words)
    if not raw:
        text, stopped = unescape(text, "0([0-7]{0,3})")
        newline = newline and not stopped
    await terminals.stdout(encode(text + "\n" * newline))
    return 0


async def _echo(state: State, argv: list[str], terminals: Terminals) -> int:
    """Mksh's echo resolves escapes unless `-E` is given."""
    words, raw, newline = argv[1:], False, True
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for letter in words.pop(0)[1:]:
            newline = newline and letter != "n"
            raw = letter == "E" if letter != "n" else raw
    return await _write(words, terminals, raw=raw, newline=newline)


async def _print(state: State, argv: list[str], terminals: Terminals) -> int:
    words, raw, newline = argv[1:], False, True
    while words and words[0].startswith("-") and words[0] != "-":
        option = words.pop(0)
        if option == "--":
            break
        if not re.fullmatch(r"-[nr]+", option):
            raise Usage(f"print {option} is not understood")
        raw = raw or "r" in option
        newline = newline and "n" not in option
    return await _write(words, terminals, raw=raw, newline=newline)


async def _printf(state: State, argv: list[str], terminals: Terminals) -> int:
    if len(argv) < 2:
        raise Usage("printf: a format is expected")
    template, stopped = unescape(argv[1].replace("%%", "%\0"), "([0-7]{1,3})")
    arguments, written = argv[2:], ""
    while not stopped:
        before = len(arguments)
        piece, stopped = _formatted(template, arguments)
        written += piece
        if not arguments or len(arguments) == before:
            break
    await terminals.stdout(encode(written))
    return 0


def _formatted(template: str, arguments: list[str]) -> tuple[str, bool]:
    """One use of the format; takes its arguments off the list. True: a `c` escape ended it."""
    written = ""
    for piece in re.split(r"(%[^%]?)", template):
        if piece == "%\0":
            written += "%"
        elif piece == "%s":
            written += arguments.pop(0) if arguments else ""
        elif piece == "%b":
            text, stopped = unescape(arguments.pop(0) if arguments else "", "0?([0-7]{1,3})")
            written += text
            if stopped:
                return written, True
        elif piece in ("%d", "%i", "%x", "%o", "%u"):
            number = int(arguments.pop(0) or "0", 0) if arguments else 0
            written += format(number, "d" if piece[1] in "iu" else piece[1])
        elif piece.startswith("%"):
            raise Usage(f"printf {piece} is not understood")
        else:
            written += piece
    return written, False


async def _read(state: State, argv: list[str], terminals: Terminals) -> int:
    names = argv[1:]
    raw = names[:1] == ["-r"]
    names = names[raw:] or ["REPLY"]
    if any(not re.fullmatch(r"[A-Za-z_]\w*", name) for name in names):
        raise Usage(f"read {' '.join(argv[1:])} is not understood")
    line = decode((await terminals.source.line()).replace(b"\0", b""))
    complete = line.endswith("\n")
    text = line.removesuffix("\n")
    if not raw and "\\" in text:
        raise Usage("read of a line with backslashes needs -r")
    ifs = state.parameter("IFS")
    if ifs.strip(" \t\n"):
        raise Usage("an IFS with other characters than blanks is not understood")
    for name in names[:-1]:
        head, text = [*re.split(f"[{ifs}]+", text.lstrip(ifs), maxsplit=1), ""][:2]
        state.variables[name] = head
    state.variables[names[-1]] = text.strip(ifs) if ifs else text
    return 0 if complete else 1


async def _true(state: State, argv: list[str], terminals: Terminals) -> int:
    return 0


async def _false(state: State, argv: list[str], terminals: Terminals) -> int:
    return 1


async def _exit(state: State, argv: list[str], terminals: Terminals) -> int:
    if len(argv) > 1 and not argv[1].isdigit():
        raise Usage(f"exit {argv[1]}: a number is expected")
    raise Leave(int(argv[1]) & 255 if len(argv) > 1 else state.status)


async def _export(state: State, argv: list[str], terminals: Terminals) -> int:
    for word in argv[1:]:
        name, given, value = word.partition("=")
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise Usage(f"export {word} is not understood")
        if given:
            state.variables[name] = value
    return 0


async def _unset(state: State, argv: list[str], terminals: Terminals) -> int:
    for name in argv[1:]:
        state.variables.pop(name, None)
    return 0


async def _pwd(state: State, argv: list[str], terminals: Terminals) -> int:
    await terminals.stdout(b"/\n")
    return 0


BUILTINS: dict[str, Builtin] = {
    ":": _true,
    "echo": _echo,
    "exit": _exit,
    "export": _export,
    "false": _false,
    "print": _print,
    "printf": _printf,
    "pwd": _pwd,
    "read": _read,
    "true": _true,
    "unset": _unset,
}

_UNARY: dict[str, Callable[[str], bool]] = {"-n": bool, "-z": lambda text: not text}
_BINARY: dict[str, Callable[[str, str], bool]] = {
    "=": str.__eq__,
    "==": str.__eq__,
    "!=": str.__ne__,
    "-eq": lambda a, b: int(a) == int(b),
    "-ne": lambda a, b: int(a) != int(b),
    "-lt": lambda a, b: int(a) < int(b),
    "-le": lambda a, b: int(a) <= int(b),
    "-gt": lambda a, b: int(a) > int(b),
    "-ge": lambda a, b: int(a) >= int(b),
}


def evaluate(words: list[str], is_file: Callable[[str, str], bool]) -> bool:
    """`test`: up to three words, with or without a leading `!`.

    `is_file(kind, path)` answers `-e`, `-f`, `-d`, `-s`.
    """
    if len(words) > 1 and words[0] == "!":
        return not evaluate(words[1:], is_file)
    if len(words) == 3 and words[1] in _BINARY:
        try:
            return _BINARY[words[1]](words[0], words[2])
        except ValueError as error:
            raise Usage(f"test {' '.join(words)}: a number is expected") from error
    if len(words) == 2 and words[0] in _UNARY:
        return _UNARY[words[0]](words[1])
    if len(words) == 2 and words[0] in ("-e", "-f", "-d", "-s"):
        return is_file(words[0], words[1])
    if len(words) < 2:
        return bool(words and words[0])
    raise Usage(f"test {' '.join(words)} is not understood")
