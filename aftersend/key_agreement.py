"""Key agreement: the webhook seals with a public key, and cannot open what it has sealed (X25519, BLAKE2b).

    data key ──BLAKE2b──> private half ──X25519──> public half = the seal key of the same name

    webhook:  a random ephemeral key pair; shared = X25519(ephemeral private, seal key)
    writer:   shared = X25519(private half, ephemeral public)
    both:     AEAD key = BLAKE2b(shared ‖ ephemeral public ‖ seal key)

The sender keeps neither the ephemeral private key nor the shared secret. It keeps the AEAD key for as long as it seals
with it, so one agreement (about 100 µs) serves many values. ``ReceivedKeys`` remembers the AEAD keys that have opened
something: a stream of forged ephemeral keys costs an agreement each, and displaces no key in use.

A point of low order would make the shared secret a known one; libsodium refuses it on both sides. Since both public
keys go into the AEAD key, another encoding of the same point opens nothing.
"""

import hashlib
import os
from collections import OrderedDict
from typing import Final

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError

PUBLIC_BYTES: Final = 32
_KEY_BYTES: Final = 32
_PRIVATE_HALF: Final = b"aftersend priv 1"
_AEAD_KEY: Final = b"aftersend aead 1"
"""Personalization of BLAKE2b, at most 16 bytes: the same input never gives the same key for two purposes."""
_REMEMBERED: Final = 256
"""Ephemeral keys: one per webhook process, seal key and ten minutes."""


class PublicKeyError(ValueError):
    """The public key is a point of low order, or no point."""


def public_half(data_key: bytes) -> bytes:
    """Derive the seal key of a data key."""
    return crypto_scalarmult_base(_private_half(data_key))


def is_usable(public: bytes) -> bool:
    """Return False for a public key that no secret can be agreed with."""
    try:
        agree(public)
    except PublicKeyError:
        return False
    return True


def agree(public: bytes) -> tuple[bytes, bytes]:
    """Agree with the holder of a seal key: ephemeral public key to send, and AEAD key; raise ``PublicKeyError``."""
    private = os.urandom(_KEY_BYTES)
    sent = crypto_scalarmult_base(private)
    return sent, _aead_key(_multiplied(private, public), sent, public)


class ReceivedKeys:
    """AEAD keys of the receiver, by data key and ephemeral public key."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[bytes, bytes], bytes] = OrderedDict()

    def find(self, data_key: bytes, sent: bytes) -> bytes:
        """Return the AEAD key for what came with an ephemeral public key; raise ``PublicKeyError``."""
        if known := self._known.get((data_key, sent)):
            self._known.move_to_end((data_key, sent))
            return known
        private = _private_half(data_key)
        return _aead_key(_multiplied(private, sent), sent, crypto_scalarmult_base(private))

    def remember(self, data_key: bytes, sent: bytes, key: bytes) -> None:
        """Keep an AEAD key that has opened something; the one unused for longest goes."""
        self._known[data_key, sent] = key
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _private_half(data_key: bytes) -> bytes:
    return hashlib.blake2b(key=data_key, person=_PRIVATE_HALF, digest_size=_KEY_BYTES).digest()


def _aead_key(shared: bytes, sent: bytes, public: bytes) -> bytes:
    return hashlib.blake2b(shared + sent + public, person=_AEAD_KEY, digest_size=_KEY_BYTES).digest()


def _multiplied(private: bytes, public: bytes) -> bytes:
    if len(public) != PUBLIC_BYTES:
        raise PublicKeyError("length")
    try:
        return crypto_scalarmult(private, public)
    except CryptoError:
        raise PublicKeyError("low_order") from None
