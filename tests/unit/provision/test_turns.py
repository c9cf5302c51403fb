"""Turns on this host: bounded, fair, and no time of a phone's; one copy of a file for a wave."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from bench_kit import LoopClock, Workshop, in_virtual_time, phone_of, recipe_of

from droidrack.app.provision.limits import Limits, LimitSettings
from droidrack.core.ids import UsbPath
from droidrack.core.provision.record import StepState
from droidrack.virtual.apk_build import build_apk
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.estate import HabitQuirks
from droidrack.virtual.handset import Handset

APP = '[[steps]]\nname = "app"\ntype = "apk"\nfile = "a.apk"\ndeadline_s = 60\n'
SCREEN = '[[steps]]\nname = "screen"\ntype = "screen"\ntimeout_s = 60\n'
PORTS = [UsbPath(f"1-1.{n}") for n in range(1, 5)] + [UsbPath(f"1-1.4.{n}") for n in range(1, 5)]


class Traffic:
    """Transfers of ten seconds each, and how many ran at once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.order: list[str] = []
        self.reads = 0

    async def read(self) -> bytes:
        """The host's disk."""
        self.reads += 1
        await asyncio.sleep(1)
        return b"content"

    async def ship(self, port: UsbPath, name: str) -> None:
        """One phone's transfer."""
        cable = port.partition(".")[0]
        async with self.limits.shipment(port, "digest", 100, self.read) as content:
            assert b"content" == content
            self.order.append(name)
            for key in (cable, "host"):
                self.now[key] = self.now.get(key, 0) + 1
                self.most[key] = max(self.most.get(key, 0), self.now[key])
            await asyncio.sleep(10)
            for key in (cable, "host"):
                self.now[key] -= 1


def run(story: Callable[[], Awaitable[Any]]) -> Any:
    """In virtual time."""
    return in_virtual_time(story)


def test_transfers_behind_one_cable_are_bounded_and_served_in_turn() -> None:
    """Hubs behind hubs share the cable to the host; whoever asked first is served first."""

    async def story() -> None:
        traffic = Traffic(Limits(LimitSettings(hub_transfers=2, transfers=8)))
        names = [f"{port} {turn}" for turn in range(2) for port in PORTS]
        await asyncio.gather(*(traffic.ship(UsbPath(n.split()[0]), n) for n in names))
        assert {"1-1": 2, "host": 2} == traffic.most
        assert names == traffic.order

    run(story)


def test_busy_hub_takes_no_turn_of_the_hosts_from_another() -> None:
    """Twenty phones wait behind one hub; one on another port is served at once."""

    async def story() -> float:
        traffic = Traffic(Limits(LimitSettings(hub_transfers=2, transfers=3)))
        crowd = [asyncio.ensure_future(traffic.ship(PORTS[0], f"c{n}")) for n in range(20)]
        await asyncio.sleep(0.1)
        await traffic.ship(UsbPath("2-3"), "alone")
        ended = LoopClock().monotonic()
        await asyncio.gather(*crowd)
        assert 3 == traffic.most["host"]
        return ended

    assert run(story) < 12


def test_wave_of_phones_shares_one_copy_of_a_file() -> None:
    """Read once for those that overlap, dropped afterwards, and charged once to the memory."""

    async def story() -> None:
        limits = Limits(LimitSettings(bytes_in_flight=150))
        traffic = Traffic(limits)
        await asyncio.gather(*(traffic.ship(port, str(port)) for port in PORTS))
        assert 1 == traffic.reads
        await traffic.ship(PORTS[0], "later")
        assert 2 == traffic.reads
        async with limits.transfer(PORTS[0], 150):
            pass  # All memory is free again.

    run(story)


def test_file_that_cannot_be_read_leaves_its_room_to_others() -> None:
    """Each of the wave hears of it, and the next transfer finds all memory free."""

    async def story() -> None:
        limits = Limits(LimitSettings(bytes_in_flight=100))

        async def gone() -> bytes:
            raise OSError("gone")

        async def ship() -> None:
            async with limits.shipment(PORTS[0], "digest", 100, gone):
                raise AssertionError("there is no content")

        said = await asyncio.gather(*(ship() for _ in range(3)), return_exceptions=True)
        assert ["gone"] * 3 == [str(error) for error in said]
        async with limits.transfer(PORTS[0], 100):
            pass

    run(story)


# --- The same in a run ------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with an APK."""
    (tmp_path / "a.apk").write_bytes(build_apk("org.example.a", version_code=2))
    return tmp_path


def phones(
    count: int, habits: HabitQuirks | None = None, *, latency_s: float = 0.0
) -> list[Handset]:
    """Phones of one release."""
    made = [phone_of(make_spec(index, api=34)) for index in range(count)]
    for handset in made:
        handset.model.estate.adopt(habits or HabitQuirks())
        handset.link.latency_s = latency_s
    return made


def test_queue_for_the_hub_is_no_part_of_an_installs_deadline(home: Path) -> None:
    """Twelve phones, one transfer at a time: the last waits long, and none is late."""
    shop = Workshop(phones(12, latency_s=4.0), home)
    recipe = recipe_of(APP, name=str(home / "recipe.toml"))

    async def story() -> None:
        limits = LimitSettings(hub_transfers=1, transfers=1)
        outcome = await shop.go(recipe, limits=limits, arrive_s=60.0)
        assert [] == [phone.phone.cause for phone in outcome.phones if phone.phone.cause]
        assert LoopClock().monotonic() > 70

    in_virtual_time(story)


def test_phone_that_waits_for_a_person_holds_no_turn(home: Path) -> None:
    """Three wait for a person for ten minutes; with one turn for all the fourth is done at once."""
    waits = (
        '[[steps]]\nname = "cards"\ntype = "human"\ninstructions = "take the SIM cards out"\n'
        'check = "false"\ndeadline_s = 600\nwhen = { labels = ["waits"] }\n'
    )
    handsets = phones(4)
    shop = Workshop(handsets, home)
    targets = [shop.target(h, labels=frozenset(["waits"])) for h in handsets[:3]]
    targets.append(shop.target(handsets[3]))

    async def story() -> None:
        outcome = await shop.go(
            recipe_of(waits + SCREEN), targets=targets, limits=LimitSettings(phones=1)
        )
        last = outcome.phones[3].phone
        assert last.ended_at is not None
        assert last.started_at is not None
        assert (last.ended_at - last.started_at).total_seconds() < 5

    in_virtual_time(story)


def test_install_that_hangs_delays_no_phone_of_the_next_turn(home: Path) -> None:
    """Two prompts nobody answers hold two of three turns until their deadline, not the others."""
    hung, calm = (
        phones(2, HabitQuirks(install_prompt=True)),
        [phone_of(make_spec(index, api=33)) for index in range(2, 12)],
    )
    shop = Workshop([*hung, *calm], home)
    recipe = recipe_of(APP, name=str(home / "recipe.toml"))

    async def story() -> None:
        outcome = await shop.go(recipe, limits=LimitSettings(phones=3), stop_rate=1.0)
        states = [phone.steps[0].state for phone in outcome.phones]
        assert [StepState.FAILED] * 2 + [StepState.DONE] * 10 == states
        ends = [p.phone.ended_at for p in outcome.phones if p.phone.ended_at]
        start = outcome.run.started_at
        assert all((end - start).total_seconds() < 20 for end in ends[2:])

    in_virtual_time(story)
