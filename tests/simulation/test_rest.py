"""A phone whose messages wait for the morning is left alone."""

from sim_scenario import QUICK, phones, ready, told_by
from sim_world import Site


def test_alarms_that_ring_on_wake_nobody() -> None:
    """Only a change is news: what still rings at the next look makes nobody look at the phone."""
    heard: list[str] = []

    async def story(site: Site) -> None:
        await ready(site)
        assert site.process is not None
        worker = site.process.rack.workers[0]
        oversight, hear = worker.oversight, worker.oversight.on_change
        site.phones[0].model.battery.temperature_c = 42.0
        oversight.on_change = lambda: (heard.append("change"), hear())[1]
        await site.until(site.loop.time() + 600.0)

    told_by(story, specs=phones(34), plan=QUICK)
    assert 0 < len(heard) <= 2
