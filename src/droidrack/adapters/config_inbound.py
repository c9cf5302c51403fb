"""`[inbound]` of `devices.toml` as plain values, and the signing secrets that it points to."""

import os
from pathlib import Path
from typing import Any

from droidrack.adapters.config_file import HookTable, InboundTable, WebhookTable
from droidrack.adapters.secret_files import read_secret_file
from droidrack.core.errors import ConfigError
from droidrack.core.ids import Token
from droidrack.core.inbound_settings import HookSettings, InboundSettings, WebhookSettings

SECRET_MIN = 16
"""Characters of a signing secret: fewer can be guessed from one signed text."""


def inbound_settings(table: InboundTable, base: Path) -> InboundSettings:
    """The settings of the table; relative paths count from `base`."""
    given = table.given()
    for name in ("languages", "stop_words", "start_words"):
        if name in given:
            given[name] = tuple(given[name])
    given["webhooks"] = tuple(_webhook(entry, base) for entry in given.get("webhooks", ()))
    given["hooks"] = tuple(_hook(entry) for entry in given.get("hooks", ()))
    return InboundSettings(**given)


def webhook_secret(webhook: WebhookSettings) -> Token:
    """The signing secret that a webhook's settings point to, read now.

    Raises:
        ConfigError: it is not there, too short, or a file that others can read.
    """
    if webhook.secret_env:
        source, text = f"variable {webhook.secret_env}", os.environ.get(webhook.secret_env, "")
    else:
        source = f'file "{webhook.secret_file}"'
        text = read_secret_file(Path(webhook.secret_file), "secret file")
    text = text.strip()
    if len(text) < SECRET_MIN or not text.isprintable():
        raise ConfigError(
            f'webhook "{webhook.name}": the {source} must hold a signing secret of at least '
            f"{SECRET_MIN} characters, seen {len(text)}",
            hint="make one with `openssl rand -hex 32`, and give the receiver the same",
        )
    return Token(text)


def _webhook(table: WebhookTable, base: Path) -> WebhookSettings:
    given: dict[str, Any] = table.given()
    for name in ("secret_file", "ca_file"):
        if given.get(name):
            given[name] = str(base / Path(given[name]).expanduser())
    return WebhookSettings(**given)


def _hook(table: HookTable) -> HookSettings:
    given = table.given()
    return HookSettings(**{**given, "command": tuple(given["command"])})
