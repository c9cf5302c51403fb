"""Other people's adb clients against virtual phones: adbutils and uiautomator2."""

import struct

import adbutils
import pytest
import uiautomator2
from binary_apk import make_apk
from live_rack import LiveRack
from uiautomator2.exceptions import UiObjectNotFoundError


@pytest.fixture
def device(rack: LiveRack) -> adbutils.AdbDevice:
    """The Android 14 phone as adbutils sees it."""
    client = adbutils.AdbClient("127.0.0.1", rack.port, socket_timeout=20)
    return client.device(serial=rack.phones[0].adb_serial)


def test_adbutils_lists_all_phones_as_devices(rack: LiveRack) -> None:
    """Every phone of the rack is listed in the state "device"."""
    client = adbutils.AdbClient("127.0.0.1", rack.port, socket_timeout=20)
    seen = {entry.serial: entry.state for entry in client.list()}
    assert {phone.adb_serial: "device" for phone in rack.phones} == seen


def test_adbutils_shell_v2_tells_streams_and_code(device: adbutils.AdbDevice) -> None:
    """`shell2(v2=True)` gets stdout, stderr and exit code apart."""
    done = device.shell2("echo out; echo err >&2; exit 7", v2=True, timeout=10)
    assert (7, "out\n", "err\n") == (done.returncode, done.stdout, done.stderr)


def test_adbutils_reads_properties_of_the_model(rack: LiveRack, device: adbutils.AdbDevice) -> None:
    """`getprop` comes from the phone's model."""
    spec = rack.phones[0].model.spec
    assert str(spec.api) == device.getprop("ro.build.version.sdk")
    assert spec.serial == device.getprop("ro.serialno")


def test_adbutils_sync_round_trip(device: adbutils.AdbDevice) -> None:
    """Push, stat, list and read with sync v1, which is all that adbutils speaks."""
    content = bytes(range(256)) * 2000
    device.sync.push(content, "/data/local/tmp/blob")
    assert len(content) == device.sync.stat("/data/local/tmp/blob").size
    assert ["blob"] == [entry.path for entry in device.sync.list("/data/local/tmp")]
    assert content == device.sync.read_bytes("/data/local/tmp/blob")


def test_adbutils_installs_an_apk(rack: LiveRack, device: adbutils.AdbDevice) -> None:
    """Pushed, then installed by `pm install`: the phone has the package."""
    apk = make_apk(rack.home / "app.apk", "org.example.courier")
    device.install(str(apk), nolaunch=True, silent=True)
    assert "org.example.courier" in device.list_packages()


def test_screenshot_and_framebuffer_show_the_same_screen(
    rack: LiveRack, device: adbutils.AdbDevice
) -> None:
    """A screenshot has the screen's size and the pixels that `framebuffer:` sends."""
    screen = rack.phones[0].handset.screen
    image = device.screenshot(error_ok=False)
    assert (screen.width, screen.height) == image.size
    # Not device.framebuffer(): adbutils leaves its socket open there.
    with device.open_transport() as connection:
        connection.send_command("framebuffer:")
        connection.check_okay()
        version, depth, size, width, height, *_ = struct.unpack("<13I", connection.read(52))
        pixels = connection.read(size)
    assert (1, 32, *image.size) == (version, depth, width, height)
    assert image.convert("RGBA").tobytes() == pixels


def test_adbutils_reads_the_log(device: adbutils.AdbDevice) -> None:
    """`logcat -d` prints the model's log and ends."""
    done = device.shell2("logcat -d -b all", v2=True, timeout=10)
    assert 0 == done.returncode


def test_uiautomator2_connects_and_sees_the_home_screen(
    rack: LiveRack, device: adbutils.AdbDevice
) -> None:
    """uiautomator2 pushes its jar, starts its server and gets real answers."""
    phone = rack.phones[0]
    ui = uiautomator2.connect(device)
    try:
        assert phone.model.spec.api == ui.info["sdkInt"]
        assert "Messages" in ui.dump_hierarchy()
        assert ui(text="Messages").exists
        ui(text="Settings").click()
        assert [(900, 2220)] == phone.handset.screen.touches
        assert (1080, 2400) == ui.screenshot().size
        with pytest.raises(UiObjectNotFoundError):
            ui(text="not there").get_text(timeout=0.1)
    finally:
        ui.stop_uiautomator(wait=False)
