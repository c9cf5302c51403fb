"""A call that is made only while a slot still answers as it did when it was read.

Android hands a text for a subscription that is gone to the first slot, by AOSP's sources from 8.1
on and before 6.0: a card that was swapped since the last reading would send what nobody asked of
it. So the phone's own shell asks once more, milliseconds before the call, however late it runs.
"""

from droidrack.core.shell import quote

MOVED = "droidrack: the slot holds another card"
"""What is printed instead of the call's answer."""


def same_answer(text: str) -> str:
    """The answer of a `service call` as `$(…)` gives it to the phone's shell.

    Without what the tool's linker may say first, on standard error.
    """
    answer = text[max(text.find("Result: "), 0) :]
    return answer.replace("\r\n", "\n").rstrip("\n")


def only_if(question: str, answer: str, command: str) -> str:
    """A script that runs `command` if the command `question` prints `answer`, else says `MOVED`.

    Raises:
        ValueError: `answer` holds NUL.
    """
    asked = f"$({question} 2>/dev/null </dev/null)"
    return f'if [ "{asked}" = {quote(answer)} ]; then {command}; else echo {quote(MOVED)}; fi'
