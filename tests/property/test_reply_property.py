"""Whatever a phone prints, reading it ends in one of three answers."""

from hypothesis import given
from hypothesis import strategies as st

from droidrack.core.call import CallRow, Returns
from droidrack.core.codes import CODES
from droidrack.core.errors import Effect
from droidrack.core.reply import Refused, Returned, Unclear, read_reply

ROWS = st.sampled_from([CallRow("isub.x", "ISub", "x", 1, returns=one) for one in Returns])
SCRAPS = st.sampled_from(
    [
        "Result: Parcel(",
        "0x00000000: ",
        "00000000 ",
        "00000001 ",
        "ffffffff ",
        "00410041 ",
        "'..')",
        "\n",
        "NULL)",
        'Error: 0xffffffb6 "x")',
        "service: Service isms does not exist",
        "'",
    ]
)
OUTPUT = st.lists(st.one_of(SCRAPS, st.text(max_size=4)), max_size=12).map("".join)
EXIT = st.one_of(st.none(), st.integers(0, 255))


@given(ROWS, OUTPUT, EXIT)
def test_any_output_gives_an_answer_with_a_listed_code(
    row: CallRow, output: str, exit_code: int | None
) -> None:
    """Nothing is raised, and nothing is called by a name that no document explains."""
    reply = read_reply(row, output, exit_code)
    assert isinstance(reply, Returned | Refused | Unclear)
    assert isinstance(reply, Returned) or reply.code in CODES


@given(ROWS, OUTPUT, EXIT)
def test_output_with_a_result_and_no_exception_never_permits_another_try(
    row: CallRow, output: str, exit_code: int | None
) -> None:
    """Once the tool printed a result, the phone was asked: only an exception can clear it."""
    reply = read_reply(row, f"Result: Parcel({output}", exit_code)
    cleared = reply.effect is Effect.NONE
    assert not cleared or (isinstance(reply, Refused) and reply.code.startswith("EXCEPTION_"))
