"""An endpoint: somebody outside who wants the texts that arrive."""

from collections.abc import Mapping
from typing import Protocol

Event = Mapping[str, object]
"""A JSON object; its `id` is stable over repeats."""


class Endpoint(Protocol):
    """A webhook or a local command.

    1. `deliver` MUST return only when the endpoint said that it has the event.
    2. It MUST end within the endpoint's own deadline, leaving no process and no socket behind.
    3. It MUST raise EndpointFailed otherwise, `refused` only where the endpoint itself said no.
    4. Secrets, numbers and texts MUST NOT appear in an error, nor in the arguments of a process.
    """

    @property
    def name(self) -> str:
        """The operator's name for it; deliveries are kept under it."""
        ...

    async def deliver(self, event: Event) -> None:
        """Offer one event."""
        ...

    async def close(self) -> None:
        """Let go of what is kept open."""
        ...
