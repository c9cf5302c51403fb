"""Hostile frameworks: whatever a phone serves, only ParseError comes out."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.dex import read_classes
from droidrack.core.dex_archive import dex_files
from droidrack.core.errors import ParseError
from droidrack.core.learn import assemble, class_names, from_json
from droidrack.virtual.catalogue import make_spec
from droidrack.virtual.dex_writer import write_dex
from droidrack.virtual.framework_jar import framework_classes, framework_jar

SPEC = make_spec(api=34)
NAMES = class_names(f"com.android.internal.telephony.{name}" for name in ("ISms", "ISub"))
PLAIN = write_dex(framework_classes(SPEC))
COMPUTED = write_dex(framework_classes(SPEC, computed=True))
JAR = framework_jar(SPEC)

edits = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12)
heads = st.lists(st.tuples(st.integers(32, 0x6F), st.integers(0, 255)), max_size=6)


def edited(content: bytes, changes: list[tuple[float, int]], head: list[tuple[int, int]]) -> bytes:
    """The content with single bytes replaced, at relative and at header places."""
    out = bytearray(content)
    for place, value in changes:
        out[int(place * len(out))] = value
    for at, value in head:
        out[at] = value
    return bytes(out)


@given(st.sampled_from([PLAIN, COMPUTED]), edits, heads, st.floats(0, 1))
def test_damaged_dex_gives_classes_or_a_parse_error(
    dex: bytes, changes: list[tuple[float, int]], head: list[tuple[int, int]], kept: float
) -> None:
    """Bytes changed anywhere, the header most of all, and the end cut off."""
    content = edited(dex, changes, head)[: int(len(dex) * max(kept, 0.5) * 1.2)]
    with contextlib.suppress(ParseError):
        found = read_classes(content, NAMES)
        assemble({name: ("x", cls) for name, cls in found.items()})


@given(edits, st.floats(0, 1))
def test_damaged_jar_gives_files_or_a_parse_error(
    changes: list[tuple[float, int]], kept: float
) -> None:
    """Local headers, directory and packed bytes changed, and the end cut off."""
    content = edited(JAR, changes, [])[: int(len(JAR) * min(1.0, kept * 1.5))]
    with contextlib.suppress(ParseError):
        for _, dex in dex_files("framework.jar", content):
            read_classes(dex, NAMES)


@given(st.binary(max_size=400), st.sampled_from([b"", b"PK", b"\x7fELF", b"vdex", PLAIN[:112]]))
def test_any_bytes_give_files_or_a_parse_error(noise: bytes, start: bytes) -> None:
    """No shape at all."""
    with contextlib.suppress(ParseError):
        for _, dex in dex_files("x", start + noise):
            read_classes(dex, NAMES)
    with contextlib.suppress(ParseError):
        read_classes(start + noise, NAMES)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(
    json_values
    | st.fixed_dictionaries(
        {"notes": json_values, "interfaces": st.dictionaries(st.text(max_size=4), json_values)}
    )
)
def test_any_kept_value_gives_codes_or_a_parse_error(value: object) -> None:
    """A file of the state directory may have been edited or torn."""
    with contextlib.suppress(ParseError):
        from_json(value)
