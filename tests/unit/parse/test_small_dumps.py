"""getprop, adb devices and the battery, beyond what the corpus shows."""

import pytest

from droidrack.core.errors import ParseError
from droidrack.core.parse.battery import parse_battery
from droidrack.core.parse.devices import parse_devices
from droidrack.core.parse.getprop import parse_getprop


def test_getprop_values_may_hold_brackets_and_line_breaks() -> None:
    """A value ends where the next entry begins, not at the first bracket."""
    text = "[a]: [x]: [y]]\r\n[b]: [one\r\ntwo]\n]\r\n[c]: []\n"
    assert {"a": "x]: [y]", "b": "one\ntwo]\n", "c": ""} == parse_getprop(text).values


def test_getprop_cut_entry_is_left_out() -> None:
    """Half a value is not a value."""
    assert {"a": "1"} == parse_getprop("[a]: [1]\n[b]: [half").values


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        ("A,B", ("A", "B")),
        ("A", ("A", None)),
        (",B", (None, "B")),
        ("A,B,", ("A", "B")),
        ("Foo\\, Inc.,B", ("Foo, Inc.", "B")),
        ("Foo, Inc.,B", ("Foo, Inc.", "B")),
        ("A,B,C", (None, None)),
        ("", (None, None)),
    ],
)
def test_getprop_lists_by_slot_never_shift_a_name(
    alpha: str, expected: tuple[str | None, ...]
) -> None:
    """A comma inside a name must not move another slot's name."""
    text = f"[gsm.sim.state]: [LOADED,ABSENT]\n[gsm.operator.alpha]: [{alpha}]\n"
    assert expected == parse_getprop(text).per_slot("gsm.operator.alpha")


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [("Foo,Bar", "Foo,Bar"), ("Foo\\, Inc.", "Foo, Inc."), ("Foo,", "Foo"), (",", None)],
)
def test_getprop_single_slot_keeps_commas_of_its_name(alpha: str, expected: str | None) -> None:
    """With one slot there is nothing to split, but an empty second entry is no part of a name."""
    text = f"[gsm.sim.state]: [READY]\n[gsm.operator.alpha]: [{alpha}]\n"
    assert (expected,) == parse_getprop(text).per_slot("gsm.operator.alpha")
    assert parse_getprop(text).per_slot("gsm.network.type") is None


@pytest.mark.parametrize(("states", "slots"), [("LOADED", 1), ("LOADED,ABSENT", 2)])
def test_getprop_entries_of_slots_that_are_not_there_are_left_out(states: str, slots: int) -> None:
    """Modems with more slots than the phone print lists that are longer than its SIM states."""
    text = f"[gsm.sim.state]: [{states}]\n[gsm.operator.numeric]: [310260,00101,00102]\n"
    found = parse_getprop(text).per_slot("gsm.operator.numeric")
    assert ("310260", "00101", "00102")[:slots] == found


@pytest.mark.parametrize("text", ["", "error: closed", "[a] [b]"])
def test_getprop_without_entries_is_a_parse_error(text: str) -> None:
    """No property at all is not a phone's answer."""
    with pytest.raises(ParseError):
        parse_getprop(text)


@pytest.mark.parametrize(
    ("line", "serial", "state", "transport"),
    [
        ("R58 \tdevice", "R58", "device", None),
        (
            "adb-1A-x (2)._adb-tls-connect._tcp device product:a model:b device:c transport_id:7",
            "adb-1A-x (2)._adb-tls-connect._tcp",
            "device",
            7,
        ),
        (
            "(no serial number) no permissions (udev); see [http://x] usb:1-1 transport_id:3",
            "(no serial number)",
            "no permissions",
            3,
        ),
        ("1A no permissions; see [http://d.example/x] usb:1-2", "1A", "no permissions", None),
        ("1A\tunauthorized", "1A", "unauthorized", None),
        (
            "1A\tno permissions (missing udev rules? user is in the plugdev group); see [http://x]",
            "1A",
            "no permissions",
            None,
        ),
        ("[2001:db8::1]:5555 offline transport_id:12", "[2001:db8::1]:5555", "offline", 12),
        ("1A sideload product:x", "1A", "sideload", None),
    ],
)
def test_devices_lines_of_every_form(
    line: str, serial: str, state: str, transport: int | None
) -> None:
    """Serials with blanks and brackets, states that are sentences."""
    (device,) = parse_devices(f"List of devices attached\n{line}\n\n")
    assert (serial, state, transport) == (device.serial, device.state, device.transport_id)


def test_devices_values_with_blanks_run_to_the_next_key() -> None:
    """A model is printed without blanks, its neighbours are not."""
    line = "1A device 1-3 product:Z1 Pro model:Z1_Pro device:Z1 Pro features:cmd,ls transport_id:4"
    (found,) = parse_devices(f"{line}\n")
    assert ("Z1 Pro", "Z1_Pro", "Z1 Pro", 4) == (
        found.product,
        found.model,
        found.device,
        found.transport_id,
    )


@pytest.mark.parametrize(
    "message",
    [
        "libusb: error [get_usbfs_fd] couldn't open USB device /dev/bus/usb/001/005, errno=13",
        "libusb: warning: no such device",
        "adb server version (36) doesn't match this client (39); killing...",
        "* daemon started successfully *",
    ],
)
def test_devices_messages_between_the_lines_are_no_devices(message: str) -> None:
    """A sentence that holds the word of a state is a sentence."""
    text = f"List of devices attached\n{message}\n1A device usb:1-1 transport_id:2\n"
    assert ["1A"] == [device.serial for device in parse_devices(text)]


def test_devices_of_track_devices_need_no_heading() -> None:
    """The stream's payload is the bare list; an empty one is an empty list."""
    assert ["a", "b"] == [d.serial for d in parse_devices("a\tdevice\nb\toffline\n")]
    assert parse_devices("") == ()
    assert parse_devices("List of devices attached\n\n") == ()


@pytest.mark.parametrize("heading", ["", "List of devices attached\n"])
@pytest.mark.parametrize(
    "failure",
    [
        "error: cannot connect to daemon at tcp:5037: Connection refused",
        "error: protocol fault (no status)",
        "adb: failed to check server version: cannot connect to daemon",
        "adb server version (36) doesn't match this client (39); killing...\n"
        "error: could not install *smartsocket* listener: Address already in use\n"
        "ADB server didn't ACK\n* failed to start daemon *\nerror: cannot connect to daemon",
        "adb server is out of date.  killing...\n* failed to start daemon *",
        "* daemon not running; starting now at tcp:5037\nADB server didn't ACK",
    ],
)
def test_devices_failure_of_adb_is_a_parse_error(heading: str, failure: str) -> None:
    """A server that is not there is not an empty rack; the heading is printed before all."""
    with pytest.raises(ParseError):
        parse_devices(f"{heading}{failure}\n")


def test_battery_first_label_wins_and_unknown_status_keeps_its_number() -> None:
    """Samsung repeats labels with another meaning; makers add codes of their own."""
    battery = parse_battery("  status: 9\n  level: 50\n  scale: 200\n  temperature: -15\n level: 7")
    assert (9, None, 50, -1.5, 25.0) == (
        battery.status,
        battery.status_name,
        battery.level,
        battery.temperature_c,
        battery.percent,
    )


@pytest.mark.parametrize("text", ["", "Can't find service: battery", "level: full"])
def test_battery_without_a_value_is_a_parse_error(text: str) -> None:
    """No label, or a label without a number, is no reading."""
    with pytest.raises(ParseError):
        parse_battery(text)
