"""`droidrack service`: the controller as a service of the host."""

import os
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError
from droidrack.core.service_unit import beside_command, next_commands
from droidrack.core.udev import DEFAULT_GROUP, RELOAD
from droidrack.faces.cli.options import config_option, json_option, plain, print_json
from droidrack.faces.cli.selectors import yes_option

if TYPE_CHECKING:
    from droidrack.core.service_unit import HostFile


@click.group()
def service() -> None:
    """Install the controller as a service of this host (systemd)."""


@service.command()
@config_option
@click.option("--user", default="droidrack", show_default=True, help="Whom the service runs as.")
@click.option(
    "--group", default=DEFAULT_GROUP, show_default=True, help="Whose members may open phones."
)
@click.option(
    "--program",
    type=click.Path(path_type=Path),
    default=None,
    help="The droidrack to start; else the one that runs now.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/"),
    show_default=True,
    help="Write below this directory, for an image of a host.",
)
@click.option("--dry-run", is_flag=True, help="Show the files and the commands; write nothing.")
@yes_option
@json_option
def install(
    config: Path,
    user: str,
    group: str,
    program: Path | None,
    root: Path,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Write the unit, the udev rules, the service's user and the vault's key, after showing them.

    Nothing is started: the commands that do so are printed at the end. What is there already and
    says the same is left alone, and an existing key is never replaced. For example:

        sudo droidrack service install --config /etc/droidrack/devices.toml
    """
    from droidrack import compose, installation
    from droidrack.core.service_unit import ServicePlan

    settings = compose.load_settings(config)
    started = program or Path(sys.executable).with_name("droidrack")
    if root == Path("/") and not os.access(started, os.X_OK):
        raise ConfigError(f"{started}: no program", hint="name the droidrack to start: --program")
    plan = ServicePlan(
        program=PurePosixPath(started.absolute()),
        config=PurePosixPath(config.absolute()),
        state_dir=PurePosixPath(Path(settings.state_dir).absolute()),
        user=user,
        group=group,
        writable=tuple(
            PurePosixPath(Path(adb.key_dir).absolute()) for adb in settings.adb if adb.key_dir
        ),
    )
    plan.check()
    files = installation.files_of(plan)
    states = {file.path: installation.state_of(file, root) for file in files}
    commands = next_commands(plan, RELOAD)
    if as_json:
        print_json(_json(files, states, commands, dry_run=dry_run))
    else:
        _show(files, states)
    pending = [file for file in files if states[file.path] in ("new", "changed")]
    if not dry_run and pending:
        if not yes:
            click.confirm(f"Write {len(pending)} files below {root}?", abort=True, err=as_json)
        for file in pending:
            installation.put(file, root)
    if not as_json:
        _show_commands(commands, beside_command(plan), wrote=not dry_run)


def _show(files: "tuple[HostFile, ...]", states: dict[PurePosixPath, str]) -> None:
    for file in files:
        click.echo(f"--- {plain(str(file.path))} ({states[file.path]}, mode {file.mode:04o})")
        shown = "(a key; it is not shown)" if file.secret else file.text.rstrip()
        click.echo(f"{shown}\n" if states[file.path] != "unchanged" else "")


def _show_commands(commands: tuple[str, ...], beside: str, *, wrote: bool) -> None:
    click.echo("Next, as root:" if wrote else "Afterwards, as root:")
    for command in commands:
        click.echo(f"  {command}")
    click.echo("A command that needs the sessions runs as the service does:")
    click.echo(f"  {beside} pair --all")


def _json(
    files: "tuple[HostFile, ...]",
    states: dict[PurePosixPath, str],
    commands: tuple[str, ...],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "files": [
            {
                "path": str(file.path),
                "state": states[file.path],
                "mode": f"{file.mode:04o}",
                "text": None if file.secret else file.text,
            }
            for file in files
        ],
        "next": list(commands),
    }
