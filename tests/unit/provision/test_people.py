"""People: called at once to the right phone, believed only where no machine can see for itself."""

import asyncio
from pathlib import Path

import pytest
from bench_kit import Workshop, in_virtual_time, phone_of, recipe_of
from click.testing import CliRunner

from droidrack.adapters.run_journal import SqlRunJournal
from droidrack.app.provision.bench import Target
from droidrack.core.provision.record import PhoneFate, StepState
from droidrack.core.settings import PhoneSettings
from droidrack.faces.cli.main import main
from droidrack.faces.cli.provision_live import card_of
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.console import Console
from droidrack.virtual.handset import Handset

LABEL = '[[steps]]\nname = "label"\ntype = "human"\ninstructions = "stick a label on it"\n'
CARDS = (
    '[[steps]]\nname = "cards"\ntype = "human"\ninstructions = "take the SIM cards out"\n'
    'check = "test -f /data/local/tmp/out"\ndeadline_s = 100\n'
)
ENROL = (
    '[[steps]]\nname = "enrol"\ntype = "once"\ncheck = "test -f /data/local/tmp/done"\n'
    'apply = "enrol"\n'
)
SCREEN = '[[steps]]\nname = "screen"\ntype = "screen"\ntimeout_s = 60\n'
ANIMATIONS = '[[steps]]\nname = "animations"\ntype = "animations"\n'


def phone(port: str = "1-2.3") -> Handset:
    """A phone in a USB port."""
    handset = phone_of(make_spec(0, api=34))
    handset.link.port = port
    return handset


def enrolling(handset: Handset) -> list[int]:
    """Give the phone a command that must not run twice, whose check does not show it."""
    runs: list[int] = []

    async def enrol(argv: list[str], console: Console) -> int:
        runs.append(1)
        return 0

    handset.toolbox.add("enrol", enrol)
    return runs


def test_person_is_called_with_phone_and_port_when_the_wait_begins(tmp_path: Path) -> None:
    """Not when the deadline is over: the card is told at once, and stands in the journal."""
    handset = phone()
    shop = Workshop([handset], tmp_path)

    async def story() -> None:
        run = asyncio.ensure_future(shop.go(recipe_of(CARDS)))
        await asyncio.sleep(5)
        (card,) = [event for event in shop.events if event.state is StepState.NEEDS_HUMAN]
        assert "1-2.3" == card.port
        text = card_of(card)
        assert f"A person is needed at {handset.model.spec.serial}, USB port 1-2.3" in text
        assert "take the SIM cards out" in text
        ((_, journaled),) = await shop.journal.latest("test")
        assert (StepState.NEEDS_HUMAN, "take the SIM cards out") == (
            journaled.state,
            journaled.cause,
        )
        handset.files.write("/data/local/tmp/out", b"")
        outcome = await run
        assert StepState.SATISFIED is outcome.phones[0].steps[0].state
        assert "1-2.3" == outcome.phones[0].phone.port

    in_virtual_time(story)


def test_card_of_a_step_to_be_confirmed_says_how(tmp_path: Path) -> None:
    """The command is there to be copied, with this phone and this step."""
    handset = phone()
    shop = Workshop([handset], tmp_path)
    outcome = in_virtual_time(lambda: shop.go(recipe_of(LABEL)))
    hint = outcome.phones[0].steps[0].hint
    assert f"--confirm {handset.model.spec.serial}:label" in hint


def confirmed(home: Path, recipe: str, words: str) -> tuple[int, str]:
    """`provision steps --confirm`, on a journal on disk."""
    (home / "r.toml").write_text(
        '[recipe]\nschema = 1\nname = "test"\nversion = "1"\nsummary = "x"\n' + recipe
    )
    command = ["provision", "steps", str(home / "r.toml"), "--state", str(home / "state")]
    done = CliRunner().invoke(main, [*command, "--confirm", words, "--operator", "Robin"])
    return done.exit_code, done.output


def test_once_step_is_not_confirmed_against_its_own_check(tmp_path: Path) -> None:
    """The phone can show it, so nobody's word stands for it; it stays with a person's permission.

    The permission is for one more time, also where that try's answer is lost again.
    """
    handset = phone()
    runs = enrolling(handset)

    async def story(journal: SqlRunJournal) -> None:
        shop = Workshop([handset], tmp_path, journal=journal)
        handset.link.cut_next("executed", match="enrol")
        outcome = await shop.go(recipe_of(ENROL))
        assert StepState.NEEDS_HUMAN is outcome.phones[0].steps[0].state

    on_disk(tmp_path, story)
    code, said = confirmed(tmp_path, ENROL, f"{handset.model.spec.serial}:enrol")
    assert 2 == code
    assert "the phone itself shows" in said

    async def again(journal: SqlRunJournal) -> None:
        shop = Workshop([handset], tmp_path, journal=journal, seed=6)
        outcome = await shop.go(recipe_of(ENROL))
        assert StepState.NEEDS_HUMAN is outcome.phones[0].steps[0].state
        assert [1] == runs
        handset.link.cut_next("executed", match="enrol")
        outcome = await shop.go(recipe_of(ENROL), again=frozenset({"enrol"}))
        assert StepState.NEEDS_HUMAN is outcome.phones[0].steps[0].state
        assert [1, 1] == runs

    on_disk(tmp_path, again)


def test_once_step_stays_the_same_when_its_check_is_mended(tmp_path: Path) -> None:
    """The faulty check asked for a person; the person mends it: that makes it no other step."""
    handset = phone()
    runs = enrolling(handset)
    shop = Workshop([handset], tmp_path)

    async def story() -> None:
        await shop.go(recipe_of(ENROL))
        mended = ENROL.replace("/tmp/done", "/tmp/elsewhere")
        outcome = await shop.go(recipe_of(mended))
        assert StepState.NEEDS_HUMAN is outcome.phones[0].steps[0].state
        assert [1] == runs
        handset.files.write("/data/local/tmp/elsewhere", b"")
        assert (await shop.go(recipe_of(mended))).good
        assert [1] == runs

    in_virtual_time(story)


def on_disk(home: Path, story: object) -> None:
    """Tell a story with a journal that commands can read afterwards."""

    async def told() -> None:
        (home / "state").mkdir(exist_ok=True)
        journal = SqlRunJournal(home / "state" / "journal.sqlite", inline=True)
        await journal.open()
        try:
            await story(journal)  # type: ignore[operator] # a coroutine function
        finally:
            await journal.close()

    in_virtual_time(told)


def test_human_step_is_confirmed_by_name_from_another_terminal(tmp_path: Path) -> None:
    """Nothing on the phone can show it: the name stands in the certificate from then on."""
    handset = phone()

    async def first(journal: SqlRunJournal) -> None:
        outcome = await Workshop([handset], tmp_path, journal=journal).go(recipe_of(LABEL))
        assert PhoneFate.NEEDS_HUMAN is outcome.phones[0].phone.fate

    async def second(journal: SqlRunJournal) -> None:
        outcome = await Workshop([handset], tmp_path, journal=journal, seed=6).go(recipe_of(LABEL))
        (step,) = outcome.phones[0].steps
        assert (StepState.SATISFIED, "Robin") == (step.state, step.by)

    on_disk(tmp_path, first)
    assert 0 == confirmed(tmp_path, LABEL, f"{handset.model.spec.serial}:label")[0]
    on_disk(tmp_path, second)


@pytest.mark.parametrize("words", ["label", "nobody:label", "x:nix"])
def test_confirmation_of_what_waits_for_nobody_is_refused(tmp_path: Path, words: str) -> None:
    """A slip of the pen confirms nothing."""
    (tmp_path / "state").mkdir()
    assert 2 == confirmed(tmp_path, LABEL, words)[0]


# --- The cable --------------------------------------------------------------------------------


def test_phone_that_comes_back_in_another_port_goes_on(tmp_path: Path) -> None:
    """Pulled in the middle of the run and plugged into another hub: no step twice, all done."""
    handset = phone("1-2.3")
    shop = Workshop([handset], tmp_path)

    async def move() -> None:
        await asyncio.sleep(1.1)
        await handset.link.unplug()
        await asyncio.sleep(20)
        handset.link.port = "2-1.4"
        await handset.link.replug()

    async def story() -> None:
        handset.link.latency_s = 0.2
        moving = asyncio.ensure_future(move())
        outcome = await shop.go(recipe_of(SCREEN + ANIMATIONS))
        await moving
        assert outcome.good
        assert {"1-2.3", "2-1.4"} == {event.port for event in shop.events if event.port}

    in_virtual_time(story)
    puts = [change for change in handset.model.estate.changes if change.startswith("settings")]
    assert len(set(puts)) == len(puts)


def test_next_run_finds_a_phone_in_another_port_and_continues(tmp_path: Path) -> None:
    """Known by its serial, not by its port: what the cut run did is not done again."""
    handset = phone("1-2.3")
    shop = Workshop([handset], tmp_path)

    async def story() -> None:
        handset.link.latency_s = 0.2
        loop = asyncio.get_running_loop()
        loop.call_later(2.5, lambda: asyncio.ensure_future(handset.link.unplug()))
        first = await shop.go(recipe_of(SCREEN + ANIMATIONS), absent_s=5)
        assert PhoneFate.FAILED is first.phones[0].phone.fate
        handset.link.port = "2-1.4"
        await handset.link.replug()
        written = len(handset.model.estate.changes)
        second = await shop.go(recipe_of(SCREEN + ANIMATIONS))
        assert second.good
        assert "2-1.4" == second.phones[0].phone.port
        assert 0 < written < len(handset.model.estate.changes)

    in_virtual_time(story)
    assert 1 == handset.model.estate.changes.count("settings system screen_off_timeout=60000")


def test_entry_by_port_alone_means_whatever_is_in_that_port(tmp_path: Path) -> None:
    """An entry with a port and no serial is absent when its phone is elsewhere."""
    handset = phone("1-2.3")
    shop = Workshop([handset], tmp_path)
    here = Target(PhoneSettings(name="bay", usb="1-2.3"))
    elsewhere = Target(PhoneSettings(name="bay", usb="1-2.4"))

    async def story() -> None:
        assert (await shop.go(recipe_of(SCREEN), targets=[here])).good
        away = await shop.go(recipe_of(SCREEN), targets=[elsewhere], arrive_s=1)
        assert (PhoneFate.ABSENT, "not attached") == (
            away.phones[0].phone.fate,
            away.phones[0].phone.cause,
        )

    in_virtual_time(story)


def test_two_phones_of_one_serial_are_never_taken_for_each_other(tmp_path: Path) -> None:
    """Clones are told apart by nothing: the second one is left alone, and its entry says why."""
    first, second = phone("1-1"), phone_of(make_spec(1, api=34))
    second.link.port = "1-2"
    second.model.overrides["ro.serialno"] = first.model.spec.serial
    shop = Workshop([first, second], tmp_path)
    targets = [Target(PhoneSettings(name=name, usb=port)) for name, port in
               (("a", "1-1"), ("b", "1-2"))]  # fmt: skip

    async def story() -> None:
        outcome = await shop.go(recipe_of(SCREEN), targets=targets, arrive_s=2)
        assert [PhoneFate.DONE, PhoneFate.ABSENT] == [p.phone.fate for p in outcome.phones]

    in_virtual_time(story)
    assert [] == second.model.estate.changes
