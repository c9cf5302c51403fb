"""Steps about what an app may do: permissions, app-ops, doze, standby bucket, roles."""

import re

from droidrack.core.provision.acts import Apply, Ask, Check, Reading, Refusal
from droidrack.core.provision.dump_package import read_package_dump
from droidrack.core.provision.fields import FLAG, PACKAGE, TEXT, TEXTS, Field, choice
from droidrack.core.provision.recipe import Facts
from droidrack.core.provision.steptype import (
    Params,
    StepType,
    ask_line,
    ask_one,
    old_release,
    run,
)

_INSTALL_FIRST = "install it first, with an `apk` step that this one needs"


def _absent(package: str, wanted: str) -> Reading:
    return Reading(
        False,
        f"{package} is not installed",
        wanted,
        blocked=f"{package} is not installed",
        hint=_INSTALL_FIRST,
    )


def _check_permission(params: Params, facts: Facts) -> Check:
    package, names = params["package"], params["permissions"]
    state = "granted" if params["granted"] else "revoked"
    wanted = f"{state}: {', '.join(names)}"
    dump = read_package_dump((yield from ask_one("dumpsys", "package", package)).text, package)
    if dump is None or not dump.installed:
        return _absent(package, wanted)
    if unasked := [name for name in names if params["granted"] and name not in dump.requested]:
        return Reading(
            False,
            f"{package} does not request {', '.join(unasked)}",
            wanted,
            blocked="Android grants only what an app requests in its manifest",
            hint="check the permission's name and the app's version",
        )
    held = [name for name in names if name in dump.granted]
    done = set(held) == set(names) if params["granted"] else not held
    return Reading(done, f"granted: {', '.join(held) or 'none'}", wanted)


def _apply_permission(params: Params, facts: Facts) -> Apply:
    verb = "grant" if params["granted"] else "revoke"
    for name in params["permissions"]:
        yield from run("pm", verb, params["package"], name)


PERMISSION = StepType(
    name="permission",
    title="Grant or revoke permissions",
    text="Runtime permissions of an app, from Android 6.",
    fields=(
        Field("package", PACKAGE, "The app.", True),
        Field("permissions", TEXTS, "Full names, such as android.permission.READ_SMS.", True),
        Field("granted", FLAG, "Grant or revoke.", False, True),
    ),
    example='package = "org.example.courier"\npermissions = ["android.permission.READ_SMS"]',
    check=_check_permission,
    apply=_apply_permission,
    breaks="MIUI and ColorOS deny the shell the right to grant until a switch in the developer "
    "options is on; the step then asks for a person.",
    proof="`granted=true` in `dumpsys package`",
)


def _check_appop(params: Params, facts: Facts) -> Check:
    package, op = params["package"], params["op"]
    wanted = f"{op}: {params['mode']}"
    answer = yield from ask_one("appops", "get", package, op)
    if "No UID for" in answer.text or "Unknown package" in answer.text:
        return _absent(package, wanted)
    found = re.search(rf"\b{re.escape(op)}: (\w+)", answer.text)
    default = re.search(r"Default mode: (\w+)", answer.text)
    seen = found[1] if found else default[1] if default else "default"
    return Reading(seen == params["mode"], f"{op}: {seen}", wanted)


def _apply_appop(params: Params, facts: Facts) -> Apply:
    yield from run("appops", "set", params["package"], params["op"], params["mode"])


APP_OP = StepType(
    name="app-op",
    title="An app-op",
    text="The finer switch behind a permission, such as RUN_IN_BACKGROUND.",
    fields=(
        Field("package", PACKAGE, "The app.", True),
        Field("op", TEXT, "The operation's name, such as RUN_ANY_IN_BACKGROUND.", True),
        Field("mode", choice("allow", "ignore", "deny", "default"), "Its mode.", True),
    ),
    example='package = "org.example.courier"\nop = "RUN_ANY_IN_BACKGROUND"\nmode = "allow"',
    check=_check_appop,
    apply=_apply_appop,
    breaks="Operations come and go between releases; an unknown one is an error of the phone.",
    proof="`appops get`",
)


def _check_doze(params: Params, facts: Facts) -> Check:
    wanted = "exempt" if params["exempt"] else "not exempt"
    if old := old_release(facts, 23, wanted, "Android 5 has no doze: guard the step with min_api"):
        return old
    answer = yield from ask_line("dumpsys deviceidle whitelist")
    lines = [line.strip().split(",") for line in answer.text.splitlines()]
    exempt = any(len(words) > 1 and words[1] == params["package"] for words in lines)
    return Reading(exempt is params["exempt"], "exempt" if exempt else "not exempt", wanted)


def _apply_doze(params: Params, facts: Facts) -> Apply:
    sign = "+" if params["exempt"] else "-"
    yield from run("dumpsys", "deviceidle", "whitelist", sign + params["package"])


DOZE = StepType(
    name="doze-exempt",
    title="Exempt an app from doze",
    text="Puts an app on the list of those that may work while the phone sleeps.",
    fields=(
        Field("package", PACKAGE, "The app.", True),
        Field("exempt", FLAG, "On the list, or off it.", False, True),
    ),
    example='package = "org.example.courier"',
    check=_check_doze,
    apply=_apply_doze,
    breaks="Makers' own battery savers kill apps whatever this list says.",
    proof="`dumpsys deviceidle whitelist` lists the package",
)

_BUCKETS = {"exempted": 5, "active": 10, "working_set": 20, "frequent": 30, "rare": 40,
            "restricted": 45}  # fmt: skip


def _check_bucket(params: Params, facts: Facts) -> Check:
    wanted = params["bucket"]
    if old := old_release(facts, 28, wanted, "guard the step with min_api = 28"):
        return old
    answer = yield from ask_one("am", "get-standby-bucket", params["package"])
    number = answer.text.strip()
    names = {str(value): name for name, value in _BUCKETS.items()}
    seen = names.get(number, number or "nothing")
    # A doze-exempt app sits in the exempted bucket, which is better than any that can be set.
    return Reading(seen in (wanted, "exempted"), seen, wanted)


def _apply_bucket(params: Params, facts: Facts) -> Apply:
    yield from run("am", "set-standby-bucket", params["package"], params["bucket"])


STANDBY_BUCKET = StepType(
    name="standby-bucket",
    title="Standby bucket",
    text="How often Android lets an unused app work. From Android 9.",
    fields=(
        Field("package", PACKAGE, "The app.", True),
        Field(
            "bucket",
            choice("active", "working_set", "frequent", "rare"),
            "The bucket.",
            False,
            "active",
        ),
    ),
    example='package = "org.example.courier"\nbucket = "active"',
    check=_check_bucket,
    apply=_apply_bucket,
    breaks="Android moves apps down again by itself after days; put the step into `drift`.",
    proof="`am get-standby-bucket`",
)

_SMS_ROLE = "android.app.role.SMS"


def _check_sms_app(params: Params, facts: Facts) -> Check:
    package = params["package"]
    answers = yield Ask(
        {
            "role": f"cmd role get-role-holders {_SMS_ROLE}",
            "setting": "settings get secure sms_default_application",
        }
    )
    role = answers["role"]
    by_role = facts.api >= 29 and role.exit_code == 0 and "nknown command" not in role.text
    seen = role.text.strip() if by_role else answers["setting"].text.strip()
    if facts.api < 29 and seen != package:
        return Reading(
            False, seen, package, blocked="before Android 10 only a person can choose it",
            hint="open Settings, Apps, Default apps, SMS app on the phone", human=True,
        )  # fmt: skip
    return Reading(seen == package, seen or "none", package)


def _apply_sms_app(params: Params, facts: Facts) -> Apply:
    if facts.api < 29:
        raise Refusal("before Android 10 only a person can choose the SMS app", human=True)
    yield from run("cmd", "role", "add-role-holder", _SMS_ROLE, params["package"])


SMS_APP = StepType(
    name="sms-app",
    title="Default SMS app",
    text="The holder of the SMS role, from Android 10; before, a person is asked.",
    fields=(Field("package", PACKAGE, "The app that keeps the messages.", True),),
    example='package = "com.google.android.apps.messaging"',
    check=_check_sms_app,
    apply=_apply_sms_app,
    breaks="An app that does not qualify is refused; chat features (RCS) stay on and are switched "
    "off on the screen only, see `ui`.",
    proof="the role's holder, or `sms_default_application`",
)
