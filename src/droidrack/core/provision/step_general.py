"""Steps of general use: assertions, waiting, files, a shell command, a person, a picture."""

import re
from collections.abc import Callable, Iterator

from droidrack.core.provision.acts import (
    Apply,
    Ask,
    Check,
    Keep,
    Picture,
    Pull,
    Push,
    Reading,
    Refusal,
    Run,
)
from droidrack.core.provision.deny import denied_command
from droidrack.core.provision.dump_package import read_digests
from droidrack.core.provision.fields import (
    FILE,
    READABLE,
    REMOTE,
    SCRIPT,
    SECRET,
    TABLE,
    TEXT,
    Field,
    integer,
)
from droidrack.core.provision.recipe import Facts, Risk
from droidrack.core.provision.steptype import Params, StepType, ask_line, compared, refuse_unless_ok
from droidrack.core.shell import command_line

SEEN_LIMIT = 120
"""Characters of a command's answer that a certificate shows."""


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return (line if len(line) <= SEEN_LIMIT else line[: SEEN_LIMIT - 1] + "…") or "nothing"


Deny = Callable[[Params], Iterator[tuple[str, str]]]


def _deny_commands(*keys: str) -> Deny:
    def deny(params: Params) -> Iterator[tuple[str, str]]:
        for key in keys:
            if params[key] and (reason := denied_command(str(params[key]))):
                yield key, reason
        pattern = params.get("matches")
        if isinstance(pattern, str) and "${" not in pattern and not _compiles(pattern):
            yield "matches", "expected a regular expression"

    return deny


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


# --- Assertions and waiting -----------------------------------------------------------------------


def _check_expect(params: Params, facts: Facts) -> Check:
    names = {f"p{index}": name for index, name in enumerate(params["properties"])}
    answers = yield Ask({key: command_line(["getprop", name]) for key, name in names.items()})
    seen = {name: answers[key].text.strip() for key, name in names.items()}
    wanted = {name: str(value) for name, value in params["properties"].items()}
    reading = compared(wanted, seen)
    if reading.done:
        return reading
    return Reading(
        False, reading.seen, reading.wanted,
        blocked="the phone is not what the recipe expects", hint="is it the right phone and build?",
    )  # fmt: skip


EXPECT = StepType(
    name="expect",
    title="Assert properties",
    text="Fails where a property has another value; changes nothing.",
    fields=(Field("properties", TABLE, "Property names and their values.", True),),
    example='properties = { "ro.debuggable" = "0" }',
    check=_check_expect,
    proof="`getprop`",
)


def _check_wait(params: Params, facts: Facts) -> Check:
    answer = yield from ask_line(params["command"])
    found = re.search(params["matches"], answer.text) is not None
    return Reading(found, _shown(answer.text), f"an answer that matches {params['matches']!r}")


WAIT = StepType(
    name="wait-for",
    title="Wait until a command's answer matches",
    text="Asks again and again until the answer fits or the deadline is over.",
    fields=(
        Field("command", SCRIPT, "A shell command that only looks.", True),
        Field("matches", TEXT, "A regular expression that its answer must contain.", True),
    ),
    example='command = "getprop gsm.sim.state"\nmatches = "READY|LOADED"',
    check=_check_wait,
    deny=_deny_commands("command"),
    waits=True,
    deadline_s=120.0,
    proof="the command's answer",
)


# --- Files ----------------------------------------------------------------------------------------


def _check_push(params: Params, facts: Facts) -> Check:
    file, remote = params["file"], params["to"]
    wanted = f"{remote}, {file.size_bytes} bytes, SHA-256 {file.sha256[:12]}…"
    answer = yield from ask_line(command_line(["sha256sum", remote]))
    digests = read_digests(answer.text)
    if file.sha256 in digests:
        return Reading(True, wanted, wanted)
    return Reading(False, f"{remote}: {'another content' if digests else 'absent'}", wanted)


def _apply_push(params: Params, facts: Facts) -> Apply:
    file = params["file"]
    if params["sha256"] and params["sha256"] != file.sha256:
        raise Refusal(f"{file.name} has SHA-256 {file.sha256}, the recipe demands another")
    # Written beside and moved: a cut transfer leaves no half file under the wanted name.
    part = f"{params['to']}.droidrack-part"
    folder = params["to"].rpartition("/")[0]
    refuse_unless_ok((yield Run(command_line(["mkdir", "-p", folder]))))
    yield Push(file, part, int(params["mode"], 8))
    refuse_unless_ok((yield Run(command_line(["mv", "-f", part, params["to"]]))))


def _deny_push(params: Params) -> Iterator[tuple[str, str]]:
    if not re.fullmatch(r"[0-7]{3}", params["mode"]):
        yield "mode", f'expected three octal digits such as "644", seen {params["mode"]!r}'
    if ".." in str(params["to"]).split("/"):
        yield "to", "expected a path without `..`"


PUSH = StepType(
    name="push",
    title="Bring a file to the phone",
    text="To /data/local/tmp or /sdcard; whole or not at all. From Android 6.",
    fields=(
        Field("file", FILE, "The file on this host.", True),
        Field("to", REMOTE, "Where it goes.", True),
        Field("mode", TEXT, "Permission bits.", False, "644"),
        Field("sha256", TEXT, "The digest that the file must have.", False, None),
    ),
    example='file = "site/config.json"\nto = "/sdcard/Download/config.json"',
    check=_check_push,
    apply=_apply_push,
    deny=_deny_push,
    breaks="Apps from Android 11 on do not see everything below /sdcard (scoped storage).",
    proof="`sha256sum` on the phone",
)


def _check_pull(params: Params, facts: Facts) -> Check:
    yield Ask({"nothing": "true"})
    return Reading(False, "not collected in this run", "evidence kept")


def _apply_pull(params: Params, facts: Facts) -> Apply:
    if params["file"]:
        yield Pull(params["file"], params["limit_mib"] << 20, params["file"].rpartition("/")[2])
    if params["command"]:
        answer = yield Run(params["command"])
        yield Keep(answer.text, f"{params['save_as'] or 'answer'}.txt")


def _deny_pull(params: Params) -> Iterator[tuple[str, str]]:
    if not params["file"] and not params["command"]:
        yield "file", "expected a file, a command or both, seen neither"
    if params["command"] and (reason := denied_command(params["command"])):
        yield "command", reason


EVIDENCE = StepType(
    name="evidence",
    title="Keep evidence",
    text="Keeps a file of the phone, or a command's answer, beside the certificate; in every run.",
    fields=(
        Field("file", READABLE, "A file on the phone.", False, None),
        Field("command", SCRIPT, "A command that only looks.", False, None),
        Field("save_as", TEXT, "The name of the kept answer.", False, None),
        Field("limit_mib", integer(1, 64), "Largest file that is kept.", False, 8),
    ),
    example='command = "dumpsys battery"\nsave_as = "battery"',
    check=_check_pull,
    apply=_apply_pull,
    deny=_deny_pull,
    keeps=True,
    breaks="Dumps may hold personal content: what is kept is masked like a log, files are not.",
    proof="the kept file's digest",
)


def _apply_picture(params: Params, facts: Facts) -> Apply:
    yield Picture("screen")


SCREENSHOT = StepType(
    name="screenshot",
    title="Keep a picture of the screen",
    text="In every run; secure windows come out black.",
    fields=(),
    example="",
    check=_check_pull,
    apply=_apply_picture,
    keeps=True,
    proof="the picture's digest",
)


# --- Anything else --------------------------------------------------------------------------------


def _check_shell(params: Params, facts: Facts) -> Check:
    answer = yield from ask_line(params["check"])
    wanted = f"`check` answers {params['matches']!r}" if params["matches"] else "`check` succeeds"
    if params["matches"]:
        done = re.search(params["matches"], answer.text) is not None
    else:
        done = answer.exit_code == 0
    return Reading(done, f"exit {answer.exit_code}: {_shown(answer.text)}", wanted)


def _apply_shell(params: Params, facts: Facts) -> Apply:
    done = yield Run(params["apply"], params["stdin"])
    if done.exit_code != 0:
        raise Refusal(f"`apply` ended with exit code {done.exit_code}: {_shown(done.text)}")


SHELL = StepType(
    name="shell",
    title="A shell command of your own",
    text="For what no other type does. `check` tells whether the phone is as wanted already, and "
    "is asked again after `apply`; without a check that can become true the step cannot succeed.",
    fields=(
        Field("check", SCRIPT, "A command that only looks.", True),
        Field("matches", TEXT, "What its answer must contain (a regular expression); left out: "
              "exit code 0 decides.", False, None),
        Field("apply", SCRIPT, "The command that changes the phone.", True),
        Field("stdin", SECRET, "A secret for its standard input.", False, None),
    ),
    example='check = "test -f /data/local/tmp/marker"\napply = "touch /data/local/tmp/marker"',
    check=_check_shell,
    apply=_apply_shell,
    deny=_deny_commands("check", "apply"),
    risk=Risk.MEDIUM,
    breaks="No screen input, no root, no identifiers, no guard of Android: such words are refused "
    "when the recipe is loaded.",
    proof="`check`",
)  # fmt: skip

ONCE = StepType(
    name="once",
    title="A shell command that must not run twice",
    text="Like `shell`, for what may happen at most once. Where an earlier try may have had an "
    "effect and the check does not show it, a person decides.",
    fields=SHELL.fields,
    example='check = "test -s /data/local/tmp/enrolled"\napply = "sh /data/local/tmp/enrol.sh"',
    check=_check_shell,
    apply=_apply_shell,
    deny=SHELL.deny,
    once=True,
    acts_by=("apply", "stdin"),  # A check that is mended must not make it another step.
    risk=Risk.HIGH,
    proof="`check`",
)


def _check_human(params: Params, facts: Facts) -> Check:
    wanted = "a person did it"
    if params["check"]:
        answer = yield from ask_line(params["check"])
        pattern = params["matches"]
        done = re.search(pattern, answer.text) if pattern else answer.exit_code == 0
        if done:
            return Reading(True, _shown(answer.text), wanted)
    else:
        yield Ask({"nothing": "true"})
    hint = (
        "do it on the phone; the step sees it by itself"
        if params["check"]
        else "then confirm: droidrack provision steps RECIPE --confirm PHONE:STEP"
    )
    if params["photo"]:
        hint += f"; see {params['photo'].path}"
    return Reading(
        False, "not done yet", wanted, blocked=params["instructions"], hint=hint, human=True
    )


HUMAN = StepType(
    name="human",
    title="Something for a person",
    text="Shows instructions and waits: until its check is true, or until a person confirms it by "
    "name. For consent, security and everything else that no machine may answer.",
    fields=(
        Field("instructions", TEXT, "What to do, in a sentence or two.", True),
        Field("check", SCRIPT, "A command that tells when it is done.", False, None),
        Field("matches", TEXT, "What its answer must contain; left out: exit code 0.", False, None),
        Field("photo", FILE, "A picture that shows where.", False, None),
    ),
    example='instructions = "Settings, Battery: switch the charge limit on"',
    check=_check_human,
    deny=_deny_commands("check"),
    waits=True,
    deadline_s=600.0,
    proof="its check, or the name of who confirmed it",
)
