"""The commands of provisioning, as a newcomer uses them: on virtual phones, from the manual."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from droidrack.core.provision.recipe_load import load_recipe
from droidrack.faces.cli.main import main

MANUAL = Path(__file__).parents[2] / "docs" / "provisioning.md"


def droidrack(*words: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, words)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_recipe_new_makes_one_that_is_valid_and_applies(beside: Path) -> None:
    """`new`, `validate`, `apply` on virtual phones, and the second apply writes nothing."""
    assert 0 == droidrack("recipe", "new", "bay").exit_code
    assert "3 steps, good" in droidrack("recipe", "validate", "bay.toml").output
    result = droidrack("provision", "apply", "bay.toml", "--virtual", "2", "--quiet", "--json")
    document = json.loads(result.stdout)
    assert 0 == result.exit_code, result.output
    assert ["done", "done"] == [phone["fate"] for phone in document["phones"]]


def test_validate_lists_the_mistakes_of_all_files_and_exits_with_two(beside: Path) -> None:
    """Two bad files: both are told, and a script sees exit code 2."""
    for name in ("a", "b"):
        Path(f"{name}.toml").write_text("[recipe]\nschema = 9\n")
    result = droidrack("recipe", "validate", "a.toml", "b.toml")
    assert 2 == result.exit_code
    assert "a.toml: recipe.schema" in result.output
    assert "b.toml: recipe.schema" in result.output


def test_show_and_types_explain_what_there_is() -> None:
    """The shipped recipes, one of them whole, all types, one of them as its page."""
    assert "sms-gateway" in droidrack("recipe", "show").output
    shown = json.loads(droidrack("recipe", "show", "lab-bench", "--json").output)
    assert "animations" in [step["step"] for step in shown["steps"]]
    assert "wifi" in droidrack("recipe", "types").output
    assert "Done when" in droidrack("recipe", "types", "wifi").output


def test_manual_shows_recipes_that_are_good() -> None:
    """Every whole recipe in the manual loads as it stands."""
    blocks = re.findall(r"```toml\n(.*?)```", MANUAL.read_text("utf-8"), re.DOTALL)
    whole = [block for block in blocks if block.lstrip("#").find("[recipe]") >= 0]
    assert len(whole) >= 2

    def fetch(reference: str, origin: str) -> Any:
        from droidrack.compose_provisioning import recipe_text

        return reference, recipe_text(reference)

    for block in whole:
        load_recipe("manual.toml", block, fetch)


def test_apply_report_steps_and_drift_over_a_given_adb_server(beside: Path) -> None:
    """The whole path on kept state: apply, certificate, states, confirm, verify, drift."""
    import asyncio
    import threading

    from droidrack.virtual.rehearsal import rehearsal

    started, stop = threading.Event(), threading.Event()
    port: list[int] = []

    async def lab() -> None:
        async with rehearsal(2) as bound:
            port.append(bound)
            started.set()
            while not stop.is_set():  # noqa: ASYNC110 - the other side is another thread
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(lab()))
    thread.start()
    try:
        assert started.wait(60)
        where = ("--adb", f"127.0.0.1:{port[0]}", "--state", "state")
        _whole_path(where)
    finally:
        stop.set()
        thread.join(60)


def _whole_path(where: tuple[str, ...]) -> None:
    Path("bay.toml").write_text(
        '[recipe]\nschema = 1\nname = "bay"\nversion = "1"\nsummary = "for a test"\n'
        '[[steps]]\nname = "screen"\ntype = "screen"\ntimeout_s = 60\n'
        '[[steps]]\nname = "label"\ntype = "human"\ninstructions = "put a label on it"\n'
    )
    quiet = ("--quiet", "--operator", "Robin")
    first = droidrack("provision", "apply", "bay.toml", *where, *quiet)
    assert 1 == first.exit_code, first.output
    assert "needs human" in first.output
    rows = json.loads(droidrack("provision", "steps", "bay.toml", *where, "--json").output)
    waiting = [row["phone"] for row in rows if row["state"] == "needs human"]
    assert 2 == len(waiting)
    for phone in waiting:
        words = ("--confirm", f"{phone}:label", "--operator", "Robin", "--json")
        assert 0 == droidrack("provision", "steps", "bay.toml", *where, *words).exit_code
    again = droidrack("provision", "apply", "bay.toml", *where, *quiet, "--json")
    assert 0 == again.exit_code, again.output
    steps = [step for phone in json.loads(again.stdout)["phones"] for step in phone["steps"]]
    assert {"satisfied"} == {step["state"] for step in steps}
    assert 0 == sum(step["writes"] for step in steps)
    report = droidrack("provision", "report", "bay", *where, "--out", "proof")
    assert 0 == report.exit_code, report.output
    document = json.loads(Path("proof/certificate.json").read_text("utf-8"))
    assert ("Robin", "done") == (document["operator"], document["outcome"])
    assert 5 == len(Path("proof/certificate.csv").read_text("utf-8").splitlines())
    assert "<!doctype html>" in Path("proof/certificate.html").read_text("utf-8")
    assert 0 == droidrack("provision", "verify", "bay.toml", *where, *quiet).exit_code
    assert 0 == droidrack("provision", "drift", "bay.toml", *where, *quiet).exit_code
