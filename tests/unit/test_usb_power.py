"""Port power: a proof for this port of this hub, or nothing is switched."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sysfs_tree import SysfsTree

from droidrack.adapters.mending import HostMender
from droidrack.adapters.sysfs import usb_tree
from droidrack.adapters.usb_power import PortProofs, Uhubctl
from droidrack.core.errors import PhoneRefused
from droidrack.core.ids import UsbPath
from droidrack.core.port_proof import PortVerdict, Proof, fingerprint_of
from droidrack.core.usb import UsbTree

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PORT = UsbPath("1-2.3")


def tree_of(home: Path, *, product: str = "USB2.0 Hub", ports: int = 4) -> UsbTree:
    """A hub with a phone."""
    tree = SysfsTree(home)
    tree.controller("0000:00:14.0", {1: 480})
    tree.hub("1-2", ports=ports, product=product)
    tree.phone("1-2.3", "R5CT000001")
    found = usb_tree(home)
    assert found is not None
    return found


def tool(home: Path, *, exit_code: int = 0) -> tuple[str, Path]:
    """A program in uhubctl's place that writes down its arguments."""
    heard = home / "heard"
    program = home / "uhubctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {heard}\necho "No permission"\nexit {exit_code}\n')
    program.chmod(0o755)
    return str(program), heard


def proof(tree: UsbTree, verdict: PortVerdict = PortVerdict.CUTS) -> Proof:
    """A proof made with the hub that is in the tree."""
    return Proof(PORT, fingerprint_of(tree, PORT), verdict, "R5CT000001", NOON)


def test_proof_holds_for_its_port_and_hub_only(tmp_path: Path) -> None:
    """Another port, another hub in the place, a lying port: not proven."""
    tree, proofs = tree_of(tmp_path / "sys"), PortProofs(tmp_path)
    assert not proofs.cuts(tree, PORT)
    proofs.keep(proof(tree))
    assert proofs.cuts(tree, PORT)
    assert not proofs.cuts(tree, UsbPath("1-2.4"))
    assert not proofs.cuts(tree_of(tmp_path / "other", ports=7), PORT)
    assert not proofs.cuts(UsbTree(), PORT)

    proofs.keep(replace(proof(tree), verdict=PortVerdict.LIES))
    assert not proofs.cuts(tree, PORT)
    assert 1 == len(proofs.all())


@pytest.mark.parametrize("content", ["", "[{}]", "[1]", "{", '{"a": 1}'])
def test_proofs_that_cannot_be_read_prove_nothing(tmp_path: Path, content: str) -> None:
    """A damaged file switches no port."""
    (tmp_path / "usb-ports.json").write_text(content)
    assert () == PortProofs(tmp_path).all()


def test_mender_cycles_a_proven_port_and_refuses_any_other(tmp_path: Path) -> None:
    """The words are uhubctl's: the hub and the number of its port."""
    tree, proofs = tree_of(tmp_path / "sys"), PortProofs(tmp_path)
    program, heard = tool(tmp_path)
    mender = HostMender([], proofs, Uhubctl(program), sysfs=tmp_path / "sys")
    with pytest.raises(ValueError, match="never proven"):
        asyncio.run(mender.cycle(PORT))
    assert not heard.exists()

    proofs.keep(proof(tree))
    assert mender.cuts(tree, PORT)
    asyncio.run(mender.cycle(PORT))
    assert "-l 1-2 -p 3 -a cycle -d 5\n" == heard.read_text()


def test_uhubctl_that_may_not_is_an_error_with_the_rule(tmp_path: Path) -> None:
    """What it said, and what helps."""
    program, _ = tool(tmp_path, exit_code=1)
    with pytest.raises(PhoneRefused, match="No permission") as caught:
        asyncio.run(Uhubctl(program).switch(UsbPath("1-2"), "off"))
    assert "udev rule" in caught.value.hint


def test_uhubctl_names_the_port_of_a_root_hub(tmp_path: Path) -> None:
    """`1-2` is port 2 of hub 1."""
    program, heard = tool(tmp_path)
    asyncio.run(Uhubctl(program).switch(UsbPath("1-2"), "on"))
    assert "-l 1 -p 2 -a on -d 5\n" == heard.read_text()
