"""The systemd unit: what it says, what systemd says to it, and what cannot be installed."""

import configparser
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from droidrack.adapters.vault_seal import CREDENTIAL
from droidrack.core import service_unit
from droidrack.core.errors import ConfigError
from droidrack.core.service_unit import ServicePlan, next_commands, sysusers_text, unit_text

PLAN = ServicePlan(
    program=PurePosixPath("/bin/true"),
    config=PurePosixPath("/etc/droidrack/devices.toml"),
    state_dir=PurePosixPath("/var/lib/droidrack"),
)
ODD = replace(
    PLAN,
    config=PurePosixPath('/srv/rack 7/50% "new".toml'),
    state_dir=PurePosixPath("/srv/rack 7"),
    writable=(PurePosixPath("/srv/keys"),),
    user="sms",
)


def directives(plan: ServicePlan) -> dict[str, str]:
    """The [Service] section; of a directive that stands twice, the last one."""
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd tells case apart
    parser.read_string(unit_text(plan))
    return dict(parser["Service"])


@pytest.mark.parametrize("plan", [PLAN, ODD])
def test_unit_is_accepted_by_systemd(plan: ServicePlan, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say; where it is absent the unit at least parses."""
    said = directives(plan)
    assert "notify" == said["Type"]
    assert said["ExecStart"].startswith("/bin/true run --config ")
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        print("systemd-analyze is not here: only the unit's syntax was checked")
        return
    unit = tmp_path / "droidrack.service"
    unit.write_text(unit_text(plan))
    done = subprocess.run(
        [analyse, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    about_us = [line for line in done.stderr.splitlines() if "droidrack" in line]
    assert (0, []) == (done.returncode, about_us)


def test_unit_names_the_credential_that_the_vault_reads() -> None:
    """Unit and vault agree on the key's name, and its state directory is the service's own."""
    said = directives(PLAN)
    assert f"{CREDENTIAL}:{service_unit.KEY_PATH}" == said["LoadCredential"]
    assert ("droidrack", "0700") == (said["StateDirectory"], said["StateDirectoryMode"])
    assert "2" == said["RestartPreventExitStatus"] == str(ConfigError.exit_code)


def test_unit_elsewhere_lets_it_write_its_own_places_only() -> None:
    """Outside /var/lib the state directory and the keys are named; nothing else is writable."""
    text = unit_text(ODD)
    assert 'ReadWritePaths="/srv/rack 7"\n' in text
    assert "ReadWritePaths=/srv/keys\n" in text
    assert "StateDirectory" not in text
    assert r'"/srv/rack 7/50%% \"new\".toml"' in text
    assert any("install -d -m 0700 -o sms" in command for command in next_commands(ODD, ()))


def test_sysusers_makes_the_user_a_member_of_the_phones_group() -> None:
    """The service opens USB devices by the group that the udev rules name."""
    assert [
        "g plugdev -",
        'u droidrack - "droidrack" /var/lib/droidrack',
        "m droidrack plugdev",
    ] == (sysusers_text(PLAN).splitlines()[1:])


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (replace(PLAN, user="root"), "user: root"),
        (replace(PLAN, user="a b"), "user: expected a name"),
        (replace(PLAN, group="x;y"), "group: expected a name"),
        (replace(PLAN, program=PurePosixPath("/root/venv/droidrack")), "program: /root/venv"),
        (replace(PLAN, config=PurePosixPath("/tmp/devices.toml")), "config: /tmp"),
        (replace(PLAN, state_dir=PurePosixPath("state")), "state_dir: expected an absolute path"),
        (replace(PLAN, state_dir=PurePosixPath("/home/me/state")), "state_dir: /home/me"),
    ],
)
def test_plan_that_cannot_work_is_refused_with_the_reason(plan: ServicePlan, told: str) -> None:
    """What a sandboxed user could not reach is said before anything is written."""
    with pytest.raises(ConfigError) as caught:
        plan.check()
    assert caught.value.mistakes[0].startswith(told)


def test_plan_below_opt_is_fine() -> None:
    """The usual places raise nothing."""
    replace(PLAN, program=PurePosixPath("/opt/droidrack/bin/droidrack")).check()
