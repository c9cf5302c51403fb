"""A phone's screen through uiautomator2, in a lane with a watchdog.

uiautomator2 blocks, can hang, and is large: it is imported on first use and runs in the phone's own
thread. It gets the guarded adbutils device of `adb_transfer`, so it can reach no other phone and
start no adb server. Its server on the phone ends with `close`.
"""

import io
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from droidrack.adapters.adb import AdbPhone
from droidrack.adapters.lane import Lane
from droidrack.core.errors import AnswerCut, ConfigError, Effect, PhoneRefused, excerpt

if TYPE_CHECKING:
    import uiautomator2

T = TypeVar("T")

_NAMES = {
    "text": "text",
    "text_contains": "textContains",
    "id": "resourceId",
    "description": "description",
}
"""Our selectors' keys → uiautomator2's."""

SCROLLS_LIMIT = 12
"""Swipes through a list: the longest settings list seen had nine screens."""

FIND_S = 0.5
"""How long one call waits for its element: waiting is the caller's, who looks in between."""


class U2Screen:
    """`ports_provisioning.Screen` of one transport."""

    def __init__(self, phone: AdbPhone, lane: Lane) -> None:
        self._phone = phone
        self._lane = lane
        self._device: uiautomator2.Device | None = None

    async def hierarchy(self, *, deadline_s: float) -> str:
        """See the port."""
        return await self._call(lambda ui: str(ui.dump_hierarchy()), deadline_s)

    async def exists(self, selector: Mapping[str, str], *, deadline_s: float) -> bool:
        """See the port."""
        return await self._call(lambda ui: bool(_found(ui, selector).exists), deadline_s)

    async def tap(self, selector: Mapping[str, str], *, deadline_s: float) -> None:
        """See the port."""
        await self._call(lambda ui: _found(ui, selector).click(timeout=FIND_S), deadline_s)

    async def type(self, selector: Mapping[str, str], text: str, *, deadline_s: float) -> None:
        """See the port."""

        def job(ui: Any) -> None:
            found = _found(ui, selector)
            # By selector only: uiautomator2's other ways to type install a keyboard of their own.
            if "xpath" in selector:
                info = found.get(timeout=FIND_S).info
                found = ui(resourceId=info["resourceName"])
            found.set_text(text, timeout=FIND_S)

        await self._call(job, deadline_s)

    async def checked(self, selector: Mapping[str, str], *, deadline_s: float) -> bool:
        """See the port."""

        def job(ui: Any) -> bool:
            found = _found(ui, selector)
            info = found.get(timeout=FIND_S).info if "xpath" in selector else found.info
            return bool(info.get("checked"))

        return await self._call(job, deadline_s)

    async def scroll_to(self, selector: Mapping[str, str], *, deadline_s: float) -> bool:
        """See the port."""

        def job(ui: Any) -> bool:
            if _found(ui, selector).exists:
                return True
            lists = ui(scrollable=True)
            if not lists.exists:
                return False
            lists.scroll.vert.toBeginning(max_swipes=SCROLLS_LIMIT)
            for _ in range(SCROLLS_LIMIT):
                if _found(ui, selector).exists:
                    return True
                if not lists.scroll.vert.forward():
                    break
            return bool(_found(ui, selector).exists)

        return await self._call(job, deadline_s)

    async def press(self, key: str, *, deadline_s: float) -> None:
        """See the port."""
        await self._call(lambda ui: ui.press(key), deadline_s)

    async def screenshot(self, *, deadline_s: float) -> bytes:
        """See the port."""

        def job(ui: Any) -> bytes:
            picture = io.BytesIO()
            ui.screenshot().save(picture, format="PNG")
            return picture.getvalue()

        return await self._call(job, deadline_s)

    async def close(self) -> None:
        """See the port."""
        device, self._device = self._device, None
        if device is not None:
            await self._lane.run(lambda: device.stop_uiautomator(wait=False), deadline_s=10.0)

    async def _call(self, job: Callable[[Any], T], deadline_s: float) -> T:
        """Run one job in the lane, its errors as ours."""

        def blocking() -> T:
            ui = self._connected(deadline_s)
            return _translated(str(self._phone.serial), lambda: job(ui))

        return await self._lane.run(blocking, deadline_s=deadline_s)

    def _connected(self, deadline_s: float) -> Any:
        if self._device is None:
            try:
                import uiautomator2  # noqa: PLC0415 - takes half a second and is optional
            except ImportError as exc:
                raise ConfigError(
                    "steps on the screen need uiautomator2",
                    hint="pip install 'droidrack[screen]'",
                ) from exc
            from droidrack.adapters.adb_transfer import Device  # noqa: PLC0415 - takes 0.3 s

            # Its debug lines repeat every request, typed text included.
            logging.getLogger("uiautomator2").setLevel(logging.WARNING)
            device = Device(
                self._phone.endpoint,
                str(self._phone.serial),
                self._phone.transport_id or 0,
                timeout_s=deadline_s,
            )
            self._device = _translated(
                str(self._phone.serial), lambda: uiautomator2.connect(device)
            )
        return self._device


def _found(ui: Any, selector: Mapping[str, str]) -> Any:
    """uiautomator2's handle of the element that a selector means."""
    if "xpath" in selector:
        return ui.xpath(selector["xpath"])
    return ui(**{_NAMES[key]: value for key, value in selector.items()})


def _translated(serial: str, job: Callable[[], T]) -> T:
    """The one table from what uiautomator2 raises to our errors."""
    from adbutils.errors import AdbError  # noqa: PLC0415 - takes 0.3 s
    from requests import RequestException  # noqa: PLC0415 - comes with uiautomator2
    from uiautomator2.exceptions import (  # noqa: PLC0415
        BaseException as UiError,
    )
    from uiautomator2.exceptions import (  # noqa: PLC0415
        RPCError,
        UiObjectNotFoundError,
        XPathElementNotFoundError,
    )

    try:
        return job()
    except (UiObjectNotFoundError, XPathElementNotFoundError) as exc:
        raise PhoneRefused(
            f"{serial}: the element left the screen before it could be touched",
            serial=serial,
            hint="the screen moved; the step looks again when it is repeated",
        ) from exc
    except RPCError as exc:
        raise PhoneRefused(
            f"{serial}: the screen server refused: {type(exc).__name__}",
            serial=serial,
            hint="report the step and the phone's build",
            effect=Effect.UNKNOWN,
        ) from exc
    except (UiError, AdbError, RequestException, OSError, EOFError) as exc:
        raise AnswerCut(
            f"{serial}: the way to the screen server broke: {excerpt(type(exc).__name__)}",
            serial=serial,
            hint="look before trying again",
            effect=Effect.UNKNOWN,
        ) from exc
