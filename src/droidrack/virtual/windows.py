"""Windows of a phone: what is on them, and what a tap or a typed text does.

A window is asked for its elements whenever somebody looks, so it always shows what is so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Element:
    """One view. `bounds` are left, top, right, bottom in pixels."""

    class_name: str
    text: str
    resource_id: str
    description: str
    bounds: tuple[int, int, int, int]
    clickable: bool = False
    package: str = "com.android.launcher3"
    checkable: bool = False
    checked: bool = False
    scrollable: bool = False
    password: bool = False

    def holds(self, x: int, y: int) -> bool:
        """Whether a point lies on it."""
        left, top, right, bottom = self.bounds
        return left <= x < right and top <= y < bottom


def nothing() -> None:
    """A tap without an effect."""


def ignore(text: str) -> None:
    """A text without an effect."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a window: a text, a switch or a field, and what happens on it."""

    text: str
    id: str = ""
    tap: Callable[[], None] | None = None
    switch: Callable[[], bool] | None = None  # its state; the line is a switch
    field: Callable[[], str] | None = None  # its content; the line is a text field
    typed: Callable[[str], None] = ignore
    password: bool = False


ROW_HEIGHT = 200
TOP = 240
PAGE_ROWS = 8
"""Rows that fit on a screen of 2,400 pixels."""


class Window:
    """A titled list of rows, scrollable where there are more than fit."""

    def __init__(self, package: str, title: str, rows: Callable[[], Sequence[Row]]) -> None:
        self.package = package
        self.title = title
        self._rows = rows
        self._first = 0

    def elements(self) -> tuple[Element, ...]:
        """Root, title, list, rows."""
        rows = self._rows()
        root = Element(
            "android.widget.FrameLayout", "", "android:id/content", "", (0, 0, 1080, 2400),
            package=self.package,
        )  # fmt: skip
        title = replace(
            root, class_name="android.widget.TextView", text=self.title,
            resource_id=f"{self.package}:id/title", bounds=(40, 80, 1040, 200),
        )  # fmt: skip
        frame = replace(
            root, class_name="androidx.recyclerview.widget.RecyclerView",
            resource_id=f"{self.package}:id/list", bounds=(0, TOP, 1080, 2000),
            scrollable=len(rows) > PAGE_ROWS,
        )  # fmt: skip
        return (root, title, frame, *(self._element(i, row) for i, row in self._visible()))

    def tapped(self, x: int, y: int) -> None:
        """A tap at a point."""
        for index, row in self._visible():
            if self._element(index, row).holds(x, y) and row.tap is not None:
                row.tap()
                return

    def typed(self, element: Element, text: str) -> bool:
        """Replace a field's content; False where it is none."""
        for index, row in self._visible():
            if row.field is not None and self._element(index, row) == element:
                row.typed(text)
                return True
        return False

    def scroll(self, *, forward: bool) -> bool:
        """One page on or back; whether there is more that way."""
        last = max(0, len(self._rows()) - PAGE_ROWS)
        step = PAGE_ROWS - 2 if forward else 2 - PAGE_ROWS
        self._first = min(max(self._first + step, 0), last)
        return self._first < last if forward else self._first > 0

    def _visible(self) -> list[tuple[int, Row]]:
        rows = list(self._rows())[self._first : self._first + PAGE_ROWS]
        return list(enumerate(rows))

    def _element(self, index: int, row: Row) -> Element:
        top = TOP + index * ROW_HEIGHT
        kind = "Switch" if row.switch else "EditText" if row.field else "TextView"
        content = row.field() if row.field else row.text
        return Element(
            class_name=f"android.widget.{kind}",
            text="•" * len(content) if row.password else content,
            resource_id=f"{self.package}:id/{row.id}" if row.id else "",
            description=row.text if row.field else "",
            bounds=(40, top, 1040, top + ROW_HEIGHT - 20),
            clickable=row.tap is not None,
            package=self.package,
            checkable=row.switch is not None,
            checked=row.switch() if row.switch else False,
            password=row.password,
        )
