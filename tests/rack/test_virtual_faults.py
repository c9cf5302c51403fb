"""What a real adb server and its clients see when a virtual phone's link misbehaves."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from live_rack import DEADLINE_S, LiveRack, StartRack, quick

from droidrack.virtual.adb_host import adb_path, free_port
from droidrack.virtual.farm import RackPhone

PROGRAM = Path(sys.executable).with_name("droidrack")
SEND = "echo done >> /data/local/tmp/journal"
"""A command whose effect can be seen on the phone afterwards."""


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Poll an outside process's view until it holds; the time-out is a failure, not a measure."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"


def times_run(phone: RackPhone) -> int:
    """How often `SEND` took effect on the phone."""
    files = phone.handset.files
    path = "/data/local/tmp/journal"
    return files.read(path).count(b"done") if files.exists(path) else 0


@contextmanager
def begun(rack: LiveRack, phone: RackPhone, command: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Start `adb shell command`; it is killed at the end if it still runs."""
    with subprocess.Popen(
        [adb_path(), "-P", str(rack.port), "-s", phone.adb_serial, "shell", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"HOME": str(rack.home)},
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def test_denied_key_is_unauthorized_until_allowed(rack: LiveRack) -> None:
    """A revoked key shows "unauthorized" and refuses commands; consent makes it a device again."""
    phone = rack.phones[0]
    rack.call(phone.link.deny())
    eventually(lambda: rack.state(phone) == "unauthorized", "unauthorized")
    refused = rack.adb("shell", "id", phone=phone)
    assert refused.returncode == 1
    assert b"device unauthorized" in refused.stderr
    rack.call(phone.link.allow())
    eventually(lambda: rack.state(phone) == "device", "device")


def test_known_key_needs_no_new_consent(rack: LiveRack) -> None:
    """A key that was allowed once passes by its signature although new keys are refused."""
    phone = rack.phones[0]
    rack.do(lambda: setattr(phone.link.keys, "consenting", False))
    rack.call(phone.link.unplug())
    rack.call(phone.link.replug())
    eventually(lambda: rack.state(phone) == "device", "device")


def test_silent_phone_is_offline_and_recovers(rack: LiveRack) -> None:
    """A phone that never finishes the handshake is "offline" until it does."""
    phone = rack.phones[0]
    rack.call(phone.link.silence())
    eventually(lambda: rack.state(phone) == "offline", "offline")
    assert b"device offline" in rack.adb("shell", "id", phone=phone).stderr
    rack.call(phone.link.silence(silent=False))
    rack.call(phone.link.unplug())
    rack.call(phone.link.replug())
    eventually(lambda: rack.state(phone) == "device", "device")


def test_unplugged_phone_is_absent_and_returns_as_a_new_transport(rack: LiveRack) -> None:
    """As with USB: gone from the list, and back under a new transport id."""
    phone = rack.phones[0]

    def transport() -> str:
        lines = rack.adb("devices", "-l").stdout.decode().splitlines()
        return next(line.split()[-1] for line in lines if line.startswith(phone.adb_serial))

    before = transport()
    rack.call(phone.link.unplug())
    assert rack.state(phone) == "absent"
    rack.call(phone.link.replug())
    assert rack.state(phone) == "device"
    assert transport() != before


def test_unplug_within_a_command_ends_it_without_an_exit_code(rack: LiveRack) -> None:
    """The adb command line leaves with 255 and no text when the link breaks."""
    phone = rack.phones[0]
    with begun(rack, phone, "echo begun; sleep 60") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"begun\n"
        rack.call(phone.link.unplug())
        assert running.wait(DEADLINE_S) == 255


def test_frozen_phone_stays_a_device_and_runs_the_command_after_the_thaw(rack: LiveRack) -> None:
    """A caller gives up on a frozen phone; the command runs all the same, later."""
    phone = rack.phones[0]
    rack.do(phone.link.freeze)
    with begun(rack, phone, SEND) as running:
        eventually(lambda: phone.link.held_up == 1, "the request at the frozen phone")
        assert running.poll() is None
        assert rack.state(phone) == "device"
    assert times_run(phone) == 0
    rack.do(phone.link.thaw)
    eventually(lambda: times_run(phone) == 1, "the ghost execution")


def test_cut_before_execution_has_no_effect(rack: LiveRack) -> None:
    """The stream closes without an exit code, and the command never ran."""
    phone = rack.phones[0]
    rack.do(lambda: phone.link.cut_next("open"))
    assert rack.adb("shell", SEND, phone=phone).returncode == 255
    assert times_run(phone) == 0


def test_cut_after_execution_looks_the_same_and_has_its_effect(rack: LiveRack) -> None:
    """The caller sees just what it sees of a command that never ran."""
    phone = rack.phones[0]
    rack.do(lambda: phone.link.cut_next("executed", match="journal"))
    assert rack.adb("shell", "echo not this one", phone=phone).returncode == 0
    lost = rack.adb("shell", SEND, phone=phone)
    assert (255, b"") == (lost.returncode, lost.stdout)
    assert times_run(phone) == 1


def test_cut_with_reset_breaks_the_whole_link_for_a_moment(rack: LiveRack) -> None:
    """After an RST the server finds the phone again by itself."""
    phone = rack.phones[0]
    rack.do(lambda: phone.link.cut_next("executed", reset=True))
    assert rack.adb("shell", SEND, phone=phone).returncode == 255
    eventually(lambda: rack.state(phone) == "device", "device")
    assert times_run(phone) == 1


def test_reboot_ends_running_commands_and_changes_the_boot_id(rack: LiveRack) -> None:
    """What ran is gone, and /proc tells another boot."""
    phone = rack.phones[0]
    read = ("shell", "cat /proc/sys/kernel/random/boot_id")
    before = rack.adb(*read, phone=phone).stdout
    with begun(rack, phone, "echo begun; sleep 60") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"begun\n"
        rack.call(phone.handset.reboot())
        assert running.wait(DEADLINE_S) == 255
    after = rack.adb(*read, phone=phone).stdout
    assert len(after) == len(before) == 37
    assert after != before


def test_killed_server_returns_with_all_phones(rack: LiveRack) -> None:
    """After `restart_server` the port is the same and every phone is a device."""
    port = rack.port
    rack.call(rack.rack.kill_server())
    rack.call(rack.rack.restart_server())
    assert rack.port == port
    assert {"device"} == {rack.state(phone) for phone in rack.phones}


def test_crashed_server_is_brought_back(rack: LiveRack) -> None:
    """A server that dies unasked is started again, with the phones."""
    pid = rack.rack.server_pid
    rack.do(rack.rack.crash_server)
    eventually(lambda: rack.rack.server_pid not in (None, pid), "a new server")
    eventually(lambda: rack.state(rack.phones[0]) == "device", "device")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can bind a child's life to ours")
def test_killed_rack_takes_its_server_along() -> None:
    """After kill -9 the same command gets the same port again; meanwhile it is taken."""
    port = str(free_port())
    words = (PROGRAM, "virtual", "--phones", "1", "--profile", "parser", "--adb-port", port)
    for _ in range(2):
        with subprocess.Popen([*words, "--json"], stdout=subprocess.PIPE) as rack:
            assert rack.stdout is not None
            rack.stdout.readline()
            second = subprocess.run(words, capture_output=True, check=False, timeout=DEADLINE_S)
            rack.kill()
        assert b"another program listens there" in second.stderr
        eventually(lambda: is_free(int(port)), "an end of the server")


def is_free(port: int) -> bool:
    """Whether nobody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_latency_delays_one_phone_only(start_rack: StartRack) -> None:
    """A phone that answers after an hour does not keep its neighbour from answering."""
    rack = start_rack([quick(0, api=34), quick(1, api=33)])
    slow, swift = rack.phones
    slow.link.latency_s = 3600.0
    with begun(rack, slow, "echo late") as waiting:
        assert rack.adb("shell", "echo now", phone=swift).stdout == b"now\n"
        assert waiting.poll() is None
