"""Does the phone ask somebody on its screen whether it may send?

Android's guard against many messages does, its check of short codes, and some makers' permission
keepers. Behind such a window a message waits without a row and without an end, and more messages
would pile up: so the phone is held and its operator told. The window is never answered from here.

A look costs the phone a process start. It is worth one where a message shows no sign of life for
longer than a message takes, and while a window is known to be there. What the health room sees by
the way counts as well, so that there is one truth about the screen, one hold and one alarm.
"""

from collections.abc import Callable
from datetime import timedelta

from droidrack.app.handset import Handset
from droidrack.app.world import World
from droidrack.core.attempt import Attempt
from droidrack.core.errors import AnswerCut, ParseError, PhoneRefused, PhoneTimeout
from droidrack.core.ids import MessageUid
from droidrack.core.message import OPEN, MessageState
from droidrack.core.parse.windows import PHONE_PROCESS

LOOK_S = 10.0
"""Between two looks: of an operator who answered, nobody should have to wait much longer."""

OVERDUE_S = 8.0
OVERDUE_PER_SEGMENT_S = 4.0
"""A part takes 2 to 6 s on the air; with this allowance one send in some hundred costs a look."""

DOUBT = timedelta(hours=1)
"""A message of unknown outcome is a reason to look for so long; nobody leaves a phone asking for
longer, and a maker's window that has nothing to do with it must not hold the phone for good."""


class Asking:
    """The window watch of one phone. `package` owns the window that asks; "": there is none."""

    def __init__(self, world: World, handset: Handset) -> None:
        self._world = world
        self._handset = handset
        self.package = ""
        self.on_change: Callable[[], None] = lambda: None
        self._acquitted: set[MessageUid] = set()  # In doubt, and not because of a window.

    async def run(self) -> None:
        """Watch for ever. PhoneError when the phone is gone."""
        while True:
            await self.look()
            await self._world.clock.sleep(LOOK_S)

    async def look(self) -> None:
        """Look at the screen, where there is a reason to."""
        late = await self._late()
        if not late and not self.package:
            return
        try:
            worth = late or self.package == PHONE_PROCESS
            seen = await self._handset.asking_window() if worth else ""
        except (PhoneTimeout, PhoneRefused, AnswerCut) as error:
            # Nothing is known anew: what was seen last stands.
            self._world.tell("windows not read", device=self._handset.device, why=error.message)
            return
        except ParseError as error:
            self._world.tell("dump not understood", device=self._handset.device, why=error)
            return
        if not seen:
            self._acquitted |= {a.uid for a, state in late if state is MessageState.UNKNOWN}
        # A maker's window may have nothing to do with messages: it counts beside a late one only.
        self._see(seen if late or seen == PHONE_PROCESS else "")

    def hear(self, *, phone_process: bool) -> None:
        """Somebody else read the screen: whether the phone process shows a window."""
        if phone_process:
            self._see(PHONE_PROCESS)
        elif self.package == PHONE_PROCESS:
            self._see("")

    async def _late(self) -> list[tuple[Attempt, MessageState]]:
        """Attempts that a window may be keeping back."""
        found = await self._world.journal.open_attempts(self._handset.device)
        boot_id = self._handset.boot_id
        return [
            (flight.attempt, state)
            for flight, state in found
            if flight.attempt.boot_id == boot_id and self._is_late(flight.attempt, state)
        ]

    def _is_late(self, attempt: Attempt, state: MessageState) -> bool:
        steady = self._handset.steady
        opened_at = self._world.openings.get((attempt.uid, attempt.number))
        age = steady.now() - (opened_at or steady.of(attempt.opened_at, attempt.tick))
        if state in OPEN:
            limit_s = OVERDUE_S + OVERDUE_PER_SEGMENT_S * attempt.segments
            return age.total_seconds() >= limit_s
        return age < DOUBT and attempt.uid not in self._acquitted

    def _see(self, package: str) -> None:
        if package == self.package:
            return
        self.package = package
        if package:
            why = f"a window of {package} asks on its screen; nothing is sent until it is answered"
            self._world.tell("phone asks", device=self._handset.device, why=why)
        else:
            self._world.tell("phone answered", device=self._handset.device)
        self.on_change()
