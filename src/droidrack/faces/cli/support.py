"""`droidrack support-bundle`: what somebody far away needs to help, without anybody's secrets."""

import asyncio
import time
from pathlib import Path

import click

from droidrack.faces.cli.options import config_option, note


@click.command()
@config_option
@click.option("--without-phones", is_flag=True, help="Do not ask the phones for their dumps.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def support_bundle(config: Path, without_phones: bool, file: Path) -> None:
    """Write doctor's findings, configuration, events, versions and phones' dumps to FILE.

    A compressed tar that is read by people who help. Tokens, numbers, texts and the identities of
    cards and phones are not in it; look through it all the same before you give it away. No phone
    is changed, and it may run beside a controller. For example:

        droidrack support-bundle rack-7.tar.gz
    """
    from droidrack import compose, diagnosis

    settings = compose.load_settings(config)
    files = asyncio.run(diagnosis.bundle(config, settings, note, phones=not without_phones))
    diagnosis.write_bundle(file, files, at=time.time())
    click.echo(f"{file}: {len(files)} files, readable by you alone")
