"""Steps about the phone as a whole: Wi-Fi, restart, device owner."""

import re

from droidrack.core.provision.acts import (
    Apply,
    Ask,
    Check,
    Pause,
    Reading,
    Refusal,
    Restart,
    Run,
)
from droidrack.core.provision.fields import FLAG, SECRET, TEXT, Field, choice
from droidrack.core.provision.recipe import Facts, Risk
from droidrack.core.provision.steptype import (
    Params,
    StepType,
    old_release,
    refuse_unless_ok,
    run,
)
from droidrack.core.shell import quote

API_30_ANDROID_11 = 30
JOIN_PAUSE_S = 3.0
"""A join takes one to five seconds on good networks; the verify asks again besides."""

_CONNECTED = re.compile(r'^Wifi is connected to "(.*)"\s*$', re.MULTILINE)
_VALIDATED = re.compile(r"WIFI\b.*\bVALIDATED\b")


def _check_wifi(params: Params, facts: Facts) -> Check:
    ssid = params["ssid"]
    wanted = f"connected to {ssid!r}" + (", internet validated" if params["validated"] else "")
    by_hand = f"join {ssid!r} on the phone: Settings, Network, Wi-Fi"
    if old := old_release(facts, API_30_ANDROID_11, wanted, by_hand):
        return old
    answers = yield Ask({"wifi": "cmd wifi status", "net": "dumpsys connectivity"})
    found = _CONNECTED.search(answers["wifi"].text)
    seen = f"connected to {found[1]!r}" if found else "not connected"
    if not found or found[1] != ssid:
        return Reading(False, seen, wanted)
    if params["validated"] and not _VALIDATED.search(answers["net"].text):
        return Reading(False, f"{seen}, internet not validated", wanted)
    return Reading(True, wanted, wanted)


def _apply_wifi(params: Params, facts: Facts) -> Apply:
    yield from run("cmd", "wifi", "set-wifi-enabled", "enabled")
    words = f"cmd wifi connect-network {quote(params['ssid'])} {params['security']}"
    if params["security"] == "open":
        refuse_unless_ok((yield Run(words)))
    elif params["key"] is None:
        raise Refusal(f"{params['security']} needs a key", hint="key = { secret = … }")
    else:
        # The key comes over standard input, so no command line of this host and of adbd has it.
        # `cmd` itself can take it as an argument only: it stands there while that call lasts.
        line = f'IFS= read -r key && {words} "$key"'
        refuse_unless_ok((yield Run(line, secret=params["key"])))
    yield Pause(JOIN_PAUSE_S)


WIFI = StepType(
    name="wifi",
    title="Join a Wi-Fi network",
    text="From Android 11; before, a person is asked. The key is a secret by reference: it stands "
    "in no file of the recipe, no log, no journal and no command line of this host.",
    fields=(
        Field("ssid", TEXT, "The network's name.", True),
        Field("security", choice("open", "wpa2", "wpa3"), "How it is secured.", False, "wpa2"),
        Field("key", SECRET, "The network's key.", False, None),
        Field("validated", FLAG, "Whether the phone must reach the internet by it.", False, False),
    ),
    example='ssid = "Rack 5 GHz"\nkey = { secret = "wifi" }',
    check=_check_wifi,
    apply=_apply_wifi,
    risk=Risk.MEDIUM,
    breaks="Quotes, blanks and $ in names broke every helper script we read about; here they pass "
    "unchanged. Metal racks swallow the signal.",
    proof="`cmd wifi status` names the network; `dumpsys connectivity` says VALIDATED",
)


def _check_restart(params: Params, facts: Facts) -> Check:
    wanted = "restarted since the last change"
    answers = yield Ask({"boot": "getprop sys.boot_completed"})
    up = answers["boot"].text.strip() == "1"
    if params["always"] or facts.changed_this_boot or not up:
        return Reading(False, "changed since it started" if up else "starting", wanted)
    return Reading(True, wanted, wanted)


def _apply_restart(params: Params, facts: Facts) -> Apply:
    yield Restart()


RESTART = StepType(
    name="restart",
    title="Restart the phone",
    text="Restarts where a step has changed something since the phone started, waits for a new "
    "boot id, the end of the boot and unlocked storage, then checks the steps before it again: a "
    "setting that did not survive is a failure of its step.",
    fields=(Field("always", FLAG, "Restart once in every run of a phone.", False, False),),
    example="",
    check=_check_restart,
    apply=_apply_restart,
    deadline_s=300.0,
    risk=Risk.MEDIUM,
    breaks="A phone that is slow to go down looks ready while it is still the old boot; a PIN "
    "keeps its storage locked until somebody enters it.",
    proof="another boot id than before, `sys.boot_completed`, user state unlocked",
)


# --- Device owner ---------------------------------------------------------------------------------


def _check_owner(params: Params, facts: Facts) -> Check:
    wanted = f"device owner {params['component']}"
    answers = yield Ask(
        {
            "owners": "dumpsys device_policy",
            "accounts": "dumpsys account",
            "users": "pm list users",
        }
    )
    owner = re.search(
        r"Device Owner:\s*\n\s*admin=ComponentInfo\{([^}]+)\}", answers["owners"].text
    )
    if owner:
        seen = owner[1]
        done = _full(seen) == _full(params["component"])
        return Reading(
            done, f"device owner {seen}", wanted,
            blocked="" if done else "another app owns this phone",
            hint="" if done else "only a factory reset takes an owner away", human=not done,
        )  # fmt: skip
    accounts = re.search(r"Accounts: (\d+)", answers["accounts"].text)
    if accounts and accounts[1] != "0":
        return Reading(
            False, f"{accounts[1]} account(s) on the phone", wanted,
            blocked="Android allows an owner only before the first account",
            hint="remove every account in Settings, Accounts, or reset the phone and skip them",
            human=True,
        )  # fmt: skip
    users = re.findall(r"UserInfo\{(\d+):", answers["users"].text)
    if len(users) > 1:
        return Reading(
            False, f"{len(users)} users on the phone", wanted,
            blocked="a second user or a maker's clone space is in the way",
            hint="remove further users, Second Space and Dual Apps on the phone", human=True,
        )  # fmt: skip
    return Reading(False, "no device owner", wanted)


def _full(component: str) -> str:
    package, _, name = component.partition("/")
    return f"{package}/{package}{name}" if name.startswith(".") else component


def _apply_owner(params: Params, facts: Facts) -> Apply:
    yield from run("dpm", "set-device-owner", params["component"])


DEVICE_OWNER = StepType(
    name="device-owner",
    title="Device owner, guided",
    text="Checks what stands in the way (accounts, users, another owner) and says what a person "
    "has to do; only then makes an app the device owner.",
    fields=(Field("component", TEXT, "package/.AdminReceiver", True),),
    example='component = "org.example.kiosk/.AdminReceiver"',
    check=_check_owner,
    apply=_apply_owner,
    risk=Risk.HIGH,
    breaks="Accounts, hidden clone users, phones that are provisioned already; MIUI refuses until "
    "`USB debugging (Security settings)` is on.",
    proof="`dumpsys device_policy` names the component",
)
