"""The adb protocol's framing, and the limits on what a peer can claim."""

import pytest

from droidrack.adapters.adb_wire import (
    BLOCK_LIMIT,
    PACKET_LIMIT,
    GarbledError,
    Kind,
    Packet,
    ShellDecoder,
    block_length,
    packet,
    request,
    stdin_packets,
)


def test_request_any_service_carries_its_byte_length():
    """The length counts bytes, not characters."""
    assert b"0006h\xc3\xb6st!" == request("höst!".encode())


@pytest.mark.parametrize("size", [0, BLOCK_LIMIT + 1])
def test_request_impossible_length_is_our_bug(size):
    """Four hex digits cannot say it, and an empty request means nothing."""
    with pytest.raises(ValueError, match=str(size)):
        request(b"x" * size)


@pytest.mark.parametrize("digits", [b"+123", b"0x1f", b" 12 ", b"1_23", b"12", b"zzzz", b"OKAY"])
def test_block_length_not_four_hex_digits_is_garbled(digits):
    """What Python's int() would forgive is refused."""
    with pytest.raises(GarbledError, match="hex digits"):
        block_length(digits)


def test_block_length_four_digits_of_either_case_is_read():
    """Old servers wrote upper case."""
    assert (0x00AF, 0xFFFF) == (block_length(b"00AF"), block_length(b"ffff"))


def test_shell_decoder_every_cut_gives_the_same_packets():
    """Packets do not depend on where the stream was cut."""
    expected = [Packet(Kind.STDOUT, b"out"), Packet(Kind.STDERR, b""), Packet(Kind.EXIT, b"\x07")]
    stream = b"".join(packet(p.kind, p.payload) for p in expected)
    for cut in range(len(stream) + 1):
        decoder = ShellDecoder()
        assert expected == decoder.feed(stream[:cut]) + decoder.feed(stream[cut:])


def test_shell_decoder_single_bytes_give_all_packets():
    """A dribbling peer is read like any other."""
    decoder = ShellDecoder()
    stream = packet(Kind.STDOUT, b"ab") + packet(Kind.EXIT, b"\0")
    packets = [p for byte in stream for p in decoder.feed(bytes([byte]))]
    assert [Packet(Kind.STDOUT, b"ab"), Packet(Kind.EXIT, b"\0")] == packets


@pytest.mark.parametrize(
    "received",
    [
        b"\x01" + (PACKET_LIMIT + 1).to_bytes(4, "little"),
        b"\x01\xff\xff\xff\xff",
        b"\x03\x00\x00\x00\x00",
        b"\x03\x02\x00\x00\x00",
        b"\x00\x01\x00\x00\x00a",
        b"\x09\x01\x00\x00\x00a",
        b"HTTP/1.1 200",
    ],
)
def test_shell_decoder_impossible_header_is_garbled(received):
    """A claimed length above the limit is refused before a byte of it is kept."""
    with pytest.raises(GarbledError, match="shell packet"):
        ShellDecoder().feed(received)


def test_stdin_packets_large_input_is_chunked_and_ended():
    """The phone gets all bytes in order, then the end of its input."""
    stdin = bytes(range(256)) * 200
    wire, carried = stdin_packets(stdin), b""
    while wire[0] == Kind.STDIN:
        size = int.from_bytes(wire[1:5], "little")
        carried, wire = carried + wire[5 : 5 + size], wire[5 + size :]
    assert (stdin, packet(Kind.CLOSE_STDIN)) == (carried, wire)
