"""A pulled cable is seen in time, whatever its phone was about, in virtual time."""

import asyncio
from random import Random

from sim_scenario import NUMBER, phones, ready, told_by, until
from sim_world import Site

from droidrack.core.standing import PhoneState

SEEN_S = 10.0
"""An operator at the shelf looks at the screen after he pulled a cable."""


def test_pulled_cable_is_seen_within_ten_seconds() -> None:
    """Twenty times, idle or amid a call; the other phone keeps its state."""
    dice, waited = Random(7), []

    async def story(site: Site) -> None:
        await ready(site)
        loop = asyncio.get_running_loop()
        pulled, other = site.process.rack.workers
        for turn in range(20):
            await until(lambda: pulled.standing.state is PhoneState.READY)
            for phone in site.phones:
                await site.ask(phone, 0, f"{NUMBER[:-3]}{turn:03d}", "on the way")
            await asyncio.sleep(dice.uniform(0.0, 8.0))
            began = loop.time()
            await site.phones[0].handset.link.unplug()
            await until(lambda: pulled.standing.state is PhoneState.ABSENT, every_s=0.01)
            waited.append(loop.time() - began)
            assert other.standing.state is PhoneState.READY
            # Longer than what makes a cable a bad one: this is about cables that are pulled.
            await asyncio.sleep(90.0)
            await site.phones[0].handset.link.replug()

    told_by(story, specs=phones(34, 29))
    assert 20 == len(waited)
    assert max(waited) <= SEEN_S
