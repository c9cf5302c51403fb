"""Waits until a phone that arrived has finished booting; says meanwhile what it lacks."""

from collections.abc import Callable

from droidrack.app.arrival import QUERY_DEADLINE_S, Arrival
from droidrack.app.world import World
from droidrack.core.boot import BootReading, unfinished
from droidrack.core.parse.getprop import Properties, parse_getprop
from droidrack.core.sections import script, split
from droidrack.core.standing import PhoneState
from droidrack.core.telephony import SimState

RECHECK_S = 2.0
"""How often a booting phone is asked: four small commands, and only until it is up."""

_COMMANDS = {
    "boot": "cat /proc/sys/kernel/random/boot_id",
    "uptime": "cat /proc/uptime",
    "props": "getprop",
    # Its tool starts a virtual machine: it is asked only once Android says that it is up.
    "user": '[ "$(getprop sys.boot_completed)" = 1 ] && am get-started-user-state 0',
}


async def until_booted(
    world: World,
    arrival: Arrival,
    left_boot: Callable[[], str],
    on_lack: Callable[[PhoneState, str], None],
) -> None:
    """Return once the phone's boot is complete.

    Args:
        world: whose clock and dice are used.
        arrival: the phone's present plugging-in.
        left_boot: the boot id that it was told to leave; "" where nobody restarted it.
        on_lack: told what it still lacks.

    Raises:
        PhoneError: it left or did not answer.
    """
    while True:
        lacking = unfinished(await read_boot(world, arrival), left_boot=left_boot())
        if lacking is None:
            return
        on_lack(*lacking)
        await world.clock.sleep(RECHECK_S)


async def read_boot(world: World, arrival: Arrival) -> BootReading:
    """Ask a phone how far its boot is, in one round trip."""
    mark = f"droidrack{world.dice.getrandbits(64):016x}"
    completed = await arrival.phone.run(script(_COMMANDS, mark), deadline_s=QUERY_DEADLINE_S)
    answers = {name: part.text for name, part in split(completed.text, mark).items()}
    properties = parse_getprop(answers.get("props", ""))
    return BootReading(
        boot_id=answers.get("boot", "").strip()[:64],
        completed=properties.get("sys.boot_completed") == "1",
        user_state=answers.get("user", "").strip()[:200],
        uptime_s=_uptime_s(answers.get("uptime", "")),
        sims=tuple(SimState.of(word) for word in properties.per_slot("gsm.sim.state") or ()),
        registered=_registered(properties),
    )


def _uptime_s(text: str) -> float | None:
    word = text.split(" ", 1)[0]
    return float(word) if word.replace(".", "", 1).isdigit() else None


def _registered(properties: Properties) -> tuple[bool, ...]:
    networks = properties.per_slot("gsm.operator.numeric") or ()
    return tuple(bool(numeric and numeric.strip("0")) for numeric in networks)
