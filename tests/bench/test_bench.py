"""The bench reckons right, and the page has its place for the figures."""

import os

import pytest
from bench_bare import Bare
from bench_cost import cost
from bench_run import PAGE, POLL_S, TABLE_BEGINS, TABLE_ENDS, Figures, Load, Polls, table

IDLE = Load(10.0, 1.0, 0.5, 5.0, 9.0)
BUSY = Load(20.0, 12.0, 1.0, 50.0, 90.0)
ROW = Figures(10, 4.0, 80.0, IDLE, BUSY, 100, Bare(100, 10.0, 5.0))


def test_ratios_compare_with_the_bare_loop() -> None:
    """5 messages a second over 10; 10 s of CPU beyond the idle rack's, for 100, over 5 s."""
    assert 0.5 == ROW.rate_ratio
    assert 2.0 == ROW.cpu_ratio


def test_lateness_is_what_exceeds_the_interval() -> None:
    """Each phone by itself, and only since the moment that is asked about."""
    polls = Polls(None, {"a": [0.0, 10.0, 10.0 + POLL_S + 0.25], "b": [11.0]})
    assert [250.0] == polls.lateness_ms(since=10.0)


def test_cost_of_a_process_is_read() -> None:
    """This one has used some of both."""
    now = cost(os.getpid())
    assert now.cpu_s > 0
    assert now.memory_mb > 1


@pytest.mark.parametrize("mark", [TABLE_BEGINS, TABLE_ENDS])
def test_page_has_a_place_for_the_figures(mark: str) -> None:
    """`--write` puts the table between two marks."""
    assert 1 == PAGE.read_text("utf-8").count(mark)


def test_table_has_a_cell_for_every_head() -> None:
    """One row per number of phones."""
    head, rule, row = table([ROW]).splitlines()
    assert head.count("|") == rule.count("|") == row.count("|")
