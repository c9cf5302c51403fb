"""The in-process shell: runs the syntax tree over the phone's tools and files.

For scale, for virtual time, and for machines without mksh: it knows no process, clock or host.
What it does not know it refuses with a message and exit code 1 or 2; it never guesses.
"""

import asyncio
import re
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from droidrack.virtual import shell_syntax as g
from droidrack.virtual.channels import Pipe, Sink, Source, Terminals, discard, source_of
from droidrack.virtual.console import Console
from droidrack.virtual.files import FileTree
from droidrack.virtual.shell_builtins import BUILTINS, UNSUPPORTED, Usage, evaluate
from droidrack.virtual.shell_grammar import Parser
from droidrack.virtual.shell_words import (
    Leave,
    State,
    Substitute,
    decode,
    encode,
    expand,
    expand_whole,
)
from droidrack.virtual.toolbox import Toolbox

SYNTAX_STATUS = 1
"""With which mksh leaves after a syntax error."""

_USAGE_STATUS = 2
_BROKEN_PIPE_STATUS = 141
_MAX_TURNS = 100_000  # Of one loop: a runaway script must not spin the rack.


class ParserShell:
    """The phone's `/system/bin/sh` without a process."""

    def __init__(self, toolbox: Toolbox, files: FileTree) -> None:
        self._toolbox = toolbox
        self._files = files

    async def run(self, command: bytes | None, console: Console) -> int:
        """Run `sh -c command`, or a script from standard input for None; the exit code."""

        async def fetch() -> bytes:
            return await console.read(65536)

        terminals = Terminals(Source(fetch), console.stdout, console.stderr)
        if command is None:
            return await self._stdin_script(State(), terminals)
        # A NUL ends the argument of `sh -c`.
        return await self._text(decode(command.partition(b"\0")[0]), State(), terminals)

    async def close(self) -> None:
        """Nothing outlives a call."""

    # --- Scripts ---

    async def _text(self, text: str, state: State, terminals: Terminals) -> int:
        """Run a text line by line, as `sh -c` does: what stands before an error is run."""
        parser = Parser(text)
        try:
            while (script := parser.next_line()) is not None:
                await self._script(script, state, terminals)
        except (g.SyntaxFault, Leave) as end:
            return await self._ended(end, terminals)
        return state.status

    async def _stdin_script(self, state: State, terminals: Terminals) -> int:
        """Run a script as it comes; its commands read from the same input."""
        text, wanted = "", ""
        while line := decode((await terminals.source.line()).replace(b"\0", b"")):
            text += line
            if wanted not in line:
                continue  # Saves parsing a long quoted text again at each of its lines.
            try:
                script = Parser(text).script()
                text, wanted = "", ""
                await self._script(script, state, terminals)
            except g.Incomplete as fault:
                wanted = fault.wanted if len(fault.wanted) == 1 else ""
            except (g.SyntaxFault, Leave) as end:
                return await self._ended(end, terminals)
        if text:
            return await self._text(text, state, terminals)
        return state.status

    async def _ended(self, end: g.SyntaxFault | Leave, terminals: Terminals) -> int:
        if isinstance(end, Leave):
            return end.status
        await terminals.stderr(encode(f"/system/bin/sh: {end}\n"))
        return SYNTAX_STATUS

    async def _script(self, script: g.Script, state: State, terminals: Terminals) -> int:
        for condition, pipeline in script.steps:
            if condition == "&&" and state.status != 0:
                continue
            if condition == "||" and state.status == 0:
                continue
            status = await self._pipeline(pipeline, state, terminals)
            state.status = int(status == 0) if pipeline.negated else status
        return state.status

    async def _isolated(self, body: Coroutine[Any, Any, int]) -> int:
        """What runs in a process of its own: `exit` and a broken pipe end only that."""
        try:
            return await body
        except Leave as leave:
            return leave.status
        except BrokenPipeError:
            return _BROKEN_PIPE_STATUS

    # --- Pipelines ---

    async def _pipeline(self, pipeline: g.Pipeline, state: State, terminals: Terminals) -> int:
        commands = pipeline.commands
        if len(commands) == 1:
            return await self._command(commands[0], state, terminals)
        pipes = [None, *(Pipe() for _ in commands[1:]), None]
        tasks = [
            asyncio.ensure_future(self._piped(command, state.fork(), terminals, before, after))
            for command, before, after in zip(commands, pipes, pipes[1:], strict=False)
        ]
        try:
            return (await asyncio.gather(*tasks))[-1]
        finally:
            for task in tasks:
                task.cancel()

    async def _piped(
        self,
        command: g.Command,
        state: State,
        terminals: Terminals,
        before: Pipe | None,
        after: Pipe | None,
    ) -> int:
        if before:
            terminals = replace(terminals, source=Source(before.fetch))
        if after:
            terminals = replace(terminals, out=after.write)
        try:
            return await self._isolated(self._command(command, state, terminals))
        except g.SyntaxFault as fault:
            return await self._ended(fault, terminals)
        finally:
            if before:
                before.close_reader()
            if after:
                await after.close_writer()

    # --- Commands ---

    async def _command(self, command: g.Command, state: State, terminals: Terminals) -> int:
        try:
            terminals = await self._redirected(command.redirects, state, terminals)
        except OSError as error:
            where = error.filename
            await terminals.stderr(encode(f"/system/bin/sh: {where}: {error.strerror}\n"))
            return 1
        match command:
            case g.Simple():
                return await self._simple(command, state, terminals)
            case g.Group(subshell=True):
                inner = state.fork()
                return await self._isolated(self._script(command.script, inner, terminals))
            case g.Group():
                return await self._script(command.script, state, terminals)
            case g.If():
                return await self._if(command, state, terminals)
            case g.For():
                return await self._for(command, state, terminals)
            case g.While():
                return await self._while(command, state, terminals)

    async def _if(self, command: g.If, state: State, terminals: Terminals) -> int:
        for condition, body in command.branches:
            if await self._script(condition, state, terminals) == 0:
                return await self._script(body, state, terminals)
        if command.otherwise is not None:
            return await self._script(command.otherwise, state, terminals)
        return 0

    async def _for(self, command: g.For, state: State, terminals: Terminals) -> int:
        status = 0
        for value in await self._expanded(command.words, state, terminals):
            state.variables[command.name] = value
            status = await self._script(command.body, state, terminals)
        return status

    async def _while(self, command: g.While, state: State, terminals: Terminals) -> int:
        status = 0
        for _ in range(_MAX_TURNS):
            if (await self._script(command.condition, state, terminals) == 0) is command.until:
                return status
            status = await self._script(command.body, state, terminals)
        raise g.SyntaxFault(f"a loop of more than {_MAX_TURNS} turns is not run")

    async def _simple(self, command: g.Simple, state: State, terminals: Terminals) -> int:
        state.substituted = 0
        argv = await self._expanded(command.words, state, terminals)
        kept: dict[str, str | None] = {}
        for name, word in command.assignments:
            kept.setdefault(name, state.variables.get(name))
            substitute = self._substitute(state, terminals)
            state.variables[name] = await expand_whole(word, state, substitute)
        if not argv:
            return state.substituted
        try:
            return await self._run(argv, state, terminals)
        finally:
            for name, value in kept.items():
                state.variables.pop(name, None)
                if value is not None:
                    state.variables[name] = value

    async def _run(self, argv: list[str], state: State, terminals: Terminals) -> int:
        """Run a builtin or a tool."""
        name = argv[0]
        try:
            if builtin := BUILTINS.get(name):
                return await builtin(state, argv, terminals)
            if name in ("test", "["):
                return self._test(argv)
            if name in ("sh", "/system/bin/sh"):
                return await self._nested(argv, terminals)
            if name == "command":
                return await self._command_word(argv, state, terminals)
            if name in UNSUPPORTED:
                raise Usage(f"{name} is not understood")
        except Usage as usage:
            await terminals.stderr(encode(f"/system/bin/sh: virtual shell: {usage}\n"))
            return _USAGE_STATUS
        return await self._toolbox.run(argv, terminals)

    def _test(self, argv: list[str]) -> int:
        words = argv[1:]
        if argv[0] == "[":
            if words[-1:] != ["]"]:
                raise Usage("[: missing ]")
            words = words[:-1]
        return int(not evaluate(words, self._files.is_kind))

    async def _nested(self, argv: list[str], terminals: Terminals) -> int:
        """`sh`, `sh -c text [name [argument …]]`, `sh file`."""
        state = State()
        if len(argv) == 1:
            return await self._stdin_script(state, terminals)
        if argv[1] == "-c" and len(argv) > 2:
            state.name = argv[3] if len(argv) > 3 else state.name
            state.arguments = tuple(argv[4:])
            return await self._text(argv[2], state, terminals)
        if argv[1].startswith("-"):
            raise Usage(f"sh {argv[1]} is not understood")
        state.name, state.arguments = argv[1], tuple(argv[2:])
        return await self._text(decode(self._files.read(argv[1])), state, terminals)

    async def _command_word(self, argv: list[str], state: State, terminals: Terminals) -> int:
        if len(argv) != 3 or argv[1] != "-v":
            raise Usage("command: only `command -v name` is understood")
        if argv[2] in BUILTINS:
            await terminals.stdout(encode(argv[2] + "\n"))
            return 0
        if argv[2] in self._toolbox.names:
            await terminals.stdout(encode(f"/system/bin/{argv[2]}\n"))
            return 0
        return 1

    # --- Words and redirections ---

    async def _expanded(
        self, words: tuple[g.Word, ...], state: State, terminals: Terminals
    ) -> list[str]:
        return await expand(words, state, self._substitute(state, terminals), self._files.glob)

    def _substitute(self, state: State, terminals: Terminals) -> Substitute:
        """How `$(…)` is run: in a copy of the shell; its output without the last line ends."""

        async def substitute(script: g.Script) -> str:
            taken = bytearray()

            async def take(chunk: bytes) -> None:
                taken.extend(chunk)

            inner = replace(terminals, out=take)
            state.substituted = await self._isolated(self._script(script, state.fork(), inner))
            return re.sub(r"\n+\Z", "", decode(bytes(taken).replace(b"\0", b"")))

        return substitute

    async def _redirected(
        self, redirects: tuple[g.Redirect, ...], state: State, terminals: Terminals
    ) -> Terminals:
        for redirect in redirects:
            target = await expand_whole(redirect.target, state, self._substitute(state, terminals))
            if redirect.op == ">&":
                terminals = _joined(terminals, redirect.fd, target)
            elif redirect.op == "<":
                content = b"" if target == "/dev/null" else self._files.read(target)
                terminals = replace(terminals, source=source_of(content))
            else:
                terminals = self._written(terminals, redirect, target)
        return terminals

    def _written(self, terminals: Terminals, redirect: g.Redirect, target: str) -> Terminals:
        if target == "/dev/null":
            return _pointed(terminals, redirect.fd, discard)
        if redirect.op == ">":
            self._files.write(target, b"")

        async def append(chunk: bytes) -> None:
            self._files.append(target, chunk)

        return _pointed(terminals, redirect.fd, append)


def _joined(terminals: Terminals, fd: int, target: str) -> Terminals:
    """`2>&1` and `1>&2`."""
    sinks = {"1": terminals.out, "2": terminals.err}
    if target not in sinks:
        raise g.SyntaxFault(f"syntax error: '{fd}>&{target}' is not understood")
    return _pointed(terminals, fd, sinks[target])


def _pointed(terminals: Terminals, fd: int, sink: Sink) -> Terminals:
    """The same with another standard output (1) or error (2)."""
    if fd == 1:
        return replace(terminals, out=sink)
    if fd == 2:
        return replace(terminals, err=sink)
    raise g.SyntaxFault("syntax error: standard input is not written to")
