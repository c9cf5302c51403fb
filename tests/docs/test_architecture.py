"""The project's picture of itself shows the house that stands."""

import re
from pathlib import Path

from droidrack.core.message import MessageState

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "droidrack"
PAGE = ROOT / "docs" / "architecture.md"

_MODULE = re.compile(r"`((?:app|core|adapters|faces|virtual|profiles)/[\w/]+\.py)`")
_ROOM = re.compile(r"^  (\w+)/", re.MULTILINE)


def test_named_modules_exist() -> None:
    """Every module that any page of the docs names is there."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    named = {
        (page.name, module)
        for page in pages
        for module in _MODULE.findall(page.read_text(encoding="utf-8"))
    }
    assert named
    assert [] == sorted((page, name) for page, name in named if not (PACKAGE / name).exists())


def test_rooms_on_the_page_are_the_rooms_of_the_package() -> None:
    """No room is missing from the plan, and none is planned only."""
    plan = PAGE.read_text(encoding="utf-8").partition("## Rooms")[2].partition("## The path")[0]
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] not in "_."}
    assert rooms == set(_ROOM.findall(plan)) | {"profiles"}


def test_states_on_the_page_are_those_of_a_message() -> None:
    """The page tells of every state, and of no other."""
    part = PAGE.read_text(encoding="utf-8").partition("### States")[2].partition("Every result")[0]
    assert {state.name for state in MessageState} == set(re.findall(r"`?\b([A-Z]{4,})\b", part))
