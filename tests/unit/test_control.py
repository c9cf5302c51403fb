"""The control socket, from the caller's end."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from droidrack.adapters import control
from droidrack.core.errors import ConfigError


async def echo(who: str, act: str, args: Mapping[str, object]) -> Mapping[str, object]:
    """A controller that gives back what it was told."""
    return {"act": act, **args}


def asked(path: Path, why: str) -> dict[str, object]:
    """One request to a controller at `path`."""

    async def play() -> dict[str, object]:
        async with control.serving(path, echo):
            return await control.ask(path, "pause", {"why": why}, deadline_s=10)

    return asyncio.run(play())


def test_longest_request_is_answered(tmp_path: Path) -> None:
    """The limit that is told is the one that the controller has."""
    rest = len(b'{"v": 1, "act": "pause", "args": {"why": ""}}\n')
    why = "y" * (control.REQUEST_LIMIT - rest)

    assert why == asked(tmp_path / "control.sock", why)["why"]


@pytest.mark.parametrize(
    ("why", "seen"),
    [("y" * control.REQUEST_LIMIT, f"takes {control.REQUEST_LIMIT}"), ("\udcff", "not UTF-8")],
    ids=["long", "broken"],
)
def test_request_that_cannot_be_sent_is_the_operators_mistake(
    tmp_path: Path, why: str, seen: str
) -> None:
    """No controller is called absent for it, whether one runs or not."""
    with pytest.raises(ConfigError, match=seen):
        asked(tmp_path / "control.sock", why)
    with pytest.raises(ConfigError, match=seen):
        asyncio.run(control.ask(tmp_path / "none.sock", "pause", {"why": why}, deadline_s=1))
