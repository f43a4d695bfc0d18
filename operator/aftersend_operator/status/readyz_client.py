"""Query a tenant's services: ``GET /readyz?verbose`` on the pod's admin port."""

from dataclasses import dataclass
from typing import Final

import aiohttp

from aftersend_operator.model.ports import ADMIN_PORT

_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_MOST_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ReadyzClient:
    """Asks pods directly; that costs the API server nothing."""

    session: aiohttp.ClientSession

    async def fetch(self, address: str) -> bytes:
        """What the process tells, or nothing if it does not answer."""
        host = f"[{address}]" if ":" in address else address
        try:
            async with self.session.get(f"http://{host}:{ADMIN_PORT}/readyz?verbose", timeout=_TIMEOUT) as response:
                return await response.content.read(_MOST_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return b""
