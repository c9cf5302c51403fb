"""Kernel, adb and inventory: three views, three faults, three remedies."""

from itertools import product

import pytest

from droidrack.core.presence import Presence, View, diagnose

P = Presence

MATRIX = {
    # (in the kernel's tree, with debugging, adb's state): an expected phone is …
    (True, True, "device"): P.HERE,
    (True, True, "offline"): P.UNUSABLE,
    (True, True, "unauthorized"): P.UNUSABLE,
    (True, True, "no permissions"): P.UNUSABLE,
    (True, True, ""): P.NOT_IN_ADB,
    (True, False, "device"): P.HERE,  # The lists were read one after the other.
    (True, False, "offline"): P.UNUSABLE,
    (True, False, "unauthorized"): P.UNUSABLE,
    (True, False, "no permissions"): P.UNUSABLE,
    (True, False, ""): P.NO_DEBUGGING,
    (False, False, "device"): P.HERE,  # Over the network.
    (False, False, "offline"): P.UNUSABLE,
    (False, False, "unauthorized"): P.UNUSABLE,
    (False, False, "no permissions"): P.UNUSABLE,
    (False, False, ""): P.NOT_IN_TREE,
    (None, False, "device"): P.HERE,
    (None, False, "offline"): P.UNUSABLE,
    (None, False, "unauthorized"): P.UNUSABLE,
    (None, False, "no permissions"): P.UNUSABLE,
    (None, False, ""): P.TREE_UNKNOWN,
}


@pytest.mark.parametrize(("views", "expected"), MATRIX.items())
def test_diagnose_expected_phone(views: tuple[bool | None, bool, str], expected: Presence) -> None:
    """Every combination of the views has its own name."""
    assert expected is diagnose(View(True, *views)).presence


def test_diagnose_each_fault_has_a_remedy_of_its_own() -> None:
    """Nothing that is wrong is left without what to do; nothing that is well asks for anything."""
    found = {diagnose(View(True, *views)) for views in MATRIX}
    remedies = [fault.remedy for fault in found if fault.presence is not P.HERE]

    assert all(remedies)
    assert len(set(remedies)) == len(remedies)
    assert "" == diagnose(View(True, True, True, "device")).remedy


def test_diagnose_stranger_is_named_once_it_is_well() -> None:
    """Before that its own trouble comes first."""
    assert P.STRANGER is diagnose(View(False, True, True, "device")).presence
    for state in ("offline", "unauthorized"):
        assert P.UNUSABLE is diagnose(View(False, True, True, state)).presence


def test_diagnose_is_total() -> None:
    """No combination raises."""
    for views in product((True, False), (True, False, None), (True, False), ("", "device", "x")):
        assert diagnose(View(*views)).seen
