"""The options by which a command is told which phones it means, and the question before it acts."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.selection import Selection, select
from droidrack.faces.cli.options import plain

if TYPE_CHECKING:
    from droidrack.core.settings import PhoneSettings, Settings

Command = Callable[..., Any]


def selection_options(command: Command) -> Command:
    """Add `--phone`, `--group`, `--label` and `--all`; the command gets `selection`."""

    @wraps(command)
    def selecting(
        *,
        phone: tuple[str, ...],
        group: tuple[str, ...],
        label: tuple[str, ...],
        everyone: bool,
        **others: Any,
    ) -> Any:
        selection = Selection(_split(phone), _split(group), _split(label), everyone=everyone)
        if everyone and selection.phones:
            raise click.UsageError("--phone and --all exclude each other")
        return command(selection=selection, **others)

    optioned: Command = selecting
    for option in reversed(_OPTIONS):
        optioned = option(optioned)
    return optioned


def _several(name: str, metavar: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, multiple=True, metavar=metavar, help=text)


_OPTIONS = (
    _several("--phone", "NAME[,NAME…]", "These phones, by their names in devices.toml."),
    _several("--group", "NAME[,NAME…]", "The phones of these [groups]."),
    _several("--label", "WORD[,WORD…]", "The phones that carry one of these labels."),
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
    """
    if not selection:
        if without == "all" or (without == "only" and len(settings.phones) == 1):
            return settings.phones
        raise click.UsageError("which phones? --phone, --group, --label or --all")
    return select(settings, selection, {})


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    words = (word.strip() for value in values for word in value.split(","))
    return tuple(dict.fromkeys(word for word in words if word))


yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def ask(question: str, phones: Sequence["PhoneSettings"], *, yes: bool) -> None:
    """Ask before something that is hard to take back; a script says `--yes`.

    Raises:
        click.Abort: the answer was no, or nobody is there to answer.
    """
    if not yes:
        names = ", ".join(plain(phone.name) for phone in phones)
        click.confirm(f"{question} ({len(phones)} phones: {names})?", abort=True)
