"""How long each kind of key may live: the table of the privacy page, held against real keys.

What has no end here leaves Redis by being handled (streams and what waits beside them), or says nothing about any
order (the tenant's own state).
"""

import re
from typing import Any, Final

from tests.support.canary.scene import TENANT

_DAY: Final = 86_400_000
_LIVES: Final = {
    r"order:\d+": 90 * _DAY,
    r"order:\d+:sealed": 90 * _DAY,
    r"parcel:\d+": 90 * _DAY,
    r"index:[a-z_-]+": 90 * _DAY,
    r"(parcels|runs):outage": 30 * _DAY,
    r"result:[0-9a-f-]+": _DAY,
    r"waiting:[0-9a-f]+": _DAY,
    r"checked:\d+": 3_600_000,
    r"lease:[a-z0-9:]+": 60_000,
    r"(parcels|runs)(:delayed|:dead)?": None,
    r"state": None,
    r"alive": None,
}


async def too_long(redis: Any) -> list[str]:
    """Keys of unknown kind, and keys that live longer than theirs may."""
    found = []
    async for raw in redis.scan_iter(count=1000):
        key, life = raw.decode(), await redis.pttl(raw)
        kind = key.removeprefix(f"aftersend:{{{TENANT}}}:")
        allowed = [most for pattern, most in _LIVES.items() if re.fullmatch(pattern, kind)]
        is_fine = bool(allowed) and (allowed[0] is None or life == -2 or 0 <= life <= allowed[0])
        found += [] if is_fine else [f"{key} lives for {life} ms"]
    return found
