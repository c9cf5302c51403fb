"""How the command line ends, and what it lets through to a terminal."""

from datetime import UTC, datetime

import click
import pytest
from click.testing import CliRunner

from droidrack.core.errors import ConfigError, PhoneGone, RackError
from droidrack.core.ids import Msisdn
from droidrack.faces.cli.main import LazyGroup
from droidrack.faces.cli.options import Moment, note, plain, print_table, the_one_of


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


UID = "7f3a9c21-0000-4000-8000-00000000000a"


def narrow_table(monkeypatch: pytest.MonkeyPatch, width: int, text: str = "x") -> None:
    """A table on a terminal of this width."""
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    columns = ["at", "phone", "state", "text", "told", "uid"]
    row = ["2030-01-01T12:00:00", "bay-1", "SUBMITTED", text, "waiting", UID]
    print_table("T", columns, [row], whole=("phone", "state", "uid"), worth=("at", "told"))


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_table_never_breaks_what_a_person_copies(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A uid over three lines cannot be given to `why`."""
    narrow_table(monkeypatch, width)
    out = capsys.readouterr().out
    assert all(word in out for word in (UID, "bay-1", "SUBMITTED"))


def test_narrow_table_says_what_it_has_no_room_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column is there whole or not at all; a later one that is small enough still is."""
    narrow_table(monkeypatch, 80)
    out = capsys.readouterr().out
    assert "Too narrow for at: --json has them." in out
    assert "waiting" in out
    narrow_table(monkeypatch, 200)
    assert "Too narrow" not in capsys.readouterr().out


def test_long_text_takes_the_lines_and_not_the_others_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A text that was revealed is read whole, beside a uid in one piece."""
    narrow_table(monkeypatch, 100, text="word " * 30)
    out = capsys.readouterr().out
    assert UID in out
    assert 30 == out.count("word")


@pytest.mark.parametrize("text", ["2030-01-31", "2030-01-31T08:00", "2030-01-31T08:00:00"])
def test_moment_without_a_zone_is_read_in_utc_where_the_lists_are(text: str) -> None:
    """One type for every `--since`; what a table shows in UTC is asked for in UTC."""
    assert UTC is Moment(utc=True).convert(text, None, None).tzinfo
    assert Moment(utc=True).convert("2h", None, None) < datetime.now(UTC)


@pytest.mark.parametrize(
    ("given", "said"),
    [((), "one of --a and --b is needed"), ((True, True), "only one of --a and --b may be given")],
)
def test_options_that_exclude_each_other(given: tuple[bool, ...], said: str) -> None:
    """Too many is told apart from none."""
    with pytest.raises(click.UsageError, match=f"^{said}$"):
        the_one_of("--a and --b", *given)
