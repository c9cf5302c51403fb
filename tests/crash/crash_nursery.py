"""Starts controllers quickly: a process that has imported everything, and forks one at a time.

Most of a controller's start is Python reading its modules. A fork of a process that has read them
is the same program at the same point, in a few milliseconds instead of most of a second, so that
the same machine kills several times as often. One JSON line asks for a start, with the words of
the command line, the environment's changes, the log, and a program to execute instead of the fork's
own code (""). One answers with the process id, and one more, when the child has ended, with its
exit code (negative: the signal).
"""

import gc
import json
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

PRELOADED = (
    "droidrack.faces.cli.rack",
    "droidrack.faces.logs",
    "droidrack.adapters.adb_server",
    "droidrack.adapters.adb_watch",
    "droidrack.adapters.clock",
    "droidrack.adapters.config",
    "droidrack.adapters.failpoints",
    "droidrack.adapters.journal_sql",
    "droidrack.adapters.panel_http",
    "droidrack.adapters.vault",
    "droidrack.app.rack",
)


def serve() -> None:
    """Fork on demand until standard input ends."""
    for name in PRELOADED:
        __import__(name)
    gc.freeze()
    for line in sys.stdin:
        wanted = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(wanted["words"], wanted["environment"], wanted["log"], wanted["program"])
        _say({"pid": child})
        _, status = os.waitpid(child, 0)
        _say({"code": os.waitstatus_to_exitcode(status)})


def _say(answer: dict[str, int]) -> None:
    print(json.dumps(answer), flush=True)


def _become(words: Sequence[str], environment: dict[str, str], log: str, program: str) -> NoReturn:
    """The child: a session, standard streams and an environment of its own; then `droidrack`."""
    from droidrack.faces.cli.main import main

    os.setsid()
    for number, path in ((0, os.devnull), (1, log), (2, log)):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND | os.O_CREAT
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.update(environment)
    if program:
        os.execv(program, [program, *words])
    main(list(words))
    raise AssertionError("a command ends the process")


if __name__ == "__main__":
    serve()
