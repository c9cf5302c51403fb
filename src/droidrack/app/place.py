"""Where one phone stands: the only place where its state changes, and where that is told."""

from droidrack.app.world import World
from droidrack.core.ids import DeviceUuid
from droidrack.core.standing import PhoneState, Standing, moved


class Place:
    """The standing of one phone, from the controller's start on."""

    def __init__(self, world: World, phone: str) -> None:
        self._world = world
        self._phone = phone
        self.standing = Standing(PhoneState.ABSENT, "not seen yet", world.clock.now())

    def move(
        self,
        state: PhoneState,
        cause: str,
        *,
        device: DeviceUuid | None,
        evidence: str = "",
        remedy: str = "",
    ) -> None:
        """Move it, and tell log and chronicle; the same state takes the new cause in silence.

        Raises:
            ValueError: the table of moves does not hold this one: our bug.
        """
        world, before = self._world, self.standing
        self.standing = moved(
            before, state, at=world.clock.now(), cause=cause, evidence=evidence, remedy=remedy
        )
        if state is before.state:
            return
        world.tell("phone state", phone=self._phone, state=state.value, cause=cause)
        text = f"{before.state} → {state}" + (f": {cause}" if cause else "")
        world.chronicle.note("state", text, phone=self._phone, device=device)
