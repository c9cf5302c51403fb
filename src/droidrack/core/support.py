"""What goes into a support bundle, and how its texts are cleaned before they are given away.

A bundle is read by strangers. Our own types mask what they hold; here everything is looked through
once more as foreign text, and serials, which are no secret on the rack but name a phone for good,
are replaced by the phone's name.
"""

from collections.abc import Mapping, Sequence

from droidrack.core.redact import redact

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

README = """A support bundle of droidrack.

Tokens, telephone numbers, texts of messages and the identities of cards and phones are not in it.
Texts were searched for what looks like one, so harmless numbers may be masked, too. Look through
the files before you give them away: labels and names are as you chose them.

versions.json   program, Python, adb, system
doctor.json     what `droidrack doctor` found
config.json     each key in force, with its origin; secrets are only referred to
map.json        the rack's map: sockets, hubs, controllers, and what is wrong where
ports.json      which ports were proven to cut the power
events.json     the journal's latest events, newest first
adb-server.log  the end of our own adb server's log
phones/         what each attached phone prints, anonymised as by `droidrack capture`
"""


class Cleaner:
    """Cleans texts and JSON. `aliases`: what is replaced wherever it stands, longest first."""

    def __init__(self, aliases: Mapping[str, str]) -> None:
        self._aliases = sorted(
            ((old, new) for old, new in aliases.items() if old), key=lambda pair: -len(pair[0])
        )

    def text(self, text: str) -> str:
        """A text without serials, numbers and secrets."""
        return redact(self.aliased(text))

    def aliased(self, text: str) -> str:
        """A text that was anonymised already, without the serials that others gave it."""
        for old, new in self._aliases:
            text = text.replace(old, new)
        return text

    def json(self, value: Json) -> Json:
        """The same structure with every text in it cleaned, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(key): self.json(entry) for key, entry in value.items()}
        if isinstance(value, Sequence):
            return [self.json(entry) for entry in value]
        return value


def aliases_of(phones: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Serials → words for them. `phones`: by name, everything that is a serial of that phone.

    A serial that several phones share gets one word for all of them.
    """
    owners: dict[str, list[str]] = {}
    for name, serials in phones.items():
        for serial in dict.fromkeys(serials):
            owners.setdefault(serial, []).append(name)
    return {serial: f"<serial of {' and '.join(names)}>" for serial, names in owners.items()}
