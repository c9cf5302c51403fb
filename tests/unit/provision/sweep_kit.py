"""Random unplugs, cut answers and kills while phones are provisioned; the end must be the same.

A kill takes the whole process away: its journal takes nothing more and its leases stay. The next
process begins with the same journal and the phones as they are. A step that must not happen twice
counts itself on the phone; where the program asks a person, the person looks at that count.
"""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_kit import HEAD, Workshop, in_virtual_time, phone_of, recipe_of

from droidrack.adapters.run_journal_memory import MemoryRunJournal
from droidrack.core.provision.recipe import Recipe
from droidrack.core.provision.record import StepState
from droidrack.virtual.apk_build import build_apk
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.console import Console
from droidrack.virtual.handset import Handset
from droidrack.virtual.spec import spec_with

STEPS = """
[[steps]]
name = "screen"
type = "screen"
[[steps]]
name = "app"
type = "apk"
file = "courier.apk"
[[steps]]
name = "grant"
type = "permission"
package = "org.example.courier"
permissions = ["android.permission.READ_SMS"]
needs = ["app"]
[[steps]]
name = "enrol"
type = "once"
check = "test -f /data/local/tmp/enrolled"
apply = "enrol"
[[steps]]
name = "config"
type = "push"
file = "config.json"
to = "/sdcard/Download/config.json"
[[steps]]
name = "restart"
type = "restart"
[[steps]]
name = "animations"
type = "animations"
"""
PROCESSES_LIMIT = 60
PERSON = "enrol"


class Mortal:
    """A journal whose process may die: from then on it takes nothing and answers nothing."""

    def __init__(self, journal: MemoryRunJournal) -> None:
        self._journal = journal
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0.002)  # What a commit takes: a kill may fall into it.
            if self.dead:
                raise asyncio.CancelledError
            return await method(*args, **kwargs)

        return call


@dataclass
class Tally:
    """What one sweep met."""

    unplugs: int = 0
    cuts: int = 0
    kills: int = 0
    asked: int = 0


def make_home(folder: Path) -> Recipe:
    """The files that the recipe brings along, and the recipe."""
    apk = build_apk(
        "org.example.courier", version_code=3, permissions=["android.permission.READ_SMS"]
    )
    (folder / "courier.apk").write_bytes(apk)
    (folder / "config.json").write_text('{"a": 1}')
    return recipe_of(STEPS, head=HEAD, name=str(folder / "recipe.toml"))


def _make_phone(index: int, seed: int) -> tuple[Handset, list[int]]:
    apis = (26, 29, 30, 33, 34, 35)
    spec = spec_with(make_spec(index, api=apis[index % len(apis)]), boot_s=3.0, off_s=1.5)
    handset = phone_of(spec, seed)
    runs: list[int] = []

    async def enrol(argv: list[str], console: Console) -> int:
        await asyncio.sleep(0.3)
        runs.append(len(runs) + 1)
        handset.files.write("/data/local/tmp/enrolled", b"yes")
        return 0

    handset.toolbox.add("enrol", enrol)
    return handset, runs


def _state(handset: Handset) -> dict[str, object]:
    files = {
        path: handset.files.read(path)
        for folder in ("/data/local/tmp", "/sdcard/Download")
        for path in (f"{folder}/{name}" for name in handset.files.listing(folder))
    }
    return handset.model.estate.state() | {"files": files}


def sweep(seed: int, home: Path, *, phones: int = 3) -> Tally:
    """One story from this seed; AssertionError where it ends otherwise than undisturbed."""
    return in_virtual_time(lambda: _sweep(seed, home, phones))


async def _sweep(seed: int, home: Path, phones: int) -> Tally:
    dice = random.Random(seed)
    recipe = make_home(home)
    calm = [_make_phone(index, seed) for index in range(phones)]
    assert (await Workshop([h for h, _ in calm], home).go(recipe)).good
    rough = [_make_phone(index, seed) for index in range(phones)]
    handsets = [handset for handset, _ in rough]
    for handset in handsets:
        handset.link.latency_s = dice.uniform(0.02, 0.3)
    tally = Tally()
    await _to_the_end(recipe, handsets, [runs for _, runs in rough], home, dice, tally)
    for (expected, _), (handset, runs) in zip(calm, rough, strict=True):
        wanted, found = _state(expected), _state(handset)
        other = {k: (wanted[k], found[k]) for k in wanted if wanted[k] != found[k]}
        assert not other, f"seed {seed}: another end state: {other}"
        assert [1] == runs, f"seed {seed}: enrolled {len(runs)} times"
    return tally


async def _to_the_end(
    recipe: Recipe,
    handsets: Sequence[Handset],
    enrolments: Sequence[list[int]],
    home: Path,
    dice: random.Random,
    tally: Tally,
) -> None:
    """Processes begin, are killed, begin again, until one says that all is done."""
    shop = Workshop(handsets, home)
    memory = shop.journal
    permitted: frozenset[str] = frozenset()
    trouble = 12  # Disturbances end some day, or nothing ever would.
    for number in range(PROCESSES_LIMIT):
        mortal = Mortal(memory)
        shop.journal = mortal
        run = asyncio.ensure_future(
            shop.go(recipe, holder=f"process {number}", lease_wait_s=90.0, again=permitted)
        )
        if trouble > 0:
            trouble -= await _disturb(run, mortal, handsets, dice, tally)
        with suppress(asyncio.CancelledError):
            outcome = await run
            if outcome.good:
                return
            allowed = set()
            for phone in outcome.phones:
                doubtful = [s for s in phone.steps if s.state is StepState.NEEDS_HUMAN]
                if doubtful:
                    tally.asked += 1
                    await asyncio.sleep(5)  # What was on its way has arrived by now.
                    index = [h.model.spec.serial for h in handsets].index(phone.phone.serial)
                    if not enrolments[index]:
                        allowed.add(f"{phone.phone.name}:{PERSON}")
            permitted = frozenset(allowed)
        for handset in handsets:
            if not handset.link.plugged:
                await handset.link.replug()
    raise AssertionError("it never came to its end")


async def _disturb(
    run: "asyncio.Future[Any]",
    mortal: Mortal,
    handsets: Sequence[Handset],
    dice: random.Random,
    tally: Tally,
) -> int:
    """One to five misfortunes; the number of them."""
    count = dice.randint(1, 5)
    for done in range(count):
        await asyncio.wait({run}, timeout=dice.expovariate(1 / 1.5))
        if run.done():
            return done + 1
        handset = dice.choice(list(handsets))
        what = dice.random()
        if what < 0.55:
            tally.unplugs += 1
            if handset.link.plugged:
                await handset.link.unplug()
                away = dice.expovariate(1 / 3.0)
                asyncio.get_running_loop().call_later(away, _replug, handset)
        elif what < 0.75:
            tally.cuts += 1
            handset.link.cut_next(dice.choice(("open", "executed")), reset=dice.random() < 0.3)
        else:
            tally.kills += 1
            mortal.dead = True
            run.cancel()
            return done + 1
    return count


def _replug(handset: Handset) -> None:
    if not handset.link.plugged and handset.model.powered:
        task = asyncio.ensure_future(handset.link.replug())
        task.add_done_callback(lambda _: None)
