"""`droidrack decode`: an Android dump as JSON."""

import sys
from pathlib import Path

import click

from droidrack.core.decode import FAMILIES
from droidrack.core.decode import decode as decode_dump
from droidrack.faces.cli.options import print_json


@click.command()
@click.argument("family", type=click.Choice(sorted(FAMILIES)))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), default="-")
def decode(family: str, file: Path) -> None:
    """Read a dump of FAMILY from FILE (or stdin) and print its values as JSON.

    A value that is not known is null; a value that the dump does not print is missing.
    """
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    print_json(decode_dump(family, raw.decode("utf-8", "replace")))
