"""The systemd unit of a rack, and the user it runs as: texts only.

The service gets its own user, the USB devices, its state directory and the network, and nothing
else. Directives are those of systemd 247 (Debian 11) and later; each that is less than obvious has
its reason beside it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from droidrack.core.errors import ConfigError

UNIT_PATH = "/etc/systemd/system/droidrack.service"
SYSUSERS_PATH = "/etc/sysusers.d/droidrack.conf"
KEY_PATH = "/etc/droidrack/vault.key"
CREDENTIAL = "droidrack-vault-key"

WATCHDOG_S = 60
"""The loop answers within milliseconds. A minute lets a machine that swaps survive, and a stuck
controller is back before the panel shows its phones as offline."""

STOP_S = 20
"""A stop takes 10 s at most: calls in flight get 8, closing takes the rest."""

_USER = r"[a-z_][a-z0-9_-]{0,30}"
_VAR_LIB = PurePosixPath("/var/lib")
_HIDDEN = ("/tmp", "/var/tmp")  # noqa: S108 - hidden from the service, never written to


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """What a host's service is made of. Paths are absolute."""

    program: PurePosixPath
    config: PurePosixPath
    state_dir: PurePosixPath
    user: str = "droidrack"
    group: str = "plugdev"  # Who may open phones, by the udev rules.
    writable: tuple[PurePosixPath, ...] = ()  # Besides the state directory, such as a key_dir.

    def check(self) -> None:
        """ConfigError with everything that would keep the service from working."""
        mistakes = [*_name_faults(self), *_path_faults(self)]
        if mistakes:
            raise ConfigError(
                "this cannot be installed as a service",
                mistakes=tuple(mistakes),
                hint="install droidrack into a virtual environment below /opt, put the "
                "configuration at /etc/droidrack/devices.toml, and name in it "
                'state_dir = "/var/lib/droidrack"',
            )


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file of the service. A secret one is never shown, and one that is there is kept."""

    path: PurePosixPath
    text: str = field(repr=False)
    mode: int = 0o644
    secret: bool = False


def unit_text(plan: ServicePlan) -> str:
    """The file for `UNIT_PATH`."""
    return f"""\
# Written by `droidrack service install`.
[Unit]
Description=droidrack: a rack of Android phones that send SMS
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={_word(plan.program)} run --config {_word(plan.config)}
# Reads devices.toml again; a file with mistakes changes nothing and says why.
ExecReload=/bin/kill -HUP $MAINPID
User={plan.user}
SupplementaryGroups={plan.group}
Restart=always
RestartSec=5
# 2: the configuration is wrong; trying again mends nothing.
RestartPreventExitStatus=2
WatchdogSec={WATCHDOG_S}
TimeoutStopSec={STOP_S}
# The adb server ends when the controller has let go of the phones.
KillMode=mixed

# --- Secrets
LoadCredential={CREDENTIAL}:{KEY_PATH}
UMask=0077
LimitCORE=0

# --- What it may write
{_places(plan)}
ProtectSystem=strict
ProtectHome={"read-only" if _in_home(plan) else "yes"}
PrivateTmp=yes

# --- What it may reach: USB devices and the network
DevicePolicy=closed
DeviceAllow=char-usb_device rw
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
# Ports of hubs are switched by files here; only those are its group's that the udev rules name.
ReadWritePaths=-/sys/devices
# One descriptor for each phone, stream and connection; the usual 1024 end at some 300 phones.
LimitNOFILE=65536

# --- What it may never do
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def sysusers_text(plan: ServicePlan) -> str:
    """The file for `SYSUSERS_PATH`: the service's user, who belongs to the phones' group."""
    return f"""\
# Written by `droidrack service install`.
g {plan.group} -
u {plan.user} - "droidrack" {plan.state_dir}
m {plan.user} {plan.group}
"""


def next_commands(plan: ServicePlan, reload_udev: Sequence[str]) -> tuple[str, ...]:
    """What root types after the files are written; the last line is for later use."""
    owned = [] if _under_var_lib(plan.state_dir) else [plan.state_dir]
    owned += plan.writable
    return (
        "systemd-sysusers",
        *(f"install -d -m 0700 -o {plan.user} {_word(path)}" for path in owned),
        f"chown root:{plan.user} {_word(plan.config)} && chmod 640 {_word(plan.config)}",
        *reload_udev,
        "systemctl daemon-reload",
        "systemctl enable --now droidrack",
    )


def beside_command(plan: ServicePlan) -> str:
    """How a command runs as the service does: its user, its key. `pair …` follows."""
    return (
        f"systemd-run --pty --quiet --collect --uid={plan.user} "
        f"--property=SupplementaryGroups={plan.group} "
        f"--property=LoadCredential={CREDENTIAL}:{KEY_PATH} --setenv=DROIDRACK_CONFIG="
        f"{_word(plan.config)} {_word(plan.program)}"
    )


def _places(plan: ServicePlan) -> str:
    lines = []
    if _under_var_lib(plan.state_dir):
        name = plan.state_dir.relative_to(_VAR_LIB)
        lines += [f"StateDirectory={_word(name)}", "StateDirectoryMode=0700"]
    else:
        lines.append(f"ReadWritePaths={_word(plan.state_dir)}")
    lines += [f"ReadWritePaths={_word(path)}" for path in plan.writable]
    return "\n".join(lines)


def _under_var_lib(path: PurePosixPath) -> bool:
    return path != _VAR_LIB and path.is_relative_to(_VAR_LIB)


def _in_home(plan: ServicePlan) -> bool:
    return any(path.is_relative_to("/home") for path in _paths(plan).values())


def _paths(plan: ServicePlan) -> dict[str, PurePosixPath]:
    paths = {"program": plan.program, "config": plan.config, "state_dir": plan.state_dir}
    return paths | {f"key_dir {index}": path for index, path in enumerate(plan.writable)}


def _name_faults(plan: ServicePlan) -> list[str]:
    faults = []
    for what, name in (("user", plan.user), ("group", plan.group)):
        if not re.fullmatch(_USER, name):
            faults.append(f"{what}: expected a name of this host such as droidrack, seen {name!r}")
    if plan.user == "root":
        faults.append("user: root needs no sandbox to harm; name a user of the service's own")
    return faults


def _path_faults(plan: ServicePlan) -> list[str]:
    faults = []
    for what, path in _paths(plan).items():
        if not path.is_absolute():
            faults.append(f"{what}: expected an absolute path, seen {path}")
        elif any(path.is_relative_to(hidden) for hidden in _HIDDEN):
            faults.append(f"{what}: {path} is in a temporary directory, which the service has not")
        elif path.is_relative_to("/root"):
            faults.append(f"{what}: {path} is in root's home, which {plan.user} may not enter")
        elif what.startswith(("state", "key")) and path.is_relative_to("/home"):
            faults.append(f"{what}: {path} is in a home, which the service may not write")
        elif not str(path).isprintable():
            faults.append(f"{what}: a path with control characters")
    return faults


def _word(path: PurePosixPath) -> str:
    """A path as one word of a unit file or a shell: % and $ mean something to systemd."""
    text = str(path).replace("%", "%%")
    if re.fullmatch(r"[A-Za-z0-9/._+@=:,%-]+", text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text).replace("$", "$$") + '"'
