"""What masking of foreign text hides and what it leaves readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.errors import EXCERPT_LIMIT, ParseError, excerpt
from droidrack.core.redact import looks_like_token, redact


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to +15550100123 failed", "to •••23 failed"),
        ("to 0155-501 00 12.", "to •••12."),
        ("(555) 010-4477", "•••77"),
        ("'........1.5.5.5.0.1.0.0.4.2.'", "'........•••42.'"),
        ("iccid 8901260000000000017F", "iccid •••17F"),
        ("٠١٢٣٤٥٦٧٨", "•••٧٨"),
    ],
)
def test_redact_number_is_masked_but_for_its_tail(text: str, expected: str) -> None:
    """Numbers are masked in the forms that people, dumps and parcels write them."""
    assert expected == redact(text)


@pytest.mark.parametrize(
    "secret",
    [
        "ATKN-9f2d6c1b-0000",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.c2lnbmF0dXJl",
        "f00dfeedf00dfeedf00dfeed",
        "0a1b2c3d-0000-4000-8000-0123456789ab",
    ],
)
@pytest.mark.parametrize("frame", ["{}", "got {} back", "?x={}&y=1", '["{}"]', "\n{}\n"])
def test_redact_token_never_survives(secret: str, frame: str) -> None:
    """A token-like run is gone whatever surrounds it."""
    assert secret not in redact(frame.format(secret))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abc", "Authorization: •••"),
        ('{"session_token": "short", "x": 1}', '{"session_token": •••, "x": 1}'),
        ("token=abc&uid=7", "token=•••&uid=7"),
        ("sent Bearer abc", "sent Bearer •••"),
        ("password='two words' end", "password=••• end"),
    ],
)
def test_redact_named_secret_is_masked_however_short(text: str, expected: str) -> None:
    """What stands under a secret's name is masked even when it looks harmless."""
    assert expected == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-22 23:13:01.123 I/SMSDispatcher: retry 3 of 5",
        "connect to 192.168.100.200:5555 failed",
        "java.lang.SecurityException: com.android.internal.telephony.ISms needs SEND_SMS",
        "exit code 127, 4096 bytes, API 33",
        "",
    ],
)
def test_redact_useful_facts_stay(text: str) -> None:
    """Dates, addresses, class names and small numbers stay readable."""
    assert text == redact(text)


@given(st.text(max_size=300))
def test_redact_twice_changes_nothing_more(text: str) -> None:
    """Masked text can pass through masking again, as it does from excerpt to log line."""
    assert redact(text) == redact(redact(text))


@given(st.text(max_size=40), st.from_regex(r"[0-9]{9,15}", fullmatch=True), st.text(max_size=40))
def test_redact_any_surrounding_hides_the_number(before: str, number: str, after: str) -> None:
    """No surrounding text saves a subscriber number from its mask."""
    assert number not in redact(before + number + after)


def test_looks_like_token_knows_the_panels_forms() -> None:
    """Pairing and session tokens are recognised; names and paths are not."""
    assert looks_like_token("x ATKN-1234-abcd")
    assert looks_like_token("eyJhbGciOiJIUzI1NiJ9.e30.x")
    assert not looks_like_token("PANEL_TOKEN_A1")


def test_excerpt_of_a_dump_is_redacted_before_it_is_cut() -> None:
    """An error that quotes a dump shows no number, not even one that the cut halves."""
    dump = "line one\r\n" + "x" * (EXCERPT_LIMIT - 20) + " +15550100123 and so on"

    assert "1555" not in excerpt(dump)
    assert EXCERPT_LIMIT >= len(excerpt(dump))
    assert "+1555" not in str(ParseError("isub", "no block", "number=+15550100123"))
