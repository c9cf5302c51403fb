"""Which phones a command of provisioning means, and where their state is kept."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from droidrack.core.errors import ConfigError
from droidrack.faces.cli.options import DEFAULT_CONFIG
from droidrack.faces.cli.selectors import split_names

if TYPE_CHECKING:
    from droidrack.app.provision.bench import Target
    from droidrack.core.settings import AdbSettings, Settings

SETTLE_S = 3.0
"""How long `--attached` waits for the adb servers to list their phones."""


def where(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which phones."""
    options = (
        click.argument("recipe"),
        click.option(
            "--config", "-c", type=click.Path(path_type=Path, dir_okay=False), default=None,
            envvar="DROIDRACK_CONFIG", help=f"The rack's configuration [default: {DEFAULT_CONFIG}]",
        ),
        click.option("--adb", metavar="HOST:PORT", help="A given adb server, instead of --config."),
        click.option(
            "--virtual", type=click.IntRange(1, 200),
            help="Rehearse on so many virtual phones of several makers; nothing is kept.",
        ),
        click.option("--attached", is_flag=True, help="Every attached phone, named by its serial."),
        click.option(
            "--only", multiple=True, metavar="PHONE[,PHONE…]", help="Only these phones.",
            callback=lambda _context, _option, names: split_names(names),
        ),
        click.option(
            "--variables", type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="CSV of variables and labels: phone,zone,labels,…",
        ),
        click.option(
            "--state", type=click.Path(path_type=Path, file_okay=False),
            help="Folder for journal and evidence, where --config names none.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Place:
    """Where the phones and the state are."""

    adb: "tuple[AdbSettings, ...]"
    state_dir: Path
    settings: "Settings | None" = None
    keeps: bool = True  # Whether anything is left when the command has ended.
    keep_days: float = 365.0


@asynccontextmanager
async def place(given: Mapping[str, Any]) -> AsyncIterator[Place]:
    """Where the phones and the state of this command are."""
    import tempfile

    from droidrack import compose
    from droidrack.core.settings import AdbSettings

    ways = [f"--{name}" for name in ("virtual", "adb") if given[name]]
    if len(ways) > 1 or (given["virtual"] and (given["attached"] or given["state"])):
        raise click.UsageError(f"{ways[0]} says where the phones are: leave the others out")
    if given["virtual"]:
        from droidrack.virtual.rehearsal import rehearsal

        with tempfile.TemporaryDirectory(prefix="droidrack-rehearsal-") as home:
            async with rehearsal(given["virtual"]) as port:
                yield Place((AdbSettings(port=port, own=False),), Path(home), keeps=False)
        return
    if given["adb"]:
        host, _, port = given["adb"].rpartition(":")
        if not port.isdecimal() or not 0 < int(port) < 65_536:
            raise ConfigError(f"--adb: expected HOST:PORT, seen {given['adb']!r}")
        if given["state"] is None:
            raise ConfigError("--adb needs --state: a folder for journal and evidence")
        server = AdbSettings(host=host or "127.0.0.1", port=int(port), own=False)
        yield Place((server,), given["state"])
        return
    settings = compose.load_settings(given["config"] or Path(DEFAULT_CONFIG))
    state_dir = given["state"] or Path(settings.state_dir)
    yield Place(settings.adb, state_dir, settings, keep_days=settings.policy.provision_days)


async def targets_of(
    given: Mapping[str, Any],
    adb: "tuple[AdbSettings, ...]",
    state_dir: Path,
    settings: "Settings | None",
) -> "list[Target]":
    """The phones that are meant, with their labels and variables."""
    from droidrack import compose_provisioning as wiring
    from droidrack.app.provision.bench import Target

    table = wiring.read_variables(given["variables"]) if given["variables"] else {}
    if settings is not None and not given["attached"]:
        phones = list(settings.phones)
    else:
        phones = await _attached(adb, state_dir)
    targets = []
    for phone in phones:
        own = dict(table.get(phone.name) or table.get(phone.serial) or {})
        labels = frozenset(own.pop("labels", "").split()).union(phone.labels)
        given_here = {name: value for name, value in own.items() if value}
        targets.append(Target(phone, labels, {**phone.variables, **given_here}))
    known = {target.name for target in targets}
    if strangers := [name for name in (*given["only"], *table) if name not in known
                     and name not in {phone.serial for phone in phones}]:  # fmt: skip
        raise ConfigError(
            f"no phone is called {', '.join(strangers)}",
            hint=f"known: {', '.join(sorted(known)) or 'none is attached'}",
        )
    chosen = [t for t in targets if not given["only"] or t.name in given["only"]]
    if not chosen:
        raise ConfigError(
            "no phone to work on: the adb server lists none that is ready",
            hint="see what it lists: adb devices, or droidrack devices; or rehearse: --virtual 4",
        )
    return chosen


async def _attached(adb: "tuple[AdbSettings, ...]", state_dir: Path) -> list[Any]:
    from contextlib import AsyncExitStack

    from droidrack import compose
    from droidrack.app.arrival import survey
    from droidrack.core.settings import PhoneSettings

    async with AsyncExitStack() as stack:
        opening = [
            compose.open_bus(server, state_dir, silent, borrow=True, check=True) for server in adb
        ]
        buses = [await stack.enter_async_context(bus) for bus in opening]
        seen = await survey(buses, settle_s=SETTLE_S)
    return [
        PhoneSettings(name=one.arrival.serialno, serial=one.arrival.serialno)
        for one in sorted(seen, key=lambda one: one.arrival.serialno if one.arrival else "")
        if one.arrival is not None
    ]


def silent(event: str, /, **facts: object) -> None:
    """Progress and journal tell a run; log lines would tear the live table."""


def state_dir_of(given: Mapping[str, Any]) -> Path:
    """The folder of journal and evidence."""
    from droidrack import compose

    if given["state"] is not None:
        return Path(given["state"])
    return Path(compose.load_settings(given["config"] or Path(DEFAULT_CONFIG)).state_dir)
