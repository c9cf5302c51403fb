"""The crash sweep, bounded: real controller processes, killed and compared by their ledgers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SWEEP = Path(__file__).parent.parent / "crash" / "sweep.py"


def swept(*options: str) -> dict[str, object]:
    """Run a sweep; what it found."""
    run = subprocess.run(
        [sys.executable, str(SWEEP), "--json", *options],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert run.stdout, run.stderr
    found = json.loads(run.stdout)
    assert isinstance(found, dict)
    return found


WRONGS = ("lost", "doubled", "wrong", "troubles")


@pytest.mark.timeout(300)
def test_kills_around_the_send_lose_double_and_misreport_nothing() -> None:
    """At every named point between intent and proof, and nested: the three ledgers agree."""
    points = ("commit.attempt", "phone.submit", "outside.message", "settle.sent")
    found = swept(
        *("--failpoints", "--only", "|".join(points), "--kills", "14"),
        *("--labs", "2", "--phones", "3", "--settle", "2", "--minutes", "3"),
    )
    assert {name: [] for name in WRONGS} == {name: found[name] for name in WRONGS}
    kills = found["kills_by_point"]
    assert isinstance(kills, dict)
    missed = [name for name, count in kills.items() if name.startswith(points) and not count]
    assert [] == missed
    assert found["sent"]
