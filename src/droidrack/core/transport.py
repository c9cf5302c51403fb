"""What the state in adb's device list means for the operator, and what to do about it."""

from dataclasses import dataclass

from droidrack.core.udev import RELOAD, RULES_PATH, access_rule

READY = "device"


@dataclass(frozen=True, slots=True)
class Advice:
    """One state: what it says of the phone, and what the operator can do."""

    meaning: str
    remedy: str


_ADVICE = {
    "unauthorized": Advice(
        "it does not trust this host's adb key",
        "unlock the phone and accept `Allow USB debugging`, with `Always allow` ticked; if no "
        "prompt shows, revoke the USB debugging authorisations in its developer options and plug "
        "it in again",
    ),
    "authorizing": Advice(
        "it is asking for trust in this host's adb key",
        "unlock the phone and accept `Allow USB debugging`, with `Always allow` ticked",
    ),
    "no permissions": Advice(
        "this user may not open its USB device",
        f"write this line to {RULES_PATH}: {access_rule()} — then run "
        f"`{' && '.join(RELOAD)}`, make the user a member of plugdev, and "
        "plug the phone in again",
    ),
    "offline": Advice(
        "it is connected but does not speak",
        "it may still be booting; otherwise plug it in again, try another cable or port, or "
        "restart the phone",
    ),
    "connecting": Advice("it is being connected", "wait a few seconds"),
    "recovery": Advice("it runs its recovery system", "restart it into Android"),
    "rescue": Advice("it runs its rescue system", "restart it into Android"),
    "sideload": Advice("it waits for an update package", "restart it into Android"),
    "bootloader": Advice("it runs its bootloader", "restart it into Android: `fastboot reboot`"),
    "host": Advice("it is itself an adb host", "plug it in as a device"),
}
_OTHER = Advice("it cannot be used in this state", "plug it in again, or restart it")


def advice(state: str) -> Advice:
    """The advice for a state other than "device"; a state may be followed by an explanation."""
    return next((text for word, text in _ADVICE.items() if state.startswith(word)), _OTHER)
