"""Power cuts: what the journal promised is on the disk, whenever the power goes.

A child process plays messages' lives on the real journal, under a preloaded shim that records every
write, sync, truncation, creation and removal below the journal's directory, and every promise (the
return of a writing call). From that record the disk is built as a cut would have left it, at every
sync and between: with all writes dropped that no sync covered, or with any subset of them, the last
one torn. On each such disk the journal has to open by itself and hold everything promised before.

    .venv/bin/python tests/crash/power_cut.py --subsets 20     every operation, twenty subsets each

A file counts as created only when its directory was synced, as POSIX says; ext4 is kinder.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from droidrack.adapters.journal_sql import SqlJournal
from droidrack.core.attempt import Attempt, Evidence, EvidenceKind
from droidrack.core.errors import JournalError
from droidrack.core.ids import Body, DeviceUuid, Iccid, MessageUid, Msisdn, Slot, SubId
from droidrack.core.message import Message, MessageState, Priority
from droidrack.core.report import StatusReport, WireStatus
from droidrack.ports import Event, Journal, PhoneRecord, SimRecord

SHIM = Path(__file__).with_name("power_cut.c")
JOURNAL = "journal.sqlite"
PROMISES = "promises"
"""A file beside the journal: each line says what a call that returned has promised."""

SECTOR = 512
"""What a disk writes whole."""

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEVICE = DeviceUuid("11111111-2222-5333-8444-555555555555")
S = MessageState

# --- The record -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Op:
    """One entry of the shim's record; see power_cut.c."""

    kind: str
    path: str
    number: int
    content: bytes


def compiled(folder: Path) -> Path:
    """The shim; CalledProcessError or FileNotFoundError where no C compiler works."""
    shim = folder / "power_cut.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(SHIM), "-ldl", "-lpthread"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return shim


def record(folder: Path, lives: int) -> list[Op]:
    """Play a story on a fresh disk below `folder`; what was done to it, in order."""
    disk, log = folder / "disk", folder / "record"
    disk.mkdir()
    environment = {
        **os.environ,
        "LD_PRELOAD": str(compiled(folder)),
        "POWER_CUT_DIR": str(disk),
        "POWER_CUT_LOG": str(log),
    }
    command = [sys.executable, str(Path(__file__)), "--story", str(disk), "--lives", str(lives)]
    subprocess.run(command, check=True, env=environment, timeout=120)
    return list(_entries(log.read_bytes()))


def _entries(log: bytes) -> Iterator[Op]:
    place = 0
    while place < len(log):
        end = log.index(b"\n", place)
        kind, path, number, size = log[place:end].decode().split(" ")
        place = end + 1 + int(size)
        yield Op(kind, path, int(number), log[end + 1 : place])


# --- The disk after a cut ---------------------------------------------------------------------


@dataclass
class _File:
    """One file: what is certainly on the disk, and what may or may not be."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)


Keep = Callable[[Op], Op | None]
"""What of an operation that no sync covered is on the disk: it, a part of it, or nothing."""


def drop(op: Op) -> Op | None:
    """The cruellest disk: nothing that was not synced."""
    return None


def any_subset(dice: Random) -> Keep:
    """A disk that wrote what it liked, the rest torn at a sector's end."""

    def keep(op: Op) -> Op | None:
        throw = dice.random()
        if throw < 0.45 or op.kind != "w":
            return op if throw < 0.5 else None
        if throw < 0.6 and len(op.content) > SECTOR:
            size = dice.randrange(SECTOR, len(op.content), SECTOR)
            return Op(op.kind, op.path, op.number, op.content[:size])
        return None

    return keep


def disk_after(ops: Sequence[Op], keep: Keep, *, deaf_to: str = "\0") -> dict[str, bytes]:
    """The files that are there after a cut behind `ops`.

    Args:
        ops: what was done before the power went.
        keep: the fate of what no sync covered.
        deaf_to: syncs of files with this in their name did nothing: a disk that lies.
    """
    names: dict[str, _File] = {}
    safe_names: dict[str, _File] = {}
    pending_names: list[Op] = []
    for op in ops:
        if op.kind == "s" and op.path == ".":
            safe_names, pending_names = dict(names), []
        elif op.kind == "s" and deaf_to not in op.path and op.path in names:
            file = names[op.path]
            _apply(file.safe, file.pending)
            file.pending = []
        elif op.kind in "cur":
            _rename(names, op, {op.path: _File()} if op.kind == "c" else names)
            pending_names.append(op)
        elif op.path in names:
            names[op.path].pending.append(op)
    for op in pending_names:
        if keep(op):
            _rename(safe_names, op, names)
    return {path: _content(file, keep) for path, file in safe_names.items()}


def _rename(names: dict[str, _File], op: Op, source: dict[str, _File]) -> None:
    """Change a directory. `source` holds the file that a creation names."""
    if op.kind == "c" and op.path in source:
        names[op.path] = source[op.path]
    elif op.kind == "u":
        names.pop(op.path, None)
    elif op.kind == "r" and op.path in names:
        names[op.content.decode()] = names.pop(op.path)


def _content(file: _File, keep: Keep) -> bytes:
    content = bytearray(file.safe)
    _apply(content, [kept for op in file.pending if (kept := keep(op))])
    return bytes(content)


def _apply(content: bytearray, ops: Iterable[Op]) -> None:
    for op in ops:
        if op.kind == "t":
            del content[op.number :]
            content.extend(bytes(op.number - len(content)))
        elif op.kind == "w":
            content.extend(bytes(max(op.number - len(content), 0)))
            content[op.number : op.number + len(op.content)] = op.content


def cuts(ops: Sequence[Op], *, every: bool) -> list[int]:
    """How many operations come before each cut: around each sync, or after each operation."""
    if every:
        return list(range(1, len(ops) + 1))
    around = {n + side for n, op in enumerate(ops) if op.kind == "s" for side in (0, 1)}
    return sorted(around | {len(ops)})


# --- The verdict ------------------------------------------------------------------------------


def broken_promises(ops: Sequence[Op], disk: dict[str, bytes], place: Path) -> list[str]:
    """What was promised within `ops` and is not in the journal of `disk`; built at `place`."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for path, content in disk.items():
        if path != PROMISES and not path.endswith("-shm"):
            (place / path).touch(mode=0o600)
            (place / path).write_bytes(content)
    lines = b"".join(op.content for op in ops if op.path == PROMISES and op.kind == "w")
    promises = [json.loads(line) for line in lines.splitlines()]
    try:
        return asyncio.run(_missing(place / JOURNAL, promises))
    except JournalError as error:
        return [f"the journal does not open by itself: {error}"]


async def _missing(path: Path, promises: Sequence[Sequence[str]]) -> list[str]:
    journal = SqlJournal(path, inline=True)
    await journal.open()
    try:
        pruned = any(what == "pruning" for what, _ in promises)
        return [
            f"{what} {uid}"
            for what, uid in promises
            if not await _kept(journal, what, uid, pruned=pruned)
        ]
    finally:
        await journal.close()


async def _kept(journal: Journal, what: str, uid: str, *, pruned: bool) -> bool:
    """Whether the journal still holds a promise."""
    if what == "phone":
        return bool(await journal.phones())
    if what == "sim":
        return bool(await journal.sims(DEVICE))
    if what == "event":
        return pruned or uid in {event.text for event in await journal.events(limit=1000)}
    if what == "pruning":
        return True
    life = await journal.life(MessageUid(uid))
    if life is None:
        (again,) = await journal.accept(DEVICE, [_message(uid)])
        return pruned and again.fate == "known"
    if what == "reported":
        return any(acknowledged for _, acknowledged, _ in life.reports)
    if what in {S.SENT, S.FAILED} and not (life.reports and life.evidence):
        return False
    return what in {change.state for change in life.changes}


# --- The story --------------------------------------------------------------------------------


async def tell_story(disk: Path, lives: int) -> None:
    """Lives side by side over two runs of the controller, and a pruning."""
    with (disk / PROMISES).open("ab", buffering=0) as file:

        def promise(what: str, uid: str = "") -> None:
            file.write(json.dumps([what, uid]).encode() + b"\n")

        for run in range(2):
            journal = SqlJournal(disk / JOURNAL)
            await journal.open()
            await _introduce(journal, promise)
            uids = [f"run{run}-{number}" for number in range(lives)]
            await asyncio.gather(*(_live(journal, uid, promise) for uid in uids))
            if run:
                promise("pruning")
                await journal.prune(START + timedelta(days=1))
            await journal.close()


Promise = Callable[..., None]


async def _introduce(journal: Journal, promise: Promise) -> None:
    record = PhoneRecord(DEVICE, "bay-0", "ABCDEF", "gateway", "maker/build", START)
    await journal.remember_phone(record)
    promise("phone")
    await journal.bind_sim(SimRecord(DEVICE, "sim-1", Slot(0), Iccid("89012600"), "SIM 1", START))
    promise("sim")


async def _live(journal: Journal, uid: str, promise: Promise) -> None:
    """One message, as far as its number takes it: every fourth is left in each state."""
    message = _message(uid)
    await journal.accept(DEVICE, [message])
    promise(S.ACCEPTED, uid)
    await journal.open_attempt(_attempt(uid))
    promise(S.SENDING, uid)
    steps = int(uid[-1]) % 4
    if steps == 0:
        return
    await _settle(journal, uid, S.SUBMITTED, EvidenceKind.CALL_RETURNED, None)
    promise(S.SUBMITTED, uid)
    if steps == 1:
        return
    final = S.SENT if steps == 2 else S.FAILED
    status = WireStatus.SENT if steps == 2 else WireStatus.FAILED
    report = StatusReport(MessageUid(uid), status, START, "" if steps == 2 else "RADIO_FAILED")
    await _settle(journal, uid, final, EvidenceKind.RADIO_SENT, report)
    promise(final, uid)
    text = f"the end of {uid}"
    await journal.record(Event(START, DEVICE, "test", text))
    promise("event", text)
    rows = await journal.outbox(DEVICE, limit=100)
    await journal.reported([row.id for row in rows if row.report.uid == uid], START)
    promise("reported", uid)


async def _settle(
    journal: Journal,
    uid: str,
    state: MessageState,
    kind: EvidenceKind,
    report: StatusReport | None,
) -> None:
    proof = [Evidence(kind, START, "detail")]
    await journal.settle(MessageUid(uid), state, code="", evidence=proof, report=report, at=START)


def _message(uid: str) -> Message:
    body = Body(f"text of {uid} " * 12)  # Long enough that pages fill and split.
    number = Msisdn("+15550000001")
    return Message(MessageUid(uid), number, body, "sim-1", Priority.NORMAL, START)


def _attempt(uid: str) -> Attempt:
    return Attempt(
        uid=MessageUid(uid),
        number=1,
        device=DEVICE,
        slot=Slot(0),
        sub_id=SubId(1),
        iccid=Iccid("89012600"),
        segments=1,
        watermark=7,
        message_id=123,
        boot_id="boot",
        opened_at=START,
    )


# --- By hand ----------------------------------------------------------------------------------


def sweep(
    ops: Sequence[Op], place: Path, *, subsets: int, every: bool, seed: int
) -> tuple[int, list[str]]:
    """Cut everywhere: the number of disks looked at, and what was broken on them."""
    tried, broken = 0, []
    for cut in cuts(ops, every=every):
        before = ops[:cut]
        fates = [drop, *(any_subset(Random(f"{seed}/{cut}/{n}")) for n in range(subsets))]
        for number, keep in enumerate(fates):
            disk = disk_after(before, keep)
            tried += 1
            broken += [
                f"cut {cut}, disk {number}: {what}" for what in broken_promises(before, disk, place)
            ]
    return tried, broken


def main(arguments: Sequence[str]) -> int:
    """Play the story, or record it and cut it everywhere."""
    parser = argparse.ArgumentParser(prog="power-cut", description=__doc__.splitlines()[0])
    parser.add_argument("--subsets", type=int, default=20, help="random disks per cut (20)")
    parser.add_argument("--lives", type=int, default=8, help="messages per run (8)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--syncs-only", action="store_true", help="cut around syncs only")
    parser.add_argument("--story", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.story:
        asyncio.run(tell_story(options.story, options.lives))
        return 0
    with tempfile.TemporaryDirectory(prefix="droidrack-power-") as home:
        ops = record(Path(home), options.lives)
        tried, broken = sweep(
            ops,
            Path(home) / "cut",
            subsets=options.subsets,
            every=not options.syncs_only,
            seed=options.seed,
        )
    syncs = sum(op.kind == "s" for op in ops)
    promises = sum(op.path == PROMISES and op.kind == "w" for op in ops)
    for line in broken[:50]:
        print(line)
    print(
        f"{len(ops)} operations, {syncs} syncs, {promises} promises; {tried} disks after a cut; "
        f"{len(broken)} broken promises"
    )
    return 1 if broken or not promises else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
