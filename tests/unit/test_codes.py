"""One closed list of codes, and the document that prints it."""

import json
import re
from pathlib import Path

import pytest

from droidrack.core import errors
from droidrack.core.codes import (
    CODES,
    SECTIONS,
    CodeKind,
    codes_table_markdown,
    ril_code,
    sms_result_code,
)
from droidrack.core.report import OUTCOME_UNKNOWN

ROOT = Path(__file__).parents[2]
REFERENCE = json.loads((ROOT / "tests" / "data" / "isms.json").read_text("utf-8"))


def _classes(base: type[errors.RackError]) -> list[type[errors.RackError]]:
    return [base, *(one for child in base.__subclasses__() for one in _classes(child))]


@pytest.mark.parametrize("error", _classes(errors.RackError), ids=lambda error: error.__name__)
def test_codes_hold_the_code_of_every_error(error: type[errors.RackError]) -> None:
    """An error that an operator meets can be looked up."""
    assert error.code in CODES


def test_codes_hold_the_report_of_an_unknown_outcome() -> None:
    """What the panel is told is explained, and never tried again."""
    assert CodeKind.AMBIGUOUS is CODES[OUTCOME_UNKNOWN].kind


def test_codes_are_unique_stable_words_with_one_line_each() -> None:
    """A code stands once; its meaning and remedy are one short sentence each."""
    lines = [line for table in SECTIONS.values() for line in table.strip().splitlines()]
    assert len(lines) == len(CODES)
    for code in CODES.values():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]{3,47}", code.name)
        assert code.text.endswith(".")
        assert code.remedy.endswith(".")
        assert len(code.text) + len(code.remedy) < 160


@pytest.mark.parametrize("name", REFERENCE["ril_errors"].values())
def test_ril_code_of_every_listed_error_is_its_own(name: str) -> None:
    """The radio log's names lead to a code."""
    assert f"RIL_{name}" == ril_code(name)


def test_ril_code_of_makers_own_error_is_other_and_ambiguous() -> None:
    """An unknown error permits no second try."""
    assert "RIL_OTHER" == ril_code("OEM_ERROR_7")
    assert CodeKind.AMBIGUOUS is CODES["RIL_OTHER"].kind


@pytest.mark.parametrize(("number", "name"), REFERENCE["sms_manager_results"].items())
def test_sms_result_code_of_every_listed_result_is_its_own(number: str, name: str) -> None:
    """Android's numbers lead to a code; those of the radio to the radio's."""
    code = sms_result_code(int(number))
    assert code in CODES
    assert code.endswith(name)


def test_sms_result_code_of_unknown_result_is_other() -> None:
    """Makers add results of their own."""
    assert "SMS_OTHER" == sms_result_code(4711)


@pytest.mark.parametrize(
    "name",
    ["RIL_GENERIC_FAILURE", "RIL_NETWORK_ERR", "RIL_MODEM_ERR", "SMS_GENERIC_FAILURE", "DEADLINE"],
)
def test_codes_behind_which_a_sent_message_may_hide_are_ambiguous(name: str) -> None:
    """A modem that failed may have handed the message over before."""
    assert CodeKind.AMBIGUOUS is CODES[name].kind


def test_error_codes_document_equals_the_list() -> None:
    """docs/error-codes.md is printed, never edited."""
    assert codes_table_markdown() == (ROOT / "docs" / "error-codes.md").read_text("utf-8")
