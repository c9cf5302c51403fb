"""Virtual phones to rehearse a recipe on: several makers, with the habits that makers have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.estate import MAKERS, HabitQuirks
from droidrack.virtual.farm import VirtualRack
from droidrack.virtual.spec import PhoneSpec, spec_with

_SHELL: dict[str, Any] = {"shell": "parser"}  # Quick to start, and no mksh is needed.

MIN_API = 26
"""Older phones are rarely provisioned any more; a recipe may still be tried on them by hand."""


def rehearsal_specs(count: int) -> list[PhoneSpec]:
    """The catalogue's newer phones, with quick restarts."""
    specs: list[PhoneSpec] = []
    index = 0
    while len(specs) < count:
        spec = make_spec(index)
        index += 1
        if spec.api >= MIN_API:
            specs.append(spec_with(spec, boot_s=0.5, off_s=0.2))
    return specs


@asynccontextmanager
async def rehearsal(count: int) -> AsyncIterator[int]:
    """A rack with habits; yields the port of its adb server."""
    async with VirtualRack(rehearsal_specs(count), **_SHELL) as rack:
        for phone in rack.phones:
            habits = MAKERS.get(phone.model.spec.maker.casefold(), HabitQuirks())
            phone.model.estate.adopt(habits)
        yield rack.adb_port
