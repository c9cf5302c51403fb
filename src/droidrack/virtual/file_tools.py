"""The small tools of a phone over its virtual files: what toybox brings, as far as it is needed."""

import asyncio
import hashlib
import re
import stat
import time
from collections.abc import Awaitable, Callable

from droidrack.virtual.channels import Source, Terminals
from droidrack.virtual.console import Console
from droidrack.virtual.files import FileTree, Node
from droidrack.virtual.shell_builtins import BUILTINS, Usage
from droidrack.virtual.shell_words import State, decode, encode

FileTool = Callable[[list[str], FileTree, Console], Awaitable[int]]
_CHUNK = 65536


async def _stdin(console: Console) -> bytes:
    taken = bytearray()
    while chunk := await console.read(_CHUNK):
        taken += chunk
    return bytes(taken)


async def _complain(console: Console, tool: str, error: OSError) -> int:
    await console.stderr(encode(f"{tool}: {error.filename}: {error.strerror}\n"))
    return 1


def _split(argv: list[str], known: str) -> tuple[str, list[str]]:
    """One-letter options and operands; an option that is not `known` is refused."""
    options, operands = "", []
    for index, word in enumerate(argv[1:], 1):
        if word == "--":
            operands += argv[index + 1 :]
            break
        if len(word) > 1 and word.startswith("-"):
            options += word[1:]
        else:
            operands.append(word)
    if unknown := set(options) - set(known):
        raise Usage(f"Unknown option '{unknown.pop()}'")
    return options, operands


async def _inputs(paths: list[str], files: FileTree, console: Console) -> list[tuple[str, bytes]]:
    if not paths:
        return [("-", await _stdin(console))]
    return [(p, await _stdin(console) if p == "-" else files.read(p)) for p in paths]


async def _cat(argv: list[str], files: FileTree, console: Console) -> int:
    _, paths = _split(argv, "u")
    status = 0
    if not paths:
        while chunk := await console.read(_CHUNK):
            await console.stdout(chunk)
    for path in paths:
        try:
            for _, content in await _inputs([path], files, console):
                await console.stdout(content)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            status = await _complain(console, "cat", error)
    return status


def _long_line(name: str, node: Node) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(node.mtime))
    mode = stat.filemode(node.mode)
    return f"{mode} 1 shell shell {node.size:8} {when} {name}"


async def _ls(argv: list[str], files: FileTree, console: Console) -> int:
    options, paths = _split(argv, "la1dR")
    status = 0
    for path in paths or ["/"]:
        try:
            node = files.stat(path)
            plain = node.content is not None or "d" in options
            found = {path: node} if plain else files.listing(path)
        except OSError as error:
            status = await _complain(console, "ls", error)
            continue
        lines = [_long_line(name, one) if "l" in options else name for name, one in found.items()]
        await console.stdout(encode("".join(line + "\n" for line in lines)))
    return status


def _count(argv: list[str]) -> tuple[str, int, list[str]]:
    """`-n N`, `-nN`, `-N`, `-c N` of head and tail: unit, count, paths."""
    unit, count, paths, words = "n", 10, [], argv[1:]
    while words:
        word = words.pop(0)
        match = re.fullmatch(r"-([nc]?)(\d*)", word)
        if match is None or word == "-":
            paths.append(word)
            continue
        unit = match[1] or "n"
        digits = match[2] or (words.pop(0) if words else "")
        if not digits.isdigit():
            raise Usage(f"-{unit} {digits!r}: a number is expected")
        count = int(digits)
    return unit, count, paths


async def _head(argv: list[str], files: FileTree, console: Console) -> int:
    unit, count, paths = _count(argv)
    for _, content in await _inputs(paths, files, console):
        lines = content.splitlines(keepends=True)
        await console.stdout(content[:count] if unit == "c" else b"".join(lines[:count]))
    return 0


async def _tail(argv: list[str], files: FileTree, console: Console) -> int:
    unit, count, paths = _count(argv)
    for _, content in await _inputs(paths, files, console):
        lines = content.splitlines(keepends=True)
        last = content[-count:] if unit == "c" else b"".join(lines[-count:])
        await console.stdout(last if count else b"")
    return 0


async def _wc(argv: list[str], files: FileTree, console: Console) -> int:
    options, paths = _split(argv, "lwcm")
    for name, content in await _inputs(paths, files, console):
        counts = {
            "l": content.count(b"\n"),
            "w": len(content.split()),
            "c": len(content),
            "m": len(content.decode("utf-8", "replace")),
        }
        shown = [str(counts[one]) for one in counts if one in (options or "lwc")]
        label = [] if name == "-" else [name]
        await console.stdout(encode(" ".join(shown + label) + "\n"))
    return 0


async def _md5sum(argv: list[str], files: FileTree, console: Console) -> int:
    options, paths = _split(argv, "b")
    for name, content in await _inputs(paths, files, console):
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        await console.stdout(encode(digest + ("" if "b" in options else f"  {name}") + "\n"))
    return 0


async def _mkdir(argv: list[str], files: FileTree, console: Console) -> int:
    options, paths = _split(argv, "p")
    for path in paths:
        files.mkdir(path, parents="p" in options)
    return 0


async def _rm(argv: list[str], files: FileTree, console: Console) -> int:
    options, paths = _split(argv, "rf")
    for path in paths:
        if "f" not in options or files.exists(path):
            files.remove(path, recursive="r" in options)
    return 0


async def _touch(argv: list[str], files: FileTree, console: Console) -> int:
    for path in _split(argv, "")[1]:
        files.append(path, b"")
    return 0


async def _cp(argv: list[str], files: FileTree, console: Console) -> int:
    _, paths = _split(argv, "fp")
    if len(paths) != 2:
        raise Usage("expected a source and a target file")
    target = paths[1]
    if files.is_kind("-d", target):
        target += "/" + paths[0].rpartition("/")[2]
    files.write(target, files.read(paths[0]))
    return 0


async def _mv(argv: list[str], files: FileTree, console: Console) -> int:
    await _cp(argv, files, console)
    files.remove(_split(argv, "f")[1][0])
    return 0


async def _chmod(argv: list[str], files: FileTree, console: Console) -> int:
    _, words = _split(argv, "")
    if not words or not re.fullmatch(r"[0-7]{3,4}", words[0]):
        raise Usage("expected an octal mode")
    for path in words[1:]:
        files.chmod(path, int(words[0], 8))
    return 0


async def _sleep(argv: list[str], files: FileTree, console: Console) -> int:
    if len(argv) != 2 or not re.fullmatch(r"\d+(\.\d+)?", argv[1]):
        raise Usage("expected a number of seconds")
    await asyncio.sleep(float(argv[1]))
    return 0


async def _grep(argv: list[str], files: FileTree, console: Console) -> int:
    options, words = _split(argv, "vicqFE")
    if not words:
        raise Usage("expected a pattern")
    pattern = re.escape(words[0]) if "F" in options else words[0]
    wanted = re.compile(pattern, re.IGNORECASE if "i" in options else 0)
    hits = []
    for _, content in await _inputs(words[1:], files, console):
        lines = decode(content).splitlines()
        hits += [line for line in lines if bool(wanted.search(line)) is ("v" not in options)]
    if "q" not in options:
        shown = [str(len(hits))] if "c" in options else hits
        await console.stdout(encode("".join(line + "\n" for line in shown)))
    return 0 if hits else 1


async def _printf(argv: list[str], files: FileTree, console: Console) -> int:
    async def nothing() -> bytes:
        return b""

    terminals = Terminals(Source(nothing), console.stdout, console.stderr)
    return await BUILTINS["printf"](State(), argv, terminals)


async def _id(argv: list[str], files: FileTree, console: Console) -> int:
    options, _ = _split(argv, "un")
    whole = "uid=2000(shell) gid=2000(shell) groups=2000(shell),1015(sdcard_rw)"
    await console.stdout(encode(({"u": "2000", "un": "shell"}.get(options, whole)) + "\n"))
    return 0


def _checked(tool: FileTool) -> FileTool:
    """Turn file errors and unknown options into what a user of the tool sees."""

    async def run(argv: list[str], files: FileTree, console: Console) -> int:
        try:
            return await tool(argv, files, console)
        except BrokenPipeError:
            raise
        except OSError as error:
            return await _complain(console, argv[0], error)
        except Usage as usage:
            await console.stderr(encode(f"{argv[0]}: {usage}\n"))
            return 1

    return run


FILE_TOOLS: dict[str, FileTool] = {
    name: _checked(tool)
    for name, tool in {
        "cat": _cat,
        "chmod": _chmod,
        "cp": _cp,
        "grep": _grep,
        "head": _head,
        "id": _id,
        "ls": _ls,
        "md5": _md5sum,
        "md5sum": _md5sum,
        "mkdir": _mkdir,
        "mv": _mv,
        "printf": _printf,
        "rm": _rm,
        "sleep": _sleep,
        "tail": _tail,
        "touch": _touch,
        "wc": _wc,
    }.items()
}
