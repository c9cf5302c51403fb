"""Layers of data become one profile; nothing ambiguous is ever called."""

import ast
from pathlib import Path

import pytest

from droidrack.adapters.profile_files import packaged_texts, profile_table
from droidrack.core.errors import ConfigError, ProfileError
from droidrack.core.profile import DeviceIdentity, Profile
from droidrack.core.profile_load import load_profiles

TABLE = profile_table()
LEVELS = range(21, 37)
ISMS_PROBES = ("isms.is_ims_sms_supported", "isms.get_preferred_subscription")
SOURCES = Path(__file__).parents[2] / "src" / "droidrack"

BASE = """
layer = "base"
[isms.send_text]
interface = "ISms"
method = "sendText"
source = "here"
verified = false
"""
ANDROID = """
layer = "android"
match = { sdk = [30, 31] }
[isms.send_text]
transaction = 5
arguments = ["s16 body"]
source = "there"
verified = false
"""

ROW = 'layer = "maker"\n[isms.send_text]\nsource = "x"\nverified = false\n'


def _site(extra: str) -> str:
    return f'layer = "site"\n{extra}'


def _resolve(**texts: str) -> Profile:
    named = {name.replace("site_", "site/"): text for name, text in texts.items()}
    return load_profiles({"base": BASE, "android": ANDROID, **named}).resolve(
        DeviceIdentity(30, maker="Acme", model="One", fingerprint="acme/one/x", hardware="QCOM")
    )


# --- The rules of layers ----------------------------------------------------------------------


def test_resolve_without_android_layer_is_unsupported() -> None:
    """A release nobody described is not guessed from its neighbours."""
    with pytest.raises(ProfileError, match="unsupported") as caught:
        TABLE.resolve(DeviceIdentity(37, maker="Acme"))
    assert "PHONE_UNSUPPORTED" == caught.value.code


def test_resolve_with_two_layers_of_one_rank_is_an_error_naming_both() -> None:
    """Two answers are no answer."""
    text = 'layer = "maker"\nmatch = { manufacturer = ["acme"] }\n'
    with pytest.raises(ProfileError, match="one, two"):
        _resolve(one=text, two=text)


@pytest.mark.parametrize(
    "match",
    [
        '{ manufacturer = ["ACME"] }',
        '{ model = ["o*"] }',
        '{ fingerprint = ["acme/*"] }',
        '{ platform = ["qcom"] }',
        "{ sdk = [29, 30] }",
        '{ sdk = [30, 30], manufacturer = ["other", "acme"], platform = ["qc*"] }',
    ],
)
def test_resolve_with_matching_layer_takes_its_fields_and_keeps_the_rest(match: str) -> None:
    """A later layer overrides what it names and nothing else."""
    text = f'match = {match}\n[isms.send_text]\ntransaction = 6\nsource = "site"\nverified = false'
    row = _resolve(site_own=_site(text)).call("isms.send_text")
    assert (6, "site", "sendText") == (row.transaction, row.source, row.method)
    assert ("body",) == tuple(argument.name for argument in row.arguments)


@pytest.mark.parametrize(
    "match",
    [
        '{ manufacturer = ["acm"] }',
        '{ model = ["two"] }',
        '{ platform = ["msm*"] }',
        "{ sdk = [31, 40] }",
        '{ manufacturer = ["acme"], model = ["two"] }',
    ],
)
def test_resolve_with_layer_for_another_build_ignores_it(match: str) -> None:
    """Every criterion must hold."""
    text = f'match = {match}\n[isms.send_text]\ntransaction = 6\nsource = "site"\nverified = false'
    assert 5 == _resolve(site_own=_site(text)).call("isms.send_text").transaction


def test_resolve_prefers_site_over_model_over_maker() -> None:
    """The order of the layers is fixed."""

    def layer(rank: str, code: int) -> str:
        row = f'[isms.send_text]\ntransaction = {code}\nsource = "x"\nverified = false'
        return f'layer = "{rank}"\nmatch = {{ manufacturer = ["acme"] }}\n{row}'

    texts = {"m": layer("maker", 7), "n": layer("model", 8), "p": layer("platform", 6)}
    assert 8 == _resolve(**texts).call("isms.send_text").transaction
    assert 9 == _resolve(**texts, site_s=layer("site", 9)).call("isms.send_text").transaction


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("layer = ", "not TOML"),
        ('layer = "planet"', "layer"),
        ('layer = "maker"\n[isms.unknown]\nsource = "x"\nverified = false', "no such call"),
        ('layer = "maker"\n[isms.send_text]\ntransaction = 1\nverified = false', "source"),
        ('layer = "maker"\n[isms.send_text]\ntransaction = 1\nsource = "x"', "verified"),
        ('layer = "maker"\n[isms.send_text]\nsource = "x"\nverified = true', "capture"),
        ('layer = "maker"\n[isms.send_text]\ncode = 1\nsource = "x"\nverified = false', "field"),
        (
            'layer = "maker"\n[isms.send_text]\ntransaction = "1"\nsource = "x"\nverified = false',
            "int",
        ),
        (
            'layer = "maker"\n[isms.send_text]\ntransaction = 0\nsource = "x"\nverified = false',
            "code",
        ),
        (
            ROW + 'arguments = ["u8 x"]',
            "u8",
        ),
        (
            ROW + 'arguments = ["i32"]',
            "KIND NAME",
        ),
        (
            'layer = "maker"\n[isms.send_text]\nreturns = "u8"\nsource = "x"\nverified = false',
            "u8",
        ),
        (
            'layer = "maker"\n[isms.send_text]\nbarred = ""\nsource = "x"\nverified = false',
            "lifting",
        ),
        ('layer = "maker"\n[facts]\nnope = true\nsource = "x"\nverified = false', "nope"),
        ('layer = "maker"\nmatch = { maker = ["x"] }', "match"),
        ('layer = "maker"\nmatch = { sdk = [31, 30] }', "sdk"),
        ('layer = "maker"\nmatch = { model = [] }', "globs"),
        ('layer = "android"', "API levels"),
        ('layer = "site"', "site"),
        ('layer = "base"', "one base"),
        ('layer = "maker"\nisms = 1', "table"),
        ('layer = "maker"\nmatch = {}\n[[variant]]\nmatch = {}', "variant"),
    ],
)
def test_load_of_malformed_layer_is_a_config_error_that_says_what(text: str, says: str) -> None:
    """The reader of the error may be an operator with a file of their own."""
    with pytest.raises(ConfigError, match=says):
        load_profiles({"base": BASE, "bad": text})


def test_load_of_site_file_claiming_another_rank_is_refused() -> None:
    """A site overrides; it never competes with the shipped layers."""
    with pytest.raises(ConfigError, match="site"):
        load_profiles({"base": BASE, "site/x": 'layer = "maker"'})


def test_profile_table_with_site_directory_applies_it(tmp_path: Path) -> None:
    """The operator's own files are read beside the shipped ones."""
    text = '[isms.send_text]\nbarred = "under repair"\nsource = "us"\nverified = false'
    (tmp_path / "own.toml").write_text(_site(text), "utf-8")
    assert "under repair" == profile_table(tmp_path).resolve(DeviceIdentity(34)).barred


def test_profile_table_with_unreadable_site_directory_is_a_config_error(tmp_path: Path) -> None:
    """A directory that is not there was not meant to be ignored."""
    with pytest.raises(ConfigError, match="site profiles"):
        profile_table(tmp_path / "absent")


# --- The shipped data -------------------------------------------------------------------------


@pytest.mark.parametrize("api", LEVELS)
def test_every_level_resolves_for_a_plain_build_with_every_call(api: int) -> None:
    """No level is ambiguous, and each row has its number, arguments and origin."""
    profile = TABLE.resolve(DeviceIdentity(api))
    assert f"android-{api}" == profile.name
    for row in profile.rows.values():
        assert row.transaction, row.name
        assert row.source, row.name
        assert row.interface.endswith({"isms": "ISms", "isub": "ISub"}.get(row.service, "SubInfo"))


def test_every_shipped_row_is_verified_only_with_a_capture_that_exists() -> None:
    """A number is called verified only where a real phone's output lies in the corpus."""
    layers = (TABLE.base, *TABLE.layers)
    captures = [row["capture"] for x in layers for row in x.rows.values() if row["verified"]]
    root = Path(__file__).parents[2]
    assert [] == [path for path in captures if not (root / path).is_file()]


@pytest.mark.parametrize("name", sorted(packaged_texts()))
def test_shipped_file_has_a_comment_saying_what_it_is(name: str) -> None:
    """The first line tells the reader why the file exists."""
    assert packaged_texts()[name].startswith("# ")


@pytest.mark.parametrize("api", [21, 22])
@pytest.mark.parametrize("maker", ["", "Google", "LGE", "Xiaomi"])
def test_android_5_outside_samsung_is_barred_with_a_reason(api: int, maker: str) -> None:
    """Some 5.x trees shift sendTextForSubscriber: a guess would call another method."""
    profile = TABLE.resolve(DeviceIdentity(api, maker=maker))
    assert "Qualcomm" in profile.barred
    with pytest.raises(ProfileError, match="barred"):
        profile.call("isms.send_text")


@pytest.mark.parametrize("api", LEVELS)
def test_samsung_is_never_barred_from_sending(api: int) -> None:
    """Every Samsung build that was read keeps AOSP's ISms order."""
    profile = TABLE.resolve(DeviceIdentity(api, maker="samsung"))
    assert {"isms.send_text", "isms.send_multipart", *ISMS_PROBES}.isdisjoint(profile.doubtful)


@pytest.mark.parametrize("api", range(23, 28))
@pytest.mark.parametrize("platform", ["", "mt6753", "msm8953"])
def test_long_messages_of_ambiguous_builds_are_barred_and_single_ones_are_not(
    api: int, platform: str
) -> None:
    """9 is multipart in AOSP and injectSmsPdu in Qualcomm's tree; 6 is the same in both."""
    profile = TABLE.resolve(DeviceIdentity(api, maker="Acme", platform=platform))
    assert {"isms.send_multipart", *ISMS_PROBES} == set(profile.doubtful)
    assert 6 == profile.call("isms.send_text").transaction


@pytest.mark.parametrize("api", range(28, 37))
@pytest.mark.parametrize("platform", ["", "sdm845", "exynos9820"])
def test_android_9_and_later_has_no_doubtful_call(api: int, platform: str) -> None:
    """From 9 on every build read has AOSP's codes for the calls we make."""
    profile = TABLE.resolve(DeviceIdentity(api, maker="Acme", platform=platform))
    assert () == profile.doubtful


@pytest.mark.parametrize(
    ("identity", "transaction"),
    [
        (DeviceIdentity(27, maker="samsung", platform="sdm845"), 9),
        (DeviceIdentity(25, maker="Google", platform="msm8996"), 9),
        (DeviceIdentity(25, maker="LGE", fingerprint="google/bullhead/b:7", hardware="qcom"), 9),
        (DeviceIdentity(23, maker="Huawei", fingerprint="google/angler/a:6"), 9),
        (DeviceIdentity(26, maker="unknown", fingerprint="Android/sdk_phone_x86/generic"), 9),
        (DeviceIdentity(23, maker="HUAWEI", platform="msm8937"), 9),
        (DeviceIdentity(24, maker="SAMSUNG", platform="msm8996"), 9),
        (DeviceIdentity(27, maker="Xiaomi", platform="sdm660"), 10),
        (DeviceIdentity(23, maker="LeMobile", model="Le X820"), 10),
        (DeviceIdentity(23, maker="nubia", model="NX531J"), 10),
    ],
)
def test_long_messages_of_builds_that_were_read_are_permitted(
    identity: DeviceIdentity, transaction: int
) -> None:
    """Data, not hope, lifts the bar."""
    assert transaction == TABLE.resolve(identity).call("isms.send_multipart").transaction


def test_google_build_on_huawei_hardware_has_no_huawei_insertions() -> None:
    """Who builds the software decides, not who made the case."""
    nexus = DeviceIdentity(23, maker="Huawei", fingerprint="google/angler/angler:6.0")
    assert 20 == TABLE.resolve(nexus).call("isms.get_preferred_subscription").transaction


@pytest.mark.parametrize(
    ("api", "facts"),
    [
        (21, set()),
        (22, {"radio_verdict", "isub_slot_map"}),
        (23, {"radio_verdict", "isub_slot_map", "identity_readable"}),
        (24, {"radio_verdict", "isub_slot_map", "identity_readable", "exit_codes"}),
    ],
)
def test_facts_of_old_releases_claim_no_more_than_they_offer(api: int, facts: set[str]) -> None:
    """Which witnesses exist decides whether anything can be proven."""
    found = TABLE.resolve(DeviceIdentity(api)).facts
    names = {name for name in found.__slots__ if getattr(found, name)}
    assert facts == names


# --- Learning ---------------------------------------------------------------------------------


def test_learnt_code_with_the_same_signature_lifts_the_bar() -> None:
    """The phone's own code is better than any table."""
    profile = TABLE.resolve(DeviceIdentity(25, maker="Acme"))
    row = profile.row("isms.send_multipart")
    learnt = profile.with_learnt([row.learnt(10, row.descriptor, "framework.jar")], "learnt")
    assert 10 == learnt.call("isms.send_multipart").transaction
    assert "android-25 + learnt" == learnt.name
    assert set(ISMS_PROBES) == set(learnt.doubtful)


def test_learnt_code_with_another_signature_stays_barred() -> None:
    """Arguments laid out for one method are not sent to another."""
    profile = TABLE.resolve(DeviceIdentity(34))
    row = profile.row("isms.send_text").learnt(5, "(ILjava/lang/String;)V", "framework.jar")
    learnt = profile.with_learnt([row], "learnt")
    assert "(ILjava/lang/String;)V" in learnt.barred


def test_descriptor_of_row_is_the_java_signature() -> None:
    """What the DEX reader compares with."""
    row = TABLE.resolve(DeviceIdentity(21)).row("isms.send_text")
    text = "Ljava/lang/String;"
    intent = "Landroid/app/PendingIntent;"
    assert f"(J{text * 4}{intent * 2})V" == row.descriptor


# --- Identity ---------------------------------------------------------------------------------


def test_identity_from_props_reads_the_build() -> None:
    """The properties that `getprop` prints."""
    props = {
        "ro.build.version.sdk": "34",
        "ro.build.version.release": "14",
        "ro.product.manufacturer": "samsung",
        "ro.product.model": "SM-A1",
        "ro.hardware": "qcom",
    }
    identity = DeviceIdentity.from_props(props)
    assert DeviceIdentity(34, "14", "samsung", model="SM-A1", hardware="qcom") == identity


@pytest.mark.parametrize("sdk", ["", "REL", "-1", "３４"])
def test_identity_without_api_level_is_a_profile_error(sdk: str) -> None:
    """Without its level nothing about a phone's binder is known."""
    with pytest.raises(ProfileError, match="API level"):
        DeviceIdentity.from_props({"ro.build.version.sdk": sdk})


def test_releases_and_makers_are_compared_in_the_profile_alone() -> None:
    """Everywhere else the answer is a row or a fact."""
    named = {"sdk", "maker", "manufacturer"}
    guilty = []
    for path in SOURCES.rglob("*.py"):
        if "virtual" in path.parts or path.name == "profile.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
            names = {x.attr for x in sides if isinstance(x, ast.Attribute)}
            if names & named:
                guilty.append(f"{path.name}:{node.lineno}")
    assert [] == guilty
