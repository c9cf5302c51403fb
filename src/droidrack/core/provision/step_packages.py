"""Steps about apps: install, remove, disable."""

from collections.abc import Generator, Iterator, Sequence

from droidrack.core.errors import excerpt
from droidrack.core.provision.acts import Act, Apply, Check, Push, Ran, Reading, Refusal, Run
from droidrack.core.provision.deny import denied_package
from droidrack.core.provision.dump_package import (
    PackageDump,
    read_digests,
    read_package_dump,
    read_paths,
)
from droidrack.core.provision.fields import FILE, FILES, FLAG, PACKAGE, SHA256, Field, choice
from droidrack.core.provision.recipe import Facts, LocalFile, Risk
from droidrack.core.provision.steptype import Params, StepType, ask_one, run
from droidrack.core.shell import command_line

STAGE = "/data/local/tmp/droidrack-"
"""Names begin so, and are the file's digest: a step that is repeated writes the same names."""

_REASONS = {
    "INSTALL_FAILED_USER_RESTRICTED": (
        "somebody (or nobody in time) answered the phone's install prompt with no",
        "switch on `Install via USB` in the developer options, or tap Install on the phone",
        True,
    ),
    "INSTALL_FAILED_UPDATE_INCOMPATIBLE": (
        "the app on the phone is signed by another key",
        "remove it first with a `package` step; its data go with it",
        False,
    ),
    "INSTALL_FAILED_VERSION_DOWNGRADE": (
        "the phone has a newer version",
        "set downgrade = true, which keeps the app's data only where the build permits it",
        False,
    ),
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": (
        "the phone has too little free space", "free some space on it", True
    ),
    "INSTALL_FAILED_VERIFICATION_FAILURE": (
        "Play Protect refused the app",
        "look at the phone; droidrack does not switch a verifier off",
        True,
    ),
}  # fmt: skip


def _files(params: Params) -> tuple[LocalFile, ...]:
    return (params["file"], *(params["splits"] or ()))


def _check_apk(params: Params, facts: Facts) -> Check:
    package, files = _package(params), _files(params)
    dump = read_package_dump((yield from ask_one("dumpsys", "package", package)).text, package)
    wanted = f"{package} {_version(files[0])}, {len(files)} file(s) with the recipe's digests"
    if dump is None or not dump.installed:
        return Reading(False, f"{package} is not installed", wanted)
    seen = f"{package} version {dump.version_code}"
    paths = read_paths((yield from ask_one("pm", "path", package)).text)
    sums = (yield from ask_one("sha256sum", *paths)).text if paths else ""
    digests = read_digests(sums)
    if digests == {file.sha256 for file in files}:
        return Reading(True, seen, wanted)
    if not digests and dump.version_code == files[0].version_code:
        # Android 5 has no sha256sum, some makers no right to read: the version must do.
        return Reading(True, f"{seen} (digest unreadable)", wanted)
    return _other_version(params, dump, files[0], seen, wanted)


def _other_version(
    params: Params, dump: PackageDump, file: LocalFile, seen: str, wanted: str
) -> Reading:
    newer = file.version_code is not None and dump.version_code > file.version_code
    if newer and params["keep_newer"]:
        return Reading(True, f"{seen} (newer, kept)", wanted)
    if newer and not params["downgrade"]:
        cause, hint, human = _REASONS["INSTALL_FAILED_VERSION_DOWNGRADE"]
        return Reading(False, seen, wanted, blocked=cause, hint=hint, human=human)
    return Reading(False, f"{seen}, other digests", wanted)


def _version(file: LocalFile) -> str:
    return "" if file.version_code is None else f"version {file.version_code}"


def _package(params: Params) -> str:
    package = params["package"] or params["file"].package
    if not package:
        raise Refusal(
            f"{params['file'].name} names no package",
            hint="is it an APK? Name the package in the step",
        )
    return str(package)


def _vet(params: Params) -> None:
    """What the recipe demands of the files themselves, before anything reaches a phone."""
    file, package = params["file"], _package(params)
    if params["sha256"] and params["sha256"] != file.sha256:
        raise Refusal(
            f"{file.name} has SHA-256 {file.sha256}, the recipe demands {params['sha256']}",
            hint="this is not the file that the recipe means",
        )
    if file.package and file.package != package:
        raise Refusal(f"{file.name} is {file.package}, the recipe says {package}")
    if params["signer"]:
        for one in _files(params):
            if params["signer"] not in one.signers:
                seen = ", ".join(one.signers) or "no certificate that can be read"
                raise Refusal(
                    f"{one.name} is signed by {seen}, the recipe demands {params['signer']}",
                    hint="the file does not come from whom the recipe trusts",
                )


def _apply_apk(params: Params, facts: Facts) -> Apply:
    _vet(params)
    files = _files(params)
    remotes = [f"{STAGE}{file.sha256[:24]}.apk" for file in files]
    for file, remote in zip(files, remotes, strict=True):
        yield Push(file, remote)
    options = ["-r", *(["-d"] if params["downgrade"] else [])]
    if len(files) == 1:
        answer = yield Run(command_line(["pm", "install", *options, remotes[0]]))
        text = answer.text
    else:
        text = yield from _install_splits(files, remotes, options)
    yield Run(command_line(["rm", "-f", *remotes]))
    if "Success" not in text.split():
        raise _install_refusal(text)


def _install_splits(
    files: Sequence[LocalFile], remotes: Sequence[str], options: Sequence[str]
) -> Generator[Act, Ran, str]:
    """One session with all parts; returns what the phone said last."""
    total = str(sum(file.size_bytes for file in files))
    made = yield Run(command_line(["pm", "install-create", *options, "-S", total]))
    session = made.text.partition("[")[2].partition("]")[0]
    if not session.isdigit():
        return made.text
    for index, (file, remote) in enumerate(zip(files, remotes, strict=True)):
        words = ["-S", str(file.size_bytes), session, f"part{index}.apk", remote]
        written = yield Run(command_line(["pm", "install-write", *words]))
        if "Success" not in written.text:
            yield Run(command_line(["pm", "install-abandon", session]))
            return written.text
    committed = yield Run(command_line(["pm", "install-commit", session]))
    return committed.text


def _install_refusal(text: str) -> Refusal:
    for word, (cause, hint, human) in _REASONS.items():
        if word in text:
            return Refusal(f"{cause} ({word})", hint=hint, human=human)
    return Refusal(f"the package manager said {excerpt(text) or 'nothing'!r}")


APK = StepType(
    name="apk",
    title="Install or update an app",
    text="Pushes an APK (with its splits, if any) and installs it. The phone is done when its "
    "files have the recipe's digests, which means the same version and the same signer.",
    fields=(
        Field("file", FILE, "The APK, or the base of a split one.", True),
        Field("splits", FILES, "Further parts, such as config.arm64_v8a.apk.", False, None),
        Field("package", PACKAGE, "Its package; left out: read from the APK.", False, None),
        Field("sha256", SHA256, "The digest that the APK must have.", False, None),
        Field("signer", SHA256, "SHA-256 of the signing certificate it must have.", False, None),
        Field("downgrade", FLAG, "Whether a newer version may be replaced.", False, False),
        Field("keep_newer", FLAG, "Whether a newer version on the phone is as good.", False, False),
    ),
    example='file = "apps/courier.apk"\nsigner = "3f0a…"',
    check=_check_apk,
    apply=_apply_apk,
    deadline_s=180.0,
    risk=Risk.MEDIUM,
    breaks="Some makers (Xiaomi, Oppo, vivo) wait for a tap on the phone, and refuse after seconds "
    "without one: the step fails by its deadline with a picture of the prompt. Nothing is tapped.",
    proof="`pm path` and `sha256sum` of every file on the phone; up to Android 5 the version code",
)


# --- Remove, disable ------------------------------------------------------------------------------


def _check_package(params: Params, facts: Facts) -> Check:
    package, state = params["package"], params["state"]
    dump = read_package_dump((yield from ask_one("dumpsys", "package", package)).text, package)
    present = dump is not None and dump.installed
    seen = "absent" if not present or dump is None else "enabled" if dump.enabled else "disabled"
    wanted = f"{package} {state}"
    done = seen == state or (state == "disabled" and seen == "absent")
    if not done and seen == "absent" and dump is None:
        return Reading(
            False, f"{package} {seen}", wanted,
            blocked="the phone does not have this app at all", hint="install it with an `apk` step",
        )  # fmt: skip
    return Reading(done, f"{package} {seen}", wanted)


def _apply_package(params: Params, facts: Facts) -> Apply:
    package, state = params["package"], params["state"]
    if reason := denied_package(package):
        raise Refusal(reason)
    if state == "absent":
        yield from run("pm", "uninstall", "--user", "0", package)
    elif state == "disabled":
        yield from run("pm", "disable-user", "--user", "0", package)
    else:
        yield Run(command_line(["cmd", "package", "install-existing", "--user", "0", package]))
        yield from run("pm", "enable", "--user", "0", package)


def _deny_package(params: Params) -> Iterator[tuple[str, str]]:
    if params["state"] != "enabled" and (reason := denied_package(str(params["package"]))):
        yield "package", reason


PACKAGE_STATE = StepType(
    name="package",
    title="Remove, disable or enable an app",
    text="For user 0 only: a system app that was removed can be brought back with "
    '`state = "enabled"`. Core packages cannot be named.',
    fields=(
        Field("package", PACKAGE, "The app.", True),
        Field("state", choice("absent", "disabled", "enabled"), "What it should be.", True),
    ),
    example='package = "com.example.bloat"\nstate = "disabled"',
    check=_check_package,
    apply=_apply_package,
    deny=_deny_package,
    risk=Risk.MEDIUM,
    breaks="Makers enable their apps again, updates bring them back; some phones do not start "
    "without an app that nobody expected to matter.",
    proof="`dumpsys package`: installed and enabled for user 0",
)
