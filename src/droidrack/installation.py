"""Wires `droidrack service install`: the files of a service, and where they go."""

from pathlib import Path, PurePosixPath

from droidrack.adapters import service_files
from droidrack.compose_journal import VAULT_DIR
from droidrack.core import service_unit, udev
from droidrack.core.service_unit import HostFile, ServicePlan


def files_of(plan: ServicePlan) -> tuple[HostFile, ...]:
    """The files that make a host's service: user, udev rules, unit, and the vault's key."""
    return (
        HostFile(PurePosixPath(service_unit.SYSUSERS_PATH), service_unit.sysusers_text(plan)),
        HostFile(PurePosixPath(udev.RULES_PATH), udev.rules_text(group=plan.group)),
        HostFile(PurePosixPath(service_unit.UNIT_PATH), service_unit.unit_text(plan)),
        service_files.vault_key(
            PurePosixPath(service_unit.KEY_PATH), Path(plan.state_dir) / VAULT_DIR
        ),
    )


def state_of(file: HostFile, root: Path) -> str:
    """Whether a file is "new", "unchanged", "changed" or (a secret one) "kept" below `root`."""
    return service_files.state_of(file, root)


def put(file: HostFile, root: Path) -> None:
    """Put a file in place below `root`; ConfigError where this user may not."""
    service_files.put(file, root)
