"""Ends of an adb server are told apart."""

import signal

import pytest

from droidrack.core.server_fault import ServerFault, judge_end

F = ServerFault


@pytest.mark.parametrize(
    ("exit_code", "asked", "expected"),
    [
        (-signal.SIGKILL, False, F.KILLED),
        (-signal.SIGTERM, False, F.KILLED),
        (-signal.SIGABRT, False, F.CRASHED),
        (-signal.SIGSEGV, False, F.CRASHED),
        (0, False, F.ENDED),
        (1, False, F.ENDED),
        (None, False, F.SPINNING),
        (-signal.SIGKILL, True, F.RESTARTED),
    ],
)
def test_server_end_names_who_did_it(
    exit_code: int | None, asked: bool, expected: ServerFault
) -> None:
    """A foreign kill, a crash and a spinning server need different people."""
    assert expected is judge_end(exit_code, asked=asked).fault


def test_server_end_says_what_to_do() -> None:
    """Each in its own words, but for our own restart."""
    ends = [judge_end(code) for code in (-signal.SIGKILL, -signal.SIGABRT, 0, None)]
    assert len(ends) == len({end.hint for end in ends if end.hint})
