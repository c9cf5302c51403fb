"""One seed, one life of a site; and many of them from the command line.

`scripts/sim --seeds 1000`, `scripts/sim --replay 17`. A failing seed is a test case for good.
"""

import argparse
import asyncio
import gc
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

from sim_causes import UNEXPLAINED, cause_of
from sim_disk import Disk, File, Memory
from sim_faults import heal, play, schedule
from sim_process import profiles
from sim_world import Plan, Site

from droidrack.core.profile import DeviceIdentity
from droidrack.core.report import UnknownAs
from droidrack.core.settings import Intervals, Pacing, Policy
from droidrack.virtual.catalogue import MODELS, make_spec
from droidrack.virtual.ledgers import Asked, compare
from droidrack.virtual.panel.queue import Reading
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.timeloop import START, VirtualTimeLoop

ON_FILE = 25
"""Each so many-th seed keeps its journal in a real SQLite file; the others in memory."""

QUIET_S = 3 * 3600.0
"""After the last fault everything must have its end within this: an attempt's deadline, its hold,
and the hour in which a phone whose log names no message may still speak."""

BODIES = (
    "hello", "it's", 'say "hi"', "$(reboot)", "`id`; rm -rf /", "two\nlines", "tab\there",
    "emoji \U0001f44d\U0001f3fd\u200d", "\u05e9\u05dc\u05d5\u05dd \u202eabc", "100% %s %d \\n",
    "{}[]~^|\\\u20ac", "e" * 161, "\u00fc\u20ac" * 100, "\u0436" * 150, "x" * 500, " padded ",
    "Row: 9 _id=9, type=2, sub_id=1, date=1, error_code=0, creator=com.android.shell, address=+1",
    "-n", "z" * 1200, "nul\0", "",
)  # fmt: skip
NUMBERS = ("12", "abc", "*#06#", "+1555123456789012345", "5550", "+15550009999")


@cache
def usable() -> tuple[int, ...]:
    """Entries of the catalogue that a profile lets send."""
    found = []
    for index in range(len(MODELS)):
        model = VirtualPhone(make_spec(index), wall=lambda: START, dice=Random(0))
        identity = DeviceIdentity.from_props(model.properties())
        if not profiles().resolve(identity).barred:
            found.append(index)
    return tuple(found)


@dataclass(slots=True)
class Result:
    """What a seed showed."""

    seed: int
    digest: str
    asked: int = 0
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    never_taken: int = 0
    crashes: int = 0
    virtual_s: float = 0.0
    broken: list[str] = field(default_factory=list)
    score: str = ""
    causes: Counter[str] = field(default_factory=Counter)


def draw_plan(dice: Random) -> Plan:
    """Phones and settings of a site."""
    chosen = dice.choices(usable(), k=dice.choice([2, 2, 2, 3, 4]))
    size = len(MODELS)
    specs = tuple(make_spec(index + size * place) for place, index in enumerate(chosen))
    return Plan(
        specs,
        intervals=Intervals(
            poll_s=dice.choice([15.0, 30.0]),
            heartbeat_s=dice.choice([120.0, 300.0, 900.0]),
            report_s=2.0,
        ),
        policy=Policy(
            unknown_hold_s=dice.choice([30.0, 300.0]),
            sim_wait_s=dice.choice([30.0, 120.0]),
            message_ttl_s=dice.choice([0.0, 0.0, 0.0, 300.0]),
            unknown_as=dice.choice([UnknownAs.FAILED] * 7 + [UnknownAs.HOLD]),
        ),
        pacing=dice.choice([Pacing(), Pacing(min_gap_s=0.2), Pacing(1.0, 60.0, 12)]),
        reading=dice.choice(list(Reading)),
        panel_deadline_s=dice.choice([5.0, 20.0]),
    )


async def ask_all(site: Site, dice: Random, span_s: float) -> int:
    """Queue the messages of a run at the panel, over time."""
    numbers = [f"+15551{dice.randrange(10**6):06d}" for _ in range(dice.randint(1, 6))]
    site_phones = site.phones
    for phone in site_phones:
        phone.model.radio.bad_numbers.add("+15550009999")
    count = dice.randint(5, 20)
    asked: list[tuple[str, str]] = []
    for index in range(count):
        phone = dice.choice(site_phones)
        slot = dice.choice(phone.slots)
        number = dice.choice(numbers) if dice.random() < 0.9 else dice.choice(NUMBERS)
        tag = "" if dice.random() < 0.25 else f" #{index}"
        body = dice.choice(BODIES[:2]) if not tag else dice.choice(BODIES)
        asked.append((number, body))
        priority = dice.choice(["normal", "normal", "high", "low"])
        await asyncio.sleep(dice.choice([0.0, 0.0, 0.0, dice.uniform(0, 2 * span_s / count)]))
        text = f"{body}{tag}" if body else ""
        site.start(site.ask(phone, slot, number, text, priority=priority))
    return count


async def live(loop: VirtualTimeLoop, seed: int, disk: Disk) -> Result:
    """One life of a site."""
    dice = Random(seed)
    site = Site(loop, draw_plan(dice), disk, dice.getrandbits(64))
    result = Result(seed, "")
    try:
        await _live(site, dice)
    except Exception as error:  # noqa: BLE001 - reported with its seed and its score
        site.broken.append(error)
    result.virtual_s = loop.time()
    _sum_up(site, result)
    await site.close()
    result.score = site.score.text()
    result.digest = site.score.digest
    return result


async def _live(site: Site, dice: Random) -> None:
    span_s = dice.choice([60.0, 120.0, 120.0, 600.0])
    events = schedule(dice, len(site.phones), 5.0, 5.0 + span_s, dice.randint(2, 14))
    site.swapping = any(event.name == "swap" for event in events)
    story_dice = Random(dice.getrandbits(64))
    site.boot()
    asking = site.start(ask_all(site, story_dice, span_s))
    await asyncio.wait({site.start(play(site, events)), site.start(site.until(10.0 + span_s))})
    await site.until(site.loop.time() + dice.choice([5.0, 60.0, 300.0]))
    await heal(site)
    limit = site.loop.time() + QUIET_S
    quiet = False
    while not site.broken and not quiet:
        quiet = asking.done() and site.settled()
        if not quiet and site.loop.time() > limit:
            with site.judging():
                raise AssertionError(f"no end for {site.unsettled()}")
        # What is on its way in a phone may still come to light, and must then be told.
        await site.until(site.loop.time() + (30.0 if quiet else 10.0))
        quiet = quiet and site.settled()
    if not site.broken:
        judge_end(site)


def judge_end(site: Site) -> None:
    """The three ledgers, once everything is over."""
    with site.judging():
        if parked := site.disk.parked():
            raise AssertionError(f"reports were given up: {parked}")
        states = site.disk.states()
        entries = site.store.ledger()
        iccids = {entry.uid: site.truth.card_of(entry.uid) for entry in entries}
        asked = [
            Asked(
                entry.uid,
                entry.number,
                entry.body,
                iccids[entry.uid],
                entry.state if entry.state in ("sent", "failed") else "",
                entry.error or "",
            )
            for entry in entries
        ]
        whole = [message for message in site.air.messages if message.parts == message.of]
        told = compare(asked, whole)
        changed = sum(message.body.endswith(" (changed)") for message in whole)
        # Where the panel offers once, an offer that got lost is gone; and a doubt may be held.
        lost = [uid for uid in told.lost if states.get(uid, ("unknown", ""))[0] != "unknown"]
        if told.doubled or lost or len(told.stray) > changed:
            raise AssertionError(f"the ledgers differ: {told}")
        if told.wrong and not changed:
            raise AssertionError(f"wrongly told: {told.wrong}")


def _sum_up(site: Site, result: Result) -> None:
    entries = site.store.ledger()
    result.asked = len(entries)
    result.sent, result.failed, result.unknown = site.truth.status_counts()
    result.never_taken = result.asked - len(site.disk.states())
    result.crashes = site.crashes
    result.broken = [str(broken) or repr(broken) for broken in site.broken]
    for broken in site.broken:
        if not isinstance(broken, AssertionError) or broken.__cause__ is not None:
            result.broken.append("".join(traceback.format_exception(broken)))
    result.causes.update(_causes(site))


def _causes(site: Site) -> Iterator[str]:
    """Why each message that ended unknown did."""
    doubts = [uid for uid, (state, _) in site.disk.states().items() if state == "unknown"]
    keys = {uid: site.truth.key_of(uid) for uid in doubts}
    api_of = {
        card.iccid: phone.model.spec.api for phone in site.phones for card in phone.cards if card
    }
    told = Counter(
        site.truth.key_of(uid)
        for uid, (state, _) in site.disk.states().items()
        if state in ("sent", "failed")
    )
    rivals = Counter((iccid, number) for iccid, number, _ in keys.values())
    for uid, (iccid, number, _) in keys.items():
        yield cause_of(
            api=api_of[iccid],
            code=site.disk.states()[uid][1],
            said=site.disk.said(uid),
            fates=site.fortunes.of_doubts(keys[uid], told[keys[uid]]),
            on_air=site.truth.on_air(uid) > 0,
            rivals=rivals[iccid, number] - 1,
            blinded=site.fortunes.blinded[iccid] > 0,
            marked=site.disk.marked(uid),
            barred=iccid in site.fortunes.unserved
            or any(number in phone.model.radio.bad_numbers for phone in site.phones),
        )


@cache
def _template() -> Path:
    """An empty migrated journal, made once in a process."""
    from droidrack.adapters.journal_sql import SqlJournal

    folder = Path(tempfile.mkdtemp(prefix="droidrack-sim-"))
    journal = SqlJournal(folder / "journal.sqlite", inline=True)

    async def make() -> None:
        await journal.open()
        await journal.close()

    asyncio.run(make())
    return folder / "journal.sqlite"


def run_seed(seed: int, *, on_file: bool | None = None) -> Result:
    """Run one seed to its end; nothing of it is left behind."""
    on_file = seed % ON_FILE == 0 if on_file is None else on_file
    if not on_file:
        return _in_virtual_time(seed, Memory())
    template = _template()
    with tempfile.TemporaryDirectory(dir=_fast()) as folder:
        disk = File(Path(folder), template)
        try:
            return _in_virtual_time(seed, disk)
        finally:
            disk.close()


def _fast() -> str | None:
    """Where a file system in memory is; a simulated disk needs no real one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _in_virtual_time(seed: int, disk: Disk) -> Result:
    shuffled = Random(seed) if seed % 2 else None
    loops: list[VirtualTimeLoop] = []

    def make() -> VirtualTimeLoop:
        loops.append(VirtualTimeLoop(dice=shuffled))
        return loops[0]

    with asyncio.Runner(loop_factory=make) as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: None)
        return runner.run(live(loops[0], seed, disk))


def _many(seeds: range) -> list[Result]:
    results = []
    for seed in seeds:
        result = run_seed(seed)
        if not result.broken:
            result.score = ""
        results.append(result)
    return results


def show_failure(result: Result) -> None:
    """What a person needs to go on from here."""
    print(result.score)
    print()
    for line in result.broken:
        print(f"seed {result.seed}: {line}")
    print(f"again: scripts/sim --replay {result.seed}")


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="scripts/sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many (default 200)")
    parser.add_argument("--start", type=int, default=0, help="the first one (default 0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--replay", type=int, help="run this seed alone and print its events")
    parser.add_argument("--keep-going", action="store_true", help="list failures, show none")
    options = parser.parse_args()
    if options.replay is not None:
        result = run_seed(options.replay)
        show_failure(result) if result.broken else print(result.score)
        print(f"digest {result.digest}")
        return int(bool(result.broken))
    return _run_many(options)


def _run_many(options: argparse.Namespace) -> int:
    chunks = [
        range(first, min(first + 25, options.start + options.seeds))
        for first in range(options.start, options.start + options.seeds, 25)
    ]
    began = time.monotonic()
    total, failures, done = Result(0, ""), [], 0
    # Once in each process: whatever a later freeze found would never be given back.
    with ProcessPoolExecutor(options.jobs, initializer=gc.freeze) as pool:
        for results in pool.map(_many, chunks):
            for result in results:
                _add(total, result)
                if result.broken:
                    failures.append(result)
                    print(f"seed {result.seed} FAILED: {result.broken[0][:300]}", flush=True)
                for cause in result.causes:
                    if cause.startswith(UNEXPLAINED):
                        print(f"seed {result.seed}: a doubt is {cause}", flush=True)
            done += len(results)
            if done % 1000 < len(results):
                _print_total(done, total, failures, time.monotonic() - began)
    if failures and not options.keep_going:
        show_failure(failures[0])
    if done % 1000:
        _print_total(done, total, failures, time.monotonic() - began)
    return int(bool(failures))


def _add(total: Result, result: Result) -> None:
    for name in ("asked", "sent", "failed", "unknown", "never_taken", "crashes", "virtual_s"):
        setattr(total, name, getattr(total, name) + getattr(result, name))
    total.causes.update(result.causes)


def _print_total(seeds: int, total: Result, failures: list[Result], took_s: float) -> None:
    taken, doubts = max(total.asked - total.never_taken, 1), total.causes.total()
    print(
        f"{seeds} seeds in {took_s:.0f} s, {total.virtual_s / 3600:.0f} simulated hours, "
        f"{total.crashes} crashes\n"
        f"{total.asked} messages asked, {total.never_taken} never taken: {total.sent} sent, "
        f"{total.failed} failed, {doubts} unknown ({100 * doubts / taken:.2f} %), "
        f"{doubts - total.unknown} of them held, for their sites tell no doubts\n"
        "unknown at the end:\n"
        + "".join(f"  {n:6} {cause}\n" for cause, n in total.causes.most_common())
        + f"{len(failures)} seeds failed: {[result.seed for result in failures][:40]}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
