"""The commands of provisioning, as a newcomer uses them: on virtual phones, from the manual."""

import asyncio
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from droidrack.core.provision.recipe_load import load_recipe
from droidrack.faces.cli.main import main
from droidrack.virtual.rehearsal import rehearsal

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


def test_recipe_new_takes_the_name_of_the_file_for_the_name(beside: Path) -> None:
    """`new bay.toml` is what `new bay` is."""
    assert 0 == droidrack("recipe", "new", "bay.toml").exit_code
    assert ["bay.toml"] == [file.name for file in beside.iterdir()]
    assert "bay 1: 3 steps, good" in droidrack("recipe", "validate", "bay.toml").output


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


def test_newcomers_walk_through_the_manual_goes_as_it_says(beside: Path) -> None:
    """The first recipe of the manual: one phone fails as printed, and its guard mends that."""
    text = MANUAL.read_text("utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    printed = re.findall(r"```\n(HW.*?)```", text, re.DOTALL)[0]
    Path("bay.toml").write_text(blocks[0])
    apply = ("provision", "apply", "bay.toml", "--virtual", "4")
    failed = droidrack(*apply)
    assert 1 == failed.exit_code
    assert " ".join(printed.split()) in " ".join(failed.stderr.split())
    guarded = blocks[1]
    bare = '[[steps]]\nname = "animations"\ntype = "animations"\n'
    assert guarded.startswith(bare)
    Path("bay.toml").write_text(blocks[0].replace(bare, guarded))
    mended = droidrack(*apply)
    assert 0 == mended.exit_code, mended.output


@contextmanager
def lab(phones: int) -> Iterator[tuple[str, ...]]:
    """Virtual phones behind an adb server of their own; the options that say where they are."""
    started, stop = threading.Event(), threading.Event()
    port: list[int] = []

    async def work() -> None:
        async with rehearsal(phones) as bound:
            port.append(bound)
            started.set()
            while not stop.is_set():  # noqa: ASYNC110 - the other side is another thread
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert started.wait(60)
        yield ("--adb", f"127.0.0.1:{port[0]}", "--state", "state")
    finally:
        stop.set()
        thread.join(60)


def test_apply_report_steps_and_drift_over_a_given_adb_server(beside: Path) -> None:
    """The whole path on kept state: apply, certificate, states, confirm, verify, drift."""
    with lab(2) as where:
        _whole_path(where)


def recipe(name: str, timeout_s: int) -> str:
    """A file with one step."""
    Path(f"{name}.toml").write_text(
        f'[recipe]\nschema = 1\nname = "{name}"\nversion = "1"\nsummary = "for a test"\n'
        f'[[steps]]\nname = "screen"\ntype = "screen"\ntimeout_s = {timeout_s}\n'
    )
    return f"{name}.toml"


def looked(*words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and document of a run."""
    done = droidrack("provision", *words, "--quiet", "--json")
    return done.exit_code, json.loads(done.stdout)


def fates(document: dict[str, Any]) -> list[str]:
    """How its phones ended."""
    return [phone["fate"] for phone in document["phones"]]


def test_drift_is_told_mended_and_due_again_after_an_update(beside: Path) -> None:
    """Somebody changes one phone: drift tells, --reapply mends that one alone.

    Afterwards nothing is due, until a phone has another build than when it was checked.
    """
    bay, other = recipe("bay", 60), recipe("other", 90)
    with lab(2) as where:
        assert 0 == looked("apply", bay, *where)[0]
        _, ran = looked("apply", other, *where)
        one, two = (phone["name"] for phone in ran["phones"])
        assert 0 == looked("apply", bay, *where, "--only", one)[0]

        code, told = looked("drift", bay, *where)
        assert 1 == code
        assert {one: "done", two: "failed"} == {p["name"]: p["fate"] for p in told["phones"]}
        code, mended = looked("drift", bay, *where, "--reapply")
        assert (0, [two]) == (code, [phone["name"] for phone in mended["phones"]])
        assert {"done", "failed"} == set(fates(mended["drift"]))
        assert 0 == looked("verify", bay, *where)[0]
        code, none_due = looked("drift", bay, *where, "--due", "7")
        assert (0, ["skipped"] * 2) == (code, fates(none_due))
        with closing(sqlite3.connect("state/journal.sqlite")) as journal, journal:
            journal.execute(
                "INSERT INTO phones (device, name, serial, gateway_uid, fingerprint, seen_at) "
                "SELECT device, name, serial, '', 'newer', 4e15 "
                "FROM provision_phones WHERE name=? LIMIT 1", (one,)
            )  # fmt: skip
        report = droidrack("provision", "report", "bay", *where, "--json")
        assert [True] == [
            line.startswith(f"{one}: ") and line.endswith(" → newer")
            for line in json.loads(report.stdout)["checks_due"]
        ]
        assert "a check is due" in report.stderr

        with closing(sqlite3.connect("state/journal.sqlite")) as journal, journal:
            journal.execute("UPDATE provision_phones SET fingerprint='old' WHERE name=?", (one,))
        code, due = looked("drift", bay, *where, "--due", "7")
        assert (0, {one: "done", two: "skipped"}) == (
            code, {p["name"]: p["fate"] for p in due["phones"]}
        )  # fmt: skip
        assert [True] == [line.startswith(f"{one}: old → ") for line in due["builds_changed"]]


def test_slips_of_the_pen_are_told_before_anything_is_done(beside: Path) -> None:
    """Unknown steps, phones and places; two places at once; a server that is not there."""
    bay = recipe("bay", 60)
    Path("odd.csv").write_text("name,zone\n")
    for words, said in (
        (
            ("apply", bay, "--virtual", "1", "--again", "screen"),
            "`once` steps",
        ),
        (("plan", bay, "--virtual", "1", "--only", "nobody"), "no phone is called nobody"),
        (("plan", bay, "--virtual", "1", "--only", "no,body"), "no phone is called no, body"),
        (("plan", bay, "--virtual", "1", "--variables", "odd.csv"), "phone,zone,labels"),
        (("plan", bay, "--virtual", "1", "--adb", "h:1"), "leave the others out"),
        (("plan", bay, "--adb", "localhost"), "expected HOST:PORT"),
        (("plan", bay, "--adb", "127.0.0.1:1"), "--adb needs --state"),
        (("plan", bay, "--adb", "127.0.0.1:1", "--state", "s"), "Connect call failed"),
        (("plan", "lab-banch", "--virtual", "1"), "one of kiosk-display, lab-bench"),
        (("report", "bay", "--state", "s"), "no run of bay"),
        (("steps", bay, "--state", "s", "--confirm", "x:nix", "--operator", "R"), "no step 'nix'"),
    ):
        result = droidrack("provision", *words)
        assert 2 == result.exit_code or "--adb" in words, words
        assert said in " ".join(result.output.split()), (words, result.output)


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
    nowhere = droidrack("provision", "report", "bay", *where, "--out", "bay.toml/proof")
    assert (2, True) == (nowhere.exit_code, "not a directory" in nowhere.stderr)
    report = droidrack("provision", "report", "bay", *where, "--out", "proof")
    assert 0 == report.exit_code, report.output
    document = json.loads(Path("proof/certificate.json").read_text("utf-8"))
    assert ("Robin", "done") == (document["operator"], document["outcome"])
    assert 5 == len(Path("proof/certificate.csv").read_text("utf-8").splitlines())
    assert "<!doctype html>" in Path("proof/certificate.html").read_text("utf-8")
    assert 0 == droidrack("provision", "verify", "bay.toml", *where, *quiet).exit_code
    assert 0 == droidrack("provision", "drift", "bay.toml", *where, *quiet).exit_code
