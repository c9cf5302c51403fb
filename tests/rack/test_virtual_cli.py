"""The adb command line against virtual phones."""

import asyncio
import socket
import zipfile
from pathlib import Path

import pytest
from binary_apk import make_apk
from live_rack import LiveRack, StartRack, quick

from droidrack.virtual.streams import Stream


def test_devices_long_list_names_every_phone(rack: LiveRack) -> None:
    """`adb devices -l` shows each phone as a device with its product and model."""
    lines = rack.adb("devices", "-l").stdout.decode().splitlines()[1:-1]
    for phone in rack.phones:
        line = next(one for one in lines if one.startswith(phone.adb_serial))
        spec = phone.model.spec
        assert line.split()[1] == "device"
        assert f"product:{spec.product} " in line


def test_shell_v2_keeps_streams_apart_and_tells_the_exit_code(rack: LiveRack) -> None:
    """On Android 7 and later stdout, stderr and exit code arrive separately."""
    done = rack.adb("shell", "echo out; nothing-of-that-name; exit 3", phone=rack.phones[0])
    assert done.returncode == 3
    assert done.stdout == b"out\n"
    assert done.stderr == b"/system/bin/sh: nothing-of-that-name: inaccessible or not found\n"


def test_unknown_command_exits_127(rack: LiveRack) -> None:
    """A name that is no tool is answered as a phone does, never with success."""
    assert rack.adb("shell", "no-such-tool", phone=rack.phones[0]).returncode == 127


def test_shell_v1_merges_streams_with_crlf_and_no_code(rack: LiveRack) -> None:
    """Before Android 7 the shell is a terminal: CRLF, stderr merged, exit code lost."""
    done = rack.adb("shell", "echo out; no-such-tool; exit 3", phone=rack.phones[2])
    assert done.returncode == 0
    assert done.stdout == b"out\r\n/system/bin/sh: no-such-tool: not found\r\n"


def test_exec_out_is_raw_on_an_old_phone(rack: LiveRack) -> None:
    """`exec:` is no terminal, so even Android 5 turns no LF into CRLF there."""
    assert rack.adb("exec-out", "echo raw", phone=rack.phones[2]).stdout == b"raw\n"


def test_shell_reads_standard_input(rack: LiveRack) -> None:
    """What the host pipes in reaches the command byte for byte, and its end as well."""
    stdin = bytes(range(256)) * 300
    assert rack.adb("shell", "cat", phone=rack.phones[0], stdin=stdin).stdout == stdin


def test_empty_command_runs_a_script_from_standard_input(rack: LiveRack) -> None:
    """`adb shell` without a command is a shell that reads commands from the stream."""
    done = rack.adb("shell", phone=rack.phones[0], stdin=b"x='two\nlines'\necho \"$x\"\nexit 4\n")
    assert done.returncode == 4
    assert done.stdout == b"two\nlines\n"


@pytest.mark.parametrize("index", [0, 2])
def test_push_and_pull_return_the_same_bytes(rack: LiveRack, tmp_path: Path, index: int) -> None:
    """A file goes to the phone and back unchanged, with sync v2 and with v1."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 1000)
    phone = rack.phones[index]
    rack.adb("push", str(source), "/sdcard/Download/x", phone=phone, check=True)
    rack.adb("pull", "/storage/emulated/0/Download/x", str(target), phone=phone, check=True)
    assert source.read_bytes() == target.read_bytes()


def test_push_onto_a_full_phone_fails_with_its_reason(rack: LiveRack, tmp_path: Path) -> None:
    """A full phone says so, and keeps no half of the file."""
    source = tmp_path / "source"
    source.write_bytes(b"x" * 500_000)
    phone = rack.phones[0]
    phone.handset.files.capacity_bytes = 100_000
    done = rack.adb("push", str(source), "/data/local/tmp/x", phone=phone)
    assert done.returncode == 1
    assert b"No space left on device" in done.stdout + done.stderr
    assert not phone.handset.files.exists("/data/local/tmp/x")


def test_directory_listing_shows_pushed_files(rack: LiveRack, tmp_path: Path) -> None:
    """A pushed directory is there, with its file."""
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "inside").write_text("x")
    rack.adb("push", str(tmp_path / "d"), "/data/local/tmp/", phone=rack.phones[0], check=True)
    listing = rack.adb("ls", "/data/local/tmp/d", phone=rack.phones[0])
    assert listing.stdout.split()[-1] == b"inside"


@pytest.mark.parametrize("index", [0, 2])
def test_install_records_the_package(rack: LiveRack, tmp_path: Path, index: int) -> None:
    """A streamed install (new phone) and push with `pm install` (old one) add the package."""
    apk = make_apk(tmp_path / "app.apk", "org.example.courier")
    phone = rack.phones[index]
    done = rack.adb("install", str(apk), phone=phone)
    assert done.returncode == 0, done
    listed = rack.adb("shell", "pm list packages", phone=phone).stdout.split()
    assert b"package:org.example.courier" in listed


def test_install_of_something_else_is_refused(rack: LiveRack, tmp_path: Path) -> None:
    """A file that is no APK is refused with the package manager's reason."""
    junk = tmp_path / "junk.apk"
    with zipfile.ZipFile(junk, "w") as archive:
        archive.writestr("hello", "world")
    done = rack.adb("install", str(junk), phone=rack.phones[0])
    assert done.returncode == 1
    assert b"INSTALL_PARSE_FAILED_NOT_APK" in done.stdout + done.stderr


def test_reboot_takes_the_phone_away_and_brings_it_back(rack: LiveRack) -> None:
    """After `adb reboot` the same serial answers again."""
    phone = rack.phones[0]
    rack.adb("reboot", phone=phone, check=True)
    done = rack.adb("wait-for-device", "shell", "echo back", phone=phone)
    assert done.stdout == b"back\n"


def test_forward_reaches_a_port_of_the_phone(rack: LiveRack) -> None:
    """A forwarded local port leads to a listener on the phone."""

    async def shout(stream: Stream) -> None:
        await stream.write((await stream.read_exactly(5)).upper())

    phone = rack.phones[0]
    phone.handset.listeners["tcp:7000"] = shout
    port = int(rack.adb("forward", "tcp:0", "tcp:7000", phone=phone, check=True).stdout)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"hello")
        assert client.recv(5) == b"HELLO"


def test_reverse_leads_from_the_phone_to_the_host(rack: LiveRack) -> None:
    """A reversed address lets the phone open a connection to a port of the host."""
    phone = rack.phones[0]

    async def talk() -> bytes:
        stream = await phone.adbd.dial("tcp:8000")
        await stream.write(b"ping")
        answer = await stream.read_exactly(4)
        await stream.finish()
        return answer

    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"tcp:{server.getsockname()[1]}"
        rack.adb("reverse", "tcp:8000", host, phone=phone, check=True)
        listed = rack.adb("reverse", "--list", phone=phone).stdout.decode()
        assert listed.split()[1:] == ["tcp:8000", host]
        answer = asyncio.run_coroutine_threadsafe(talk(), rack.loop)
        client, _ = server.accept()
        with client:
            assert client.recv(4) == b"ping"
            client.sendall(b"pong")
            assert answer.result(10) == b"pong"


def test_two_racks_share_nothing(start_rack: StartRack) -> None:
    """Each rack has a server, a key and phones of its own."""
    one, two = start_rack([quick(0)]), start_rack([quick(1)])
    assert one.port != two.port
    assert one.phones[0].adb_serial.encode() not in two.adb("devices").stdout
