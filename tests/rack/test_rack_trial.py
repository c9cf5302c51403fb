"""The rack trial, bounded: phones disturbed during a run of the real program."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
KINDS = ("unplug", "reboot", "unauthorise", "kill adb server")


@pytest.mark.timeout(200)
def test_disturbed_rack_loses_nothing_and_names_every_state() -> None:
    """One of each kind that is noticed at once: the ledgers agree, and no neighbour is touched."""
    run = subprocess.run(
        [
            *(sys.executable, str(TESTS / "trial" / "trial.py"), "--json"),
            *("--phones", "4", "--disturbances", "4", "--kinds", ",".join(KINDS)),
            *("--span", "2", "--every", "1", "--poll", "0.5", "--seed", "3", "--limit", "150"),
        ],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS / "crash")},
    )
    assert run.stdout, run.stderr
    found = json.loads(run.stdout)
    wrongs = ("lost", "doubled", "wrong", "troubles", "misnamed")
    assert {name: [] for name in wrongs} == {name: found[name] for name in wrongs}
    assert 4 == found["disturbances"]
    assert [1, 1, 1, 4] == [found["by_kind"][kind]["times"] for kind in KINDS]
    assert found["sent"]
