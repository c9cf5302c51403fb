"""The simulation finds what is wrong: each planted bug, within a bounded number of seeds."""

import pytest
from sim_planted import PLANTED, watermark_after_call
from sim_run import run_seed
from sim_scenario import NUMBER, ready, told_by
from sim_world import Site

SEEDS = 80


@pytest.mark.parametrize("name", PLANTED)
def test_planted_bug_is_caught(name: str) -> None:
    """A bug of this kind breaks a promise in one of the first seeds."""
    with PLANTED[name]():
        caught = next(
            (
                result.broken[0]
                for seed in range(SEEDS)
                if (result := run_seed(seed, on_file=False)).broken
            ),
            None,
        )
    assert caught is not None


async def _row_alone_proves(site: Site) -> None:
    """A message whose only witness is its row."""
    await ready(site)
    site.phones[0].model.logs.silenced.add("radio")
    await site.ask(site.phones[0], 0, NUMBER, "text")


def test_planted_watermark_after_the_call_is_caught() -> None:
    """Its own row lies below such a mark: what was sent stays unknown for ever."""
    assert (1, 0, 0) == told_by(_row_alone_proves).truth.status_counts()
    with watermark_after_call():
        assert (0, 0, 1) == told_by(_row_alone_proves).truth.status_counts()
