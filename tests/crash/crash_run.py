"""What befalls a lab's controller, life after life."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from crash_judge import Findings, bound_rows, examine, journalled, latest
from crash_lab import TERM_LIMIT_S, CrashLab, until
from crash_plan import Ending
from crash_scenes import Scene
from crash_traffic import Traffic

from droidrack.adapters.failpoints import POINTS
from droidrack.virtual.catalogue import MODELS, make_spec
from droidrack.virtual.ledgers import UNKNOWN_CODE
from droidrack.virtual.panel.queue import Reading
from droidrack.virtual.spec import PhoneSpec, spec_with

LEVELS = (34, 29, 22, 30, 28, 33, 36, 31)
"""Android 14, 10, 5.1, 11, 9, 13, 16 and 12: all kinds of witnesses, one and two SIMs."""

BACKLOG = 6
"""Messages that wait for each phone at every start."""

STUCK_S = 12.0
"""A phone that sent nothing for so long, with messages waiting, is looked at by its operator."""

END_LIMIT_S = 150.0
"""A lab that owes reports and was quiet for so long has lost them."""


@dataclass(slots=True)
class Tally:
    """What was done to all controllers.

    `owed`: named points that nobody was killed at yet; the budget does not end a sweep before them.
    `deadline` is by `time.monotonic`. A lab that owes nothing has ended when nothing was reported
    for `settle_s`: until then late evidence may turn a doubt that was told into a proof.
    """

    budget: int
    deadline: float
    settle_s: float
    kills: Counter[str] = field(default_factory=Counter)
    depths: Counter[int] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    owed: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        """SIGKILLs of controllers."""
        return self.kills.total()

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do."""
        spent = self.total >= self.budget and not self.owed
        return spent or time.monotonic() >= self.deadline


# --- A lab under fire -------------------------------------------------------------------------


class Onslaught:
    """One lab with several phones and everything that befalls its controller."""

    def __init__(self, lab: CrashLab, dice: Random, tally: Tally) -> None:
        self._lab = lab
        self._dice = dice
        self._tally = tally
        self._traffic = Traffic(lab, dice)
        self._operator = Operator(lab, tally)

    async def run(self, plan: Iterator[Sequence[Ending]]) -> None:
        """Pair, be killed until the tally is full, and work off what is left."""
        await self._lab.controller.start()
        await until(self._lab.paired, 60)
        await self._kill_between_lives()
        for series in plan:
            if self._tally.over:
                break
            for depth, ending in enumerate(series, 1):
                await self._live(ending)
                self._tally.depths[depth] += 1
        await finish(self._lab, self._tally, self._operator)

    async def _live(self, ending: Ending) -> None:
        """One life, to its end."""
        lab, inside = self._lab, ending.point in POINTS
        self._traffic.top_up(BACKLOG)
        self._operator.look_after_phones()
        lab.wires.armed.clear()
        if ending.point and not inside:
            lab.wires.armed[ending.point] = ending.count
        await lab.controller.start(f"{ending.point}:{ending.count}" if inside else "")
        if ending.point and await lab.controller.ended(ending.patience_s):
            self._note_death(ending.point)
            return
        misfortune = asyncio.create_task(self._misfortune())
        await lab.controller.ended(ending.delay_s)
        misfortune.cancel()
        await asyncio.wait({misfortune})
        await self._end(ending)

    def _note_death(self, point: str) -> None:
        code = self._lab.controller.exit_code
        if code != -signal.SIGKILL:
            raise AssertionError(f"the controller ended by itself with {code} before {point}")
        self._tally.kills[point] += 1
        self._tally.owed.discard(point)

    async def _end(self, ending: Ending) -> None:
        controller = self._lab.controller
        if not controller.alive:
            raise AssertionError(f"the controller ended by itself with {controller.exit_code}")
        controller.signal(ending.signal)
        if not await controller.ended(TERM_LIMIT_S):
            raise AssertionError(f"{ending.signal.name} did not end the controller")
        if ending.signal is signal.SIGKILL:
            self._tally.kills["at a point that was not met" if ending.point else "at random"] += 1
        else:
            self._tally.others[ending.signal.name] += 1

    async def _kill_between_lives(self) -> None:
        await self._lab.controller.kill()
        self._tally.kills["at random"] += 1

    # --- What else goes wrong -----------------------------------------------------------------

    async def _misfortune(self) -> None:
        """Now and then: the adb server dies, the controller sleeps, a cable is pulled."""
        await asyncio.sleep(self._dice.uniform(0.8, 1.6))
        throw = self._dice.random()
        if throw < 0.08:
            self._kill_adb_server()
        elif throw < 0.14:
            await self._put_to_sleep(self._dice.uniform(0.2, 2.0))
        elif throw < 0.2:
            await self._pull_a_cable(self._dice.uniform(0.1, 1.0))

    def _kill_adb_server(self) -> None:
        pid = self._lab.adb_server_pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self._tally.others["kill -9 of the adb server"] += 1

    async def _put_to_sleep(self, seconds: float) -> None:
        self._lab.controller.signal(signal.SIGSTOP)
        self._tally.others["SIGSTOP and SIGCONT"] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._lab.controller.signal(signal.SIGCONT)

    async def _pull_a_cable(self, seconds: float) -> None:
        phone = self._dice.choice(self._lab.phones)
        self._tally.others["cable pulled"] += 1
        try:
            await phone.link.unplug()
            await asyncio.sleep(seconds)
        finally:
            await phone.link.replug()


class Operator:
    """Restarts a phone that waits behind a doubt, as the controller's hint says.

    Up to Android 9 the radio log names no message, so that a phone whose last outcome is unknown
    sends nothing until it is certain that nothing more will be said of it; a restart makes it so.
    """

    def __init__(self, lab: CrashLab, tally: Tally) -> None:
        self._lab = lab
        self._tally = tally
        self._progress: dict[int, tuple[int, float]] = {}

    def look_after_phones(self) -> None:
        """Restart the phones that are stuck."""
        for index, phone in enumerate(self._lab.phones):
            if phone.model.spec.api >= 29 or phone.model.radio.in_flight:
                continue
            serial = phone.model.spec.serial
            sent = sum(message.serial == serial for message in self._lab.rack.air.messages)
            before, since = self._progress.get(index, (-1, 0.0))
            if sent != before:
                self._progress[index] = sent, time.monotonic()
            elif time.monotonic() - since > STUCK_S:
                self._progress[index] = sent, time.monotonic()
                phone.handset.begin_reboot()
                self._tally.others["stuck phone restarted"] += 1


async def finish(lab: CrashLab, tally: Tally, operator: Operator) -> None:
    """One long life, until everything is reported that ever will be; then an orderly stop."""
    lab.wires.armed.clear()
    if not lab.controller.alive:
        await lab.controller.start()
    seen, since = -1, time.monotonic()
    while True:
        count = len(lab.store.statuses())
        if count != seen:
            seen, since = count, time.monotonic()
        quiet_s = time.monotonic() - since
        owed, away = _open(lab)
        doubts = any(r.error == UNKNOWN_CODE for r in latest(lab.store.statuses()).values())
        if quiet_s > END_LIMIT_S or not (owed or ((away or doubts) and quiet_s < tally.settle_s)):
            break
        operator.look_after_phones()
        await asyncio.sleep(0.25)
    lab.controller.signal(signal.SIGTERM)
    if not await lab.controller.ended(TERM_LIMIT_S):
        raise AssertionError("SIGTERM did not end the controller")
    tally.others["SIGTERM"] += 1


def _open(lab: CrashLab) -> tuple[set[str], set[str]]:
    """Messages without a status: those still owed one, and those that a lease may have lost."""
    silent = {entry.uid: entry.state for entry in lab.store.ledger() if not entry.statuses}
    if not silent:
        return set(), set()
    known, parked = journalled(lab.journal_path)
    leased = lab.reading is Reading.LEASE
    away = {u for u, state in silent.items() if leased and state == "offered" and u not in known}
    return silent.keys() - away - parked, away


# --- Whole labs -------------------------------------------------------------------------------


def phones(count: int, first: int) -> list[PhoneSpec]:
    """Phones of different levels, each with quick boots and quick radios."""
    entries = [next(i for i, m in enumerate(MODELS) if m.api == level) for level in LEVELS]
    return [
        spec_with(
            make_spec(entries[(first + n) % len(LEVELS)] + len(MODELS) * (n // len(LEVELS))),
            boot_s=0.0,
            off_s=0.2,
            latency_s=(0.05, 0.6),
        )
        for n in range(count)
    ]


async def bombard(
    home: Path,
    specs: Sequence[PhoneSpec],
    plan: Iterator[Sequence[Ending]],
    dice: Random,
    tally: Tally,
    *,
    reading: Reading,
    own_adb: bool,
    whole_starts: bool,
) -> Findings:
    """One lab under fire, from pairing to the verdict."""
    lab = CrashLab(
        home,
        specs,
        seed=dice.getrandbits(32),
        reading=reading,
        own_adb=own_adb,
        whole_starts=whole_starts,
    )
    async with lab:
        await Onslaught(lab, dice, tally).run(plan)
        return await examine(lab)


async def play(scene: Scene, point: str, home: Path, tally: Tally) -> Findings:
    """One scene: to the point, and from there to the end."""
    entry = next(i for i, model in enumerate(MODELS) if model.api == scene.level)
    spec = spec_with(make_spec(entry, sims=1), boot_s=0.0, off_s=0.2, latency_s=(0.05, 0.3))
    async with CrashLab(home, [spec], settings=scene.settings) as lab:
        traffic = Traffic(lab, Random(point))
        if not scene.first_life:
            await lab.controller.start()
            await until(lambda: lab.paired() and _bound(lab), 30)
            await lab.controller.kill()
            tally.kills["at random"] += 1
        if point not in POINTS:
            lab.wires.armed[point] = 1
        await lab.controller.start(point if point in POINTS else "")
        await scene.mishap(lab, traffic)
        if not await lab.controller.ended(scene.patience_s):
            raise AssertionError(f"scene {scene.name!r} does not lead to {point}")
        tally.kills[point] += 1
        await scene.relief(lab, traffic)
        await lab.controller.start()
        await until(lab.paired, 30)
        for number in range(3):
            traffic.add(0, f"+1555000{number % 2:04d}")
        await finish(lab, tally, Operator(lab, tally))
        return await examine(lab)


def _bound(lab: CrashLab) -> bool:
    """Whether the bindings are on disk: from then on a message finds its SIM row."""
    return bound_rows(lab.journal_path) >= set(lab.cards())
