"""`droidrack decode`: an Android dump as JSON."""

import sys
from pathlib import Path

import click

from droidrack.core.decode import FAMILIES
from droidrack.core.decode import decode as decode_dump
from droidrack.core.errors import ConfigError
from droidrack.faces.cli.options import print_json

DUMP_LIMIT_BYTES = 16 << 20
"""The longest dump seen, a registry of Android 13, has half a megabyte."""


@click.command()
@click.argument("family", type=click.Choice(sorted(FAMILIES)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="-")
def decode(family: str, file: Path) -> None:
    """Read a dump of FAMILY from FILE (or stdin) and print its values as JSON.

    A value that is not known is null; a value that the dump does not print is missing.
    """
    print_json(decode_dump(family, _read(file).decode("utf-8", "replace")))


def _read(file: Path) -> bytes:
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as stream:
            content = stream.read(DUMP_LIMIT_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"{file}: {(exc.strerror or 'cannot be read').lower()}") from exc
    if len(content) > DUMP_LIMIT_BYTES:
        raise ConfigError(f"{file}: larger than {DUMP_LIMIT_BYTES} bytes; no dump is so long")
    return content
