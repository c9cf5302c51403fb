"""The errors of droidrack.

Two questions decide how an error is handled, so they are its two axes: who can put it right (the
class) and what happened in the world (`effect`). A library's own exceptions never leave the adapter
that uses the library: each adapter has one table that turns them into these.
"""

from enum import StrEnum
from typing import ClassVar

from droidrack.core.redact import redact

EXCERPT_LIMIT = 255
"""Characters of foreign output an error may carry: enough to recognise, too few to leak a dump."""


class Effect(StrEnum):
    """What an action did to the world, as far as we can prove it."""

    NONE = "none"  # It certainly did not happen. The only effect that permits another try.
    DONE = "done"  # It certainly happened.
    UNKNOWN = "unknown"  # It may have happened, or may still happen.


def excerpt(text: str) -> str:
    """The start of a foreign text on one line, redacted, of at most `EXCERPT_LIMIT` characters."""
    # Eight times as much is looked at, so that a mask's shortening brings up no half-cut secret.
    line = redact(text.strip()[: 8 * EXCERPT_LIMIT]).replace("\r", "").replace("\n", "⏎")
    return line if len(line) <= EXCERPT_LIMIT else line[: EXCERPT_LIMIT - 1] + "…"


class RackError(Exception):
    """Base of all errors we foresee.

    `message` says what went wrong, where, what was expected and what was seen; `hint` says what the
    operator can do; `code` is stable and listed in `core/codes.py`.
    """

    code: ClassVar[str] = "RACK_ERROR"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", effect: Effect = Effect.NONE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.effect = effect


class ConfigError(RackError):
    """The operator's file or command line. Holds every mistake found, not the first one."""

    code = "CONFIG_INVALID"
    exit_code = 2

    def __init__(self, message: str, *, mistakes: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.mistakes = mistakes


class ProfileError(RackError):
    """No table row (or more than one) fits this phone. It is unsupported; nothing is guessed."""

    code = "PHONE_UNSUPPORTED"


class ParseError(RackError):
    """A phone answered in a layout that the parser of this dump does not know."""

    code = "DUMP_UNKNOWN"

    def __init__(self, dump: str, reason: str, text: str = "") -> None:
        seen = f": {excerpt(text)!r}" if text else ""
        super().__init__(
            f"{dump}: {reason}{seen}",
            hint="keep the output with `droidrack capture` and report it: this layout is not known",
        )
        self.dump = dump
        self.reason = reason
        self.excerpt = excerpt(text)


class PhoneError(RackError):
    """A phone or the way to it failed."""

    code = "PHONE_ERROR"

    def __init__(
        self,
        message: str,
        *,
        serial: str = "",
        hint: str = "",
        effect: Effect = Effect.NONE,
    ) -> None:
        super().__init__(message, hint=hint, effect=effect)
        self.serial = serial


class PhoneGone(PhoneError):
    """Absent, offline or unauthorised: pause and wait for its arrival."""

    code = "PHONE_GONE"


class PhoneTimeout(PhoneError):
    """No answer before the deadline. For anything that acts the effect is UNKNOWN."""

    code = "PHONE_TIMEOUT"


class PhoneRefused(PhoneError):
    """A definite no: permission, missing service, unknown transaction."""

    code = "PHONE_REFUSED"


class CardMoved(PhoneError):
    """The slot answers otherwise than when its card was read: nothing was sent."""

    code = "SIM_CHANGED"


class AnswerCut(PhoneError):
    """The transport ended before the command's end was seen."""

    code = "ANSWER_CUT"


class BridgeDown(PhoneError):
    """The adb server itself does not answer, or answered nonsense."""

    code = "ADB_SERVER_DOWN"


class PanelError(RackError):
    """The panel, or the way to it, failed."""

    code = "PANEL_ERROR"


class PanelUnavailable(PanelError):
    """Connection, TLS, time-out, 5xx, HTML or cut JSON: try later."""

    code = "PANEL_UNAVAILABLE"


class PanelBusy(PanelError):
    """429, or 503 with a delay: try again after `retry_after_s` seconds (None: not said)."""

    code = "PANEL_BUSY"

    def __init__(self, message: str, *, retry_after_s: float | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s


class PanelRefused(PanelError):
    """The panel will never accept this request as it is (400, 404, 409, 410, 422 …)."""

    code = "PANEL_REFUSED"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        fields: tuple[tuple[str, str], ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.fields = fields


class SessionOver(PanelError):
    """401 or 403: the token is no longer valid. The phone needs pairing."""

    code = "NEEDS_PAIRING"


class EndpointFailed(RackError):
    """A webhook or hook command did not take a text that arrived. It is offered again.

    `refused`: the endpoint itself said no, and will likely say so again. `down`: nobody was there
    to ask, so that any other text would fare the same.
    """

    code = "ENDPOINT_FAILED"

    def __init__(
        self,
        message: str,
        *,
        refused: bool = False,
        down: bool = False,
        retry_after_s: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint, effect=Effect.UNKNOWN)
        self.refused = refused
        self.down = down
        self.retry_after_s = retry_after_s


class GatewayChanged(PanelError):
    """The panel gave a phone another gateway than the one that this host remembers."""

    code = "GATEWAY_CHANGED"


class JournalError(RackError):
    """The journal cannot be trusted or written. Nothing may be sent."""

    code = "JOURNAL_ERROR"


class JournalBusy(JournalError):
    """Another controller holds the journal."""

    code = "JOURNAL_BUSY"


class JournalDamaged(JournalError):
    """Full disk, I/O error or a damaged file: stop sending at once."""

    code = "JOURNAL_DAMAGED"


class ControllerAbsent(RackError):
    """No controller answers on the control socket of this state directory."""

    code = "CONTROLLER_ABSENT"


class ControllerRefused(RackError):
    """The running controller did not do what it was asked; `remote` is its own code."""

    code = "CONTROLLER_REFUSED"

    def __init__(self, message: str, *, hint: str = "", remote: str = "") -> None:
        super().__init__(message, hint=hint)
        self.remote = remote


def first_of(error: BaseException) -> BaseException:
    """The error itself, or the first one in a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class VaultError(RackError):
    """The store of session tokens cannot be read, written or trusted."""

    code = "VAULT_ERROR"


class StateDenied(VaultError):
    """This user may not use a file of the state directory."""

    code = "STATE_DENIED"


class JournalDenied(StateDenied, JournalDamaged):
    """The same of the journal or its seal: it stops every phone, not only one."""
