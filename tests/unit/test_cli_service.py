"""`droidrack service install`, below a directory instead of a host."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from droidrack.faces.cli.main import main

CONFIG = """\
state_dir = "/var/lib/droidrack-none"
[panel]
url = "https://panel.example.com"
[[phones]]
name = "bay-1"
serial = "A1"
"""


@pytest.fixture
def config(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration where a service may read it: the check sees the path, not the place."""
    path = tmp_path_factory.mktemp("etc") / "devices.toml"
    path.write_text(CONFIG)
    monkeypatch.setattr("droidrack.core.service_unit._HIDDEN", ("/nowhere",))
    return path


def install(config: Path, root: Path, *words: str, answer: str = "") -> Any:
    """Type the command."""
    options = ["--config", str(config), "--root", str(root), "--program", "/bin/true"]
    return CliRunner().invoke(
        main, ["service", "install", *options, *words], input=answer, catch_exceptions=False
    )


def files(root: Path) -> dict[str, int]:
    """Every file below a directory with its mode."""
    return {
        f"/{path.relative_to(root)}": stat.S_IMODE(path.stat().st_mode)
        for path in root.rglob("*")
        if path.is_file()
    }


def test_install_dry_run_shows_everything_and_writes_nothing(config: Path, tmp_path: Path) -> None:
    """Unit, rules and user are shown whole, the key is not; the commands that follow are named."""
    done = install(config, tmp_path, "--dry-run")
    assert 0 == done.exit_code, done.output
    assert {} == files(tmp_path)
    for part in ("[Service]", 'SUBSYSTEM=="usb"', "u droidrack -", "(a key; it is not shown)"):
        assert part in done.stdout
    assert "systemctl enable --now droidrack" in done.stdout


def test_install_writes_after_the_question(config: Path, tmp_path: Path) -> None:
    """A no writes nothing; a yes writes all, the key for root's eyes only."""
    assert 1 == install(config, tmp_path, answer="n\n").exit_code
    assert {} == files(tmp_path)
    assert 0 == install(config, tmp_path, answer="y\n").exit_code
    assert {
        "/etc/systemd/system/droidrack.service": 0o644,
        "/etc/sysusers.d/droidrack.conf": 0o644,
        "/etc/udev/rules.d/51-droidrack.rules": 0o644,
        "/etc/droidrack/vault.key": 0o400,
    } == files(tmp_path)


def test_install_again_keeps_the_key_and_renews_what_changed(config: Path, tmp_path: Path) -> None:
    """A new key would open no session; an edited unit is shown as changed and written anew."""
    install(config, tmp_path, "--yes")
    key = tmp_path / "etc/droidrack/vault.key"
    unit = tmp_path / "etc/systemd/system/droidrack.service"
    first, whole = key.read_text(), unit.read_text()
    unit.write_text("old")
    done = install(config, tmp_path, "--yes", "--json")
    states = {file["path"]: file["state"] for file in json.loads(done.stdout)["files"]}
    assert "changed" == states["/etc/systemd/system/droidrack.service"]
    assert "kept" == states["/etc/droidrack/vault.key"]
    assert "unchanged" == states["/etc/udev/rules.d/51-droidrack.rules"]
    assert (first, whole) == (key.read_text(), unit.read_text())


def test_install_takes_the_key_of_an_existing_vault_along(config: Path, tmp_path: Path) -> None:
    """Phones that were paired before the service stay paired under it."""
    state = tmp_path / "state"
    (state / "vault").mkdir(parents=True)
    (state / "vault" / "key").write_text("ab" * 32 + "\n")
    config.write_text(CONFIG.replace("/var/lib/droidrack-none", str(state)))
    done = install(config, tmp_path / "root", "--yes")
    assert 0 == done.exit_code, done.output
    assert "ab" * 32 + "\n" == (tmp_path / "root/etc/droidrack/vault.key").read_text()
    assert "abab" not in done.output


def test_install_where_the_user_may_not_write_names_the_way(config: Path, tmp_path: Path) -> None:
    """A place that refuses is an error with what to type instead."""
    (tmp_path / "etc").write_text("a file where a directory should be")
    done = install(config, tmp_path, "--yes")
    assert 2 == done.exit_code
    assert "sudo droidrack service install" in done.stderr
