"""What the phone shows, as pixels and as a view hierarchy: a home screen, and windows over it."""

import struct
import zlib
from xml.sax.saxutils import quoteattr

from droidrack.virtual.windows import Element, Window

_HOME = (
    Element("android.widget.FrameLayout", "", "android:id/content", "", (0, 0, 1080, 2400)),
    Element("android.widget.TextView", "12:00", "clock", "", (360, 180, 720, 360)),
    Element("android.widget.TextView", "Phone", "icon_phone", "Phone", (60, 2100, 300, 2340), True),
    Element(
        "android.widget.TextView", "Messages", "icon_sms", "Messages", (420, 2100, 660, 2340), True
    ),
    Element(
        "android.widget.TextView", "Settings", "icon_set", "Settings", (780, 2100, 1020, 2340), True
    ),
)


class Screen:
    """A screen of `width` × `height` pixels. `touches` are the points that were tapped."""

    def __init__(self, width: int = 1080, height: int = 2400) -> None:
        self.width = width
        self.height = height
        self.windows: list[Window] = []
        self.touches: list[tuple[int, int]] = []
        self.pressed: list[str] = []

    @property
    def elements(self) -> tuple[Element, ...]:
        """What the top window shows; the home screen where there is none."""
        return self.windows[-1].elements() if self.windows else _HOME

    def show(self, window: Window) -> None:
        """Open a window over the others."""
        self.windows.append(window)

    def close(self, window: Window) -> None:
        """Take a window away. Idempotent."""
        if window in self.windows:
            self.windows.remove(window)

    def touch(self, x: int, y: int) -> None:
        """A finger taps."""
        self.touches.append((x, y))
        if self.windows:
            self.windows[-1].tapped(x, y)

    def press(self, key: str) -> None:
        """A key is pressed."""
        self.pressed.append(key)
        if key == "home":
            self.windows.clear()
        elif key == "back" and self.windows:
            self.windows.pop()

    def pixels(self) -> bytes:
        """RGBA rows from the top."""
        rows = []
        for y in range(self.height):
            rows.append(bytes((16, 32 + y * 96 // self.height, 64, 255)) * self.width)
        return b"".join(rows)

    def png(self) -> bytes:
        """The pixels as a PNG file."""
        pixels, stride = self.pixels(), self.width * 4
        rows = b"".join(
            b"\0" + pixels[start : start + stride] for start in range(0, len(pixels), stride)
        )
        header = struct.pack(">2I5B", self.width, self.height, 8, 6, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(*chunk) for chunk in chunks)

    def framebuffer(self) -> bytes:
        """The answer to adb's `framebuffer:`: a version 1 header of 13 u32, then the pixels."""
        pixels = self.pixels()
        layout = (1, 32, len(pixels), self.width, self.height, 0, 8, 16, 8, 8, 8, 24, 8)
        return struct.pack("<13I", *layout) + pixels

    def hierarchy(self) -> str:
        """The view hierarchy as `uiautomator dump` writes it."""
        root, *children = self.elements
        inner = "".join(_node(index, element) + "</node>" for index, element in enumerate(children))
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
            f'<hierarchy rotation="0">{_node(0, root)}{inner}</node></hierarchy>'
        )


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def _node(index: int, element: Element) -> str:
    left, top, right, bottom = element.bounds
    flag = "true" if element.clickable else "false"
    attributes = {
        "index": str(index),
        "text": element.text,
        "resource-id": element.resource_id,
        "class": element.class_name,
        "package": element.package,
        "content-desc": element.description,
        "checkable": str(element.checkable).lower(),
        "checked": str(element.checked).lower(),
        "clickable": flag,
        "scrollable": str(element.scrollable).lower(),
        "password": str(element.password).lower(),
        "visible-to-user": "true",
        "enabled": "true",
        "bounds": f"[{left},{top}][{right},{bottom}]",
    }
    return "<node " + " ".join(f"{k}={quoteattr(v)}" for k, v in attributes.items()) + ">"
