"""Runs of recipes over virtual phones: applied once, checked, resumed, held."""

from pathlib import Path

import pytest
from bench_kit import Workshop, in_virtual_time, phones_of, recipe_of

from droidrack.core.provision.recipe import Recipe
from droidrack.core.provision.record import RunKind, StepState
from droidrack.virtual.apk_build import build_apk

GENERAL = """
[[steps]]
name = "screen"
type = "screen"
timeout_s = 60
[[steps]]
name = "animations"
type = "animations"
[[steps]]
name = "app"
type = "apk"
file = "courier.apk"
[[steps]]
name = "grant"
type = "permission"
package = "org.example.courier"
permissions = ["android.permission.READ_SMS"]
needs = ["app"]
when = { min_api = 23 }
[[steps]]
name = "doze"
type = "doze-exempt"
package = "org.example.courier"
needs = ["app"]
when = { min_api = 23 }
[[steps]]
name = "bloat"
type = "package"
package = "com.example.bloat"
state = "disabled"
[[steps]]
name = "config"
type = "push"
file = "config.json"
to = "/sdcard/Download/config.json"
when = { min_api = 23 }
[[steps]]
name = "restart"
type = "restart"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with what the recipes bring along."""
    permissions = ["android.permission.READ_SMS"]
    apk = build_apk("org.example.courier", version_code=3, permissions=permissions)
    (tmp_path / "courier.apk").write_bytes(apk)
    (tmp_path / "config.json").write_text('{"a": 1}')
    return tmp_path


def recipe_in(home: Path, text: str = GENERAL) -> Recipe:
    """A recipe whose files lie in `home`."""
    return recipe_of(text, name=str(home / "recipe.toml"))


def test_second_apply_on_fifty_mixed_phones_writes_nothing(home: Path) -> None:
    """Fifty phones of many makers: applied, then applied again with not one change."""
    shop = Workshop(phones_of(50), home)

    async def story() -> None:
        first = await shop.go(recipe_in(home))
        assert [] == [(p.phone.name, p.phone.cause) for p in first.phones if p.phone.cause]
        assert first.good
        assert len(shop.writes()) > 50 * 6
        shop.forget_writes()
        second = await shop.go(recipe_in(home))
        assert second.good
        assert [] == shop.writes()
        states = {step.state for phone in second.phones for step in phone.steps}
        assert {StepState.SATISFIED, StepState.SKIPPED} == states

    in_virtual_time(story)


def test_plan_changes_nothing_and_foretells_what_apply_does(home: Path) -> None:
    """A plan reads only, and marks as pending what the apply then does."""
    shop = Workshop(phones_of(6, min_api=26), home)

    async def story() -> None:
        plan = await shop.go(recipe_in(home), RunKind.PLAN)
        assert [] == shop.writes()
        pending = {s.step for p in plan.phones for s in p.steps if s.state is StepState.PENDING}
        assert {
            "screen",
            "animations",
            "app",
            "grant",
            "doze",
            "bloat",
            "config",
            "restart",
        } == pending
        assert (await shop.go(recipe_in(home))).good

    in_virtual_time(story)
