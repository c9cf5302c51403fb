"""Which phones a command means: by name, group, label or state, or all of them.

Within one option each value adds phones; several options narrow: `--group shelf-1 --state ready` is
every ready phone of that group. Nothing chosen means no phone, never all of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

from droidrack.core.errors import ConfigError
from droidrack.core.settings import PhoneSettings, Settings


@dataclass(frozen=True, slots=True)
class Selection:
    """What the operator named on the command line; values as typed, each once."""

    phones: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    everyone: bool = False

    def __bool__(self) -> bool:
        """Whether anything was named at all."""
        return any(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        """As the options that were given, for a message."""
        words = [
            f"--{option} {','.join(values)}"
            for option, values in (
                ("phone", self.phones),
                ("group", self.groups),
                ("label", self.labels),
                ("state", self.states),
            )
            if values
        ]
        return " ".join([*words, *(["--all"] if self.everyone else [])])


def select(
    settings: Settings, selection: Selection, states: Mapping[str, str]
) -> tuple[PhoneSettings, ...]:
    """The chosen phones, in the order of the configuration; at least one.

    Args:
        settings: with the phones and the groups there are.
        selection: names something.
        states: of a running controller, by the phones' names; read only where the selection names
            states.

    Raises:
        ConfigError: a name, group or label that the configuration does not have, or no phone that
            fits all that was named; with the ones there are.
    """
    phones = settings.phones
    _known("phone", selection.phones, (phone.name for phone in phones))
    _known("group", selection.groups, settings.groups)
    _known("label", selection.labels, (label for phone in phones for label in phone.labels))
    grouped = {name for group in selection.groups for name in settings.groups[group]}
    fits: list[Callable[[PhoneSettings], bool]] = []
    if selection.phones:
        fits.append(lambda phone: phone.name in selection.phones)
    if selection.groups:
        fits.append(lambda phone: phone.name in grouped)
    if selection.labels:
        fits.append(lambda phone: not set(selection.labels).isdisjoint(phone.labels))
    if selection.states:
        fits.append(lambda phone: states.get(phone.name, "") in selection.states)
    chosen = tuple(phone for phone in phones if all(fit(phone) for fit in fits))
    if not chosen:
        raise ConfigError(
            f"no phone fits {selection}",
            hint="several options narrow the choice: a phone must fit each of them"
            + (f"; states now: {_listed(states.values())}" if selection.states else ""),
        )
    return chosen


def _known(kind: str, named: Iterable[str], there: Iterable[str]) -> None:
    known = tuple(dict.fromkeys(there))
    strangers = [name for name in named if name not in known]
    if strangers:
        raise ConfigError(
            f"no {kind} is called {', '.join(map(repr, strangers))}",
            hint=f"the configuration has: {_listed(known)}",
        )


LISTED_MAX = 40
"""Names that a hint lists; more would hide the sentence above them."""


def _listed(names: Iterable[str]) -> str:
    each = sorted(set(names))
    more = f" … and {len(each) - LISTED_MAX} more" if len(each) > LISTED_MAX else ""
    return (", ".join(each[:LISTED_MAX]) or "none") + more
