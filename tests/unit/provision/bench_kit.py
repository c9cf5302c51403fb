"""A bench for provisioning without sockets and without waiting: virtual phones, virtual time."""

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from droidrack.adapters.recipe_files import EvidenceFolder, RecipeSupplies
from droidrack.adapters.run_journal_memory import MemoryRunJournal
from droidrack.app.provision.bench import Bench, Choices, Progressed, Target
from droidrack.app.provision.campaign import Campaign, Outcome
from droidrack.core.errors import ConfigError
from droidrack.core.provision.recipe import Recipe
from droidrack.core.provision.recipe_load import load_recipe
from droidrack.core.provision.record import RunKind
from droidrack.core.settings import PhoneSettings
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.estate import MAKERS, HabitQuirks
from droidrack.virtual.handset import Handset
from droidrack.virtual.inprocess import InProcessBus
from droidrack.virtual.phone import VirtualPhone
from droidrack.virtual.spec import PhoneSpec

T = TypeVar("T")
EPOCH = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class _JumpingSelector(selectors.SelectSelector):
    elapsed_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Move the clock on; a loop with nothing left to do is a test that hangs."""
        if timeout is None:
            raise RuntimeError("nothing is scheduled and nothing is ready")
        self.elapsed_s += max(timeout, 0.0)
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = _JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.elapsed_s


def in_virtual_time(main: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine function on a loop whose clock jumps to the next timer."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(main())  # type: ignore[arg-type] # any awaitable of ours is a coroutine


class LoopClock:
    """`ports.Clock` of the running loop."""

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0

    async def sleep(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)


async def here(job: Callable[[], T], /) -> T:
    """Blocking work in place: a thread would not know virtual time."""
    return job()


def no_parents(reference: str, origin: str) -> tuple[str, str]:
    """For recipes that extend nothing."""
    raise ConfigError(f"{reference}: no such recipe")


HEAD = '[recipe]\nschema = 1\nname = "test"\nversion = "1"\nsummary = "for a test"\n'


def recipe_of(text: str, *, head: str = HEAD, name: str = "test.toml") -> Recipe:
    """A recipe from its steps."""
    return load_recipe(name, head + text, no_parents)


def phone_of(spec: PhoneSpec, seed: int = 1, *, habits: bool = False) -> Handset:
    """A phone, with its maker's habits or without."""
    model = VirtualPhone(spec, wall=LoopClock().now, dice=random.Random(seed))
    if habits:
        model.estate.adopt(MAKERS.get(spec.maker.casefold(), HabitQuirks()))
    return Handset(model)


def phones_of(count: int, *, habits: bool = False, min_api: int = 21) -> list[Handset]:
    """Phones of the catalogue, mixed makers and releases."""
    specs = [make_spec(index) for index in range(4 * count)]
    chosen = [spec for spec in specs if spec.api >= min_api][:count]
    return [phone_of(spec, seed, habits=habits) for seed, spec in enumerate(chosen)]


class Workshop:
    """A bus of phones, a journal and what else a run needs."""

    def __init__(
        self,
        handsets: Sequence[Handset],
        home: Path,
        *,
        journal: Any = None,
        screen: Any = None,
        seed: int = 5,
    ) -> None:
        self.handsets = list(handsets)
        self.bus = InProcessBus(self.handsets)
        self.journal = journal or MemoryRunJournal()
        self.home = home
        self.events: list[Progressed] = []
        self.log: list[str] = []
        self._screen = screen
        self._dice = random.Random(seed)
        self._runs = 0

    def target(self, handset: Handset, **extra: Any) -> Target:
        spec = handset.model.spec
        return Target(PhoneSettings(name=spec.serial, serial=spec.serial), **extra)

    def bench(self, recipe: Recipe) -> Bench:
        def tell(event: str, /, **facts: object) -> None:
            self.log.append(f"{event} {facts}")

        return Bench(
            journal=self.journal,
            leases=self.journal,
            supplies=RecipeSupplies(recipe, str(self.home / "recipe.toml")),
            evidence=EvidenceFolder(self.home / "evidence"),
            screen=self._screen,
            clock=LoopClock(),
            dice=self._dice,
            tell=tell,
            watch=self.events.append,
            aside=here,
        )

    def choices(self, kind: RunKind, **changes: Any) -> Choices:
        self._runs += 1
        given = {"operator": "tester", "host": "here", "holder": f"here/{self._runs}"} | changes
        return Choices(kind=kind, **given)

    async def go(
        self,
        recipe: Recipe,
        kind: RunKind = RunKind.APPLY,
        *,
        targets: Sequence[Target] | None = None,
        **changes: Any,
    ) -> Outcome:
        """One run to its end."""
        chosen = [self.target(h) for h in self.handsets] if targets is None else targets
        campaign = Campaign(self.bench(recipe), self.choices(kind, **changes), recipe, chosen)
        return await campaign.go([self.bus])

    def writes(self) -> list[str]:
        """Everything that was changed on any phone."""
        return [change for handset in self.handsets for change in handset.model.estate.changes]

    def forget_writes(self) -> None:
        for handset in self.handsets:
            handset.model.estate.changes.clear()
