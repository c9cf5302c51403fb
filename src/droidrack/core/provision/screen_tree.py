"""The view hierarchy of a screen as `uiautomator` dumps it: what is shown, and whether it guards.

Source: AOSP `AccessibilityNodeInfoDumper`; attributes stable from Android 5 on.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.parsers import expat

from droidrack.core.errors import ParseError
from droidrack.core.provision.deny import PROMPT_PACKAGES, PROMPT_TEXTS
from droidrack.core.redact import redact

DUMP_LIMIT = 4 << 20
"""Characters of a hierarchy that are read: a real one stays under 1 MiB."""

TEXT_LIMIT = 600
"""Characters of a screen's text that are kept with a failure."""

_ALWAYS_THERE = "com.android.systemui"
"""Its status bar is part of every dump; only its dialogs guard something."""

_DIALOG_BUTTON = re.compile(r"android:id/button[123]\Z|/(allow|deny|install|ok)_button\Z")


@dataclass(frozen=True, slots=True)
class Node:
    """One view."""

    package: str
    text: str
    description: str
    id: str
    class_name: str
    checkable: bool
    checked: bool
    password: bool


def read_tree(xml: str) -> tuple[Node, ...]:
    """Every view in the order of the dump.

    Raises:
        ParseError: not a hierarchy; nothing else, whatever the text.
    """
    start = xml.find("<hierarchy")
    if start < 0 or len(xml) > DUMP_LIMIT:
        raise ParseError("screen", "no view hierarchy", xml[:200])
    nodes: list[Node] = []

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        if name == "node":
            nodes.append(_node(attributes))

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    end = xml.rfind(">") + 1
    try:
        parser.Parse(xml[start:end].encode("utf-8", "replace"), True)
    except expat.ExpatError as exc:
        raise ParseError("screen", "the view hierarchy is cut or damaged", xml[:200]) from exc
    return tuple(nodes)


def _node(of: Mapping[str, str]) -> Node:
    return Node(
        package=of.get("package", ""),
        text=of.get("text", ""),
        description=of.get("content-desc", ""),
        id=of.get("resource-id", ""),
        class_name=of.get("class", ""),
        checkable=of.get("checkable") == "true",
        checked=of.get("checked") == "true",
        password=of.get("password") == "true",
    )


def screen_text(nodes: Sequence[Node]) -> str:
    """What a person would read, redacted and cut; what is typed into password fields left out."""
    words = [
        node.text or node.description
        for node in nodes
        if (node.text or node.description) and not node.password
    ]
    text = redact(" | ".join(dict.fromkeys(" ".join(word.split()) for word in words)))
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def prompt_on(nodes: Sequence[Node]) -> str:
    """Which consent or security prompt a screen shows; "" where it shows none.

    Whoever cannot tell asks a person: a maker's own window counts as a prompt by its package alone.
    """
    for node in nodes:
        if node.package in PROMPT_PACKAGES and node.package != _ALWAYS_THERE:
            return f"a window of {node.package}"
        if node.package == _ALWAYS_THERE and _DIALOG_BUTTON.search(node.id):
            return "a dialog of the system"
        if PROMPT_TEXTS.search(node.text) and not node.checkable:
            return f"a prompt that says {redact(node.text)[:80]!r}"
    return ""
