"""The opt-out list: who asked for no more messages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from droidrack.core.ids import MessageUid, Msisdn
from droidrack.core.optout import OptOut


class OptOuts(Protocol):
    """One list for all SIMs, in the storage of the journal.

    1. A number stands in it once. `add` of a listed number MUST leave its entry as it is.
    2. Reads MUST see what any program has committed: an operator's command writes beside a running
       controller.
    3. What a writing call changed MUST be on disk, whole, when it returns.
    4. `confirm` MUST let one message per entry, and let that one again; a number that was removed
       and added anew gets another.
    """

    async def add(self, entries: Sequence[OptOut]) -> int:
        """Put numbers on the list; how many were new."""
        ...

    async def remove(self, number: Msisdn) -> bool:
        """Take a number off the list; whether it was on it."""
        ...

    async def among(self, numbers: Iterable[Msisdn]) -> Mapping[Msisdn, OptOut]:
        """Those of some numbers that are on the list."""
        ...

    async def entries(self, *, after: Msisdn | None = None, limit: int) -> tuple[OptOut, ...]:
        """Some of the list, in the order of the numbers, from behind `after` on."""
        ...

    async def confirm(self, number: Msisdn, uid: MessageUid) -> bool:
        """Let one message confirm an opt-out; False: it is not listed, or another one did."""
        ...
