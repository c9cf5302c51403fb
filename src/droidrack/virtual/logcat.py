"""The `logcat` command over the phone's log buffers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from droidrack.virtual.console import Console
from droidrack.virtual.log_buffers import BUFFERS, LogLine

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

LEVELS = "VDIWEFS"
DEFAULT_BUFFERS = ("main", "system", "crash")


@dataclass(slots=True)
class _Wish:
    """What the command line asks for."""

    buffers: tuple[str, ...] = ()
    layout: str = ""
    dump: bool = False
    clear: bool = False
    sizes: bool = False
    tail: str | None = None  # A count, or the text of `since`.
    since: datetime | None = None
    regex: re.Pattern[str] | None = None
    limit: int | None = None
    filters: list[tuple[str, str]] = field(default_factory=list)


class _Usage(Exception):
    """The command line is wrong; the text is logcat's complaint."""


async def logcat(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """Print, follow or clear the log: `-b -v -d -c -g -s -t -T -e -m` and `TAG:LEVEL` filters."""
    try:
        wish = _parse(argv[1:], phone.spec.api)
        if wish.tail is not None and not wish.tail.isdigit():
            wish.since = _moment(wish.tail, phone.local_now())
    except _Usage as usage:
        await console.stderr(f"{usage}\n".encode())
        return 1
    if wish.clear:
        phone.logs.clear(wish.buffers)
        return 0
    if wish.sizes:
        for name in wish.buffers:
            text = f"{name}: ring buffer is 256 KiB (64 KiB consumed), max entry is 5120 B\n"
            await console.stdout(text.encode())
        return 0
    await _Printer(phone, wish, console).run()
    return 0


class _Printer:
    def __init__(self, phone: VirtualPhone, wish: _Wish, console: Console) -> None:
        self._phone, self._wish, self._console = phone, wish, console
        self._format = _FORMATS[wish.layout]
        self._begun: set[str] = set()
        self._printed = 0

    async def run(self) -> None:
        """Print what is kept, then follow unless the log was only to be dumped."""
        kept = self._phone.logs.lines(self._wish.buffers)
        last = kept[-1].number if kept else 0
        for line in self._chosen(kept):
            if not await self._print(line):
                return
        if self._wish.dump:
            return
        async for line in self._phone.logs.follow(self._wish.buffers, last):
            if self._matches(line) and not await self._print(line):
                return

    def _chosen(self, kept: list[LogLine]) -> list[LogLine]:
        """The matching lines, cut to the tail that `-t` or `-T` names."""
        tail, since = self._wish.tail, self._wish.since
        matching = [line for line in kept if self._matches(line)]
        if since is not None:
            return [line for line in matching if line.at >= since]
        return matching if tail is None else matching[max(len(matching) - int(tail), 0) :]

    def _matches(self, line: LogLine) -> bool:
        wish = self._wish
        if wish.regex is not None and not wish.regex.search(line.text):
            return False
        threshold = "V"
        for tag, level in wish.filters:
            if tag == line.tag:
                threshold = level
                break
            if tag == "*":
                threshold = level
        return LEVELS.index(line.level) >= LEVELS.index(threshold) and threshold != "S"

    async def _print(self, line: LogLine) -> bool:
        """Write a line, with the divider of its buffer before its first; False: enough."""
        text = ""
        if line.buffer not in self._begun:
            self._begun.add(line.buffer)
            text = f"--------- beginning of {line.buffer}\n"
        text += "".join(f"{row}\n" for row in self._format(line))
        await self._console.stdout(text.encode("utf-8", "surrogateescape"))
        self._printed += 1
        return self._wish.limit is None or self._printed < self._wish.limit


def _parse(words: Sequence[str], api: int) -> _Wish:
    wish = _Wish(layout="threadtime" if api >= 24 else "brief")
    buffers: list[str] = []
    rest = iter(_split(words))
    for word in rest:
        if word in _VALUED:
            value = next(rest, None)
            if value is None:
                raise _Usage(f"logcat: option requires an argument -- {word[1:]}")
            _VALUED[word](wish, buffers, value)
        elif word in ("-d", "-c", "-g"):
            name = {"-d": "dump", "-c": "clear", "-g": "sizes"}[word]
            setattr(wish, name, True)
        elif word == "-s":
            wish.filters.append(("*", "S"))
        elif word.startswith("-") and word != "-D":
            raise _Usage(f"Unrecognized Option {word}" if api < 26 else f"Unknown option '{word}'")
        elif word != "-D":
            wish.filters.append(_filter(word))
    wish.buffers = tuple(dict.fromkeys(buffers)) or DEFAULT_BUFFERS
    return wish


def _split(words: Sequence[str]) -> Iterator[str]:
    """Options and their values as separate words: `-bradio`, `--buffer=radio` and `-b radio`."""
    long = {"--buffer": "-b", "--format": "-v", "--regex": "-e", "--max-count": "-m"}
    plain = {"--clear": "-c", "--dump": "-d", "--dividers": "-D"}
    for word in words:
        name, equals, value = word.partition("=")
        if name in long:
            yield long[name]
            if equals:
                yield value
        elif word in plain:
            yield plain[word]
        elif len(word) > 2 and word[:2] in _VALUED and not word.startswith("--"):
            yield word[:2]
            yield word[2:]
        else:
            yield word


def _take_buffers(wish: _Wish, buffers: list[str], value: str) -> None:
    for name in value.split(","):
        if name == "all":
            buffers.extend(BUFFERS)
        elif name == "default":
            buffers.extend(DEFAULT_BUFFERS)
        elif name in BUFFERS:
            buffers.append(name)
        else:
            raise _Usage(f"Unable to open log device '{name}': No such file or directory")


def _take_layout(wish: _Wish, buffers: list[str], value: str) -> None:
    if value in _FORMATS:
        wish.layout = value
    elif value not in ("year", "zone", "UTC", "usec", "monotonic", "uid", "printable"):
        raise _Usage(f'Invalid parameter "{value}" to -v')


def _take_tail(wish: _Wish, buffers: list[str], value: str) -> None:
    wish.tail = value


def _take_dumped_tail(wish: _Wish, buffers: list[str], value: str) -> None:
    wish.tail, wish.dump = value, True


def _take_regex(wish: _Wish, buffers: list[str], value: str) -> None:
    try:
        wish.regex = re.compile(value)
    except re.error as error:
        raise _Usage(f"Invalid regular expression '{value}'") from error


def _take_limit(wish: _Wish, buffers: list[str], value: str) -> None:
    wish.limit = int(value) if value.isdigit() else None


_VALUED: dict[str, Callable[[_Wish, list[str], str], None]] = {
    "-b": _take_buffers,
    "-v": _take_layout,
    "-t": _take_dumped_tail,
    "-T": _take_tail,
    "-e": _take_regex,
    "-m": _take_limit,
}


def _filter(word: str) -> tuple[str, str]:
    tag, _, level = word.rpartition(":")
    if not tag:
        return word, "V"
    if level.upper() == "*" or level == "":
        return tag, "V"
    if level.upper() not in LEVELS:
        raise _Usage(f"Invalid filter expression '{word}'")
    return tag, level.upper()


def _moment(text: str, now: datetime) -> datetime:
    """The time that `-t` or `-T` names: with or without year, or seconds since 1970."""
    try:
        if re.fullmatch(r"\d+\.\d+", text):
            return datetime.fromtimestamp(float(text), now.tzinfo)
        year = "" if re.match(r"\d{4}-", text) else f"{now.year}-"
        parsed = datetime.strptime(year + text, "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007
    except ValueError as error:
        raise _Usage(f'-t "{text}" not in time format') from error
    return parsed.replace(tzinfo=now.tzinfo)


def _clock(line: LogLine) -> str:
    return line.at.strftime("%m-%d %H:%M:%S.") + f"{line.at.microsecond // 1000:03d}"


def _threadtime(line: LogLine) -> list[str]:
    head = f"{_clock(line)} {line.pid:5d} {line.tid:5d} {line.level} {line.tag:<8}: "
    return [head + row for row in line.text.split("\n")]


def _time(line: LogLine) -> list[str]:
    head = f"{_clock(line)} {line.level}/{line.tag:<8}({line.pid:5d}): "
    return [head + row for row in line.text.split("\n")]


def _brief(line: LogLine) -> list[str]:
    head = f"{line.level}/{line.tag:<8}({line.pid:5d}): "
    return [head + row for row in line.text.split("\n")]


def _tag(line: LogLine) -> list[str]:
    return [f"{line.level}/{line.tag:<8}: {row}" for row in line.text.split("\n")]


def _epoch(line: LogLine) -> list[str]:
    head = f"{line.at.timestamp():.3f} {line.pid:5d} {line.tid:5d} {line.level} {line.tag:<8}: "
    return [head + row for row in line.text.split("\n")]


def _raw(line: LogLine) -> list[str]:
    return line.text.split("\n")


_FORMATS: dict[str, Callable[[LogLine], list[str]]] = {
    "threadtime": _threadtime,
    "time": _time,
    "brief": _brief,
    "tag": _tag,
    "epoch": _epoch,
    "raw": _raw,
}
