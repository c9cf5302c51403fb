"""Failpoints: death at the named point and nowhere else, and a refusal of wrong names."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from droidrack.adapters import failpoints
from droidrack.adapters.failpoints import COMMITS, INBOX_COMMITS, POINTS, UNWATCHED, Failpoints
from droidrack.core.errors import ConfigError

SIDES = ("before", "after")
ADAPTERS = Path(failpoints.__file__).parent

PLAY = """
import asyncio, sys
from droidrack.adapters.failpoints import Failpoints

class Sink:
    async def pending(self):
        print("called", flush=True)

async def play():
    panel = Failpoints.of(sys.argv[1]).panel(Sink())
    for turn in range(3):
        await panel.pending()

asyncio.run(play())
"""


def play(armed: str) -> subprocess.CompletedProcess[str]:
    """Call a panel three times in a process with armed points."""
    return subprocess.run(
        [sys.executable, "-c", PLAY, armed],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize(
    ("armed", "calls"), [("panel.pending.before:2", 1), ("panel.pending.after:2", 2)]
)
def test_armed_point_ends_the_process_on_its_side_of_the_call(armed: str, calls: int) -> None:
    """The count is of passes, "before" is before the call's effect, "after" behind it."""
    ended = play(armed)
    assert -signal.SIGKILL == ended.returncode
    assert "called\n" * calls == ended.stdout


def test_point_that_is_not_passed_does_nothing() -> None:
    """Arming one point leaves all others alone."""
    ended = play("panel.report.before,vault.store.after:7")
    assert (0, "called\n" * 3) == (ended.returncode, ended.stdout)


@pytest.mark.parametrize("armed", ["panel.pendin.before", "panel.pending.before:0", "x,y:two"])
def test_wrong_name_or_count_is_refused(armed: str) -> None:
    """A typing mistake would make a crash test that never crashes."""
    with pytest.raises(ConfigError) as refused:
        Failpoints.of(armed)
    assert armed.partition(",")[0] in refused.value.message


def test_every_write_of_the_journal_has_its_points_or_a_reason_to_have_none() -> None:
    """A new unit that no crash test knows would be tried by nobody."""
    written = re.compile(r"(?:_writes(?:\(\))?\.submit|_write(?:\(\)\.submit)?)\(\s*\"([a-z-]+)\"")
    sources = ("journal_sql", "inbox_sql", "usage_sql", "optout_sql", "audit_sql")
    units = {
        unit
        for source in sources
        for unit in written.findall((ADAPTERS / f"{source}.py").read_text("utf-8"))
    }
    assert units == {*COMMITS, *INBOX_COMMITS} | UNWATCHED


def test_names_are_unique_and_come_in_pairs() -> None:
    """Each step has one point before and one after it."""
    steps = [name.removesuffix(".before") for name in POINTS if name.endswith(".before")]
    assert sorted(POINTS) == sorted(f"{step}.{side}" for step in set(steps) for side in SIDES)
