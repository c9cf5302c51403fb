"""Steps on the screen: the real uiautomator2 over a real adb server, on phones of three makers."""

import asyncio
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from live_rack import LiveRack, StartRack, quick

from droidrack.adapters.adb_link import Endpoint
from droidrack.adapters.adb_watch import AdbBus
from droidrack.adapters.clock import SystemClock
from droidrack.adapters.recipe_files import EvidenceFolder, RecipeSupplies
from droidrack.adapters.run_journal import SqlRunJournal
from droidrack.app.provision.bench import Bench, Choices, Target
from droidrack.app.provision.campaign import Campaign, Outcome, PhoneOutcome
from droidrack.compose_provisioning import screens
from droidrack.core.provision.recipe_load import load_recipe
from droidrack.core.provision.record import PhoneFate, RunKind, StepState
from droidrack.core.settings import PhoneSettings

HEAD = '[recipe]\nschema = 1\nname = "ui"\nversion = "1"\nsummary = "screens"\n'

CHAT_OFF = """
[[steps]]
name = "chat-off"
type = "ui"
deadline_s = 60
flow = [
  { press = "home" },
  { open = "android.settings.SETTINGS" },
  { scroll_to = "network" },
  { tap = "network" },
  { switch = { text = "Chat features" }, on = false },
  { expect = { xpath = '//*[@text="Chat features"]' } },
]
[steps.selectors]
network = [
  { text = "Connections", makers = ["samsung"] },
  { text = "SIM cards & mobile networks", makers = ["xiaomi"] },
  { id = "com.android.settings:id/network", makers = ["google"] },
]
"""

NAME = """
[[steps]]
name = "device-name"
type = "ui"
deadline_s = 60
check = "settings get global device_name"
matches = "^Bay 7$"
flow = [
  { open = "android.settings.SETTINGS" },
  { scroll_to = { text = "About phone" } },
  { tap = { text = "About phone" } },
  { type = { id = "com.android.settings:id/name" }, text = "Bay 7" },
  { type = { description = "Owner key" }, secret = "key" },
  { tap = { xpath = '//*[@text="Save"]' } },
]
"""


CURTAIN = """
[secrets.key]
env = "RACK_KEY"
[[steps]]
name = "typed"
type = "ui"
deadline_s = 60
flow = [
  { open = "android.settings.SETTINGS" },
  { scroll_to = { text = "About phone" } },
  { tap = { text = "About phone" } },
  { type = { description = "Owner key" }, secret = "key" },
]
[[steps]]
name = "fails"
type = "expect"
properties = { "ro.nix" = "1" }
on_failure = "continue"
[[steps]]
name = "dark"
type = "screenshot"
[[steps]]
name = "home"
type = "ui"
flow = [{ press = "home" }]
[[steps]]
name = "light"
type = "screenshot"
"""


def provision(rack: LiveRack, text: str, home: Path, kind: RunKind = RunKind.APPLY) -> Outcome:
    """One run over all phones of a rack."""
    origin = home / "ui.toml"
    recipe = load_recipe(str(origin), HEAD + text, _no_parents)
    targets = [
        Target(PhoneSettings(name=p.model.spec.serial, serial=p.model.spec.serial))
        for p in rack.phones
    ]

    async def story() -> Outcome:
        journal = SqlRunJournal(home / "journal.sqlite")
        await journal.open()
        bench = Bench(
            journal=journal,
            leases=journal,
            supplies=RecipeSupplies(recipe, str(origin)),
            evidence=EvidenceFolder(home / "evidence"),
            screen=screens(),
            clock=SystemClock(),
            dice=random.Random(3),
            tell=_silent,
            watch=lambda event: None,
            aside=_in_thread,
        )
        choices = Choices(kind=kind, operator="tester", host="here", holder="test")
        try:
            campaign = Campaign(bench, choices, recipe, targets)
            return await campaign.go([AdbBus(Endpoint("127.0.0.1", rack.port))])
        finally:
            await journal.close()

    return asyncio.run(story())


async def _in_thread(job: Any, /) -> Any:
    return await asyncio.to_thread(job)


def _silent(event: str, /, **facts: object) -> None:
    """A test looks at the journal."""


def _no_parents(reference: str, origin: str) -> tuple[str, str]:
    raise AssertionError(reference)


def fates(outcome: Outcome) -> list[tuple[PhoneFate, str]]:
    """How each phone ended, and why."""
    return [(phone.phone.fate, phone.phone.cause) for phone in outcome.phones]


@pytest.fixture
def makers(start_rack: StartRack) -> LiveRack:
    """A Samsung, a Xiaomi and a Pixel."""
    return start_rack([quick(14), quick(13), quick(15)])


def test_flow_turns_a_switch_on_phones_of_three_makers(makers: LiveRack, tmp_path: Path) -> None:
    """Each maker's own row is found, the switch is turned once, and pictures are kept."""
    outcome = provision(makers, CHAT_OFF, tmp_path)
    assert [(PhoneFate.DONE, "")] * 3 == fates(outcome)
    assert [False] * 3 == [p.model.estate.switches["rcs"] for p in makers.phones]
    files = [file.name for phone in outcome.phones for file in phone.steps[0].files]
    assert ["before.png", "after.png"] * 3 == [name.rpartition("/")[2] for name in files]
    run = tmp_path / "evidence" / outcome.run.uid
    assert all((run / name).read_bytes().startswith(b"\x89PNG") for name in files)


def test_flow_without_a_check_is_not_repeated_on_the_same_build(
    makers: LiveRack, tmp_path: Path
) -> None:
    """What the phone cannot show the journal knows: the second run touches no screen."""
    provision(makers, CHAT_OFF, tmp_path)
    touched = [list(p.handset.screen.touches) for p in makers.phones]
    second = provision(makers, CHAT_OFF, tmp_path)
    assert [StepState.SATISFIED] * 3 == [phone.steps[0].state for phone in second.phones]
    assert touched == [p.handset.screen.touches for p in makers.phones]


def test_flow_types_text_and_secret_and_is_verified_by_its_check(
    start_rack: StartRack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text reaches its field, the secret stands in no picture, record or log."""
    monkeypatch.setenv("RACK_KEY", "swordfish-unheard")
    rack = start_rack([quick(15)])
    text = '[secrets.key]\nenv = "RACK_KEY"\n' + NAME
    outcome = provision(rack, text, tmp_path)
    assert [(PhoneFate.DONE, "")] == fates(outcome)
    assert "Bay 7" == rack.phones[0].model.settings.get("global", "device_name")
    assert "swordfish-unheard" == rack.phones[0].handset.apps.owner_key
    assert ["before.png"] == _names(outcome.phones)
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"swordfish" in content for content in kept)


def test_no_picture_is_kept_while_a_typed_secret_may_show(
    start_rack: StartRack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the flow, nor of a later step that fails, until the flow has left that screen."""
    monkeypatch.setenv("RACK_KEY", "swordfish-unheard")
    rack = start_rack([quick(15)])
    outcome = provision(rack, CURTAIN, tmp_path)
    typed, fails, dark, _, light = outcome.phones[0].steps
    assert (StepState.DONE, StepState.FAILED) == (typed.state, fails.state)
    assert "may show a secret" in fails.screen
    kept = [[file.name.rpartition("/")[2] for file in step.files] for step in (typed, fails, dark)]
    assert [["before.png"], [], []] == kept
    assert ["screen.png"] == [file.name.rpartition("/")[2] for file in light.files]


def _names(phones: Sequence[PhoneOutcome]) -> list[str]:
    return [f.name.rpartition("/")[2] for p in phones for s in p.steps for f in s.files]


def test_missing_element_asks_for_a_person_and_taps_nothing(
    start_rack: StartRack, tmp_path: Path
) -> None:
    """No selector for the maker, or none on the screen: needs human, with a picture."""
    rack = start_rack([quick(9)])  # A OnePlus, for which no selector is given.
    outcome = provision(rack, CHAT_OFF, tmp_path)
    (step,) = outcome.phones[0].steps
    assert StepState.NEEDS_HUMAN is step.state
    assert "no element" in step.cause
    assert "Settings" in step.screen
    assert [] == rack.phones[0].handset.screen.touches
    assert "failed.png" in [f.name.rpartition("/")[2] for f in step.files]


def test_security_prompt_is_never_answered(start_rack: StartRack, tmp_path: Path) -> None:
    """A tap that brings up a consent window ends the flow; the window stays untouched."""
    text = CHAT_OFF.partition("flow =")[0] + (
        'flow = [{ open = "android.settings.SETTINGS" }, '
        '{ scroll_to = { text = "Developer options" } }, { tap = { text = "Developer options" } }, '
        '{ switch = { text = "Install via USB apps" }, on = true }, '
        '{ tap = { text = "Accept" } }]\n'
    )
    rack = start_rack([quick(13)])
    (step,) = provision(rack, text, tmp_path).phones[0].steps
    assert StepState.NEEDS_HUMAN is step.state
    assert "com.miui.securitycenter" in step.cause
    assert "ui prompt accepted" not in rack.phones[0].model.estate.changes


def test_prompt_that_comes_while_an_element_is_waited_for_is_not_touched(
    start_rack: StartRack, tmp_path: Path
) -> None:
    """The awaited button is the prompt's own: it is found, known for what it is, and left."""
    text = CHAT_OFF.partition("flow =")[0] + (
        'flow = [{ open = "android.settings.SETTINGS" }, { tap = { text = "Accept" } }]\n'
    )
    rack = start_rack([quick(13)])
    apps = rack.phones[0].handset.apps
    late = threading.Timer(3.0, lambda: rack.loop.call_soon_threadsafe(apps.warn))
    late.start()
    (step,) = provision(rack, text, tmp_path).phones[0].steps
    late.join()
    assert StepState.NEEDS_HUMAN is step.state
    assert "com.miui.securitycenter" in step.cause
    assert [] == rack.phones[0].handset.screen.touches
    assert "ui prompt accepted" not in rack.phones[0].model.estate.changes
