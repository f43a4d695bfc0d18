"""``--jitter``: hundreds of tenants with the same schedule must not start in the same second.

Each waits for 0 to 59 s, always as long for the same tenant and kind of work: a hash decides, so that the load is
spread evenly and a tenant's own runs stay a schedule apart, without any coordination.
"""

import asyncio
import hashlib
import sys
from typing import Final

SPREAD_SECONDS: Final = 60


def start_delay(tenant: str, kind: str) -> int:
    """Seconds that this tenant waits before this kind of work: 0 to 59."""
    digest = hashlib.blake2b(f"{tenant} {kind}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % SPREAD_SECONDS


async def wait_for_start(tenant: str, kind: str) -> None:
    """Print the delay on standard error, and wait."""
    seconds = start_delay(tenant, kind)
    sys.stderr.write(f"aftersend: {kind} of {tenant} starts in {seconds} s\n")
    sys.stderr.flush()
    await asyncio.sleep(seconds)
