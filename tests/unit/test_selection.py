"""Which phones the options of a command choose."""

from pathlib import PurePath
from typing import Any

import click
import pytest
from click.testing import CliRunner

from droidrack.core.errors import ConfigError, ControllerAbsent
from droidrack.core.selection import Selection, select
from droidrack.core.settings import PanelSettings, PhoneSettings, Settings
from droidrack.faces.cli.selectors import ask, chosen, selection_options, yes_option

RACK = Settings(
    panel=PanelSettings(url="https://panel.example.com"),
    phones=(
        PhoneSettings("bay-1", serial="A1", labels=("lab", "old")),
        PhoneSettings("bay-2", serial="A2", labels=("lab",)),
        PhoneSettings("bay-3", serial="A3"),
    ),
    state_dir=PurePath("/nowhere"),
    groups={"left": ("bay-3", "bay-1"), "right": ("bay-2",)},
)
STATES = {"bay-1": "ready", "bay-2": "offline", "bay-3": "ready"}


def names(selection: Selection) -> list[str]:
    """The chosen phones' names."""
    return [phone.name for phone in select(RACK, selection, STATES)]


@pytest.mark.parametrize(
    ("selection", "phones"),
    [
        (Selection(phones=("bay-3", "bay-1")), ["bay-1", "bay-3"]),
        (Selection(groups=("left", "right")), ["bay-1", "bay-2", "bay-3"]),
        (Selection(labels=("old", "lab")), ["bay-1", "bay-2"]),
        (Selection(states=("ready",)), ["bay-1", "bay-3"]),
        (Selection(everyone=True), ["bay-1", "bay-2", "bay-3"]),
        (Selection(groups=("left",), labels=("lab",)), ["bay-1"]),
        (Selection(everyone=True, states=("offline",)), ["bay-2"]),
    ],
)
def test_select_several_values_widen_and_several_options_narrow(
    selection: Selection, phones: list[str]
) -> None:
    """Phones come in the order of the configuration, each once."""
    assert phones == names(selection)


@pytest.mark.parametrize(
    ("selection", "said", "hint"),
    [
        (Selection(phones=("bay-1", "bay-9")), "no phone is called 'bay-9'", "bay-1, bay-2, bay-3"),
        (Selection(groups=("top",)), "no group is called 'top'", "left, right"),
        (Selection(labels=("new",)), "no label is called 'new'", "lab, old"),
        (
            Selection(groups=("right",), states=("ready",)),
            "no phone fits --group right --state ready",
            "offline, ready",
        ),
    ],
)
def test_select_what_is_not_there_is_refused_with_what_is(
    selection: Selection, said: str, hint: str
) -> None:
    """A slip of the pen never chooses fewer phones in silence."""
    with pytest.raises(ConfigError) as caught:
        names(selection)
    assert said == caught.value.message
    assert hint in caught.value.hint


def run(*arguments: str, without: str = "", answer: str = "", raising: bool = False) -> Any:
    """A command that ends after its question, with the names of its phones."""

    @click.command()
    @selection_options
    @yes_option
    def command(selection: Selection, yes: bool) -> None:
        phones = chosen(RACK, selection, without=without)
        ask("Restart", phones, yes=yes)
        click.echo(" ".join(phone.name for phone in phones))

    typed = list(arguments)
    return CliRunner().invoke(command, typed, input=answer, catch_exceptions=not raising)


def test_options_take_lists_and_repetition() -> None:
    """`--phone a,b --phone c` names three."""
    assert (
        "bay-1 bay-2 bay-3\n" == run("--phone", "bay-1, bay-2", "--phone", "bay-3", "--yes").output
    )


def test_options_nothing_named_is_refused_unless_the_command_only_looks() -> None:
    """A forgotten option never acts upon the whole rack."""
    refused = run("--yes")
    assert 2 == refused.exit_code
    assert "which phones? --phone, --group, --label, --state or --all" in refused.output
    assert "bay-1 bay-2 bay-3\n" == run("--yes", without="all").output
    assert 2 == run("--yes", without="only").exit_code


def test_options_phone_and_all_exclude_each_other() -> None:
    """Whoever types both means one of them, and nobody knows which."""
    assert 2 == run("--all", "--phone", "bay-1", "--yes").exit_code


def test_ask_without_an_answer_acts_upon_nobody() -> None:
    """What is hard to take back needs a yes; the question names the phones."""
    refused = run("--group", "left", answer="n\n")
    assert 1 == refused.exit_code
    assert "Restart (2 phones: bay-1, bay-3)?" in refused.output
    assert "bay-1 bay-3\n" in run("--group", "left", answer="y\n").output


def test_options_state_without_a_controller_is_refused_with_the_way_out() -> None:
    """States are the running controller's knowledge; where none runs nobody guesses them."""
    with pytest.raises(ControllerAbsent):
        run("--state", "ready", "--yes", raising=True)


def test_options_state_that_does_not_exist_names_the_ones_that_do() -> None:
    """A slip of the pen chooses nobody."""
    refused = run("--state", "raedy", "--yes")
    assert 2 == refused.exit_code
    assert "ready" in refused.output
    assert "needs pairing" in refused.output
