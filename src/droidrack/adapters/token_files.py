"""Where one-time pairing tokens come from: a variable, a file, a list, pictures of QR codes."""

import os
from collections.abc import Iterable
from pathlib import Path

from droidrack.core.errors import ConfigError
from droidrack.core.ids import Token
from droidrack.core.settings import PhoneSettings
from droidrack.core.token_list import TokenLine, is_token, parse_token_list

TOKEN_LIMIT_BYTES = 4096
"""Session tokens of the JWT form stay under 2 KiB, pairing tokens under 100 bytes."""

LIST_LIMIT_BYTES = 1024 * 1024
"""A thousand phones with their tokens take 100 KiB."""


def pairing_token(phone: PhoneSettings) -> Token | None:
    """The pairing token that a phone's settings point to, read now.

    Returns:
        None where no source is named, or the source is not there (any more): a token is spent by
        pairing, so its absence is usual.

    Raises:
        ConfigError: the file may be read by others, cannot be read, or holds no single token.
    """
    if phone.token_env:
        text, source = os.environ.get(phone.token_env, ""), f"variable {phone.token_env}"
    elif phone.token_file:
        path = Path(phone.token_file)
        content = read_unshared(path, f"token file {path}", TOKEN_LIMIT_BYTES) or b""
        text, source = content.decode("utf-8", "replace"), f'file "{path}"'
    else:
        return None
    text = text.strip()
    if not text:
        return None
    if not is_token(text):
        raise ConfigError(
            f'phone "{phone.name}": the {source} must hold one pairing token and nothing else, '
            f"seen {len(text)} characters with blanks or signs that no token has",
            hint="copy the token from the panel again: Gateway → Android SMS → Devices",
        )
    return Token(text)


def token_list(path: Path, phones: Iterable[str]) -> tuple[TokenLine, ...]:
    """The lines of a CSV file with phones and tokens; `phones` are the names there are.

    Raises:
        ConfigError: the file is absent, open to others or no UTF-8, or lines are wrong: all of
            them are named.
    """
    content = read_unshared(path, f"token list {path}", LIST_LIMIT_BYTES + 1)
    if content is None:
        raise ConfigError(f"token list {path}: no such file")
    if len(content) > LIST_LIMIT_BYTES:
        raise ConfigError(f"token list {path}: larger than {LIST_LIMIT_BYTES} bytes")
    try:
        return parse_token_list(content.decode("utf-8"), phones)
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise ConfigError(
            f"token list {path}: line {line}: byte 0x{content[exc.start]:02x} is no UTF-8",
            hint="save it as CSV UTF-8",
        ) from exc
    except ConfigError as error:
        error.message = f"token list {path}: {error.message}"
        raise


def read_unshared(path: Path, what: str, limit: int) -> bytes | None:
    """At most `limit` bytes of a file that other users cannot read; None: it is not there."""
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode & 0o777
            content = stream.read(limit)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(
            f"{what}: {(exc.strerror or 'cannot be read').lower()}",
            hint="make it a plain file that the user who runs droidrack can read",
        ) from exc
    if mode & 0o007:
        raise ConfigError(
            f"{what} is open to every user of this host (mode {mode:04o})",
            hint=f"chmod 600 {path}",
        )
    return content
