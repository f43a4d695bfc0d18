"""Query a tenant's services: ``GET /readyz?verbose`` on the pod's admin port, directly and in HTTP/1.0.

A thousand tenants are fifty calls a second, each on a connection of its own. An HTTP client library takes twice the
processor time of a bare socket for that; and here is nothing for it to do: one short answer, which the end of the
connection ends. Its status does not matter, and a redirect is not followed: it would lead elsewhere.
"""

import asyncio
import socket
from typing import Final

from aftersend_operator.model.ports import ADMIN_PORT

TIMEOUT_SECONDS: Final = 5.0
_MAX_BYTES: Final = 64 * 1024
_REQUEST: Final = b"GET /readyz?verbose HTTP/1.0\r\n\r\n"


class ReadyzClient:
    """Call the pods themselves, not by way of the API server's proxy."""

    async def fetch(self, address: str) -> bytes:
        """Return the response body, or nothing if the pod does not respond."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return (await _exchange(address)).partition(b"\r\n\r\n")[2]
        except (TimeoutError, OSError):
            return b""


async def _exchange(address: str) -> bytes:
    loop, received = asyncio.get_running_loop(), bytearray()
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as connection:
        connection.settimeout(0)
        await loop.sock_connect(connection, (address, ADMIN_PORT))
        await loop.sock_sendall(connection, _REQUEST)
        while len(received) < _MAX_BYTES and (chunk := await loop.sock_recv(connection, _MAX_BYTES)):
            received += chunk
    return bytes(received)
