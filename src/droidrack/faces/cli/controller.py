"""What the commands that speak to a running controller share."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from droidrack.core.settings import Settings

STATUS_S = 10.0
"""A status is one question to the journal and no question to any phone."""

Answer = dict[str, Any]


def ask_status(settings: "Settings") -> Answer:
    """How the rack is now; ControllerAbsent where no controller runs."""
    return asyncio.run(status_of(settings))


async def status_of(settings: "Settings") -> Answer:
    """The same, for callers with a loop."""
    from droidrack import compose

    return await compose.ask_controller(settings, "status", {}, deadline_s=STATUS_S)


async def ask_phone(
    settings: "Settings", act: str, phone: str, args: Mapping[str, object], *, deadline_s: float
) -> Answer:
    """Ask the controller to do something with one phone."""
    from droidrack import compose

    return await compose.ask_controller(
        settings, act, {"phone": phone, **args}, deadline_s=deadline_s
    )


def running_states(settings: "Settings") -> dict[str, str]:
    """The phones' states by their names; ControllerAbsent where no controller runs."""
    return {phone["phone"]: phone["state"] for phone in ask_status(settings)["phones"]}
