"""Standard output that cannot be written, and encodings that lack what is printed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("droidrack")


def run(*words: str, stdout: str = "", **env: str) -> "subprocess.CompletedProcess[bytes]":
    """The installed program, as a shell would start it; `stdout`: where its output goes."""
    with open(stdout or os.devnull, "wb") as place:
        return subprocess.run(
            [str(PROGRAM), *words],
            stdin=subprocess.DEVNULL,
            stdout=place if stdout else subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", **env},
        )


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words",
    [("--help",), ("segments", "hello"), ("segments", "hello", "--json"), ("recipe", "types")],
    ids=" ".join,
)
def test_output_that_is_lost_is_an_error_on_one_line(
    words: tuple[str, ...], unbuffered: str
) -> None:
    """A script must not take half a list for all of it."""
    done = run(*words, stdout="/dev/full", PYTHONUNBUFFERED=unbuffered)

    first, hint = done.stderr.decode().splitlines()
    assert 1 == done.returncode
    assert "standard output cannot be written: no space left on device" in first
    assert hint.startswith("Hint: ")


def test_reader_that_has_seen_enough_is_no_error() -> None:
    """`| head -1` ends a command without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as place:
        done = subprocess.run(
            [str(PROGRAM), "recipe", "types"], stdout=place, stderr=subprocess.PIPE, check=False
        )

    assert b"" == done.stderr


@pytest.mark.parametrize(
    "env",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["latin-1", "ascii", "C"],
)
@pytest.mark.parametrize("command", [("recipe", "show", "lab-bench"), ("recipe", "types")])
def test_encoding_that_lacks_a_character_is_no_error(
    env: dict[str, str], command: tuple[str, ...]
) -> None:
    """The tables have signs that not every terminal knows."""
    done = run(*command, **env)

    assert (0, b"") == (done.returncode, done.stderr)


def test_json_is_the_same_text_in_every_encoding() -> None:
    """What the encoding lacks stands there as JSON writes it."""
    text = "😀é—≥"
    done = run("segments", text, "--json", PYTHONIOENCODING="latin-1")

    assert [text] == json.loads(done.stdout.decode("latin-1"))["segments"]
