"""What the commands that speak to a running controller share."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from droidrack.core.selection import Selection, select

if TYPE_CHECKING:
    from droidrack.core.settings import PhoneSettings, Settings

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


def chosen_by_state(
    settings: "Settings", selection: Selection, status: Answer
) -> tuple["PhoneSettings", ...]:
    """The phones that a selection means, `--state` included."""
    states = {phone["phone"]: phone["state"] for phone in status["phones"]}
    return select(settings, selection, states)
