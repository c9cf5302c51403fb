"""`droidrack doctor`: each trouble is found, named, and comes with what to do."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_bench import Desk, desk
from controller_bench import swift

from droidrack import compose_journal
from droidrack.virtual.panel.faults import Fault, FaultKind


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Desk]:
    """Two phones; what doctor prints is searched for card identities."""
    with desk([swift(13), swift(9, sims=1)], tmp_path) as it:
        yield it
        printed = "\n".join(it.printed)
        assert [] == [secret for secret in it.secrets if secret in printed]


def findings(shelf: Desk, *, code: int) -> list[dict[str, Any]]:
    """What doctor finds."""
    found: list[dict[str, Any]] = shelf.json("doctor", code=code)["findings"]
    return found


def about(shelf: Desk, subject: str, *, code: int = 1) -> list[tuple[str, str]]:
    """Severity and what was seen, of one subject."""
    return [
        (one["severity"], one["seen"])
        for one in findings(shelf, code=code)
        if one["subject"] == subject
    ]


def pair_both(shelf: Desk) -> None:
    """Nothing is left that doctor could call an error."""
    for name in ("bay-0", "bay-1"):
        done = shelf.run("pair", "--phone", name, "--token-stdin", stdin=shelf.mint())
        assert 0 == done.exit_code, done.output


def test_doctor_finds_no_error_on_a_healthy_rack(shelf: Desk) -> None:
    """Exit code 0, also where there are warnings; every warning has a remedy."""
    pair_both(shelf)
    found = findings(shelf, code=0)
    assert "error" not in {one["severity"] for one in found}
    assert all(one["remedy"] for one in found if one["severity"] == "warn")
    subjects = {one["subject"] for one in found}
    assert {"panel", "journal", "adb program", "phone bay-0", "phone bay-1"} <= subjects


def test_doctor_strict_lets_warnings_count(shelf: Desk) -> None:
    """Their exit code is neither that of an error nor that of a wrong command line."""
    pair_both(shelf)
    found: list[dict[str, Any]] = shelf.json("doctor", "--strict", code=3)["findings"]
    assert {"ok", "warn"} == {one["severity"] for one in found}


def test_doctor_tells_the_panel_nothing(shelf: Desk) -> None:
    """No message is handed out and no heartbeat counted because somebody looked."""
    pair_both(shelf)
    before = shelf.do(shelf.table.store.devices)
    findings(shelf, code=0)
    assert before == shelf.do(shelf.table.store.devices)
    assert [] == shelf.do(shelf.table.store.heartbeats)


def test_doctor_beside_a_controller_names_it(shelf: Desk) -> None:
    """The journal is looked at without its lock, and its holder is told."""
    pair_both(shelf)
    with shelf.controller() as running:
        shelf.call(running.ready())
        ((severity, seen),) = about(shelf, "controller", code=0)
    assert "ok" == severity
    assert seen.startswith(f"process {os.getpid()} on ")


def test_doctor_shows_every_value_with_its_origin(shelf: Desk) -> None:
    """What the file says and what it leaves to the defaults are told apart."""
    values = {v["key"]: v for v in shelf.json("doctor", code=1)["values"]}
    assert "file" == values["panel.url"]["origin"]
    assert ("UTC", "default") == (
        values["panel.time_zone"]["value"].strip('"'),
        values["panel.time_zone"]["origin"],
    )


def test_doctor_unauthorized_phone_is_told_what_to_accept(shelf: Desk) -> None:
    """Trust is given on the phone's own screen, by a person."""
    shelf.config.write_text(_by_adb_serial(shelf))
    shelf.call(shelf.table.phones[0].link.deny())
    told = [one for one in findings(shelf, code=1) if one["subject"] == "phone bay-0"]
    assert "unauthorized" in told[0]["seen"]
    assert "Allow USB debugging" in told[0]["remedy"]


def _by_adb_serial(shelf: Desk) -> str:
    text = shelf.config.read_text()
    for phone in shelf.table.phones:
        text = text.replace(phone.model.spec.serial, phone.adb_serial)
    return text


def test_doctor_absent_and_unknown_phones_are_both_named(shelf: Desk) -> None:
    """A mistyped serial is an absent phone and one that no entry means: both are shown."""
    spec = shelf.table.phones[0].model.spec
    shelf.config.write_text(shelf.config.read_text().replace(spec.serial, "MISTYPED"))
    found = findings(shelf, code=1)
    absent = next(one for one in found if one["subject"] == "phone bay-0")
    assert "error" == absent["severity"]
    assert absent["seen"].startswith("not attached: ")
    (stray,) = [one for one in found if one["subject"].startswith("adb 127")]
    assert "not in devices.toml" in stray["seen"]
    assert f'serial = "{spec.serial}"' in stray["remedy"]


def test_doctor_dead_panel_is_an_error_and_hides_nothing_else(shelf: Desk) -> None:
    """No connection: said with the address, and the phones are looked at all the same."""
    shelf.call(shelf.table.desk.close())
    assert [("error", True)] == [
        (severity, "no connection" in seen) for severity, seen in about(shelf, "panel")
    ]
    assert ("ok", True) in [
        (severity, "SIMs: slot 0 " in seen) for severity, seen in about(shelf, "phone bay-0")
    ]


def test_doctor_panel_without_the_api_points_at_the_url(shelf: Desk) -> None:
    """Some other web server at this address is not taken for the panel."""
    text = shelf.config.read_text()
    url = shelf.table.settings.panel.url
    shelf.config.write_text(text.replace(url, f"{url}/wrong-prefix"))
    told = [one for one in findings(shelf, code=1) if one["subject"] == "panel"]
    assert "status 404" in told[0]["seen"]
    assert "[panel] url" in told[0]["remedy"]


def test_doctor_panel_out_of_order_is_a_warning(shelf: Desk) -> None:
    """A panel that fails now may work later."""
    pair_both(shelf)
    shelf.do(
        lambda: shelf.table.faults.add("pending", Fault(FaultKind.STATUS, status=500), times=1)
    )
    assert "warn" in {severity for severity, _ in about(shelf, "panel", code=0)}


def test_doctor_dead_adb_server_is_an_error(shelf: Desk) -> None:
    """A given server that does not answer is named with its address."""
    shelf.call(shelf.table.rack.kill_server())
    port = shelf.table.settings.adb[0].port
    ((severity, seen),) = about(shelf, f"adb server 127.0.0.1:{port}")
    assert "error" == severity
    assert str(port) in seen


def test_doctor_open_vault_is_an_error_with_the_fix(shelf: Desk) -> None:
    """Sessions that others can read are refused, and the command that helps is shown."""
    pair_both(shelf)
    vault = Path(shelf.table.settings.state_dir) / compose_journal.VAULT_DIR
    vault.chmod(0o755)
    told = [one for one in findings(shelf, code=1) if "open to other users" in one["seen"]]
    assert told
    assert f"chmod 700 {vault}" in told[0]["remedy"]


def test_doctor_broken_configuration_lists_every_mistake(shelf: Desk) -> None:
    """All mistakes at once, and the host is looked at all the same."""
    text = shelf.config.read_text()
    shelf.config.write_text(text.replace("poll_s = 0.2", "poll_s = 99\nwrong = 1"))
    done = shelf.spawn("doctor")
    assert 1 == done.returncode
    assert "intervals.poll_s" in done.stdout
    assert "intervals.wrong" in done.stdout
    assert "adb program" in done.stdout
    assert "Traceback" not in done.stderr


def test_doctor_quiet_shows_troubles_only(shelf: Desk) -> None:
    """For a daily look: nothing that is fine."""
    pair_both(shelf)
    done = shelf.run("doctor", "--quiet")
    assert 0 == done.exit_code
    assert "\nok" not in done.stdout
    assert "0 error(s)" in done.stdout


def test_damaged_journal_sends_nobody_to_pair(shelf: Desk) -> None:
    """The sessions are still there: what cannot be told is said once, and not guessed."""
    pair_both(shelf)
    state_dir = Path(shelf.table.settings.state_dir)
    for path in state_dir.glob("journal.sqlite*"):
        path.unlink()
    (state_dir / "journal.sqlite").write_bytes(os.urandom(8192))
    found = findings(shelf, code=1)
    assert 1 == sum(one["subject"] == "sessions" for one in found)
    assert not any("not paired" in one["seen"] for one in found)
    assert not any("droidrack pair" in (one["remedy"] or "") for one in found)
