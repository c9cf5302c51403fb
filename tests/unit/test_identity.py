"""Who a phone is: the same on every host and after every reset, and never two at once."""

import uuid

import pytest

from droidrack.core.identity import (
    DUMMY_SERIALS,
    IdentityDoubt,
    Known,
    Traits,
    device_uuid,
    is_dummy,
    mark_of,
    recognise,
)
from droidrack.core.ids import DeviceUuid, UsbPath

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


# --- Known again ----------------------------------------------------------------------------------

DUMMY = "0123456789ABCDEF"
PRINT = "alps/p8/p8:9/PPR1/1:user/release-keys"
UPDATED = "alps/p8/p8:10/QP1A/7:user/release-keys"
OTHER_PRINT = "alps/p9/p9:9/PPR1/1:user/release-keys"


def traits(serial: str = DUMMY, usb: UsbPath | None = PORT, **more: str) -> Traits:
    """A phone that arrives."""
    return Traits(serial, usb, more.get("fingerprint", PRINT), more.get("mark", "m1"))


def known(device: str, serial: str = DUMMY, usb: str = PORT, **more: str) -> Known:
    """A phone that was recorded."""
    name, fingerprint = more.get("name", "bay-1"), more.get("fingerprint", PRINT)
    return Known(DeviceUuid(device), name, serial, usb, fingerprint, more.get("mark", "m1"))


def test_recognise_proper_serial_is_the_recorded_phone_whatever_else_changed() -> None:
    """Reset (another mark), another port, another build: its recorded uuid wins."""
    recorded = known("stored", "R5CT000001", mark="old")

    assert "stored" == recognise(traits("R5CT000001", OTHER_PORT, mark="new"), [recorded])
    assert "stored" == recognise(traits("R5CT000001", None, fingerprint=UPDATED), [recorded])


def test_recognise_proper_serial_that_is_new_is_derived() -> None:
    """The same on every host."""
    assert device_uuid("R5CT000001", None) == recognise(traits("R5CT000001"), [known("other")])


def test_recognise_other_serial_in_the_same_port_inherits_nothing() -> None:
    """What counts is the phone, not where it is plugged in."""
    recorded = known(device_uuid("R5CT000001", None), "R5CT000001")

    assert device_uuid("R5CT000002", None) == recognise(traits("R5CT000002"), [recorded])


def test_recognise_dummy_in_its_port_is_the_recorded_phone() -> None:
    """An update of its build changes nothing."""
    assert "stored" == recognise(traits(fingerprint=UPDATED), [known("stored")])


def test_recognise_dummy_of_another_model_in_the_port_is_a_new_device() -> None:
    """Also when it comes back: the same new uuid each time, and never the recorded one."""
    recorded = known(device_uuid(DUMMY, PORT))
    newcomer = traits(fingerprint=OTHER_PRINT, mark="m2")
    first = recognise(newcomer, [recorded])

    assert first != recorded.device
    assert first == recognise(newcomer, [recorded])
    both = [recorded, known(first, fingerprint=OTHER_PRINT, mark="m2")]
    assert [first, recorded.device] == [recognise(newcomer, both), recognise(traits(), both)]


def test_recognise_dummy_with_another_mark_in_the_port_is_a_doubt_with_its_fix() -> None:
    """A reset phone and a sister look the same: nothing is guessed."""
    with pytest.raises(IdentityDoubt) as caught:
        recognise(traits(mark="m2"), [known("stored")])

    assert "factory reset" in str(caught.value)
    assert "droidrack adopt --phone bay-1" in caught.value.hint


@pytest.mark.parametrize(("here", "then"), [("", "m1"), ("m1", "")])
def test_recognise_dummy_without_a_mark_goes_by_its_port(here: str, then: str) -> None:
    """A phone that keeps its ANDROID_ID to itself is not locked out for that."""
    assert "stored" == recognise(traits(mark=here), [known("stored", mark=then)])


def test_recognise_dummy_that_moved_is_known_by_its_mark() -> None:
    """The recorded phone in another port stays who it is."""
    records = [known("a", mark="m1"), known("b", usb=OTHER_PORT, mark="m2")]

    assert "a" == recognise(traits(usb=UsbPath("1-7")), records)
    # The two have changed places.
    assert "b" == recognise(traits(mark="m2"), records)


def test_recognise_mark_on_several_phones_leaves_it_to_the_port() -> None:
    """Phones cloned from one image share their ANDROID_ID, too."""
    records = [known("a"), known("b", usb=OTHER_PORT)]

    assert ["a", "b"] == [recognise(traits(usb=usb), records) for usb in (PORT, OTHER_PORT)]
    assert recognise(traits(usb=UsbPath("1-7")), records) not in ("a", "b")


def test_recognise_dummy_recorded_before_ports_were_is_known_by_its_uuid() -> None:
    """An update of this program makes no phone a new one."""
    recorded = known(device_uuid(DUMMY, PORT), usb="", mark="")

    assert recorded.device == recognise(traits(), [recorded])


def test_recognise_shared_serial_takes_the_port_into_account() -> None:
    """A serial that looks good and is on two phones; the first one keeps what was recorded."""
    first = known(device_uuid("R5CT000001", None), "R5CT000001", mark="m1")
    second = traits("R5CT000001", OTHER_PORT, mark="m2")
    device = recognise(second, [first], shared=True)

    assert device == device_uuid("R5CT000001", OTHER_PORT, shared=True)
    assert first.device == recognise(traits("R5CT000001"), [first], shared=True)
    # Both recorded: told apart although only one is here and nobody says that they share.
    both = [first, known(device, "R5CT000001", OTHER_PORT, mark="m2")]
    assert device == recognise(second, both)


def test_recognise_shared_serial_without_a_path_is_refused_with_the_fix() -> None:
    """Over the network such phones cannot be told apart."""
    with pytest.raises(IdentityDoubt) as caught:
        recognise(traits(usb=None), [])

    assert "`usb`" in caught.value.hint


@pytest.mark.parametrize("answer", ["", "null", "0000000000000000", "xyz", "9774d56d682e549c" * 2])
def test_mark_of_no_proper_android_id_is_none(answer: str) -> None:
    """What `settings` prints for a missing value is no mark."""
    assert "" == mark_of(answer)


def test_mark_of_hides_the_android_id() -> None:
    """It is kept in a form from which the value cannot be read."""
    mark = mark_of("00c0ffee12345678\n")
    assert 16 == len(mark)
    assert "c0ffee" not in mark
