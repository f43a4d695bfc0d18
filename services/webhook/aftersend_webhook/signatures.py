"""Verify the signature of a webhook.

Sendcloud signs the bytes of the body: header ``Sendcloud-Signature``, hex HMAC-SHA256. The key is the Webhook Signature
Key or the integration's Secret Key, depending on the type of integration, so every line of both files is tried: several
lines are valid while a key is being rotated. All are compared in constant time, whichever fits.
"""

import hmac
from typing import Final

HEADER: Final = "Sendcloud-Signature"


def is_signed(body: bytes, signature: str, keys: tuple[bytes, ...]) -> bool:
    """Return True if one of the keys signed exactly these bytes."""
    given = signature.strip().lower().encode("ascii", "replace")  # a header may hold any bytes
    expected = [hmac.digest(key, body, "sha256").hex().encode() for key in keys]
    return any([hmac.compare_digest(one, given) for one in expected])  # noqa: C419 - try them all
