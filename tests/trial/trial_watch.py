"""Reads `status` from the running controller's own socket, as `droidrack status` and `top` do."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trial_judge import WELL, Glimpse

from droidrack import compose
from droidrack.adapters import control
from droidrack.core.errors import ControllerAbsent

LOOK_S = 0.5
"""Between two looks: it takes so long at most to see what is shown."""

ANSWER_S = 60.0


class Watch:
    """What `status` showed of each phone, by its place in the rack."""

    def __init__(self, state_dir: Path, phones: int) -> None:
        self._socket = state_dir / compose.CONTROL_SOCKET
        self._waiting: asyncio.Condition = asyncio.Condition()
        self.seen: dict[int, list[Glimpse]] = {index: [] for index in range(phones)}
        self.at = 0.0  # The last look, monotonic.

    def last(self, phone: int) -> Glimpse:
        """What is shown now; before the first look: nothing."""
        return self.seen[phone][-1] if self.seen[phone] else Glimpse(0.0, "")

    def well(self) -> bool:
        """Whether every phone is shown at work."""
        return all(self.last(phone).state in WELL for phone in self.seen)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                answer = await control.ask(self._socket, "status", {}, deadline_s=ANSWER_S)
            except ControllerAbsent:  # It has not come to its socket yet.
                answer = {"phones": []}
            self._take(answer, time.monotonic())
            async with self._waiting:
                self._waiting.notify_all()
            await asyncio.sleep(LOOK_S)

    async def until(self, condition: Callable[[], bool], limit_s: float) -> float | None:
        """The moment of the look that finds it so; None when the limit passes."""
        try:
            async with asyncio.timeout(limit_s), self._waiting:
                await self._waiting.wait_for(condition)
        except TimeoutError:
            return None
        return self.at

    def _take(self, answer: dict[str, Any], at: float) -> None:
        for phone in answer["phones"]:
            index = int(phone["phone"].removeprefix("bay-"))
            cards = tuple(sim["iccid"] or "" for sim in phone["sims"])
            shown = Glimpse(at, phone["state"], phone["cause"] or "", cards)
            last = self.last(index)
            if (last.state, last.cause, last.cards) != (shown.state, shown.cause, shown.cards):
                self.seen[index].append(shown)
        self.at = at
