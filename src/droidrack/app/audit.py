"""Who did what to which phone: the seam where acts of people are kept."""

from droidrack.app.world import World
from droidrack.core.ids import DeviceUuid


def audit(
    world: World, who: str, act: str, *, phone: str, device: DeviceUuid | None, detail: str = ""
) -> None:
    """Keep that a person did something. Called before the act, so that none is missing.

    Args:
        world: whose chronicle keeps it.
        who: the user of this host, as the kernel names the caller.
        act: the command, such as `pause`.
        phone: the operator's name of the phone.
        device: who the phone is, where that is known.
        detail: what was asked besides; redacted before it is written.
    """
    text = f"{who}: {act}" + (f": {detail}" if detail else "")
    world.chronicle.note("operator", text, phone=phone, device=device)
    world.tell("operator", phone=phone, act=act, user=who)
