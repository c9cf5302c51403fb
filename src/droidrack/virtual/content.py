"""The `content` command: the SMS store, siminfo and settings, as far as the shell may see them."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from droidrack.virtual.console import Console
from droidrack.virtual.settings import NAMESPACES
from droidrack.virtual.siminfo import siminfo_rows

if TYPE_CHECKING:
    from droidrack.virtual.phone import VirtualPhone

API_23_RESTRICTED_VIEW = 23
API_29_READ_SMS = 29  # The shell has READ_SMS from here.
API_30_NO_SUBQUERIES = 30
API_24_READ_PHONE_STATE, API_33_SIMINFO_REFUSED = 24, 33

FOLDERS = {
    "": "",
    "inbox": "type=1",
    "sent": "type=2",
    "draft": "type=3",
    "outbox": "type=4",
    "failed": "type=5",
    "queued": "type=6",
    "undelivered": "(type=4 OR type=5 OR type=6)",
}


@dataclass(frozen=True, slots=True)
class _Query:
    provider: str
    path: tuple[str, ...]
    projection: tuple[str, ...]
    where: str
    sort: str


class _Refused(Exception):
    """The provider threw; the text is the Java exception as the tool prints it."""


class _Usage(Exception):
    """The command line is wrong."""


async def content(phone: VirtualPhone, argv: Sequence[str], console: Console) -> int:
    """Run `content query …`; the shell's inserts, updates and deletes are dropped silently.

    They are dropped because only the default messaging app may write, and others are told nothing.
    """
    words = list(argv[1:])
    if not phone.framework_up:
        await console.stderr(b"Error: Could not access the activity manager. Is it running?\n")
        return 1
    try:
        if not words or words[0] not in ("query", "insert", "update", "delete"):
            raise _Usage(f"Unsupported operation: {words[0] if words else 'null'}")
        query = _parse(words[1:])
        if words[0] != "query":
            return 0
        text = _print(*_rows(phone, query))
    except _Usage as usage:
        await console.stderr(f"[ERROR] {usage}\n\n{_USAGE}".encode())
        return 0
    except _Refused as refused:
        shown = f"Error while accessing provider:{query.provider}\n{refused}\n{_trace(phone)}"
        await console.stderr(shown.encode())
        return 0
    await console.stdout(text.encode("utf-8", "surrogatepass"))
    return 0


def _parse(words: Sequence[str]) -> _Query:
    options = {"--uri": "", "--projection": "", "--where": "", "--sort": "", "--user": "0"}
    free = {"--bind": "", "--extra": ""}
    rest = iter(words)
    for word in rest:
        if word not in options and word not in free:
            raise _Usage(f"Unsupported argument: {word}")
        value = next(rest, None)
        if value is None:
            raise _Usage(f'Argument expected after "{word}"')
        if word in options:
            options[word] = value
    match = re.fullmatch(r"content://([^/]+)/*(.*)", options["--uri"])
    if match is None:
        raise _Usage("Content provider URI not specified. Did you specify --uri argument?")
    path = tuple(part for part in match.group(2).split("/") if part)
    projection = tuple(part for part in re.split(r"[:]", options["--projection"]) if part)
    return _Query(match.group(1), path, projection, options["--where"], options["--sort"])


def _rows(phone: VirtualPhone, query: _Query) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    if query.provider == "sms":
        return _sms(phone, query)
    if query.provider == "telephony" and query.path == ("siminfo",):
        return _siminfo(phone, query)
    if query.provider == "settings" and query.path[:1] and query.path[0] in NAMESPACES:
        return _settings(phone, query)
    raise _Refused(f"java.lang.IllegalStateException: Could not find provider: {query.provider}")


def _sms(phone: VirtualPhone, query: _Query) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    api = phone.spec.api
    if api < API_29_READ_SMS or phone.spec.quirks.store_closed:
        raise _Refused(
            "java.lang.SecurityException: Permission Denial: reading"
            f" com.android.providers.telephony.SmsProvider uri content://sms from pid={_PID},"
            " uid=2000 requires android.permission.READ_SMS, or grantUriPermission()"
        )
    restricted = api >= API_23_RESTRICTED_VIEW
    subquery = re.search(r"\bselect\b", f"{query.where} {query.sort}", re.IGNORECASE)
    if restricted and api >= API_30_NO_SUBQUERIES and subquery:
        return [], []
    folder = query.path[0] if query.path else ""
    condition = f"_id={folder}" if folder.isdigit() else FOLDERS.get(folder)
    if condition is None:
        raise _Refused("java.lang.IllegalArgumentException: Unknown URL content://sms/" + folder)
    try:
        return phone.store.query(
            restricted=restricted,
            projection=query.projection,
            folder=condition,
            where=query.where,
            sort=query.sort,
        )
    except sqlite3.Error as error:
        statement = phone.store.statement(
            restricted, query.projection, condition, query.where, query.sort or "date DESC"
        )
        raise _Refused(
            f"android.database.sqlite.SQLiteException: {error} (code 1 SQLITE_ERROR): ,"
            f" while compiling: {statement}"
        ) from error


def _siminfo(phone: VirtualPhone, query: _Query) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    if phone.spec.api >= API_33_SIMINFO_REFUSED:
        raise _Refused("java.lang.SecurityException: No permission to access SIM info")
    return _select(siminfo_rows(phone), query)


def _settings(phone: VirtualPhone, query: _Query) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    values = sorted(phone.settings.namespace(query.path[0]).items())
    rows: list[dict[str, object]] = [
        {"_id": index, "name": name, "value": value}
        for index, (name, value) in enumerate(values, 1)
    ]
    if len(query.path) > 1:
        rows = [row for row in rows if row["name"] == query.path[1]]
    return _select(rows, query)


def _select(
    rows: Sequence[dict[str, object]], query: _Query
) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Run the caller's SQL over rows that are made on the fly."""
    if not rows:
        return [], []
    names = list(rows[0])
    marks = ", ".join("?" for _ in names)
    chosen = ", ".join(query.projection) or "*"
    where = f" WHERE {query.where}" if query.where else ""
    order = f" ORDER BY {query.sort}" if query.sort else ""
    with closing(sqlite3.connect(":memory:")) as db:
        # The column names are ours, the values are bound; the caller's SQL is meant to run as is.
        db.execute(f"CREATE TABLE t ({', '.join(names)})")
        db.executemany(
            f"INSERT INTO t VALUES ({marks})",  # noqa: S608
            [tuple(row.values()) for row in rows],
        )
        try:
            cursor = db.execute(f"SELECT {chosen} FROM t{where}{order}")  # noqa: S608
        except sqlite3.Error as error:
            raise _Refused(
                f"android.database.sqlite.SQLiteException: {error} (code 1 SQLITE_ERROR)"
            ) from error
        return [column[0] for column in cursor.description], cursor.fetchall()


def _print(names: Sequence[str], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [
        f"Row: {index} "
        + ", ".join(f"{name}={_shown(value)}" for name, value in zip(names, row, strict=True))
        for index, row in enumerate(rows)
    ]
    return "".join(f"{line}\n" for line in lines) or "No result found.\n"


def _shown(value: object) -> str:
    if value is None:
        return "NULL"
    return "BLOB" if isinstance(value, bytes) else str(value)


_PID = 12345
_USAGE = """usage: adb shell content [subcommand] [options]

usage: adb shell content query --uri <URI> [--user <USER_ID>] [--projection <PROJECTION>] \
[--where <WHERE>] [--sort <SORT_ORDER>]
"""


def _trace(phone: VirtualPhone) -> str:
    """The stack below an exception, whose line numbers mean nothing."""
    frames = (
        "android.database.DatabaseUtils.readExceptionFromParcel(DatabaseUtils.java:199)",
        "android.database.DatabaseUtils.readExceptionFromParcel(DatabaseUtils.java:155)",
        "android.content.ContentProviderProxy.query(ContentProviderNative.java:495)",
        "com.android.commands.content.Content$QueryCommand.onExecute(Content.java:661)",
        "com.android.commands.content.Content$Command.execute(Content.java:522)",
        "com.android.commands.content.Content.main(Content.java:735)",
        "com.android.internal.os.RuntimeInit.nativeFinishInit(Native Method)",
        "com.android.internal.os.RuntimeInit.main(RuntimeInit.java:369)",
    )
    return "".join(f"\tat {frame}\n" for frame in frames)
