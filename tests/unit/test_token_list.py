"""The list of phones and pairing tokens, and what a QR code may hold."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.errors import ConfigError
from droidrack.core.ids import Token
from droidrack.core.token_list import parse_token_list, token_of_code

PHONES = ("bay-1", "bay-2", "bay-3")
A, B = "ATKN-aaaa-1111", "ATKN-bbbb-2222"


def mistakes(text: str) -> tuple[str, ...]:
    """What is said about a list that must be refused; never a token."""
    with pytest.raises(ConfigError) as caught:
        parse_token_list(text, PHONES)
    error = caught.value
    told = "\n".join((error.message, error.hint, *error.mistakes))
    assert [] == [secret for secret in (A, B) if secret in told]
    return error.mistakes


@pytest.mark.parametrize(
    "text",
    [
        f"phone,token\nbay-1,{A}\nbay-2,{B}\n",
        f"\ufeffphone,token\r\nbay-1,{A}\r\nbay-2,{B}\r\n",
        f'"Phone";"Token"\n"bay-1";"{A}"\n\n"bay-2";"{B}"',
        f"phone\ttoken\nbay-1\t{A}\nbay-2\t{B}\n\n",
        f"phone, token\n bay-1 , {A} \nbay-2, {B}\n",
    ],
)
def test_list_as_spreadsheets_save_it_is_read(text: str) -> None:
    """Byte order mark, CRLF, quotes, semicolons, tabs and blanks make no difference."""
    found = parse_token_list(text, PHONES)
    assert [("bay-1", Token(A)), ("bay-2", Token(B))] == [(row.phone, row.token) for row in found]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no line names a phone"),
        ("phone,token\n", "no line names a phone"),
        (f"bay-1,{A}\n", "line 1: expected the heading"),
        (f"token,phone\n{A},bay-1\n", "line 1: expected the heading"),
        (f"phone,token\nbay-1,{A},x\n", "line 2: expected a phone and a token, seen 3 fields"),
        ("phone,token\nbay-1\n", "line 2: expected a phone and a token, seen 1 fields"),
        (f"phone,token\nbay-9,{A}\n", "line 2: no phone is called 'bay-9'"),
        (f"phone,token\n,{A}\n", "line 2: expected a phone, seen an empty field"),
        ("phone,token\nbay-1,\n", "line 2: expected a token, seen an empty field"),
        ("phone,token\nbay-1,two words\n", "line 2: expected a token, seen 9 signs"),
        (f"phone,token\n{A},bay-1\n", "line 2: no phone is called something like a token"),
        (f'phone,token\nbay-1,"{A}\n', "line 2: not CSV"),
        (
            f"phone,token\nbay-1,{A}\n\nbay-1,{B}\n",
            "line 4: the same phone bay-1 as in line 2",
        ),
        (f"phone,token\nbay-1,{A}\nbay-2,{A}\n", "line 3: the same token as in line 2"),
    ],
)
def test_list_mistake_names_its_line_and_no_token(text: str, told: str) -> None:
    """One sentence says where and what; a token is never repeated, swapped columns included."""
    (mistake,) = mistakes(text)
    assert mistake.startswith(told)


def test_list_names_every_mistake_at_once() -> None:
    """A list with three mistakes costs one reading."""
    text = f"phone,token\nbay-7,{A}\nbay-1,\nbay-2,{B}\nbay-2,{A}\n"
    assert [2, 3, 5] == [int(told.split(":")[0].split()[1]) for told in mistakes(text)]


@given(st.text(max_size=200))
def test_list_of_any_text_is_read_or_refused(text: str) -> None:
    """No content of a file ends in anything but lines or a ConfigError."""
    try:
        rows = parse_token_list("phone,token\n" + text, PHONES)
    except ConfigError:
        return
    assert {row.phone for row in rows} <= set(PHONES)


@pytest.mark.parametrize(
    ("content", "token"),
    [
        (A, A),
        (f"  {A}\n", A),
        (f"https://panel.example.com/pair?token={A}&x=1", A),
        (json.dumps({"url": "https://panel.example.com", "pairing_token": A}), A),
        (json.dumps({"pairing_token": "plain-42"}), "plain-42"),
        ("9f2d6c1b4711", "9f2d6c1b4711"),
        (f"{A} {B}", None),
        ("https://panel.example.com/help", None),
        ("WIFI:S:shelf;T:WPA;;  ", "WIFI:S:shelf;T:WPA;;"),
        ("two words", None),
        ('{"pairing_token": 7}', None),
        ('{"other": "x"}', None),
        ("", None),
    ],
)
def test_code_gives_its_one_token(content: str, token: str | None) -> None:
    """A bare token, a link or JSON is read; what holds none or two gives none."""
    assert (Token(token) if token else None) == token_of_code(content)


def test_code_of_noise_never_fails() -> None:
    """Whatever a picture says, it is a token or none."""
    dice = random.Random(7)
    for _ in range(300):
        noise = "".join(chr(dice.randrange(32, 300)) for _ in range(dice.randrange(40)))
        found = token_of_code(noise)
        assert found is None or found.reveal() in noise
