"""Brings messages before the door, with all that its rules ask about, and notes what it says."""

from collections.abc import Mapping
from dataclasses import replace

from droidrack.app.asking import Asking
from droidrack.app.conduct import Conduct
from droidrack.app.handset import Handset
from droidrack.app.holding import Holding
from droidrack.app.minutes import Minutes
from droidrack.app.pace import Pace
from droidrack.app.recipients import Recipients
from droidrack.app.world import World
from droidrack.core.door import Case, Decision, Hold, Refuse, SimBinding, decide
from droidrack.core.message import Message


class Porter:
    """The way of one phone's messages to the door."""

    def __init__(
        self,
        world: World,
        handset: Handset,
        *,
        pace: Pace,
        recipients: Recipients,
        asking: Asking,
        holding: Holding,
        conduct: Conduct,
        minutes: Minutes,
    ) -> None:
        """Nothing is asked yet."""
        self._world = world
        self._handset = handset
        self._pace = pace
        self._recipients = recipients
        self._asking = asking
        self._holding = holding
        self._conduct = conduct
        self._minutes = minutes

    def case(self, message: Message, bindings: Mapping[str, SimBinding]) -> Case:
        """A message with everything but its recipient's entry and the room that there is."""
        row, binding = message.sim_uid, bindings.get(message.sim_uid)
        case = Case(
            message=message,
            binding=binding,
            sims=self._handset.sims,
            row_exists=binding is not None or self._row_exists(row),
            held_s=self._holding.held_s(row),
            now=self._world.clock.now(),
            policy=self._world.settings.policy,
            asking=self._asking.package,
            spent_s=self._holding.spent_s(row),
            held=self._conduct.holds(self._handset.sims),
        )
        return self._recipients.placed(case)

    def decide(self, case: Case) -> Decision:
        """What the door says now; a hold is kept in mind, and its line for the audit."""
        row, allowance = case.message.sim_uid, self._pace.allowance(case.sim)
        decision = decide(replace(self._recipients.known(case), allowance=allowance))
        if isinstance(decision, Hold) and self._holding.is_news(decision):
            self._minutes.hold(case.message, decision)
        if not isinstance(decision, Refuse):
            hold = decision if isinstance(decision, Hold) else None
            self._holding.decided(row, hold, asking=bool(case.asking))
        return decision

    def _row_exists(self, sim_uid: str) -> bool:
        """Whether the panel told of this SIM row; its card may still have to appear."""
        session = self._world.vault.load(self._handset.device)
        return session is not None and any(row.uid == sim_uid for row in session.sims)
