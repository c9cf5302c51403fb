"""The crash sweep: kill the controller until the promise breaks, or does not.

    scripts/crash-sweep                       every failpoint, nested kills, random ones
    scripts/crash-sweep --kills 600 --seed 7  more of the same
    scripts/crash-sweep --random              random moments only; --failpoints: named points only

Several labs run side by side, each with a rack, a panel and a controller process of its own: every
second panel leases its messages, the others repeat them; every third controller starts its own adb
server. Exit code 0 only if nothing was lost, doubled or wrongly reported and no worker crashed.
"""

import argparse
import asyncio
import json
import logging
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from crash_judge import Findings
from crash_lab import OUTSIDE
from crash_plan import EVERYDAY, series
from crash_run import Tally, bombard, phones, play
from crash_scenes import SCENES

from droidrack.adapters.failpoints import POINTS
from droidrack.virtual.panel.queue import Reading

PROGRESS_S = 20.0


def main(arguments: Sequence[str]) -> int:
    """Sweep and tell; the exit code."""
    options = _options(arguments)
    logging.getLogger("uvicorn.error").disabled = True  # A killed client is no news to the panel.
    started = time.monotonic()
    if options.keep:
        tally, findings = asyncio.run(sweep(options, Path(options.keep).resolve()))
    else:
        with tempfile.TemporaryDirectory(prefix="droidrack-crash-") as home:
            tally, findings = asyncio.run(sweep(options, Path(home)))
    took_s = time.monotonic() - started
    if options.json:
        print(json.dumps(_facts(tally, findings, took_s), ensure_ascii=False, indent=1))
    else:
        _print(tally, findings, took_s, options)
    return 0 if findings.clean and findings.asked and tally.total >= options.kills else 1


async def sweep(options: argparse.Namespace, home: Path) -> tuple[Tally, Findings]:
    """Scenes and labs, some at a time."""
    tally = Tally(options.kills, time.monotonic() + options.minutes * 60, options.settle)
    findings = Findings()
    at_once = asyncio.Semaphore(options.labs)

    async def in_turn(name: str, work: Coroutine[Any, Any, Findings]) -> None:
        async with at_once:
            try:
                findings.add(await work)
            except (AssertionError, OSError) as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                findings.troubles.append(f"{name}: {error or type(error).__name__} ({where.line})")

    async with _telling(tally), asyncio.TaskGroup() as group:
        for scene in SCENES if options.mode != "random" else ():
            for point in filter(options.only.search, scene.points):
                group.create_task(in_turn(point, play(scene, point, home / point, tally)))
        for number in range(options.labs):
            name = f"lab-{number}"
            group.create_task(in_turn(name, _lab(options, home / name, number, tally)))
    return tally, findings


@asynccontextmanager
async def _telling(tally: Tally) -> AsyncIterator[None]:
    """Say how far it is, now and then."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(PROGRESS_S)
            print(f"{tally.total} of {tally.budget} kills", file=sys.stderr, flush=True)

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()


def _lab(
    options: argparse.Namespace, home: Path, number: int, tally: Tally
) -> Coroutine[Any, Any, Findings]:
    dice = Random(f"{options.seed}/{number}")
    points = [point for point in EVERYDAY if options.only.search(point)]
    share = set(points[number :: options.labs]) if options.mode != "random" else set()
    tally.owed |= share
    return bombard(
        home,
        phones(options.phones, number * 3),
        series(dice, tally.owed, share, options.mode),
        dice,
        tally,
        reading=Reading.LEASE if number % 2 else Reading.REPEAT,
        own_adb=number % 3 == 1,
        whole_starts=options.whole_starts,
    )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="crash-sweep", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=150, help="SIGKILLs of controllers (150)")
    parser.add_argument("--seed", type=int, default=1, help="of all chance (1)")
    parser.add_argument("--phones", type=int, default=4, help="phones of each lab (4)")
    parser.add_argument("--labs", type=int, default=3, help="labs side by side (3)")
    parser.add_argument("--minutes", type=float, default=20, help="no new kill after these (20)")
    parser.add_argument("--settle", type=float, default=25, help="wait for late evidence, s (25)")
    parser.add_argument("--only", type=re.compile, default=".", help="points that match this")
    parser.add_argument(
        "--whole-starts", action="store_true", help="start a new program each time, not a fork"
    )
    parser.add_argument("--keep", help="directory for configurations, journals and logs")
    parser.add_argument("--verbose", action="store_true", help="the story of each unknown")
    parser.add_argument("--json", action="store_true", help="JSON on standard output")
    # A default that is text goes through the type as well.
    modes = parser.add_mutually_exclusive_group()
    for mode in ("failpoints", "random"):
        modes.add_argument(f"--{mode}", dest="mode", action="store_const", const=mode)
    parser.set_defaults(mode="all")
    return parser.parse_args(arguments)


# --- What it says -----------------------------------------------------------------------------


def _facts(tally: Tally, findings: Findings, took_s: float) -> dict[str, Any]:
    points = {point: tally.kills[point] for point in (*POINTS, *OUTSIDE)}
    return {
        "kills": tally.total,
        "seconds": round(took_s, 1),
        "messages": findings.asked,
        "on_air": findings.on_air,
        "reports": findings.reports,
        "lost": findings.lost,
        "doubled": findings.doubled,
        "wrong": findings.wrong,
        "troubles": findings.troubles,
        "sent": findings.sent,
        "failed": findings.failed,
        "unknown": len(findings.doubts),
        "corrected": findings.corrected,
        "leased_away": findings.leased_away,
        "parked": findings.parked,
        "kills_by_point": points,
        "kills_elsewhere": {k: n for k, n in tally.kills.items() if k not in points},
        "kills_by_depth": tally.depths,
        "also": tally.others,
        "doubts": [
            {name: getattr(doubt, name) for name in doubt.__slots__} for doubt in findings.doubts
        ],
    }


def _print(tally: Tally, findings: Findings, took_s: float, options: argparse.Namespace) -> None:
    facts = _facts(tally, findings, took_s)
    for point, count in sorted(facts["kills_by_point"].items()):
        print(f"  {count:5}  {point}")
    for place, count in sorted(facts["kills_elsewhere"].items()):
        print(f"  {count:5}  {place}")
    print("also:", ", ".join(f"{n} × {what}" for what, n in sorted(tally.others.items())))
    print("kills by depth:", ", ".join(f"{d}: {n}" for d, n in sorted(tally.depths.items())))
    causes = Counter(re.sub(r"\d+ other", "other", doubt.cause) for doubt in findings.doubts)
    for cause, count in causes.most_common():
        print(f"unknown: {count:4} × {cause}")
    for doubt in findings.doubts if options.verbose else ():
        air = "on the air" if doubt.on_air else "not on the air"
        print(
            f"unknown: {doubt.uid} (Android {doubt.android}, {air}): {doubt.cause}; {doubt.story}"
        )
    for name in ("lost", "doubled", "wrong", "troubles", "leased_away", "parked"):
        for item in facts[name]:
            print(f"{name.replace('_', ' ')}: {item}")
    rate = len(findings.doubts) / max(findings.asked, 1)
    print(
        f"{tally.total} kills in {took_s:.0f} s ({took_s / max(tally.total, 1):.2f} s each), "
        f"seed {options.seed}; {findings.asked} messages, {findings.on_air} on the air, "
        f"{findings.reports} reports\n"
        f"sent {findings.sent}, failed {findings.failed}, unknown {len(findings.doubts)} "
        f"({rate:.2%}; {findings.corrected} more were proven later), "
        f"leased away {len(findings.leased_away)}, parked {len(findings.parked)}\n"
        f"lost {len(findings.lost)}, doubled {len(findings.doubled)}, wrongly reported "
        f"{len(findings.wrong)}, troubles {len(findings.troubles)}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
