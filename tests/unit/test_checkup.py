"""What a check-up makes of facts."""

from datetime import UTC, datetime, timedelta

import pytest

from droidrack.core.checkup import (
    PanelSight,
    Place,
    Severity,
    fine,
    judge_panel,
    judge_state_dir,
    warning,
    worst,
)

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PLENTY = 10 * 1024**3
S = Severity


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("/s", 0o700, True, PLENTY), [S.OK, S.OK]),
        (Place("/s", None, True, PLENTY), [S.OK, S.OK]),
        (Place("/s", 0o750, True, PLENTY), [S.WARN, S.OK]),
        (Place("/s", 0o700, False, PLENTY), [S.ERROR, S.OK]),
        (Place("/s", 0o700, True, 500 * 1024**2), [S.OK, S.WARN]),
        (Place("/s", 0o700, True, 1024**2), [S.OK, S.ERROR]),
    ],
)
def test_state_dir_is_judged_by_access_and_room(place: Place, expected: list[Severity]) -> None:
    """Open to others: a warning; not writable or full: an error."""
    assert expected == [finding.severity for finding in judge_state_dir(place)]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(401, S.OK), (403, S.OK), (500, S.WARN), (404, S.ERROR), (302, S.ERROR)],
)
def test_panel_is_judged_by_how_it_refuses(status: int, expected: Severity) -> None:
    """Only the API itself refuses a question without a token as such."""
    assert expected is judge_panel("http://127.0.0.1:1", PanelSight(status), NOON)[0].severity


@pytest.mark.parametrize(
    ("url", "sight", "expected"),
    [
        ("http://127.0.0.1:1", PanelSight(401), S.OK),
        ("http://panel.example.com", PanelSight(401), S.WARN),
        ("https://p.example.com", PanelSight(401, "TLSv1.3", NOON + timedelta(days=60)), S.OK),
        ("https://p.example.com", PanelSight(401, "TLSv1.3", NOON + timedelta(days=3)), S.WARN),
    ],
)
def test_way_to_the_panel_is_judged(url: str, sight: PanelSight, expected: Severity) -> None:
    """Plain http beyond this host and a certificate about to end are warnings."""
    assert expected is judge_panel(url, sight, NOON)[1].severity


def test_worst_of_findings() -> None:
    """One warning among fine things counts; nothing at all is fine."""
    assert S.OK is worst([])
    assert S.WARN is worst([fine("a", "b"), warning("a", "b", "c"), fine("a", "b")])
