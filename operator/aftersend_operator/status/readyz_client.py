"""Query a tenant's services: ``GET /readyz?verbose`` on the pod's admin port."""

from dataclasses import dataclass
from typing import Final

import aiohttp

from aftersend_operator.model.ports import ADMIN_PORT

_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_MAX_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class ReadyzClient:
    """Call the pods directly, without the API server's proxy; a redirect is not followed: it would lead elsewhere."""

    session: aiohttp.ClientSession

    async def fetch(self, address: str) -> bytes:
        """Return the response body, or nothing if the pod does not respond."""
        host = f"[{address}]" if ":" in address else address
        url = f"http://{host}:{ADMIN_PORT}/readyz?verbose"
        try:
            async with self.session.get(url, timeout=_TIMEOUT, allow_redirects=False) as response:
                return await response.content.read(_MAX_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return b""
