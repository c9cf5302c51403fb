"""Whether a port cuts is what the phone in it says."""

import pytest

from droidrack.core.port_proof import PortVerdict, judge

V = PortVerdict
EARLIER = "05-01 09:00:00.000  1200  1200 I battery_status: [2,2,1,2,Li-ion]\n"
CUT = "05-01 10:00:00.000  1200  1200 I battery_status: [3,2,1,0,Li-ion]\n"
FED = "05-01 10:00:09.000  1200  1200 I battery_status: [2,2,1,2,Li-ion]\n"
FULL = "05-01 10:00:05.000  1200  1200 I battery_status: [5,2,1,2,Li-ion]\n"


@pytest.mark.parametrize(
    ("before", "after", "went_away", "expected"),
    [
        (EARLIER, EARLIER + CUT + FED, True, V.CUTS),
        ("", CUT + FED, True, V.CUTS),
        (EARLIER, EARLIER, True, V.LIES),
        (EARLIER, EARLIER + FULL, True, V.LIES),  # It went on charging.
        (EARLIER + CUT + FED, EARLIER + CUT + FED, True, V.LIES),  # An earlier cut is none of ours.
        (EARLIER, EARLIER, False, V.DEAD_SWITCH),
        ("", "", True, V.UNKNOWN),  # A build that does not log it.
        (EARLIER, CUT, True, V.LIES),  # Never fed again: another cause.
    ],
)
def test_judge_believes_the_phone_alone(
    before: str, after: str, went_away: bool, expected: PortVerdict
) -> None:
    """Only a charger that was lost and came back meanwhile proves that the port cuts."""
    assert expected is judge(before, after, went_away=went_away)


def test_judge_reads_the_old_layout_too() -> None:
    """Android 5 and 6 print `I/battery_status( 790): [...]`."""
    old = "I/battery_status(  790): [3,2,1,0,Li-ion]\nI/battery_status(  790): [2,2,1,2,Li-ion]\n"
    assert V.CUTS is judge("", old, went_away=True)
