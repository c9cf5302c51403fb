"""What the adb server answers for itself, read for what it means."""

import asyncio

import pytest
from scripted_server import OKAY, Turn, block, fail, scripted

from droidrack.adapters.adb_host import connect, version
from droidrack.core.errors import BridgeDown, PhoneError, PhoneGone

ADDRESS = "192.0.2.7:5555"


def connecting(answer: bytes) -> PhoneError | None:
    """How a connect ends with this answer."""

    async def scene() -> PhoneError | None:
        conversation = [Turn(b"host:connect:" + ADDRESS.encode(), answer, end=True)]
        async with scripted(conversation) as (endpoint, _):
            try:
                await connect(endpoint, ADDRESS, deadline_s=20)
            except PhoneError as error:
                return error
        return None

    return asyncio.run(scene())


@pytest.mark.parametrize("text", [b"connected to 192.0.2.7:5555", b"already connected to x"])
def test_connect_reached_is_silent(text):
    """Connecting twice is no error."""
    assert connecting(OKAY + block(text)) is None


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (b"failed to authenticate to 192.0.2.7:5555", "allow"),
        (b"failed to connect to '192.0.2.7:5555': Connection refused", "address"),
        (b"failed to connect to 192.0.2.7:5555", "address"),
        (b"missing port in specification", "address"),
        (b"", "address"),
    ],
)
def test_connect_failed_behind_an_okay_is_gone(text, hint):
    """The server says OKAY to nearly every failure; its text tells."""
    error = connecting(OKAY + block(text))
    assert isinstance(error, PhoneGone)
    assert hint in error.hint
    assert ADDRESS in error.message


@pytest.mark.parametrize("answer", [OKAY + block(b"zz"), OKAY + block(b""), OKAY, b"HTTP/1.1", b""])
def test_version_nonsense_is_down(answer):
    """Something else listens there."""

    async def scene() -> int:
        async with scripted([Turn(b"host:version", answer, end=True)]) as (endpoint, _):
            return await version(endpoint, deadline_s=20)

    with pytest.raises(BridgeDown, match="adb server at"):
        asyncio.run(scene())


def test_version_is_read_as_hex():
    """Version 41 travels as 0029."""

    async def scene() -> int:
        async with scripted([Turn(b"host:version", OKAY + block(b"0029"), True)]) as (endpoint, _):
            return await version(endpoint, deadline_s=20)

    assert 41 == asyncio.run(scene())


def test_connect_refused_by_the_server_is_an_error():
    """A FAIL is rare but possible."""
    assert isinstance(connecting(fail(b"bad port")), PhoneGone)
