"""Sealing: authenticated encryption of personal data at rest (XChaCha20-Poly1305, libsodium).

    <key id> ":" <24 bytes nonce> <ciphertext and tag>                                  under a data key
    <key id> "!" <32 bytes ephemeral public key> <24 bytes nonce> <ciphertext and tag>  with a seal key

The key id in front names the file of the folder that opens it, so keys can be rotated while old values still exist. The
*bound* bytes are authenticated, not stored: a value that was moved to another tenant, stream or order does not open.

A ``Keyring`` seals under data keys and opens both forms. A ``SealKeyring`` has the public halves of the data keys
(``key_agreement``) and only seals: so the webhook, which strangers reach, cannot open what it has stored. One ephemeral
key serves for ten minutes, so that sealing costs no more than with a data key. Seal keys are no proof of origin beyond
"knows the seal key", therefore ``open`` takes the second form only where the webhook may have written the value.

``fingerprint`` is a key beside the data keys that outlives them: keyed MACs are made with it, so that they stay
comparable when data keys change.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from aftersend.errors import Rejected, Transient
from aftersend.key_agreement import PUBLIC_BYTES, PublicKeyError, ReceivedKeys, agree, is_usable, public_half
from aftersend.key_folder import LOOK_SECONDS, KeyFolder
from aftersend.secrets import SecretFiles

FINGERPRINT: Final = "fingerprint"
_NONCE_BYTES: Final = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_MAC_BYTES: Final = 16
_PAD_BYTES: Final = 512
_EPHEMERAL_SECONDS: Final = 600
_SEALED: Final = re.compile(rb"(\d{8}(?:-\d{1,9})?)([:!])", re.ASCII)


class UnknownKey(Transient):
    """No key of that id here; it may arrive yet, so the value is tried again later."""


class WrongSeal(Rejected):
    """Not sealed by us, sealed for another place, or damaged: no retry helps."""


class Keyring:
    """The data keys of one tenant: seal and open."""

    def __init__(self, files: SecretFiles, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = KeyFolder(files, kind="data key", clock=clock)
        self._received = ReceivedKeys()
        self._clock = clock
        self._fingerprint = b""
        self._fingerprint_read = float("-inf")

    def seal(self, plain: bytes, *, bound: bytes, key: str = "") -> bytes:
        """Encrypt under the key that seals now, or under ``key``; ``Misconfigured`` if there is none."""
        name, secret = (key, self._folder.keys()[key]) if key else self._folder.sealing_key()
        return name.encode() + b":" + _encrypt(plain, bound, secret)

    def open(self, sealed: bytes, *, bound: bytes, public: bool = False) -> bytes:
        """Decrypt; ``WrongSeal`` (Rejected) for good, ``UnknownKey`` (Transient) if the key may still come.

        ``public`` opens values that were sealed with a seal key, too.
        """
        prefix = _SEALED.match(sealed)
        if prefix is None:
            raise WrongSeal("no_key_id")
        is_public = prefix[2] == b"!"
        if is_public and not public:
            raise WrongSeal("wrong_seal")
        key = self._folder.keys().get(prefix[1].decode())
        if key is None:
            raise UnknownKey("unknown_key")
        rest = sealed[prefix.end() :]
        return self._open_public(rest, bound, key) if is_public else _decrypt(rest, bound, key)

    def mac(self, plain: bytes, *, purpose: str) -> str:
        """Make a keyed MAC, 32 hex digits; for comparing values that must not be stored."""
        return hashlib.blake2b(
            _bound_purpose(purpose) + plain, key=self._fingerprint_key(), digest_size=_MAC_BYTES
        ).hexdigest()

    def check(self, *, fingerprint: bool = False) -> None:
        """Raise ``Misconfigured`` if a key file is broken or none is there; ``fingerprint`` demands that one, too."""
        self._folder.check()
        self._fingerprint_read = float("-inf")
        if fingerprint or self._folder.files.optional(FINGERPRINT):
            self.mac(b"", purpose="check")

    def key_id(self) -> str:
        """Return the id of the key that seals now."""
        return self._folder.sealing_key()[0]

    def ids(self) -> list[str]:
        """Return the ids of all keys that are here, the newest first; ``Misconfigured`` if there is none."""
        return self._folder.newest_first()

    def _fingerprint_key(self) -> bytes:
        """Return the key of MACs; its file is looked at as often as the data keys are."""
        now = self._clock()
        if not 0 <= now - self._fingerprint_read < LOOK_SECONDS:
            self._fingerprint = self._folder.decoded(FINGERPRINT, self._folder.files.required(FINGERPRINT))
            self._fingerprint_read = now
        return self._fingerprint

    def _open_public(self, rest: bytes, bound: bytes, data_key: bytes) -> bytes:
        sent = rest[:PUBLIC_BYTES]
        try:
            key = self._received.find(data_key, sent)
        except PublicKeyError:
            raise WrongSeal("wrong_seal") from None
        plain = _decrypt(rest[PUBLIC_BYTES:], bound, key)
        self._received.remember(data_key, sent, key)
        return plain


@dataclass(frozen=True, slots=True)
class _Agreement:
    """What seals under one seal key for ten minutes."""

    source: bytes
    """The seal key, or the data key that it derives from."""
    since: float
    ephemeral: bytes
    key: bytes


class SealKeyring:
    """The seal keys of one tenant: seal, never open. Without ``seal-key/`` they derive from ``data-key/``."""

    def __init__(
        self, seal_keys: SecretFiles, data_keys: SecretFiles, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._public = KeyFolder(seal_keys, kind="seal key", clock=clock, is_usable=is_usable)
        self._data = KeyFolder(data_keys, kind="data key", clock=clock)
        self._clock = clock
        self._agreement: _Agreement | None = None

    def seal(self, plain: bytes, *, bound: bytes) -> bytes:
        """Encrypt for the holder of the data key; ``Misconfigured`` if there is no key."""
        name, agreed = self._agreed()
        return name.encode() + b"!" + agreed.ephemeral + _encrypt(plain, bound, agreed.key)

    def check(self) -> None:
        """Raise ``Misconfigured`` if a key file is broken or none is there."""
        (self._data if self._public.is_empty() else self._public).check()

    def _agreed(self) -> tuple[str, _Agreement]:
        is_derived, now = self._public.is_empty(), self._clock()
        name, source = (self._data if is_derived else self._public).sealing_key()
        agreed = self._agreement
        if agreed is None or agreed.source != source or not 0 <= now - agreed.since < _EPHEMERAL_SECONDS:
            ephemeral, key = agree(public_half(source) if is_derived else source)
            agreed = self._agreement = _Agreement(source, now, ephemeral, key)
        return name, agreed


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that a value is sealed under; empty if it is no sealed value."""
    prefix = _SEALED.match(sealed)
    return prefix[1].decode() if prefix else ""


def padded(document: bytes) -> bytes:
    """Fill JSON up with spaces to a multiple of ``_PAD_BYTES``: lengths of numbers and links name the carrier."""
    return document.ljust(-(-len(document) // _PAD_BYTES) * _PAD_BYTES)


def bind(*parts: str) -> bytes:
    """Encode texts as associated data: different lists never give the same bytes, and encoded lists can be joined."""
    return b"".join([b"%d:%s," % (len(raw), raw) for raw in map(str.encode, parts)])


@cache
def _bound_purpose(purpose: str) -> bytes:
    """Encode a purpose; there are few of them."""
    return bind(purpose)


def _encrypt(plain: bytes, bound: bytes, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, bound, nonce, key)


def _decrypt(sealed: bytes, bound: bytes, key: bytes) -> bytes:
    nonce = sealed[:_NONCE_BYTES]
    if len(nonce) != _NONCE_BYTES:
        raise WrongSeal("wrong_seal")
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[_NONCE_BYTES:], bound, nonce, key)
    except (CryptoError, ValueError):
        raise WrongSeal("wrong_seal") from None
