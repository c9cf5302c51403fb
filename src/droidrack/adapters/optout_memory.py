"""The opt-out list of the memory journal: a dictionary that obeys the same contract."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from droidrack.core.ids import MessageUid, Msisdn
from droidrack.core.optout import OptOut

Listed = dict[Msisdn, OptOut]


class MemoryOptOuts:
    """`ports.OptOuts` through the ways of its journal."""

    def __init__(
        self,
        listed: Callable[[], Listed],
        writing: Callable[[str], AbstractContextManager[Listed]],
    ) -> None:
        self._listed, self._writing = listed, writing

    async def add(self, entries: Sequence[OptOut]) -> int:
        """See the port."""
        with self._writing("optout") as listed:
            before = len(listed)
            for entry in entries:
                listed.setdefault(entry.number, entry)
            return len(listed) - before

    async def remove(self, number: Msisdn) -> bool:
        """See the port."""
        with self._writing("optout") as listed:
            return listed.pop(number, None) is not None

    async def among(self, numbers: Iterable[Msisdn]) -> Mapping[Msisdn, OptOut]:
        """See the port."""
        listed = self._listed()
        return {number: listed[number] for number in set(numbers) & listed.keys()}

    async def entries(self, *, after: Msisdn | None = None, limit: int) -> tuple[OptOut, ...]:
        """See the port."""
        bound = "" if after is None else after.reveal()
        order = sorted(self._listed().values(), key=lambda entry: entry.number.reveal())
        return tuple(entry for entry in order if entry.number.reveal() > bound)[:limit]

    async def confirm(self, number: Msisdn, uid: MessageUid) -> bool:
        """See the port."""
        with self._writing("optout") as listed:
            entry = listed.get(number)
            if entry is None or entry.confirmation not in (None, uid):
                return False
            listed[number] = replace(entry, confirmation=uid)
            return True
