"""A maker's prompt before an install over USB: a person taps, or nobody does."""

import asyncio

from droidrack.virtual.screen import Screen
from droidrack.virtual.windows import Row, Window

INSTALLER = "com.miui.securitycenter"


class InstallPrompt:
    """Shows the prompt and waits for the tap, however long; goes with its install."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def confirm(self, package: str) -> bool:
        """Whether Install was tapped, not Deny."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def decide(*, install: bool) -> None:
            if not answer.done():
                answer.set_result(install)

        window = Window(
            INSTALLER,
            "Install via USB",
            lambda: [
                Row(f"{package} will be installed"),
                Row("Install", "install", tap=lambda: decide(install=True)),
                Row("Deny", "deny", tap=lambda: decide(install=False)),
            ],
        )
        self._screen.show(window)
        try:
            return await answer
        finally:
            self._screen.close(window)
