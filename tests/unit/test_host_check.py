"""What a host's facts mean, over directories shaped like sysfs and proc."""

from pathlib import Path

import pytest
from sysfs_tree import SysfsTree

from droidrack.adapters.host_survey import host_facts
from droidrack.adapters.sysfs import usb_tree
from droidrack.core.checkup import Finding, Severity
from droidrack.core.host_check import AdbServer, HostFacts, judge_host
from droidrack.core.settings import PortSettings
from droidrack.core.udev import rules_text
from droidrack.core.usb import UsbTree

S = Severity
GOOD_RULES = ("/etc/udev/rules.d/51-droidrack.rules",)


def facts(tree: UsbTree | None = None, **changes: object) -> HostFacts:
    """A host that is well."""
    values = {
        "tree": tree,
        "udev_rules": GOOD_RULES,
        "adb_servers": (),
        "files_soft": 65536,
        "files_hard": 65536,
        "clock_synchronised": True,
    }
    return HostFacts(**{**values, **changes})  # type: ignore[arg-type]  # by name


def troubles(found: list[Finding]) -> dict[str, Severity]:
    """Subjects of what is not fine."""
    return {one.subject: one.severity for one in found if one.severity is not S.OK}


def hub_of(home: Path, *, phones: int = 4, nested: int = 0, **more: bool) -> UsbTree:
    """A hub with phones behind `nested` other hubs."""
    tree = SysfsTree(home)
    tree.controller("0000:00:14.0", {1: 480})
    path = "1-1"
    for _ in range(nested):
        tree.hub(path)
        path += ".4"
    tree.hub(path, ports=max(phones, 4), bus_powered=more.get("bus_powered", False))
    for number in range(phones):
        control = "auto" if more.get("suspend") else "on"
        tree.phone(f"{path}.{number + 1}", f"R{number}", control=control)
    found = usb_tree(home)
    assert found is not None
    return found


def test_host_that_is_well_has_no_trouble(tmp_path: Path) -> None:
    """Everything that was looked at is said."""
    found = judge_host(facts(hub_of(tmp_path)), (), 4)
    assert {} == troubles(found)
    assert {"usb", "usb autosuspend", "udev rules", "adb servers", "open files", "clock"} <= {
        one.subject for one in found
    }


def test_host_without_a_usb_tree_is_no_trouble() -> None:
    """Virtual phones and containers."""
    assert {} == troubles(judge_host(facts(None), (), 4))


def test_nested_hubs_are_warned_of_with_their_labels(tmp_path: Path) -> None:
    """Where the phones hang is said as on the shelf; beyond USB's own limit: an error."""
    ports = (PortSettings("1-1.4.1", "shelf 2 / 1"),)
    found = judge_host(facts(hub_of(tmp_path / "a", nested=1)), ports, 4)
    assert {"usb hub 1-1.4": S.WARN} == troubles(found)
    (nested,) = [one for one in found if one.subject == "usb hub 1-1.4"]
    assert "shelf 2 / 1 (1-1.4.1)" in nested.seen

    found = judge_host(facts(hub_of(tmp_path / "b", nested=5)), (), 4)
    assert S.ERROR in troubles(found).values()


@pytest.mark.parametrize(("phones", "trouble"), [(11, False), (13, True), (20, True)])
def test_endpoint_budget_is_warned_of_before_the_limit(
    tmp_path: Path, phones: int, trouble: bool
) -> None:
    """Five endpoints a phone here, two a hub: 64 are what some firmware allows."""
    found = troubles(judge_host(facts(hub_of(tmp_path, phones=phones)), (), phones))
    assert trouble == ("usb controller 0000:00:14.0" in found)


def test_hub_without_a_supply_and_sleepy_phones_are_warned_of(tmp_path: Path) -> None:
    """With the exact rule for the second."""
    tree = hub_of(tmp_path, bus_powered=True, suspend=True)
    found = judge_host(facts(tree, udev_rules=()), (), 4)
    assert {"usb hub 1-1", "usb autosuspend", "udev rules"} == set(troubles(found))
    remedies = "\n".join(one.remedy for one in found)
    assert 'ATTR{power/control}="on"' in remedies
    assert 'ENV{ID_USB_INTERFACES}=="*:ff4201:*"' in remedies


def test_many_phones_on_one_host_are_warned_of(tmp_path: Path) -> None:
    """What was seen to last is 28."""
    assert "usb" in troubles(judge_host(facts(hub_of(tmp_path, phones=29)), (), 29))


def test_other_adb_server_is_named_and_ours_is_not() -> None:
    """With its process, user and port; what to do is left to a person."""
    stranger = AdbServer(4242, None, "desktop", ours=False)
    ours = AdbServer(17, 40001, "droidrack", ours=True)
    (found,) = [
        one
        for one in judge_host(facts(adb_servers=(ours, stranger)), (), 1)
        if one.subject == "adb servers"
    ]
    assert S.WARN is found.severity
    named = judge_host(facts(adb_servers=(stranger,)), (), 1, given={5037})
    assert {} == troubles(named)
    assert "process 4242 of desktop, port 5037" in found.seen


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"files_soft": 1024}, {"open files": S.ERROR}),
        ({"clock_synchronised": False}, {"clock": S.WARN}),
        ({"clock_synchronised": None}, {}),
        ({"udev_rules": None}, {}),
    ],
)
def test_limits_and_clock_are_judged(
    changes: dict[str, object], expected: dict[str, Severity]
) -> None:
    """A hundred phones do not fit a thousand files."""
    assert expected == troubles(judge_host(facts(**changes), (), 100))


def test_survey_reads_processes_rules_and_limits(tmp_path: Path) -> None:
    """An adb server is known by its command line; ours keeps its key in our directory."""
    home, proc, rules = tmp_path / "adb", tmp_path / "proc", tmp_path / "rules.d"
    home.mkdir()
    rules.mkdir()
    (rules / "51-droidrack.rules").write_text(rules_text())
    (rules / "60-other.rules").write_text('SUBSYSTEM=="usb"\n')
    for pid, words, environment in (
        (10, ["/opt/adb", "-L", "tcp:5037", "fork-server", "server"], "HOME=/home/desktop"),
        (11, ["adb", "-P", "40001", "nodaemon", "server"], f"HOME={home.resolve()}"),
        (12, ["adb", "shell"], ""),
        (13, ["/usr/bin/python3", "server"], ""),
    ):
        (proc / str(pid)).mkdir(parents=True)
        (proc / str(pid) / "cmdline").write_text("\0".join([*words, ""]))
        (proc / str(pid) / "environ").write_text(f"A=1\0{environment}\0")
    SysfsTree(tmp_path / "sys")

    found = host_facts(home, sysfs=tmp_path / "sys", proc=proc, rules=(rules,))
    assert [(10, 5037, False), (11, 40001, True)] == [
        (server.pid, server.port, server.ours) for server in found.adb_servers
    ]
    assert (str(rules / "51-droidrack.rules"),) == found.udev_rules
    assert found.files_soft > 0


def test_survey_of_this_host_works() -> None:
    """Whatever host the tests run on."""
    assert judge_host(host_facts(Path("/nonexistent")), (), 1)
