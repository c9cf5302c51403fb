"""Provisioning beside a running controller: a phone sends or is provisioned, never both."""

import asyncio
from pathlib import Path

from controller_bench import Bench, at_work, bench, swift

from droidrack import compose_provisioning as wiring
from droidrack.app.provision.bench import Choices, Progressed, Target
from droidrack.app.provision.campaign import Campaign, Outcome
from droidrack.core.provision.record import RunKind

RECIPE = """
[recipe]
schema = 1
name = "beside"
version = "1"
summary = "beside a controller"
[[steps]]
name = "screen"
type = "screen"
timeout_s = 60
[[steps]]
name = "restart"
type = "restart"
"""


async def provision(table: Bench, kind: RunKind, seen: list[Progressed]) -> Outcome:
    """A run over the bench's phones, wired as the command line wires it."""
    file = table.home / "beside.toml"
    file.write_text(RECIPE)
    recipe, origin = wiring.read_recipe(str(file))
    state_dir = Path(table.settings.state_dir)
    choices = Choices(kind=kind, operator="tester", host="here", holder="a bench of its own")
    async with (
        wiring.open_run_journal(state_dir) as journal,
        wiring.open_workshop(
            recipe, origin, adb=table.settings.adb, state_dir=state_dir, journal=journal,
            tell=table.lines, watch=seen.append,
        ) as shop,
    ):  # fmt: skip
        targets = [Target(phone) for phone in table.settings.phones]
        return await Campaign(shop.bench, choices, recipe, targets).go(shop.buses)


def test_messages_and_a_recipe_share_phones_without_meeting(tmp_path: Path) -> None:
    """Messages queued before, during and after a run with a restart: each goes out once.

    The controller lets go of its phones, has them back afterwards, and the radio is never used
    while a step of the recipe is under way.
    """

    async def play() -> None:
        async with at_work([swift(14), swift(15)], tmp_path) as (table, running):
            uids = [table.queue(f"before {n}", phone=n % 2) for n in range(6)]
            seen: list[Progressed] = []
            run = asyncio.create_task(provision(table, RunKind.APPLY, seen))
            await running.until(
                lambda: "leased" in running.states() or run.done(), "a phone was let go"
            )
            assert not run.done()
            uids += [table.queue(f"during {n}", phone=n % 2) for n in range(6)]
            outcome = await run
            assert outcome.good, [phone.phone.cause for phone in outcome.phones]
            uids += [table.queue(f"after {n}", phone=n % 2) for n in range(2)]
            await table.reported(running, uids)
            assert table.compare().agree
            assert 14 == len(table.on_air())
            for phone in outcome.phones:
                (mine,) = [p for p in table.phones if p.model.spec.serial == phone.phone.serial]
                began = min(step.started_at for step in phone.steps if step.started_at)
                ended = max(step.ended_at for step in phone.steps if step.ended_at)
                sent = [m.at for m in table.rack.air.messages if m.serial == mine.model.spec.serial]
                assert not [moment for moment in sent if began < moment < ended]

    asyncio.run(play())


def test_looking_takes_no_phone_away(tmp_path: Path) -> None:
    """Plan and verify only read: the controller goes on sending beside them."""

    async def play() -> None:
        async with at_work([swift(15)], tmp_path) as (table, running):
            await provision(table, RunKind.PLAN, [])
            await provision(table, RunKind.VERIFY, [])
            assert ["ready"] == running.states()
            assert [] == [c for c in table.phones[0].model.estate.changes if "settings" in c]

    asyncio.run(play())


def test_controller_tells_of_an_update_and_the_check_is_due(tmp_path: Path) -> None:
    """A phone comes back with another build: the log and the journal say so, once."""

    async def play() -> None:
        async with bench([swift(15)], tmp_path) as table:
            builds = []
            for build in ("", "", "maker/phone:15/AP4A/2:user/release-keys"):
                if build:
                    table.phones[0].model.overrides["ro.build.fingerprint"] = build
                async with table.controller() as running:
                    await running.ready()
                async with wiring.open_run_journal(Path(table.settings.state_dir)) as journal:
                    builds.append(set((await journal.builds_seen()).values()))
            assert builds[0] == builds[1]
            assert [{build}] == builds[2:]
            assert 1 == table.lines.events().count("build changed")

    asyncio.run(play())
