"""The options by which a command is told which phones it means, and the question before it acts."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.selection import Selection, select
from droidrack.core.standing import PhoneState
from droidrack.core.words import counted
from droidrack.faces.cli.controller import running_states
from droidrack.faces.cli.options import plain

if TYPE_CHECKING:
    from droidrack.core.settings import PhoneSettings, Settings

Command = Callable[..., Any]


def selection_options(command: Command) -> Command:
    """Add `--phone`, `--group`, `--label`, `--state`, `--all`; the command gets `selection`."""
    return _with(_OPTIONS, command)


def filter_options(command: Command) -> Command:
    """The same for commands that show all phones unless told otherwise, whatever their states."""
    return _with(_OPTIONS[:3], command)


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    @wraps(command)
    def selecting(
        *,
        phone: tuple[str, ...],
        group: tuple[str, ...],
        label: tuple[str, ...],
        state: tuple[str, ...] = (),
        everyone: bool = False,
        **others: Any,
    ) -> Any:
        named = (split_names(phone), split_names(group), split_names(label), _states(state))
        selection = Selection(*named, everyone=everyone)
        if everyone and selection.phones:
            raise click.UsageError("--phone and --all exclude each other")
        return command(selection=selection, **others)

    optioned: Command = selecting
    for option in reversed(options):
        optioned = option(optioned)
    return optioned


def _several(name: str, metavar: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, multiple=True, metavar=metavar, help=text)


_OPTIONS = (
    _several("--phone", "NAME[,NAME…]", "These phones, by their names in devices.toml."),
    _several("--group", "NAME[,NAME…]", "The phones of these [groups]."),
    _several("--label", "WORD[,WORD…]", "The phones that carry one of these labels."),
    _several(
        "--state",
        "STATE[,STATE…]",
        "Phones that the running controller shows in one of these states.",
    ),
    click.option("--all", "everyone", is_flag=True, help="Every phone of devices.toml."),
)


def chosen(
    settings: "Settings", selection: Selection, *, without: str = ""
) -> tuple["PhoneSettings", ...]:
    """The phones that a command means, in the order of the configuration; at least one.

    Args:
        settings: with the phones there are.
        selection: as typed.
        without: what a command does that was told nothing: "all" takes every phone (for commands
            that only look), "only" takes the phone of a rack of one, "" refuses.

    Raises:
        ConfigError: something that was named is not there, or nothing fits.
        ControllerAbsent: states were named, and no controller runs that knows them.
    """
    if not selection:
        if without == "all" or (without == "only" and len(settings.phones) == 1):
            return settings.phones
        raise click.UsageError("which phones? --phone, --group, --label, --state or --all")
    return select(settings, selection, running_states(settings) if selection.states else {})


def split_names(values: tuple[str, ...]) -> tuple[str, ...]:
    """The names of an option that may be given often, and takes lists."""
    words = (word.strip() for value in values for word in value.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def _states(values: tuple[str, ...]) -> tuple[str, ...]:
    known = [state.value for state in PhoneState]
    states = tuple(state.lower() for state in split_names(values))
    for state in states:
        if state not in known:
            raise click.BadParameter(
                f"{state!r} is none of: {', '.join(known)}", param_hint="--state"
            )
    return states


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def ask(question: str, phones: Sequence["PhoneSettings"], *, yes: bool) -> None:
    """Ask before something that is hard to take back; a script says `--yes`.

    Raises:
        click.Abort: the answer was no, or nobody is there to answer.
    """
    if not yes:
        names = ", ".join(plain(phone.name) for phone in phones)
        click.confirm(f"{question} ({counted(len(phones), 'phone')}: {names})?", abort=True)
