"""Segments, with the boundaries spelled out."""

import pytest

from droidrack.core.grapheme import clusters
from droidrack.core.gsm7 import DEFAULT, EXTENSION
from droidrack.core.sms import Encoding, segment

FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER P}\N{REGIONAL INDICATOR SYMBOL LETTER T}"
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
THUMB = "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}"
HEART = "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
KEYCAP = "1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}"
ACCENT = "e\N{COMBINING ACUTE ACCENT}"
JAMO = "\u1100\u1161\u11a8"  # Three signs that make one Korean syllable.
POO = "\N{PILE OF POO}"


@pytest.mark.parametrize(
    ("text", "encoding", "units", "sizes"),
    [
        ("", "gsm7", 0, [0]),
        ("a" * 160, "gsm7", 160, [160]),
        ("a" * 161, "gsm7", 161, [153, 8]),
        ("a" * 306, "gsm7", 306, [153, 153]),
        ("a" * 307, "gsm7", 307, [153, 153, 1]),
        ("€" * 80, "gsm7", 160, [80]),
        ("€" * 81, "gsm7", 162, [76, 5]),
        ("a" * 152 + "€" + "a" * 8, "gsm7", 162, [152, 9]),
        ("ж" * 70, "ucs2", 70, [70]),
        ("ж" * 71, "ucs2", 71, [67, 4]),
        ("a" * 69 + "ç", "ucs2", 70, [70]),
        (POO * 35, "ucs2", 70, [35]),
        (POO * 36, "ucs2", 72, [33, 3]),
        ("a" * 66 + POO + "abc", "ucs2", 71, [66, 4]),
        ("a" * 70 + "\x1b", "ucs2", 71, [67, 4]),
        ("Ж" + "€[]", "ucs2", 4, [4]),
    ],
)
def test_segment_at_the_boundaries(text: str, encoding: str, units: int, sizes: list[int]) -> None:
    """160/153 septets, 70/67 UTF-16 units, pairs kept whole. Sizes count characters."""
    found = segment(text)
    assert encoding == found.encoding
    assert units == found.units
    assert sizes == [len(part) for part in found.segments]
    assert len(sizes) == found.count


@pytest.mark.parametrize("whole", [FLAG, FAMILY, THUMB, HEART, KEYCAP, ACCENT, "\r\n", JAMO])
def test_segment_moves_a_grapheme_whole_to_the_next(whole: str) -> None:
    """What a reader sees as one character is not torn, as Android's own divider does not."""
    text = "ж" * 66 + whole + "ж" * 10
    first, second = segment(text).segments
    assert "ж" * 66 == first
    assert second.startswith(whole)


def test_segment_cuts_a_grapheme_that_fits_nowhere_between_code_points() -> None:
    """A letter with a hundred accents still goes out, surrogates whole."""
    text = "ж" + "a" + "\N{COMBINING ACUTE ACCENT}" * 100 + POO * 30
    parts = segment(text).segments
    assert text == "".join(parts)
    assert all(len(part.encode("utf-16-le")) <= 134 for part in parts)


def test_clusters_pair_flags_from_the_left() -> None:
    """Three halves are one flag and a half."""
    assert [FLAG, FLAG[0]] == list(clusters(FLAG + FLAG[0]))


def test_clusters_after_a_control_character_start_anew() -> None:
    """A mark cannot sit on a line break."""
    assert ["\n", "\N{COMBINING ACUTE ACCENT}", "a"] == list(
        clusters("\n\N{COMBINING ACUTE ACCENT}a")
    )


def test_clusters_do_not_join_letters_over_a_joiner() -> None:
    """The joiner makes one picture of emoji; letters stay letters."""
    assert ["a\N{ZERO WIDTH JOINER}", "b"] == list(clusters("a\N{ZERO WIDTH JOINER}b"))


def test_alphabet_has_128_places_and_ten_extensions() -> None:
    """3GPP TS 23.038, tables of 6.2.1."""
    assert (128, 10) == (len(DEFAULT), len(EXTENSION))


def test_segmentation_repr_hides_the_text() -> None:
    """A body stays out of logs."""
    assert "Segmentation(gsm7, units=6, count=1)" == repr(segment("secret"))
    assert Encoding.GSM7 is segment("secret").encoding
