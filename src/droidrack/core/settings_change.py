"""What a new `devices.toml` changes in a controller that runs: a decision, no act.

A phone is its name here: an entry under a new name is another phone to the controller, although the
journal knows the hardware behind it again.
"""

from dataclasses import dataclass, fields, replace

from droidrack.core.settings import PhoneSettings, Settings

LIVE = frozenset({"phones", "groups", "intervals", "policy", "health", "repair", "ports"})
"""Parts that are read where they are used. The others are wired at the start: connections, sockets,
directories."""

QUIET = frozenset({"labels", "variables"})
"""Keys of a phone that only commands look at: its worker is not begun anew for them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to do. `settings` are those in force afterwards."""

    settings: Settings
    added: tuple[PhoneSettings, ...] = ()
    removed: tuple[PhoneSettings, ...] = ()
    changed: tuple[PhoneSettings, ...] = ()  # As they are to be; their workers begin anew.
    relabelled: tuple[PhoneSettings, ...] = ()  # As they are to be; nobody is disturbed.
    parts: tuple[str, ...] = ()  # Tables other than [[phones]] that hold from now on.
    waiting: tuple[str, ...] = ()  # Tables that need a restart; the old ones stay in force.

    def __bool__(self) -> bool:
        """Whether anything changes, now or at a restart."""
        each = (self.added, self.removed, self.changed, self.relabelled, self.parts, self.waiting)
        return any(each)


def change_of(old: Settings, new: Settings) -> Change:
    """Compare the settings in force with those of a new file."""
    before = {phone.name: phone for phone in old.phones}
    after = {phone.name: phone for phone in new.phones}
    both = [(before[name], phone) for name, phone in after.items() if name in before]
    differing = [
        key.name for key in fields(new) if getattr(old, key.name) != getattr(new, key.name)
    ]
    waiting = tuple(name for name in differing if name not in LIVE)
    return Change(
        settings=replace(new, **{name: getattr(old, name) for name in waiting}),
        added=tuple(phone for phone in new.phones if phone.name not in before),
        removed=tuple(phone for phone in old.phones if phone.name not in after),
        changed=tuple(now for was, now in both if _loud(was) != _loud(now)),
        relabelled=tuple(now for was, now in both if was != now and _loud(was) == _loud(now)),
        parts=tuple(name for name in differing if name in LIVE and name != "phones"),
        waiting=waiting,
    )


def _loud(phone: PhoneSettings) -> tuple[object, ...]:
    """What a worker is made of."""
    return tuple(getattr(phone, key.name) for key in fields(phone) if key.name not in QUIET)
