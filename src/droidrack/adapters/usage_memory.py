"""The books about sending in dictionaries: see `ports.Usage`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

from droidrack.core.attempt import Attempt
from droidrack.core.ids import DeviceUuid, Iccid, Msisdn
from droidrack.ports import HoldRecord, Send
from droidrack.ports.usage import NEWEST_SENDS

Holds = dict[tuple[DeviceUuid, str], HoldRecord]


class MemoryUsage:
    """See `ports.Usage`.

    Args:
        sends: the attempts that may have happened with their numbers, newest first.
        to_read: the holds, where the journal may be read.
        writing: the holds, around a change.
    """

    def __init__(
        self,
        sends: Callable[[], Iterator[tuple[Attempt, Msisdn]]],
        to_read: Callable[[], Holds],
        writing: Callable[[str], AbstractContextManager[Holds]],
    ) -> None:
        self._sends, self._to_read, self._writing = sends, to_read, writing

    async def of_phone(self, device: DeviceUuid, since: datetime) -> tuple[Send, ...]:
        """See the port."""
        return self._newest(since, lambda attempt: attempt.device == device)

    async def of_card(self, iccid: Iccid, since: datetime) -> tuple[Send, ...]:
        """See the port."""
        return self._newest(since, lambda attempt: attempt.iccid == iccid)

    async def hold(self, record: HoldRecord) -> None:
        """See the port."""
        with self._writing("hold") as holds:
            holds[record.device, record.sim_uid] = record

    async def release(self, device: DeviceUuid, sim_uid: str) -> None:
        """See the port."""
        with self._writing("hold") as holds:
            holds.pop((device, sim_uid), None)

    async def holds(self) -> tuple[HoldRecord, ...]:
        """See the port."""
        return tuple(record for _, record in sorted(self._to_read().items()))

    def _newest(self, since: datetime, of: Callable[[Attempt], bool]) -> tuple[Send, ...]:
        found: list[Send] = []
        for attempt, number in self._sends():
            if not of(attempt):
                continue
            if len(found) >= NEWEST_SENDS and attempt.opened_at < since:
                break
            found.append(
                Send(
                    attempt.opened_at,
                    attempt.tick,
                    attempt.segments,
                    number,
                    attempt.slot,
                    attempt.iccid,
                )
            )
        return tuple(reversed(found))
