"""Segments of any text: nothing lost, nothing torn, nothing wasted."""

import bitstring
from hypothesis import given
from hypothesis import strategies as st

if not hasattr(bitstring, "BitStream"):
    # bitstring 5 dropped the class; the codec uses only what BitArray still has.
    bitstring.BitStream = bitstring.BitArray

from smspdudecoder.codecs import GSM, UCS2

from droidrack.core.grapheme import clusters
from droidrack.core.gsm7 import DEFAULT, EXTENSION, septets
from droidrack.core.sms import Encoding, segment

MIXED = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("aж😀👍\U0001f3fd\u200d\u0301🇵🇹\u1100\u1161\u11a8\r\n€"),
)


def _long(chars: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts of several segments: Hypothesis alone would hardly ever make one."""
    pieces = st.tuples(st.text(chars, max_size=6), st.integers(1, 40))
    return st.lists(pieces, max_size=8).map(lambda x: "".join(text * n for text, n in x))


GSM_TEXT = _long(st.sampled_from(DEFAULT.replace("\x1b", "") + EXTENSION * 4))
ANY_TEXT = _long(MIXED)


def _octets(text: str, encoding: Encoding) -> int:
    codec = GSM if encoding is Encoding.GSM7 else UCS2
    return len(codec.encode(text)) // 2


@given(st.one_of(GSM_TEXT, ANY_TEXT))
def test_segments_join_to_the_text_and_fit_the_radio(text: str) -> None:
    """By an independent codec: 140 octets alone, 134 beside a concatenation header."""
    found = segment(text)
    assert text == "".join(found.segments)
    limit = 140 if found.count == 1 else 134
    assert all(_octets(part, found.encoding) <= limit for part in found.segments)
    assert found.count == 1 or all(found.segments)


@given(GSM_TEXT)
def test_segments_of_gsm_text_are_as_full_as_can_be(text: str) -> None:
    """The next character never fitted, and one message is used where one is enough."""
    found = segment(text)
    assert Encoding.GSM7 is found.encoding
    assert (found.count == 1) == (_octets(text, found.encoding) <= 140)
    for part, following in zip(found.segments, found.segments[1:], strict=False):
        assert _octets(part + following[0], found.encoding) > 134


@given(ANY_TEXT)
def test_segments_break_only_between_graphemes_that_fit(text: str) -> None:
    """A grapheme of at most 67 units lies whole in one segment."""
    found = segment(text)
    ends = set()
    at = 0
    for part in found.segments:
        at += len(part)
        ends.add(at)
    at = 0
    for cluster in clusters(text):
        if len(cluster.encode("utf-16-le")) <= 134 and found.encoding is Encoding.UCS2:
            assert ends.isdisjoint(range(at + 1, at + len(cluster)))
        at += len(cluster)


@given(ANY_TEXT)
def test_clusters_join_to_the_text(text: str) -> None:
    """Nothing is lost between clusters."""
    assert text == "".join(clusters(text))


def test_septets_of_the_whole_basic_plane_agree_with_the_oracle() -> None:
    """Character by character: eight of one take 7 octets, 14, or cannot be said."""
    for code in (*range(0x1B), *range(0x1C, 0xD800), *range(0xE000, 0x10000)):
        try:
            octets = _octets(chr(code) * 8, Encoding.GSM7)
        except ValueError:
            octets = 0
        assert octets == 7 * septets(chr(code)), hex(code)
