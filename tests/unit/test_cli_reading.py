"""Commands that only read: decode, explain, segments. What is wrong is said, with exit code 2."""

import json
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from droidrack.faces.cli import dumps
from droidrack.faces.cli.main import main

SEND = ("explain", "send", "--sdk", "34", "--sub-id", "3", "--to", "+15550001111")


def run(*words: str, stdin: bytes = b"") -> Result:
    """Type a command; an exception that no user should see fails the test."""
    return CliRunner().invoke(main, list(words), input=stdin, catch_exceptions=False)


def test_explain_json_holds_the_arguments_unquoted() -> None:
    """A program starts them as they are; the quotes for the phone's shell are for people."""
    argv = json.loads(run(*SEND, "--body", "it's 5 > 4", "--json").stdout)["argv"]
    assert ["service", "call", "isms", "5"] == argv[:4]
    assert "it's 5 > 4" in argv
    assert "'it'" in run(*SEND, "--body", "it's 5 > 4").stdout


@pytest.mark.parametrize("body", ["", "a\0b", "half a pair \udc80"], ids=["empty", "NUL", "bytes"])
def test_explain_of_a_text_that_no_call_carries_is_a_usage_error(body: str) -> None:
    """Not a trace, and not a call of something else."""
    result = run(*SEND, "--body", body)
    assert 2 == result.exit_code
    assert "CONFIG_INVALID" in result.stderr


@pytest.mark.parametrize(
    ("number", "body", "said"),
    [("+15550001111", "", "needs a text"), ("garbage", "x", "3 to 15 digits"), ("", "x", "--to")],
)
def test_explain_names_the_part_that_is_no_message(number: str, body: str, said: str) -> None:
    """And no call is printed that would be refused at the door."""
    result = run("explain", "send", "--sdk", "34", "--sub-id", "3", "--to", number, "--body", body)
    assert (2, "") == (result.exit_code, result.stdout)
    assert said in result.stderr
    assert "garbage" not in result.stderr


def test_text_on_stdin_loses_one_line_end_and_has_to_be_utf8() -> None:
    """`echo` adds one; what is no character is refused."""
    assert "1: 'a\\n'" in run("segments", "-", stdin=b"a\n\n").stdout
    assert 2 == run("segments", "-", stdin=b"a\xff").exit_code
    assert 2 == run("segments", "a\udcff").exit_code


def test_decode_reads_stdin_and_files(tmp_path: Path) -> None:
    """`-` is the default; both give the same."""
    raw = b"  AC powered: true\n  level: 87\n"
    (tmp_path / "dump").write_bytes(raw)
    by_file = run("decode", "battery", str(tmp_path / "dump")).stdout
    assert by_file == run("decode", "battery", stdin=raw).stdout
    assert by_file == run("decode", "battery", "-", stdin=raw).stdout
    assert json.loads(by_file)["level"] == 87


def test_decode_of_an_unknown_layout_exits_1_with_the_parsers_words() -> None:
    """The dump itself is what is wanted then."""
    result = run("decode", "isub", stdin=b"nothing of the kind\n")
    assert 1 == result.exit_code
    assert "dumpsys isub: no subscription, default or slot found" in result.stderr
    assert "droidrack capture" in result.stderr


def test_decode_of_an_unknown_family_or_file_exits_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The families are listed; a file is absent, no file, or too long."""
    family = run("decode", "weather", "-")
    assert (2, True) == (family.exit_code, "telephony_registry" in family.stderr)
    assert 2 == run("decode", "isub", str(tmp_path / "absent")).exit_code
    assert 2 == run("decode", "isub", str(tmp_path)).exit_code
    monkeypatch.setattr(dumps, "DUMP_LIMIT_BYTES", 10)
    assert 2 == run("decode", "isub", stdin=b"x" * 11).exit_code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("virtual", "--adb-port", "99999"), "not in the range"),
        (("virtual", "--adb-port", "5037"), "the machine's own adb server"),
        (("virtual", "--phones", "1", "--air", "{home}/none/air"), "no such file or directory"),
        (("panel", "--port", "99999"), "not in the range"),
        (("panel", "--mint", "-1"), "not in the range"),
        (("panel", "--store", "{home}/none/panel.db"), "unable to open database file"),
        (("panel", "--store", "{home}/junk"), "file is not a database"),
        (("recipe", "new", "zz", "--out", "{home}/none/zz.toml"), "no such file or directory"),
    ],
)
def test_plain_mistake_of_a_lab_is_told_and_is_no_trace(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """A port that is none, a file that cannot be: what was wrong, and exit code 2."""
    (tmp_path / "junk").write_text("no database, " * 100)
    result = run(*(word.format(home=tmp_path) for word in words))
    assert 2 == result.exit_code
    assert said in result.stderr


def test_port_of_somebody_else_is_refused_by_a_virtual_rack() -> None:
    """The port that was named is in the error."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("virtual", "--phones", "1", "--profile", "parser", "--adb-port", port)
    assert 2 == result.exit_code
    assert f"--adb-port {port}: " in result.stderr
