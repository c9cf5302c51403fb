"""A restart, from one boot to the next.

The phone is back when its boot id is another one, its boot has ended and its storage is unlocked.
That it left the bus proves nothing, and neither does that it is there: a phone that is slow to go
down still answers under the old boot.
"""

from collections.abc import Awaitable, Callable

from droidrack.app.arrival import Arrival
from droidrack.app.provision.bench import Bench
from droidrack.core.errors import PhoneError, PhoneRefused
from droidrack.core.provision.acts import Refusal

LOOK_S = 1.0
ORDER_S = 10.0
DOUBT_S = 20.0
"""A phone told to restart goes down within seconds; so long is waited before it is told again."""

UNLOCK_S = 60.0
"""From the end of the boot to unlocked storage on a phone without a PIN."""

API_24_FILE_ENCRYPTION = 24

Here = Callable[[], Awaitable[Arrival]]


async def boot_id_of(arrival: Arrival) -> str:
    """The kernel's id of the running boot."""
    answer = await arrival.phone.run("cat /proc/sys/kernel/random/boot_id", deadline_s=ORDER_S)
    if not answer.text.strip():
        raise PhoneRefused(f"{arrival.phone.serial}: no boot id", serial=arrival.phone.serial)
    return answer.text.strip()[:64]


async def restart(bench: Bench, here: Here, back: Here, *, doubt: bool) -> None:
    """Restart a phone and wait until it is usable. The caller's deadline bounds it.

    With `doubt` an earlier order may be on its way: its effect is awaited before another is given.
    `here` gives the phone or raises PhoneGone; `back` waits for it.

    Raises:
        Refusal: storage stays locked; only a person can enter the PIN.
    """
    arrival = await here()
    old = await boot_id_of(arrival)
    if not (doubt and await _changes(bench, back, old, within_s=DOUBT_S)):
        try:
            await arrival.phone.run("reboot", deadline_s=ORDER_S)
        except PhoneError as error:
            bench.tell("phone went down", serial=arrival.phone.serial, why=type(error).__name__)
    while not await _changes(bench, back, old, within_s=DOUBT_S):
        pass
    await _usable(bench, back)


async def _changes(bench: Bench, back: Here, old: str, *, within_s: float) -> bool:
    until = bench.clock.monotonic() + within_s
    while bench.clock.monotonic() < until:
        try:
            if await boot_id_of(await back()) != old:
                return True
        except PhoneError:
            pass  # Down, or on its way.
        await bench.clock.sleep(LOOK_S)
    return False


async def _usable(bench: Bench, back: Here) -> None:
    unlock_by: float | None = None
    while True:
        try:
            arrival = await back()
            api = int(arrival.properties.get("ro.build.version.sdk") or 0)
            boot = await arrival.phone.run("getprop sys.boot_completed", deadline_s=ORDER_S)
            if boot.text.strip() == "1":
                if api < API_24_FILE_ENCRYPTION:
                    return
                state = await arrival.phone.run("am get-started-user-state 0", deadline_s=ORDER_S)
                if "RUNNING_UNLOCKED" in state.text:
                    return
                unlock_by = unlock_by or bench.clock.monotonic() + UNLOCK_S
        except PhoneError:
            pass  # The link comes and goes while a phone starts.
        if unlock_by is not None and bench.clock.monotonic() > unlock_by:
            raise Refusal(
                "the phone restarted, but its storage is locked",
                hint="enter the PIN on the phone, then apply again",
                human=True,
            )
        await bench.clock.sleep(LOOK_S)
