"""Who a phone is: the same on every host and after every reset, and never two at once."""

import uuid

import pytest

from droidrack.core.identity import DUMMY_SERIALS, device_uuid, is_dummy
from droidrack.core.ids import UsbPath

PORT, OTHER_PORT = UsbPath("1-2.3"), UsbPath("1-2.4")


def test_device_uuid_is_fixed_for_good() -> None:
    """A change of this value would make every paired phone a new device at its panel."""
    assert "2d732497-7d5f-59bd-8b31-86e92ff558d6" == device_uuid("R5CT000001", None)


def test_device_uuid_of_a_proper_serial_ignores_the_port() -> None:
    """The phone may be plugged in anywhere; white space around a property says nothing."""
    expected = device_uuid("R5CT000001", None)
    assert expected == device_uuid("R5CT000001", PORT)
    assert expected == device_uuid(" R5CT000001\n", OTHER_PORT)
    assert 5 == uuid.UUID(expected).version


def test_device_uuid_tells_serials_apart() -> None:
    """Serials are compared as they are, letter case included."""
    serials = ("R5CT000001", "R5CT000002", "r5ct000001")
    assert 3 == len({device_uuid(serial, None) for serial in serials})


@pytest.mark.parametrize("serial", ["0123456789ABCDEF", "unknown", "", "0000000000", "MT6765"])
def test_device_uuid_of_a_dummy_serial_takes_the_port(serial: str) -> None:
    """Phones of a batch with one serial are told apart by where they are plugged in."""
    assert is_dummy(serial)
    assert device_uuid(serial, PORT) != device_uuid(serial, OTHER_PORT)
    assert device_uuid(serial, PORT) == device_uuid(serial, PORT)
    with pytest.raises(ValueError, match="USB path is not known"):
        device_uuid(serial, None)


def test_device_uuid_of_a_shared_serial_takes_the_port() -> None:
    """A serial that looks good and is on two phones is no better than a dummy."""
    shared = {device_uuid("R5CT000001", port, shared=True) for port in (PORT, OTHER_PORT)}
    assert 2 == len(shared)
    assert device_uuid("R5CT000001", None) not in shared
    with pytest.raises(ValueError, match="USB path is not known"):
        device_uuid("R5CT000001", None, shared=True)


@pytest.mark.parametrize("serial", ["R5CT000001", "0123456789abcde0", "ZY22", "01"])
def test_is_dummy_of_a_proper_serial_is_false(serial: str) -> None:
    """Short or regular is not yet a dummy."""
    assert not is_dummy(serial)


def test_dummy_serials_are_written_as_they_are_compared() -> None:
    """An entry in capitals could never match."""
    assert {serial.strip().lower() for serial in DUMMY_SERIALS} == DUMMY_SERIALS
