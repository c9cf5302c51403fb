"""Racks of virtual phones behind a real, private adb server, as fixtures.

`live_rack.py` beside this file holds what a test sees of a rack.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from live_rack import LiveRack, StartRack, quick, running_loop

from droidrack.virtual.farm import VirtualRack
from droidrack.virtual.shell_mksh import Relay, build_relay
from droidrack.virtual.spec import PhoneSpec

# The kernel's USB tree is built by one module for all tests, which stands beside its parser's.
sys.path.append(str(Path(__file__).parents[1] / "unit"))


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Relay:
    """The relay between mksh and the phones, compiled once for the session."""
    return asyncio.run(build_relay(tmp_path_factory.mktemp("relay")))


@pytest.fixture
def start_rack(relay: Relay, tmp_path: Path) -> Iterator[StartRack]:
    """Start racks that end with the test: `start_rack(specs, shell="parser", …)`."""
    with ExitStack() as stack:

        def start(specs: Sequence[PhoneSpec], **options: Any) -> LiveRack:
            loop = stack.enter_context(running_loop())
            rack = VirtualRack(specs, **{"shell": "parser", "relay": relay, **options})
            live = LiveRack(rack, loop, tmp_path)
            live.call(rack.__aenter__())
            stack.callback(lambda: live.call(rack.__aexit__(None, None, None)))
            return live

        yield start


@pytest.fixture
def rack(start_rack: StartRack) -> LiveRack:
    """A private real adb server and three virtual phones: Android 14, 10 and 5.1."""
    return start_rack([quick(0, api=34), quick(1, api=29), quick(2, api=22)])
