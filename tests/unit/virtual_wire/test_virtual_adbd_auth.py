"""The phone's trust in a host's key: real RSA, and the owner's word."""

import base64
import struct

from droidrack.virtual.adbd_auth import KeyStore, parse_public_key, verify

# A 2048-bit key made for this test from two fixed primes; it opens nothing.
P = 2**1024 - 105
TOKEN = bytes(range(20))


def _next_prime(start: int) -> int:
    """The next number that passes Fermat's test for a few bases."""
    candidate = start | 1
    while any(pow(base, candidate - 1, candidate) != 1 for base in (2, 3, 5, 7)):
        candidate += 2
    return candidate


FIRST, SECOND = _next_prime(P - 10**6), _next_prime(P + 1 - 2**1000)
MODULUS = FIRST * SECOND
EXPONENT = 65537
PRIVATE = pow(EXPONENT, -1, (FIRST - 1) * (SECOND - 1))


def blob(modulus: int = MODULUS, words: int = 64) -> bytes:
    """A public key as an adb server offers it."""
    raw = struct.pack("<II", words, 0) + modulus.to_bytes(256, "little") + bytes(256)
    return base64.b64encode(raw + struct.pack("<I", EXPONENT)) + b" someone@somewhere\0"


def sign(token: bytes) -> bytes:
    """What a host that holds the private key answers."""
    prefix = bytes.fromhex("3021300906052b0e03021a05000414")
    padded = b"\x00\x01" + b"\xff" * (253 - len(prefix) - 20) + b"\x00" + prefix + token
    return pow(int.from_bytes(padded, "big"), PRIVATE, MODULUS).to_bytes(256, "big")


def test_public_key_is_read_from_the_offer() -> None:
    """Modulus and exponent come out of Android's layout."""
    assert (MODULUS, EXPONENT) == parse_public_key(blob())


def test_offer_that_is_no_key_is_none() -> None:
    """Junk, a short key and an empty offer are refused quietly."""
    for junk in (b"", b"!!!! x\0", base64.b64encode(b"short"), blob(words=32)):
        assert parse_public_key(junk) is None


def test_signature_counts_for_its_key_and_token_only() -> None:
    """A right signature passes; another token or a changed byte does not."""
    key, signature = (MODULUS, EXPONENT), sign(TOKEN)
    assert verify(key, TOKEN, signature)
    assert not verify(key, TOKEN[::-1], signature)
    assert not verify(key, TOKEN, bytes([signature[0] ^ 1]) + signature[1:])
    assert not verify(key, TOKEN, signature[:-1])


def test_refused_key_is_trusted_after_consent() -> None:
    """A key offered while the owner refuses waits, and counts from consent on."""
    keys = KeyStore()
    keys.revoke()
    assert not keys.offer((MODULUS, EXPONENT))
    assert not keys.recognises(TOKEN, sign(TOKEN))
    keys.consent()
    assert keys.recognises(TOKEN, sign(TOKEN))


def test_revoked_key_is_forgotten() -> None:
    """After a revocation even a key that was allowed is strange."""
    keys = KeyStore()
    assert keys.offer((MODULUS, EXPONENT))
    keys.revoke()
    assert not keys.recognises(TOKEN, sign(TOKEN))
