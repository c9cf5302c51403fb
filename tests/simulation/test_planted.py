"""The simulation finds what is wrong: each planted bug, within a bounded number of seeds."""

import pytest
from sim_planted import PLANTED
from sim_run import run_seed

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
