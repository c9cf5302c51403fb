"""What the radios really sent: the outside truth that every report is judged against."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from droidrack.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class AirMessage:
    """One message that left a radio, in the clear: this is simulated traffic.

    `body` is the text of the parts that went out, in order; `parts` counts them. A message of
    which a part failed has `parts < of`.
    """

    at: datetime  # aware, UTC
    serial: str
    slot: int
    iccid: str
    sub_id: int
    number: str
    body: str
    parts: int
    of: int

    def to_json(self) -> str:
        """One line of the air file; keys are the field names, `at` is ISO 8601."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(fields | {"at": self.at.isoformat()}, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> "AirMessage":
        """The message of one line of the air file."""
        fields = json.loads(line)
        return cls(**(fields | {"at": datetime.fromisoformat(fields["at"])}))


class Air:
    """The record of every message that went out, in memory and, if asked, in a JSON-lines file.

    Each line is handed to the operating system at once, so that a judge in another process sees it
    even when this one is killed.

    Raises:
        ConfigError: the file cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.messages: list[AirMessage] = []
        try:
            self._file: TextIO | None = path.open("a", encoding="utf-8") if path else None
        except OSError as exc:
            raise ConfigError(
                f"air file {path}: {(exc.strerror or 'cannot be written').lower()}",
                hint="name a file in a directory that exists and that you may write",
            ) from exc

    def record(self, message: AirMessage) -> None:
        """Add a message that a radio has sent."""
        self.messages.append(message)
        if self._file is not None:
            self._file.write(message.to_json() + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file; the messages in memory stay."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_air(path: Path) -> list[AirMessage]:
    """The messages of an air file, oldest first. A last line without its end is left out."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [AirMessage.from_json(line) for line in lines if line.endswith("\n")]
