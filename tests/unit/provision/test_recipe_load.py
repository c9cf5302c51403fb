"""Recipes: every mistake at once with its place, inheritance, and what nobody can express."""

import pytest
from bench_kit import HEAD, no_parents, recipe_of

from droidrack.core.errors import ConfigError
from droidrack.core.provision.deny import denied_command, denied_package, denied_setting
from droidrack.core.provision.manual import step_page
from droidrack.core.provision.recipe_load import load_recipe
from droidrack.core.provision.registry import STEP_TYPES
from droidrack.core.provision.screen_tree import prompt_on, read_tree

BASE = HEAD + (
    '[[steps]]\nname = "a"\ntype = "screen"\ntimeout_s = 30\n'
    '[[steps]]\nname = "b"\ntype = "animations"\n'
)


def mistakes_of(text: str) -> tuple[str, ...]:
    """What is wrong with a recipe."""
    with pytest.raises(ConfigError) as caught:
        recipe_of(text)
    return caught.value.mistakes


def test_all_mistakes_come_at_once_with_their_places() -> None:
    """Six mistakes in one file are six lines, each with file, path and step."""
    found = mistakes_of(
        '[[steps]]\nname = "one"\ntype = "scren"\n'
        '[[steps]]\nname = "two"\ntype = "setting"\nnamespace = "globl"\nkey = "k"\n'
        'valu = 1\nneeds = ["later"]\nretries = -1\n'
    )
    places = [line.partition(": expected")[0].partition(": un")[0] for line in found]
    assert "test.toml: steps[0].type" in places
    for key in ("namespace", "value: missing; expected", "valu", "needs", "retries"):
        assert any(line.startswith(f"test.toml: steps[1].{key}") for line in found), key
    assert all("(step '" in line for line in found)


def test_mistake_hides_no_other_and_brings_none_along() -> None:
    """A step with a taken or bad name is read on; who needs a mistaken step is not blamed."""
    found = mistakes_of(
        '[[steps]]\nname = "one"\ntype = "screen"\ntimeout_s = "long"\n'
        '[[steps]]\nname = "one"\ntype = "screen"\nretries = -1\n'
        '[[steps]]\nname = "Two!"\ntype = "screen"\nretries = -1\n'
        '[[steps]]\nname = "three"\ntype = "animations"\nneeds = ["one"]\n'
    )
    assert [
        "test.toml: steps[1].name",
        "test.toml: steps[2].name",
        "test.toml: steps[0].timeout_s",
        "test.toml: steps[1].retries",
        "test.toml: steps[2].retries",
    ] == [":".join(line.split(":")[:2]) for line in found]


def test_every_mistake_names_its_file() -> None:
    """Also those of the head, of variables, of secrets and of a parent."""

    def fetch(reference: str, origin: str) -> tuple[str, str]:
        return "base.toml", BASE + '[variables.site]\nkind = "x"\n[guard]\nmin_api = "9"\n'

    child = (
        '[recipe]\nschema = 1\nname = "site"\nsummary = 3\nextends = ["base"]\n'
        '[secrets]\nwifi = "hunter2"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_recipe("site.toml", child, fetch)
    assert [
        "base.toml: guard.min_api",
        "base.toml: variables.site.kind",
        "site.toml: secrets.wifi",
        "site.toml: recipe.summary",
    ] == [":".join(line.split(":")[:2]) for line in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not toml", "not valid TOML"),
        ('[recipe]\nschema = 2\nname = "x"\nversion = "1"\nsummary = "s"\n', "recipe.schema"),
        ('[[steps]]\nname = "A b"\ntype = "screen"\n', "steps[0].name"),
        ('[secrets]\nwifi = "hunter2"\n', "never the secret"),
    ],
)
def test_broken_head_is_told(text: str, said: str) -> None:
    """Syntax, schema, names and inline secrets."""
    whole = text if text.startswith(("[recipe]", "not")) else HEAD + text
    with pytest.raises(ConfigError) as caught:
        load_recipe("x.toml", whole, no_parents)
    assert any(said in line for line in caught.value.mistakes)


def test_inline_secret_is_not_repeated_in_the_mistake() -> None:
    """Somebody who writes the key into the file does not read it back on the screen."""
    found = mistakes_of(
        '[[steps]]\nname = "w"\ntype = "wifi"\nssid = "x"\nkey = "hunter2-hunter2"\n'
    )
    assert any("steps[0].key" in line for line in found)
    assert not any("hunter2" in line for line in found)


def test_extending_recipe_changes_removes_and_places_steps() -> None:
    """A site's recipe overrides one key, drops one step and puts one in between."""

    def fetch(reference: str, origin: str) -> tuple[str, str]:
        return "base.toml", BASE

    site = (
        '[recipe]\nschema = 1\nname = "site"\nversion = "2"\nsummary = "ours"\n'
        'extends = ["base"]\nremove = ["b"]\n'
        '[[steps]]\nname = "a"\nstay_awake = "usb"\n'
        '[[steps]]\nname = "c"\ntype = "restart"\nbefore = "a"\n'
    )
    recipe = load_recipe("site.toml", site, fetch)
    assert ["c", "a"] == [step.name for step in recipe.steps]
    assert ("usb", 30) == (
        recipe.step("a").params["stay_awake"],
        recipe.step("a").params["timeout_s"],
    )
    assert recipe.digest != load_recipe("base.toml", BASE, fetch).digest


@pytest.mark.parametrize(
    "key", ["android_id", "sms_outgoing_check_max_count", "package_verifier_enable", "adb_enabled"]
)
def test_setting_of_identity_or_safety_cannot_be_expressed(key: str) -> None:
    """Neither as a setting step nor inside a shell step."""
    assert denied_setting(key)
    assert denied_command(f"settings put global {key} 1")
    found = mistakes_of(
        f'[[steps]]\nname = "s"\ntype = "setting"\nnamespace = "secure"\nkey = "{key}"\nvalue = 1\n'
    )
    assert any(f"steps[0].key: {key}" in line for line in found)


@pytest.mark.parametrize(
    "command",
    [
        "input tap 10 10",
        "sleep 1; input keyevent 66",
        "su -c id",
        "setprop persist.radio.imei 1",
        "echo 'AT+EGMR=1,7' > /dev/smd0",
        "service call iphonesubinfo 1",
        "service call isms 5",
        "ip link set wlan0 address 02:00:00:00:00:01",
        "pm disable-user com.android.systemui",
        "cmd package uninstall --user 0 com.android.phone",
        "cat /persist/x",
        "monkey -p a 1",
    ],
)
def test_command_beyond_a_recipe_is_refused_when_loaded(command: str) -> None:
    """Blind taps, root, identifiers, sending and core packages stand in no shell step."""
    assert denied_command(command)
    found = mistakes_of(
        f"[[steps]]\nname = \"s\"\ntype = \"shell\"\ncheck = \"true\"\napply = '''{command}'''\n"
    )
    assert any("steps[0].apply" in line for line in found)


@pytest.mark.parametrize(
    "command", ["settings put system font_scale 1.0", "pm disable-user com.example.bloat",
                "dumpsys input", "getprop ro.serialno", "echo input"],
)  # fmt: skip
def test_ordinary_command_is_allowed(command: str) -> None:
    """The fence does not stand in the way of ordinary work."""
    assert "" == denied_command(command)


def test_core_package_cannot_be_removed() -> None:
    """A phone without it may not start again."""
    assert denied_package("com.android.systemui")
    found = mistakes_of(
        '[[steps]]\nname = "p"\ntype = "package"\npackage = "com.android.systemui"\n'
        'state = "absent"\n'
    )
    assert any("core package" in line for line in found)


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        ('[{ tap = { id = "com.android.permissioncontroller:id/allow" } }]', "never touched"),
        ('[{ open = "android.settings.MANAGE_UNKNOWN_APP_SOURCES" }]', "asks for consent"),
        ('[{ tap = "nowhere" }]', "no entry 'nowhere'"),
        ('[{ poke = { text = "x" } }]', "expected one of open, tap"),
        ('[{ type = { text = "x" } }]', "either text or secret"),
        ("[{ tap = {} }]", "expected one of text"),
        ('[{ press = "power" }]', '"back" or "home"'),
    ],
)
def test_flow_mistake_names_its_action(flow: str, said: str) -> None:
    """A flow is checked action by action when the recipe is loaded."""
    found = mistakes_of(f'[[steps]]\nname = "u"\ntype = "ui"\nflow = {flow}\n')
    assert any(said in line and "flow[0]" in line for line in found), found


@pytest.mark.parametrize("name", list(STEP_TYPES))
def test_example_of_every_type_is_a_good_step(name: str) -> None:
    """What the manual shows can be copied."""
    page = step_page(STEP_TYPES[name])
    example = page.partition("```toml\n")[2].partition("```")[0].replace("3f0a…", "3" * 64)
    recipe = recipe_of('[secrets.wifi]\nenv = "W"\n' + example)
    assert [name] == [step.type for step in recipe.steps]


@pytest.mark.parametrize(
    ("package", "text", "prompt"),
    [
        ("com.android.settings", "Network", False),
        ("com.android.systemui", "12:00", False),
        ("com.google.android.permissioncontroller", "Messages", True),
        ("com.android.settings", "Allow USB debugging?", True),
        ("android", "Enter your PIN", True),
    ],
)
def test_prompt_is_known_by_package_or_title(package: str, text: str, prompt: bool) -> None:
    """The maker's package decides; titles help where it does not."""
    tree = read_tree(
        f'<hierarchy rotation="0"><node package="{package}" text="{text}" '
        'resource-id="" class="x"/></hierarchy>'
    )
    assert prompt is bool(prompt_on(tree))
