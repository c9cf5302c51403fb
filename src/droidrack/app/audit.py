"""Who did what to which phone, where a running controller does it for him."""

from droidrack.app.world import World
from droidrack.core.audit import AuditEntry, AuditKind
from droidrack.core.ids import DeviceUuid
from droidrack.core.redact import redact


async def audit(
    world: World, who: str, act: str, *, phone: str, device: DeviceUuid | None, detail: str = ""
) -> None:
    """Keep that a person did something. Called before the act, so that none is missing.

    Args:
        world: whose audit keeps it; its chronicle shows it among the events.
        who: the user of this host, as the kernel names the caller.
        act: the command, such as `pause`.
        phone: the operator's name of the phone.
        device: who the phone is, where that is known.
        detail: what was asked besides; redacted before it is written.

    Raises:
        JournalError: it cannot be written; then it must not be done.
    """
    detail = redact(detail)
    line = AuditEntry(
        at=world.clock.now(),
        kind=AuditKind.ACT,
        who=who,
        what=act,
        device=device or "",
        subject=phone,
        detail=detail,
    )
    await world.journal.audit.append([line])
    text = f"{who}: {act}" + (f": {detail}" if detail else "")
    world.chronicle.note("operator", text, phone=phone, device=device)
    world.tell("operator", phone=phone, act=act, user=who)
