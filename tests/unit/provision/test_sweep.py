"""Unplugs, cut answers and kills at random moments: the same end, and nothing twice."""

from pathlib import Path

import pytest
from sweep_kit import sweep


@pytest.mark.parametrize("seed", range(12))
def test_apply_disturbed_at_random_ends_as_undisturbed(seed: int, tmp_path: Path) -> None:
    """Whatever happens on the way, the phones end the same and enrol exactly once."""
    sweep(seed, tmp_path)
