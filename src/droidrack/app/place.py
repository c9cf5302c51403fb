"""Where one phone stands: the only place where its state changes, and where that is told."""

from droidrack.app.world import World
from droidrack.core.errors import ProfileError, RackError, first_of
from droidrack.core.ids import DeviceUuid, UsbPath
from droidrack.core.rack_map import described
from droidrack.core.standing import REMEDIES, PhoneState, Standing, moved


class Place:
    """The standing of one phone, from the controller's start on."""

    def __init__(self, world: World, phone: str, socket: UsbPath | None) -> None:
        """`socket`: where the phone belongs; None: that is not known before it came."""
        self._world = world
        self._phone = phone
        self.socket = socket  # Where it is, was seen last, or belongs.
        remedy = REMEDIES[PhoneState.ABSENT]
        now = world.clock.now()
        self.standing = Standing(PhoneState.ABSENT, "not seen yet", now, remedy=remedy)

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
        where = described(world.settings.ports, self.socket)
        facts = {name: fact for name, fact in (("port", where), ("cause", cause)) if fact}
        world.tell("phone state", phone=self._phone, state=state.value, **facts)
        text = f"{before.state} → {state}" + (f": {cause}" if cause else "")
        world.chronicle.note("state", text, phone=self._phone, device=device)

    def fail(self, error: BaseException, *, device: DeviceUuid | None) -> None:
        """It is here and does not work; of a group of errors the first one says why."""
        error = first_of(error)
        evidence, remedy = type(error).__name__, ""
        if isinstance(error, RackError):
            evidence, remedy = error.code, error.hint
        unsupported = isinstance(error, ProfileError)
        state = PhoneState.UNSUPPORTED if unsupported else PhoneState.TROUBLED
        self.move(state, str(error), device=device, evidence=evidence, remedy=remedy)
