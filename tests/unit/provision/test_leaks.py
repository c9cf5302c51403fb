"""A secret of a recipe stands nowhere but on the phone: in no record, log, command or file."""

from pathlib import Path

import pytest
from bench_kit import Workshop, in_virtual_time, phone_of, recipe_of

from droidrack.adapters.recipe_files import RecipeSupplies
from droidrack.adapters.run_journal import SqlRunJournal
from droidrack.app.provision.campaign import Outcome
from droidrack.core.provision.certificate import certificate
from droidrack.core.provision.recipe import Recipe
from droidrack.core.provision.record import StepState
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.console import Console
from droidrack.virtual.handset import Handset

KEY = "swordfish-unheard"
HEAD = '[recipe]\nschema = 1\nname = "test"\nversion = "1"\nsummary = "x"\n'
SECRET = '[secrets.key]\nenv = "RACK_KEY"\n'
TOLD = (
    '[[steps]]\nname = "told"\ntype = "shell"\ncheck = "cat /data/local/tmp/key"\n'
    'matches = "^never$"\napply = "keep"\nstdin = { secret = "key" }\non_failure = "continue"\n'
)
KEPT = (
    '[[steps]]\nname = "kept"\ntype = "evidence"\ncommand = "cat /data/local/tmp/key"\n'
    'save_as = "key"\n'
)
FAILS = '[[steps]]\nname = "fails"\ntype = "expect"\nproperties = { "ro.nix" = "1" }\n'


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret's source."""
    monkeypatch.setenv("RACK_KEY", KEY)


def phone(commands: list[str]) -> Handset:
    """A phone with a tool that keeps what it is told, repeats it, and is told in `commands`."""
    handset = phone_of(make_spec(0, api=34))

    async def keep(argv: list[str], console: Console) -> int:
        commands.append(" ".join(argv))
        secret = await console.read(100)
        handset.files.write("/data/local/tmp/key", secret)
        await console.stderr(b"kept " + secret)
        return 0

    handset.toolbox.add("keep", keep)
    return handset


def everything(home: Path, outcome: Outcome, shop: Workshop) -> str:
    """All that a run leaves on this host, as one text."""
    files = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    steps = [step for one in outcome.phones for step in one.steps]
    document = certificate(outcome.run, [one.phone for one in outcome.phones], steps)
    kept = b"\n".join(files).decode("utf-8", "replace")
    return f"{kept}{document}{outcome}{shop.events}{shop.log}"


def went(home: Path, recipe: Recipe, handset: Handset) -> tuple[Outcome, str]:
    """One run with a journal on disk; what it left behind."""

    async def story() -> tuple[Outcome, str]:
        journal = SqlRunJournal(home / "journal.sqlite", inline=True)
        await journal.open()
        shop = Workshop([handset], home, journal=journal)
        outcome = await shop.go(recipe)
        await journal.close()
        return outcome, everything(home, outcome, shop)

    return in_virtual_time(story)


def test_answer_that_repeats_a_secret_is_masked_wherever_it_is_kept(tmp_path: Path) -> None:
    """A check prints it, a tool echoes it, evidence holds it: all that is kept has the mask."""
    commands: list[str] = []
    handset = phone(commands)
    outcome, left = went(tmp_path, recipe_of(SECRET + TOLD + KEPT, head=HEAD), handset)
    told, kept = outcome.phones[0].steps
    assert (StepState.FAILED, StepState.SATISFIED) == (told.state, kept.state)
    assert f"{KEY}\n".encode() == handset.files.read("/data/local/tmp/key")
    assert ["keep"] == commands
    assert KEY not in left
    assert 1 == len(kept.files)


def test_secret_within_another_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer one goes first, or its rest would be readable."""
    monkeypatch.setenv("RACK_LONG", f"{KEY}-and-more")
    recipe = recipe_of(SECRET + '[secrets.long]\nenv = "RACK_LONG"\n' + FAILS, head=HEAD)
    supplies = RecipeSupplies(recipe, "r.toml")
    for name in ("key", "long"):
        supplies.reveal(name)
    said = supplies.scrub(f"key {KEY}, long {KEY}-and-more")
    assert "swordfish" not in said
    assert "and-more" not in said


def test_wifi_key_stands_in_no_command_that_reaches_the_phone(tmp_path: Path) -> None:
    """The shell's command line asks for it on standard input; a refusal does not repeat it."""
    handset = phone_of(make_spec(0, api=34))
    handset.model.estate.wifi.networks["Rack"] = "another key"
    text = (
        SECRET + '[[steps]]\nname = "wifi"\ntype = "wifi"\nssid = "Rack"\n'
        'key = { secret = "key" }\ndeadline_s = 30\n'
    )
    outcome, left = went(tmp_path, recipe_of(text, head=HEAD), handset)
    (step,) = outcome.phones[0].steps
    assert StepState.FAILED is step.state
    assert [] == list(step.files)
    assert KEY not in left
