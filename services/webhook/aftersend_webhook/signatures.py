"""Verify the signature of a webhook.

Sendcloud signs the bytes of the body: header ``Sendcloud-Signature``, hex HMAC-SHA256. The key is the Webhook Signature
Key or the integration's Secret Key, depending on the type of integration, so every line of both files is tried: several
lines are valid while a key is being rotated. All are compared in constant time, whichever fits.
"""

import hashlib
import hmac
from contextlib import suppress
from typing import Final

from aftersend.errors import Misconfigured
from aftersend.secrets import SecretFiles

HEADER: Final = "Sendcloud-Signature"
_FILES: Final = ("webhookSignatureKey", "secretKey")


def signature_keys(files: SecretFiles) -> tuple[bytes, ...]:
    """Read every key that may sign; a file that cannot be read counts as empty."""
    keys: list[bytes] = []
    for name in _FILES:
        with suppress(Misconfigured):
            keys += [line.encode() for line in files.lines(name)]
    return tuple(dict.fromkeys(keys))


def check_keys(files: SecretFiles) -> None:
    """Raise ``Misconfigured`` if there is no key to verify with."""
    if not signature_keys(files):
        raise Misconfigured(
            "no key to verify webhooks", path="sendcloud", cure="store webhookSignatureKey or secretKey in that folder"
        )


def is_signed(body: bytes, signature: str, keys: tuple[bytes, ...]) -> bool:
    """Return True if one of the keys signed exactly these bytes."""
    given = signature.strip().lower().encode("ascii", "replace")  # a header may hold any bytes
    return any([hmac.compare_digest(_signature(body, key), given) for key in keys])  # noqa: C419 - try them all


def _signature(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()
