"""Sealing: authenticated encryption of personal data at rest.

XChaCha20-Poly1305 (libsodium) under the tenant's data key. A sealed value is

    <key id> ":" <24 bytes nonce> <ciphertext and tag>

The key id in front names the file of the folder that opens it, so keys can be rotated while old values still exist. The
*bound* bytes are authenticated, not stored: a value that was moved to another tenant, stream or order does not open.

The folder holds one file per key, named ``YYYYMMDD`` or ``YYYYMMDD-n``, 32 bytes in padded base64; other names are
ignored. All keys open; the newest name seals. But a newcomer beside older keys seals only ten minutes after this
process first saw it, because other processes may not have it yet; a process cannot know how old a file really is
(Kubernetes rewrites times), so it counts from when it first saw it. ``fingerprint`` is a key of the same form that
outlives all others: keyed MACs are made with it, so that they stay comparable when data keys change.

The folder is read again every few seconds. A file that turns out broken while the process runs is ignored: the key
that was loaded stays in use, and ``check`` names the file.
"""

import base64
import binascii
import hashlib
import os
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from aftersend.errors import Misconfigured, Rejected, Transient
from aftersend.secrets import SecretFiles

FINGERPRINT: Final = "fingerprint"
_KEY_BYTES: Final = crypto_aead_xchacha20poly1305_ietf_KEYBYTES
_NONCE_BYTES: Final = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_MAC_BYTES: Final = 16
_PAD_BYTES: Final = 512
_NEWCOMER_SECONDS: Final = 600
_LOOK_SECONDS: Final = 3
_NAME: Final = re.compile(r"(\d{8})(?:-(\d{1,9}))?")
_SEALED: Final = re.compile(rb"(\d{8}(?:-\d{1,9})?):", re.ASCII)
_CURE: Final = "each key file holds 32 bytes in padded base64"


class UnknownKey(Transient):
    """No key of that id here; it may arrive yet, so the value is tried again later."""


class WrongSeal(Rejected):
    """Not sealed by us, sealed for another place, or damaged: no retry helps."""


class Keyring:
    """The data keys of one tenant, as the folder shows them now."""

    def __init__(self, files: SecretFiles, *, clock: Callable[[], float] = time.time) -> None:
        self._files = files
        self._clock = clock
        self._keys: dict[str, bytes] = {}
        self._first_seen: dict[str, float] = {}
        self._broken: Misconfigured | None = None
        self._looked = float("-inf")

    def seal(self, plain: bytes, *, bound: bytes, key: str = "") -> bytes:
        """Encrypt under the key that seals now, or under ``key``; ``Misconfigured`` if there is none."""
        self._look()
        name = key or self._sealing_name()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(plain, bound, nonce, self._keys[name])
        return name.encode() + b":" + nonce + sealed

    def open(self, sealed: bytes, *, bound: bytes) -> bytes:
        """Decrypt; ``WrongSeal`` (Rejected) for good, ``UnknownKey`` (Transient) if the key may still come."""
        prefix = _SEALED.match(sealed)
        if prefix is None:
            raise WrongSeal("no_key_id")
        name = prefix[1].decode()
        self._look()
        if name not in self._keys:
            raise UnknownKey("unknown_key")
        rest = sealed[prefix.end() :]
        return _decrypt(rest[_NONCE_BYTES:], bound, rest[:_NONCE_BYTES], self._keys[name])

    def mac(self, plain: bytes, *, purpose: str) -> str:
        """Make a keyed MAC, 32 hex digits; for comparing values that must not be stored."""
        key = _decoded(self._files, FINGERPRINT, self._files.required(FINGERPRINT))
        return hashlib.blake2b(bind(purpose) + plain, key=key, digest_size=_MAC_BYTES).hexdigest()

    def check(self, *, fingerprint: bool = False) -> None:
        """Raise ``Misconfigured`` if a key file is broken or none is there; ``fingerprint`` demands that one, too."""
        self._look(at_once=True)
        self._sealing_name()
        if self._broken:
            raise self._broken
        if fingerprint or self._files.optional(FINGERPRINT):
            self.mac(b"", purpose="check")

    def key_id(self) -> str:
        """Return the id of the key that seals now."""
        self._look()
        return self._sealing_name()

    def ids(self) -> list[str]:
        """Return the ids of all keys that are here, the newest first; ``Misconfigured`` if there is none."""
        self._look()
        return self._newest_first()

    def _newest_first(self) -> list[str]:
        if not self._keys:
            raise self._broken or Misconfigured(
                f"no data key in {self._files.folder.name}/", cure=f"add a file YYYYMMDD; {_CURE}"
            )
        return sorted(self._keys, key=_age, reverse=True)

    def _sealing_name(self) -> str:
        newest_first = self._newest_first()
        settled = self._clock() - _NEWCOMER_SECONDS
        return next((name for name in newest_first if self._first_seen[name] <= settled), newest_first[-1])

    def _look(self, *, at_once: bool = False) -> None:
        now = self._clock()
        if not at_once and 0 <= now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        self._broken = None
        try:
            names = [name for name in self._files.names() if _NAME.fullmatch(name)]
        except Misconfigured as unreadable:
            self._broken = unreadable
            return
        found = {name: key for name in names if (key := self._load(name))}
        self._keys = found
        self._first_seen = {name: self._first_seen.get(name, now) for name in found}

    def _load(self, name: str) -> bytes | None:
        try:
            return _decoded(self._files, name, self._files.optional(name))
        except Misconfigured as broken:
            self._broken = broken
            return self._keys.get(name)


def key_id_of(sealed: bytes) -> str:
    """Return the id of the key that a value is sealed under; empty if it is no sealed value."""
    prefix = _SEALED.match(sealed)
    return prefix[1].decode() if prefix else ""


def padded(document: bytes) -> bytes:
    """Fill JSON up with spaces to a multiple of ``_PAD_BYTES``: lengths of numbers and links name the carrier."""
    return document.ljust(-(-len(document) // _PAD_BYTES) * _PAD_BYTES)


def bind(*parts: str) -> bytes:
    """Encode several texts as associated data; two different lists never give the same bytes."""
    return b"".join(b"%d:%s," % (len(raw), raw) for raw in (part.encode() for part in parts))


def make_next_key(folder: Path) -> str:
    """Add a key that is newer than all others, and return its id; ``OSError`` if the folder cannot be written."""
    today = datetime.now(UTC).strftime("%Y%m%d")
    while True:
        taken = [name for name in SecretFiles(folder).names() if _NAME.fullmatch(name)]
        newest = max(taken, key=_age, default="")
        day, number = _age(newest) if newest else ("", 0)
        name = today if today > day else f"{day}-{number + 1}"
        if _write_key(folder / name):
            return name


def make_data_keys(folder: Path) -> None:
    """Create a data key and the fingerprint key where there are none; readable by the owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(_NAME.fullmatch(name) for name in SecretFiles(folder).names()):
        _write_key(folder / datetime.now(UTC).strftime("%Y%m%d"))
    if not (folder / FINGERPRINT).exists():
        _write_key(folder / FINGERPRINT)


def _write_key(path: Path) -> bool:
    """Write aside and link into place: half a key is never visible, and an existing one never replaced (False)."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(_KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(aside)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    return True


def _age(name: str) -> tuple[str, int]:
    day, _, number = name.partition("-")
    return day, int(number or 0)


def _decoded(files: SecretFiles, name: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise Misconfigured(f"key file {files.name(name)} is broken", cure=_CURE)
    return key


def _decrypt(sealed: bytes, bound: bytes, nonce: bytes, key: bytes) -> bytes:
    if len(nonce) != _NONCE_BYTES:
        raise WrongSeal("wrong_seal")
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, bound, nonce, key)
    except (CryptoError, ValueError):
        raise WrongSeal("wrong_seal") from None
