"""Edits of the configuration amid traffic and faults, in virtual time: every promise is judged."""

import asyncio
from dataclasses import replace
from random import Random

import pytest
from sim_faults import cut, freeze, unplug
from sim_process import OWNER
from sim_scenario import NUMBER, phones, ready, told_by
from sim_world import Site

from droidrack.core.settings import Pacing, PhoneSettings
from droidrack.core.settings_change import change_of


async def reload(site: Site, *entries: PhoneSettings) -> None:
    """Let a file with these phones hold from now on, in the process that lives."""
    process = site.process
    mark = OWNER.set(process)
    try:
        settings = process.world.settings
        await process.rack.reload(change_of(settings, replace(settings, phones=entries)))
    finally:
        OWNER.reset(mark)


@pytest.mark.parametrize("seed", range(8))
def test_reload_amid_faults_keeps_every_promise(seed: int) -> None:
    """Phones are added, removed, renamed and changed while cables are pulled and answers cut."""

    async def story(site: Site) -> None:
        dice = Random(seed)
        await ready(site)
        first, second = site.process.world.settings.phones
        asked = 0
        for _ in range(15):
            for _ in range(dice.randrange(4)):
                phone = site.phones[dice.randrange(2)]
                number = f"{NUMBER[:-3]}{asked:03d}"
                await site.ask(phone, 0, number, f"text {asked}")
                asked += 1
            slower = replace(second, pacing=Pacing(min_gap_s=dice.choice([1.0, 5.0])))
            renamed = replace(first, name=f"moved-{dice.randrange(3)}")
            entries = dice.choice(
                [(first, second), (first,), (second,), (first, slower), (renamed, second)]
            )
            fault = dice.choice([cut, freeze, unplug, None, None])
            if fault is not None:
                site.start(fault(site, site.phones[dice.randrange(2)], Random(dice.random())))
            await reload(site, *entries)
            await asyncio.sleep(dice.choice([0.1, 3.0, 40.0]))
        await reload(site, first, second)

    site = told_by(story, specs=phones(34, 29), seed=seed)
    assert all(site.truth.told[uid][0] in ("sent", "failed") for uid in site.truth.uids)
