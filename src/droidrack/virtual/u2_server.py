"""The uiautomator2 server as it runs on a phone: HTTP with JSON-RPC on a device port.

Enough for uiautomator2 3.7 to connect, look and touch: started by `app_process` from the pushed
u2.jar, it listens while that process lives.
"""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from droidrack.virtual.console import Console
from droidrack.virtual.files import FileTree
from droidrack.virtual.screen import Screen
from droidrack.virtual.shell_words import encode
from droidrack.virtual.spec import PhoneSpec
from droidrack.virtual.streams import Service, Stream
from droidrack.virtual.windows import Element

JAR = "/data/local/tmp/u2.jar"
_ENTRY = "com.wetest.uia2.Main"
_NOT_FOUND = "androidx.test.uiautomator.UiObjectNotFoundException"
_BODY_LIMIT = 1 << 20
_HEAD_LIMIT = 65536

# Keys of a uiautomator2 selector that say which elements are meant; the rest describe the query.
_CRITERIA: dict[str, Callable[[Element, Any], bool]] = {
    "text": lambda element, value: element.text == value,
    "textContains": lambda element, value: value in element.text,
    "textStartsWith": lambda element, value: element.text.startswith(value),
    "textMatches": lambda element, value: bool(re.fullmatch(value, element.text)),
    "resourceId": lambda element, value: element.resource_id == value,
    "description": lambda element, value: element.description == value,
    "descriptionContains": lambda element, value: value in element.description,
    "className": lambda element, value: element.class_name == value,
    "packageName": lambda element, value: element.package == value,
    "clickable": lambda element, value: element.clickable is value,
    "scrollable": lambda element, value: element.scrollable is value,
}
_IGNORED = frozenset({"mask", "childOrSibling", "childOrSiblingSelector", "instance"})


class RpcFault(Exception):
    """What the server answers as a JSON-RPC error."""


class U2Server:
    """JSON-RPC over the screen of one phone."""

    def __init__(self, spec: PhoneSpec, screen: Screen) -> None:
        self._spec = spec
        self._screen = screen
        self._methods: dict[str, Callable[..., Any]] = {
            "deviceInfo": self._device,
            "dumpWindowHierarchy": lambda *_: screen.hierarchy(),
            "takeScreenshot": lambda *_: base64.b64encode(screen.png()).decode(),
            "exist": lambda selector: bool(self._matches(selector)),
            "count": lambda selector: len(self._matches(selector)),
            "waitForExists": lambda selector, *_: bool(self._matches(selector)),
            "waitUntilGone": lambda selector, *_: not self._matches(selector),
            "objInfo": lambda selector: _described(self._one(selector)),
            "objInfoOfAllInstances": lambda selector: [
                _described(element) for element in self._matches(selector)
            ],
            "getText": lambda selector: self._one(selector).text,
            "click": self._click,
            "pressKey": self._press,
            "setText": self._set_text,
            "clearTextField": lambda selector: self._set_text(selector, ""),
            "scrollForward": lambda selector, *_: self._scroll(selector, forward=True),
            "scrollBackward": lambda selector, *_: self._scroll(selector, forward=False),
            "scrollToBeginning": lambda selector, *_: self._scroll_all(selector, forward=False),
            "scrollToEnd": lambda selector, *_: self._scroll_all(selector, forward=True),
        }

    def _device(self) -> Mapping[str, Any]:
        return {
            "currentPackageName": "com.android.launcher3",
            "displayHeight": self._screen.height,
            "displayWidth": self._screen.width,
            "displayRotation": 0,
            "displaySizeDpX": self._screen.width,
            "displaySizeDpY": self._screen.height,
            "productName": self._spec.product,
            "screenOn": True,
            "sdkInt": self._spec.api,
            "naturalOrientation": True,
        }

    def _matches(self, selector: Mapping[str, Any]) -> list[Element]:
        criteria = {key: value for key, value in selector.items() if key not in _IGNORED}
        if unknown := criteria.keys() - _CRITERIA.keys():
            raise RpcFault(f"selector {', '.join(sorted(unknown))} is not understood")
        return [
            element
            for element in self._screen.elements
            if all(_CRITERIA[key](element, value) for key, value in criteria.items())
        ]

    def _one(self, selector: Mapping[str, Any]) -> Element:
        found = self._matches(selector)
        index = int(selector.get("instance", 0))
        if index >= len(found):
            raise RpcFault(_NOT_FOUND)
        return found[index]

    def _click(self, x: int, y: int) -> bool:
        self._screen.touch(int(x), int(y))
        return True

    def _set_text(self, selector: Mapping[str, Any], text: str) -> bool:
        element = self._one(selector)
        return bool(self._screen.windows) and self._screen.windows[-1].typed(element, text)

    def _scroll(self, selector: Mapping[str, Any], *, forward: bool) -> bool:
        self._one(selector)
        return bool(self._screen.windows) and self._screen.windows[-1].scroll(forward=forward)

    def _scroll_all(self, selector: Mapping[str, Any], *, forward: bool) -> bool:
        while self._scroll(selector, forward=forward):
            pass
        return True

    def _press(self, key: str) -> bool:
        self._screen.press(key)
        return True

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """One JSON-RPC call."""
        method = self._methods.get(str(request.get("method")))
        outcome: dict[str, Any]
        if method is None:
            outcome = {"error": {"code": -32601, "message": "method not found", "data": ""}}
        else:
            try:
                outcome = {"result": method(*(request.get("params") or ()))}
            except (RpcFault, TypeError, ValueError) as fault:  # The last two: odd parameters.
                outcome = {"error": {"code": -32001, "message": str(fault), "data": str(fault)}}
        return {"jsonrpc": "2.0", "id": request.get("id"), **outcome}

    async def serve(self, stream: Stream) -> None:
        """One HTTP request on one stream, then close."""
        head = bytearray()
        while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_LIMIT:
            head += await stream.read_exactly(1)
        verb, path, *_ = head.decode("latin-1").split()
        length = re.search(rb"\r\ncontent-length: *(\d+)", bytes(head), re.IGNORECASE)
        body = await stream.read_exactly(min(int(length[1]), _BODY_LIMIT)) if length else b""
        status, answer = "200 OK", b"pong"
        if (verb, path) == ("POST", "/jsonrpc/0"):
            try:
                answer = json.dumps(self.answer(json.loads(body))).encode()
            except ValueError:
                status, answer = "400 Bad Request", b""
        elif path != "/ping":
            status, answer = "404 Not Found", b""
        start = f"HTTP/1.1 {status}\r\nContent-Length: {len(answer)}\r\nConnection: close\r\n\r\n"
        await stream.write(start.encode() + answer)


def _described(element: Element) -> Mapping[str, Any]:
    """What `objInfo` tells of an element."""
    left, top, right, bottom = element.bounds
    box = {"left": left, "top": top, "right": right, "bottom": bottom}
    return {
        "text": element.text,
        "className": element.class_name,
        "packageName": element.package,
        "resourceName": element.resource_id,
        "contentDescription": element.description,
        "clickable": element.clickable,
        "checkable": element.checkable,
        "checked": element.checked,
        "scrollable": element.scrollable,
        "enabled": True,
        "bounds": box,
        "visibleBounds": box,
        "childCount": 0,
    }


class U2Launcher:
    """`app_process`: runs the server for as long as its shell stream is open."""

    def __init__(self, server: U2Server, files: FileTree, listeners: dict[str, Service]) -> None:
        self._server = server
        self._files = files
        self._listeners = listeners

    async def run(self, argv: list[str], console: Console) -> int:
        """Listen on the port after `-p` (default 9008) until the process is ended."""
        if _ENTRY not in argv or not self._files.exists(JAR):
            name = argv[2] if len(argv) > 2 else ""
            await console.stderr(encode(f"Error: could not find or load main class {name}\n"))
            return 1
        port = argv[argv.index("-p") + 1] if "-p" in argv[:-1] else "9008"
        address = f"tcp:{port}"
        if address in self._listeners:
            await console.stderr(b"java.net.BindException: Address already in use\n")
            return 1
        self._listeners[address] = self._server.serve
        try:
            await console.stdout(b"[server] INFO: [UiAutomator2Server] Starting Server\n")
            await asyncio.Event().wait()
        finally:
            del self._listeners[address]
        return 0
