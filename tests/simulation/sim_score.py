"""The score of a run: every event in order, as columns to read and as one digest to compare."""

import hashlib
from dataclasses import dataclass, field

HEAD = f"{'second':>12}  {'event':<10} {'where':<10} what"


@dataclass(slots=True)
class Score:
    """What happened, oldest first. Lines hold no text and no number of a message."""

    lines: list[tuple[float, str, str, str]] = field(default_factory=list)

    def note(self, at: float, event: str, where: str, what: str) -> None:
        """Write one event down."""
        self.lines.append((at, event, where, what))

    @property
    def digest(self) -> str:
        """Equal for equal runs, in every process."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:16]

    def text(self, last: int | None = None) -> str:
        """The events in columns; only the `last` ones if asked."""
        lines = self.lines if last is None else self.lines[-last:]
        return "\n".join(
            [
                HEAD,
                *(
                    f"{at:12.4f}  {event:<10} {where:<10} {what}"
                    for at, event, where, what in lines
                ),
            ]
        )
