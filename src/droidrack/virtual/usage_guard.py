"""AOSP's limit on outgoing messages, per sending package and for all SIMs together.

Source: SmsUsageMonitor.java; the same numbers in Android 5 to 16.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

MAX_COUNT = 30
INTERVAL_MS = 60_000


class UsageGuard:
    """Counts the parts of each package in a sliding window.

    Made anew with the phone process, which is the only time that the settings are read.
    """

    def __init__(self, settings: Mapping[str, str], wall: Callable[[], datetime]) -> None:
        self.max_count = _number(settings.get("sms_outgoing_check_max_count"), MAX_COUNT)
        interval_ms = _number(settings.get("sms_outgoing_check_interval_ms"), INTERVAL_MS)
        self.interval = timedelta(milliseconds=interval_ms)
        self._wall = wall
        self._sent: dict[str, list[datetime]] = {}

    def admits(self, package: str, parts: int) -> bool:
        """Whether `parts` more may go out without asking; if so they are counted."""
        now = self._wall()
        window = [at for at in self._sent.get(package, []) if at >= now - self.interval]
        admitted = len(window) + parts <= self.max_count
        self._sent[package] = window + [now] * parts if admitted else window
        return admitted


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.lstrip("-").isdigit() else default
