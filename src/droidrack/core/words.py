"""Small forms of the sentences that people read."""


def counted(count: int, noun: str) -> str:
    """A number and what it counts: `1 phone`, `2 phones`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
