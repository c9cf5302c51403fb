"""The in-process shell: what it understands means what mksh means, the rest is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell_kit import run

from droidrack.core.shell import command_line

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_quoted_arguments_arrive_byte_for_byte(arguments: list[str]) -> None:
    """Any text, quoted once, is the tool's argument."""
    ran = run(command_line(["spy", *arguments]).encode())
    assert (tuple(arguments),) == ran.calls
    assert ran.code == 0


@given(TEXTS)
def test_script_on_standard_input_carries_any_text(body: str) -> None:
    """A body in a script fed to `sh`, whatever line ends it holds, is one argument."""
    ran = run(b"sh", command_line(["spy", body, "after"]).encode() + b"\n")
    assert ((body, "after"),) == ran.calls


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("echo a  b", "a b\n"),
        ("echo 'a  b' \"c  d\"", "a  b c  d\n"),
        ("echo a\\ b\\\\", "a b\\\n"),
        ("x='1  2'; echo $x; echo \"$x\"", "1 2\n1  2\n"),
        ("x=1 y=$x; echo $y", "1\n"),
        ("echo $?; false; echo $?; true; echo $?", "0\n1\n0\n"),
        ("false; code=$?; echo; echo MARK:$code", "\nMARK:1\n"),
        ("(exit 3); echo $?", "3\n"),
        ('(x=1; echo $x); echo "<$x>"', "1\n<>\n"),
        ("{ echo a; echo b; } | wc -l", "2\n"),
        ("true && echo yes || echo no", "yes\n"),
        ("false && echo yes || echo no", "no\n"),
        ("! false && echo turned", "turned\n"),
        ("if [ a = a ]; then echo same; else echo other; fi", "same\n"),
        ("if false; then echo 1\nelif true\nthen echo 2\nfi", "2\n"),
        ("for i in 1 2 3; do echo $i; done", "1\n2\n3\n"),
        ("for i in x; do\n  echo $i\ndone; echo end", "x\nend\n"),
        ("printf 'a\\nb\\n' | while read -r l; do echo \"<$l>\"; done", "<a>\n<b>\n"),
        ('echo $(echo 1; echo 2) "$(echo 1; echo 2)"', "1 2 1\n2\n"),
        ("echo out; nope 2>/dev/null; echo $?", "out\n127\n"),
        ("nope 2>&1", "/system/bin/sh: nope: inaccessible or not found\n"),
        ("echo a # comment ' \" $(\necho b", "a\nb\n"),
        ("echo a#b", "a#b\n"),
        ("echo 1 > /sdcard/f; echo 2 >> /sdcard/f; cat < /sdcard/f", "1\n2\n"),
        ("print -n -- 'x\\0000y' | (\nmd5sum\n)", "b5b2a0d5a9c84c0b2c6e4e0e2b2b9b2d  -\n"),
        ("sh -c 'echo $0-$1' name arg", "name-arg\n"),
        ("IFS= read -r x </dev/null; echo $?", "1\n"),
        ("echo /data/local/t*", "/data/local/tmp\n"),
        ("echo *:S", "*:S\n"),
        ("command -v getprop", "/system/bin/getprop\n"),
    ],
)
def test_command_prints_what_mksh_prints(command: str, expected: str) -> None:
    """Quoting, expansion, control flow, redirection and pipes."""
    if "md5sum" in command:
        import hashlib

        expected = hashlib.md5(b"x\0y", usedforsecurity=False).hexdigest() + "  -\n"
    assert expected == run(command.encode()).out.decode()


@pytest.mark.parametrize(
    "command",
    [
        "echo `spy`",
        "echo 'open",
        'echo "open',
        "spy &",
        "echo $((1+1))",
        "cat <<E\nx\nE",
        "echo ${x:-y}",
        "echo $'x'",
        "echo {a,b}",
        "echo ~",
        "if true; then spy",
        "case x in x) spy;; esac",
        "f() { spy; }",
        "[[ a = a ]]",
        "echo a | | spy",
        "spy )",
        "; spy",
        "eval spy",
        "set -e",
        "printf %q x",
        "[ a -nt b ]",
    ],
)
def test_what_is_not_understood_fails_and_runs_nothing(command: str) -> None:
    """An unknown construct is an error with a message, never a guess."""
    ran = run(command.encode())
    assert ran.code in (1, 2)
    assert ran.err.startswith(b"/system/bin/sh: ")
    assert ran.calls == ()


def test_lines_before_a_syntax_error_are_run() -> None:
    """As mksh does, a script runs up to its first bad line."""
    ran = run(b"echo first\necho 'open")
    assert (ran.code, ran.out) == (1, b"first\n")


def test_tool_that_reads_nothing_leaves_the_input_to_the_script() -> None:
    """The rest of a script on standard input survives a tool in its midst."""
    ran = run(None, b'spy one\nread -r x\nthe line\nspy "$x"\nexit 5\n')
    assert (("one",), ("the line",)) == ran.calls
    assert ran.code == 5


def test_nul_ends_the_command() -> None:
    """As the argument of `sh -c` it is a C string."""
    assert run(b"echo a\0; echo b").out == b"a\n"


def test_undecodable_bytes_pass_unchanged() -> None:
    """Bytes that are no UTF-8 go through quoting, variables and output."""
    raw = bytes(range(128, 256))
    assert run(b"x='" + raw + b'\'; echo "$x"').out == raw + b"\n"


def test_deep_nesting_is_refused() -> None:
    """A hostile command costs an error, not the stack."""
    ran = run(b"(" * 2000 + b")" * 2000)
    assert ran.code == 1
