"""Steps that are settings: one by name, and the common wishes of a rack by theirs."""

from collections.abc import Callable, Generator, Iterator, Mapping

from droidrack.core.provision.acts import (
    Act,
    Answers,
    Apply,
    Ask,
    Check,
    Ran,
    Reading,
    Refusal,
    Run,
)
from droidrack.core.provision.deny import denied_setting
from droidrack.core.provision.fields import FLAG, SETTING_VALUE, TEXT, TEXTS, Field, choice, integer
from droidrack.core.provision.recipe import Facts
from droidrack.core.provision.steptype import Params, StepType, compared, refuse_unless_ok, run
from droidrack.core.shell import command_line

Wish = Mapping[tuple[str, str], str]
"""(namespace, key) → the value wanted; "null" is how Android prints a setting that is not there."""


def read_settings(wish: Wish) -> Generator[Ask, Answers, Reading]:
    """Ask for all of them in one round trip."""
    names = {f"s{index}": place for index, place in enumerate(wish)}
    answers = yield Ask(
        {name: command_line(["settings", "get", *place]) for name, place in names.items()}
    )
    seen = {"/".join(names[name]): answers[name].text.strip() for name in names}
    return compared({"/".join(place): value for place, value in wish.items()}, seen)


def write_settings(wish: Wish) -> Generator[Act, Ran, None]:
    """Write them. Whether they hold is the verify's question: makers ignore keys silently."""
    for (namespace, key), value in wish.items():
        verb = ["delete", namespace, key] if value == "null" else ["put", namespace, key, value]
        refuse_unless_ok((yield Run(command_line(["settings", *verb]))))


def settings_type(*, wish: Callable[[Params, Facts], Wish], **texts: object) -> StepType:
    """A type whose whole meaning is a set of settings."""

    def check(params: Params, facts: Facts) -> Check:
        return (yield from read_settings(wish(params, facts)))

    def apply(params: Params, facts: Facts) -> Apply:
        yield from write_settings(wish(params, facts))

    proof = "`settings get` of every key, after the step and again after a restart"
    return StepType(check=check, apply=apply, proof=proof, **texts)  # type: ignore[arg-type] # a plain pass-through


def _one(params: Params, facts: Facts) -> Wish:
    return {(params["namespace"], params["key"]): str(params["value"])}


def _deny_one(params: Params) -> Iterator[tuple[str, str]]:
    if reason := denied_setting(str(params["key"])):
        yield "key", reason


SETTING = settings_type(
    wish=_one,
    name="setting",
    title="One of Android's settings",
    text="Writes a key of a settings namespace and reads it back.",
    fields=(
        Field("namespace", choice("system", "secure", "global"), "Where the key lives.", True),
        Field("key", TEXT, "The key's name.", True),
        Field("value", SETTING_VALUE, 'The value; "null" takes the key away.', True),
    ),
    example='namespace = "global"\nkey = "wifi_sleep_policy"\nvalue = 2',
    deny=_deny_one,
    breaks="Makers rename keys, ignore them silently, or set them back after a restart or update.",
)


def _screen(params: Params, facts: Facts) -> Wish:
    awake = {"always": "7", "usb": "2", "never": "0"}[params["stay_awake"]]
    return {
        ("global", "stay_on_while_plugged_in"): awake,
        ("system", "screen_off_timeout"): str(params["timeout_s"] * 1000),
    }


SCREEN = settings_type(
    wish=_screen,
    name="screen",
    title="Stay awake, and screen time-out",
    text="A rack phone's screen is best off: short time-out, not kept awake.",
    fields=(
        Field("stay_awake", choice("always", "usb", "never"), "While plugged in.", False, "never"),
        Field("timeout_s", integer(15, 86_400), "Seconds until the screen goes off.", False, 30),
    ),
    example='stay_awake = "never"\ntimeout_s = 30',
    breaks="A screen kept on burns in and heats the battery.",
)


def _animations(params: Params, facts: Facts) -> Wish:
    value = "1" if params["on"] else "0"
    scales = ("window_animation_scale", "transition_animation_scale", "animator_duration_scale")
    return {("global", scale): value for scale in scales}


ANIMATIONS = settings_type(
    wish=_animations,
    name="animations",
    title="Animations",
    text="Switches the three animation scales; steps on the screen are steadier without them.",
    fields=(Field("on", FLAG, "Whether animations run.", False, False),),
    example="on = false",
)


def _clock(params: Params, facts: Facts) -> Wish:
    wish = {
        ("global", "auto_time"): str(int(params["auto_time"])),
        ("global", "auto_time_zone"): str(int(params["auto_zone"])),
    }
    if params["hours"]:
        wish["system", "time_12_24"] = str(params["hours"])
    return wish


CLOCK = settings_type(
    wish=_clock,
    name="clock",
    title="Automatic time and zone, 12 or 24 hours",
    text="Sets whether the network sets the clock and the zone.",
    fields=(
        Field("auto_time", FLAG, "The network sets the clock.", False, True),
        Field("auto_zone", FLAG, "The network sets the zone.", False, True),
        Field("hours", choice("12", "24"), "The clock's form; left out: as it is.", False, None),
    ),
    example='auto_time = true\nauto_zone = false\nhours = "24"',
)


def _ota(params: Params, facts: Facts) -> Wish:
    return {("global", "ota_disable_automatic_update"): str(int(not params["automatic"]))}


OTA = settings_type(
    wish=_ota,
    name="ota-policy",
    title="Automatic system updates",
    text="The developer option that keeps Android from installing updates at its next restart.",
    fields=(Field("automatic", FLAG, "Whether updates install by themselves.", True),),
    example="automatic = false",
    breaks="No longer enough on many builds: add a `package-state` step for the maker's updater, "
    "and let `drift` tell when the build has changed.",
)


# --- A zone, a language, a limit of charge --------------------------------------------------


def _check_zone(params: Params, facts: Facts) -> Check:
    answers = yield Ask({"zone": "getprop persist.sys.timezone"})
    return compared({"zone": params["zone"]}, {"zone": answers["zone"].text.strip()})


def _apply_zone(params: Params, facts: Facts) -> Apply:
    yield from run("cmd", "alarm", "set-timezone", params["zone"])


TIME_ZONE = StepType(
    name="time-zone",
    title="Time zone",
    text="Sets the zone by the alarm service. The network may change it again: see `clock`.",
    fields=(Field("zone", TEXT, "An IANA name such as Europe/Berlin.", True),),
    example='zone = "Europe/Berlin"',
    check=_check_zone,
    apply=_apply_zone,
    breaks="With automatic zone on, the network's zone wins.",
    proof="`getprop persist.sys.timezone`",
)


def _check_locale(params: Params, facts: Facts) -> Check:
    return (yield from read_settings({("system", "system_locales"): params["locale"]}))


def _apply_locale(params: Params, facts: Facts) -> Apply:
    yield from write_settings({("system", "system_locales"): params["locale"]})


LOCALE = StepType(
    name="locale",
    title="Language and region",
    text="Writes the list of languages; Android takes it at its next start, so let a `restart` "
    "step follow. From Android 7.",
    fields=(Field("locale", TEXT, "A language tag such as de-DE.", True),),
    example='locale = "de-DE"',
    check=_check_locale,
    apply=_apply_locale,
    breaks="Apps keep their own language; some makers keep theirs elsewhere.",
    proof="`settings get system system_locales`",
)

CHARGE_KEYS: Mapping[str, tuple[str, str, str]] = {
    # samsung: "Protect battery" holds at 85 % (80 % on newer builds). Public reports, One UI 3-6.
    "samsung": ("global", "protect_battery", "1"),
    # Xiaomi: the "smart charge" of the security centre. A guess from public reports.
    "xiaomi": ("secure", "smart_charge_enable", "1"),
    # Sony: battery care. A guess from public reports.
    "sony": ("secure", "battery_care", "1"),
}
"""Maker → namespace, key and value of its own charge limit."""


def _charge(facts: Facts) -> Wish:
    namespace, key, value = CHARGE_KEYS[facts.maker.casefold()]
    return {(namespace, key): value}


def _check_charge(params: Params, facts: Facts) -> Check:
    if facts.maker.casefold() not in CHARGE_KEYS:
        return Reading(
            False,
            f"{facts.maker} has no setting that is known",
            "the maker's charge limit on",
            blocked="no charge limit can be set on this maker's phones from the shell",
            hint="guard the step with `makers`, or limit the hub's power",
        )
    reading = yield from read_settings(_charge(facts))
    if reading.seen.endswith("=null"):
        # A key the build never wrote is one the build does not have.
        return Reading(
            False,
            reading.seen,
            reading.wanted,
            blocked="this model has no charge limit",
            hint="guard the step with `models`",
        )
    return reading


def _apply_charge(params: Params, facts: Facts) -> Apply:
    if facts.maker.casefold() not in CHARGE_KEYS:
        raise Refusal("no charge limit is known for this maker")
    yield from write_settings(_charge(facts))


CHARGE_LIMIT = StepType(
    name="charge-limit",
    title="The maker's charge limit",
    text="Switches on what the maker offers against a battery that sits at 100 %: "
    + ", ".join(CHARGE_KEYS)
    + ".",
    fields=(),
    example="",
    check=_check_charge,
    apply=_apply_charge,
    breaks="Most makers have none; a phone may charge to 100 % now and then to calibrate.",
    proof="`settings get` of the maker's key",
)

_STREAMS = {"music": "3", "ring": "2", "alarm": "4", "notification": "5"}


def _check_volume(params: Params, facts: Facts) -> Check:
    names = {f"v{index}": stream for index, stream in enumerate(params["streams"])}
    answers = yield Ask(
        {
            name: f"cmd media_session volume --stream {_STREAMS[stream]} --get"
            for name, stream in names.items()
        }
    )
    seen = {stream: _level(answers[name].text) for name, stream in names.items()}
    return compared(dict.fromkeys(names.values(), str(params["level"])), seen)


def _level(text: str) -> str:
    """`volume is 7 in range [0..15]`."""
    _, _, tail = text.partition("volume is ")
    return tail.split()[0] if tail.split() else ""


def _apply_volume(params: Params, facts: Facts) -> Apply:
    for stream in params["streams"]:
        words = ["--stream", _STREAMS[stream], "--set", str(params["level"])]
        yield from run("cmd", "media_session", "volume", *words)


def _deny_volume(params: Params) -> Iterator[tuple[str, str]]:
    for index, stream in enumerate(params["streams"]):
        if stream not in _STREAMS:
            yield f"streams[{index}]", f"expected one of {', '.join(_STREAMS)}, seen {stream!r}"


VOLUME = StepType(
    name="volume",
    title="Volume",
    text="Sets the level of audio streams. From Android 9.",
    fields=(
        Field("streams", TEXTS, "music, ring, alarm, notification.", True),
        Field("level", integer(0, 15), "0 is silent.", False, 0),
    ),
    example='streams = ["music", "ring"]\nlevel = 0',
    check=_check_volume,
    apply=_apply_volume,
    deny=_deny_volume,
    proof="`cmd media_session volume --get`",
)
