"""Whether an adb server may talk to the phone: RSA signatures and the owner's consent.

Source: AOSP `adbd_auth` and `libcrypto_utils/android_pubkey.cpp`. The token is signed as if it
were a SHA-1 digest (PKCS#1 v1.5), so a plain `pow` verifies it and no cryptographic library is
needed. This guards nothing but a simulated phone.
"""

import base64
import binascii
import struct

TOKEN_SIZE = 20
_MODULUS_SIZE = 256
_SHA1_PREFIX = bytes.fromhex("3021300906052b0e03021a05000414")
_PADDED_PREFIX = (
    b"\x00\x01"
    + b"\xff" * (_MODULUS_SIZE - 3 - len(_SHA1_PREFIX) - TOKEN_SIZE)
    + b"\x00"
    + _SHA1_PREFIX
)
_KEY = struct.Struct(f"<II{_MODULUS_SIZE}s{_MODULUS_SIZE}sI")  # words, n0inv, modulus, rr, exponent

PublicKey = tuple[int, int]
"""(modulus, exponent)."""


def parse_public_key(offer: bytes) -> PublicKey | None:
    """The key in `AUTH(3)`: base64 of Android's key layout, a blank, a name, NUL. None: not one."""
    words = offer.rstrip(b"\0").split()
    try:
        count, _, modulus, _, exponent = _KEY.unpack(base64.b64decode(words[0], validate=True))
    except (IndexError, binascii.Error, struct.error):
        return None
    if count * 4 != _MODULUS_SIZE:
        return None
    return int.from_bytes(modulus, "little"), exponent


def verify(key: PublicKey, token: bytes, signature: bytes) -> bool:
    """Whether `signature` is this key's, over this token."""
    modulus, exponent = key
    if len(signature) != _MODULUS_SIZE:
        return False
    opened = pow(int.from_bytes(signature, "big"), exponent, modulus)
    return opened.to_bytes(_MODULUS_SIZE, "big") == _PADDED_PREFIX + token


class KeyStore:
    """The keys this phone's owner has allowed, and what happens to a new one.

    `consenting`: the owner taps "Allow" at once. A key that was refused waits in `pending`.
    """

    def __init__(self) -> None:
        self.consenting = True
        self.pending: PublicKey | None = None
        self._trusted: set[PublicKey] = set()

    def recognises(self, token: bytes, signature: bytes) -> bool:
        """Whether a key allowed earlier made this signature."""
        return any(verify(key, token, signature) for key in self._trusted)

    def offer(self, key: PublicKey) -> bool:
        """Show a new key to the owner; True when it is allowed now."""
        self.pending = key
        if self.consenting:
            self._trusted.add(key)
        return self.consenting

    def consent(self) -> None:
        """The owner taps "Always allow", also for a key that is waiting."""
        self.consenting = True
        if self.pending is not None:
            self._trusted.add(self.pending)

    def revoke(self) -> None:
        """Revoke USB debugging authorisations; new keys are refused."""
        self.consenting = False
        self.pending = None
        self._trusted.clear()
