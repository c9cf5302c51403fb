"""A rack paired from one list in one command, killed half way and continued."""

from pathlib import Path

from pairing_lab import play

from droidrack.app.pairing_run import AT_ONCE

PHONES = 12


def test_pair_csv_killed_half_way_is_continued_without_a_second_gateway(tmp_path: Path) -> None:
    """The panel's store ends with one device and one gateway per phone; a lost token is said."""
    story, devices = play(PHONES, tmp_path)
    assert PHONES // 2 <= story.at_kill < PHONES
    second = story.outcomes(story.second)
    # A kill costs at most the tokens that were on their way: their answers were never read.
    assert second.get("failed", 0) <= AT_ONCE
    assert story.at_kill <= second["already"] + second.get("failed", 0)
    for result in story.second:
        if result["outcome"] == "failed":
            assert "the run was killed" in result["error"]["hint"]
    assert "failed" not in story.outcomes(story.last)
    assert PHONES == len(devices)
    assert PHONES == len({uuid for uuid, _ in devices}) == len({gateway for _, gateway in devices})
