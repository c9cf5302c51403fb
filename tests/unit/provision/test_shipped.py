"""The recipes that ship, on phones of several makers with their habits; the manual's pages."""

from pathlib import Path

import pytest
from bench_kit import Workshop, in_virtual_time, phones_of

from droidrack.adapters.recipe_files import read_recipe, shipped_names
from droidrack.core.provision.manual import pages
from droidrack.core.provision.record import PhoneFate, StepState

DOCS = Path(__file__).parents[3] / "docs"
EXPECTED = {"sms-gateway", "lab-bench", "kiosk-display", "wipe-handover"}


def test_four_recipes_ship() -> None:
    """They are in the package and without a mistake."""
    assert set(shipped_names()) == EXPECTED
    assert EXPECTED == {read_recipe(name)[0].name for name in shipped_names()}


@pytest.mark.parametrize("name", ["sms-gateway", "lab-bench", "kiosk-display"])
def test_shipped_recipe_succeeds_on_phones_without_odd_habits(name: str, tmp_path: Path) -> None:
    """Twelve phones of six makers: done; a second time without one write."""
    recipe, _ = read_recipe(name)
    shop = Workshop(phones_of(12, min_api=26), tmp_path)
    for handset in shop.handsets:
        if handset.model.spec.maker == "samsung":
            handset.model.settings.put("global", "protect_battery", "0")

    async def story() -> None:
        first = await shop.go(recipe)
        assert {(PhoneFate.DONE, "")} == {(p.phone.fate, p.phone.cause) for p in first.phones}
        shop.forget_writes()
        assert (await shop.go(recipe)).good
        assert [] == shop.writes()

    in_virtual_time(story)


def test_shipped_recipe_tells_each_makers_habit_and_does_the_rest(tmp_path: Path) -> None:
    """On phones with habits the steps that fail are those of the habit; nothing else is held."""
    recipe, _ = read_recipe("sms-gateway")
    shop = Workshop(phones_of(12, habits=True, min_api=26), tmp_path)
    outcome = in_virtual_time(lambda: shop.go(recipe, stop_rate=1.0))
    failed = {
        (phone.phone.maker, step.step)
        for phone in outcome.phones
        for step in phone.steps
        if step.state is StepState.FAILED
    }
    assert {("Xiaomi", "updates")} == failed
    assert not [s for p in outcome.phones for s in p.steps if s.state is StepState.BLOCKED]


def test_handover_waits_for_people_and_keeps_evidence_first(tmp_path: Path) -> None:
    """Evidence is kept, cards and accounts are a person's, and so is the reset."""
    recipe, _ = read_recipe("wipe-handover")
    handset = phones_of(8, min_api=33)[0]
    for slot in range(handset.model.spec.slots):
        handset.model.remove_sim(slot)
    outcome = in_virtual_time(lambda: Workshop([handset], tmp_path).go(recipe))
    (phone,) = outcome.phones
    states = {step.step: step.state for step in phone.steps}
    assert StepState.SATISFIED is states["sims-out"]
    assert StepState.NEEDS_HUMAN is states["reset"]
    kept = {file.name.rpartition("/")[2] for step in phone.steps for file in step.files}
    assert {"identity.txt", "battery.txt", "screen.png"} <= kept


def test_manual_of_steps_is_printed_from_the_registry() -> None:
    """Every page in docs/steps is exactly what the registry prints."""
    written = {path.name: path.read_text("utf-8") for path in (DOCS / "steps").glob("*.md")}
    assert pages() == written
