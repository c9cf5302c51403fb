"""Writes down what became of a message before or at its call, with its report and its audit line.

For the rooms up to the radio. What the witnesses say afterwards is written by the confirming room.
"""

from collections.abc import Callable, Sequence

from droidrack.app.minutes import Minutes
from droidrack.app.world import World
from droidrack.core.attempt import Evidence, EvidenceKind
from droidrack.core.audit import AuditEntry
from droidrack.core.door import Refuse
from droidrack.core.ids import DeviceUuid
from droidrack.core.message import Message, MessageState
from droidrack.core.report import report_for


class Settling:
    """The pen of one phone's rooms. `on_settled`: there is something to report."""

    def __init__(
        self, world: World, device: DeviceUuid, minutes: Minutes, on_settled: Callable[[], None]
    ) -> None:
        self._world = world
        self._device = device
        self._minutes = minutes
        self._on_settled = on_settled

    async def refuse(self, message: Message, refusal: Refuse) -> None:
        """It will never go."""
        await self.move(
            message,
            refusal.state,
            refusal.code,
            EvidenceKind.POLICY,
            refusal.detail,
            audit=self._minutes.refuse(message, refusal),
        )

    async def lost(self, message: Message, code: str, detail: str) -> None:
        """Its call's answer was lost: the witnesses will say, unless they have said already."""
        life = await self._world.journal.life(message.uid)
        if life is not None and life.state is MessageState.SENDING:
            await self.move(message, MessageState.SENDING, code, EvidenceKind.CALL_LOST, detail)

    async def move(
        self,
        message: Message,
        state: MessageState,
        code: str,
        kind: EvidenceKind,
        detail: str = "",
        audit: Sequence[AuditEntry] = (),
    ) -> None:
        """Move it, in one transaction; where that is its end, the panel will hear of it."""
        now = self._world.clock.now()
        report = None
        if state in (MessageState.FAILED, MessageState.EXPIRED):
            unknown_as = self._world.settings.policy.unknown_as
            report = report_for(message.uid, state, code, now, unknown_as)
        await self._world.journal.settle(
            message.uid,
            state,
            code=code,
            evidence=[Evidence(kind, now, detail)],
            report=report,
            at=now,
            audit=audit,
        )
        if report is not None:
            self._world.tell(
                "message settled",
                device=self._device,
                uid=message.uid,
                state=state.value,
                code=code,
                proof=kind.value,
            )
            self._on_settled()
