"""How the command line ends, and what it lets through to a terminal."""

import click
import pytest
from click.testing import CliRunner

from droidrack.core.errors import ConfigError, PhoneGone, RackError
from droidrack.core.ids import Msisdn
from droidrack.faces.cli.main import LazyGroup
from droidrack.faces.cli.options import note, plain, print_table


class OneCommand(LazyGroup):
    """A group whose only command fails as it is told."""

    def __init__(self, failure: BaseException) -> None:
        super().__init__()
        self.failure = failure

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        def fail() -> None:
            raise self.failure

        return click.Command(cmd_name, callback=fail)


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (PhoneGone("bay-1: not attached", hint="plug it in"), 1, "Hint: plug it in"),
        (ConfigError("two mistakes", mistakes=("a: b", "c: d")), 2, "  - c: d"),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (RackError("it failed"), 1, "Error [RACK_ERROR]: it failed"),
    ],
)
def test_foreseen_end_has_its_exit_code_and_no_traceback(
    failure: BaseException, code: int, said: str
) -> None:
    """What went wrong is said on stderr, and a script can tell the cases apart."""
    result = CliRunner().invoke(OneCommand(failure), ["any"])
    assert (code, "") == (result.exit_code, result.stdout)
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_plain_keeps_letters_of_every_script_and_escapes_commands() -> None:
    """Terminal escapes, line breaks and direction overrides are shown, not obeyed."""
    assert "שלום 👍 é" == plain("שלום 👍 é")
    assert r"a\x1b[31mb\nc\u202ed" == plain("a\x1b[31mb\nc\u202ed")


def test_note_masks_what_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """A number in its own type keeps its mask on the way to the operator."""
    note("something happened", number=Msisdn("+15550142637"))
    assert ("", "Note: something happened (number •••37)\n") == capsys.readouterr()


def test_table_shows_square_brackets_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A label from the panel is text, never markup."""
    print_table("T", ["label"], [["[red]x[/red] [/]"]])
    assert "[red]x[/red] [/]" in capsys.readouterr().out
