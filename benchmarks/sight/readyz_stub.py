"""Answers ``/readyz?verbose`` as the services of many tenants do: ``python readyz_stub.py NAMESPACE TENANTS``.

Each service has a loopback address of its own, because that is how the operator knows it.
"""

import asyncio
import json
import resource
import sys
from functools import partial

PORT = 9090
PARTS = ("exporter", "webhook", "writer", "redis")
ASKED = PARTS[:3]


def address(tenant: int, part: str) -> str:
    """Return the address of a part's pod."""
    number = len(PARTS) * tenant + PARTS.index(part)
    return f"127.{100 + number // 50_000}.{number // 250 % 200}.{number % 250 + 1}"


class Answers(asyncio.Protocol):
    """One connection: an answer for whatever is asked, and its end."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, _data: bytes) -> None:
        """Answer and close."""
        if isinstance(self.transport, asyncio.Transport):
            self.transport.write(self.answer)
            self.transport.close()


def answer(identity: str, part: str) -> bytes:
    """Render what a service reports of a calm tenant."""
    facts = {
        "ready": True,
        "checks": {"redis": "", part: ""},
        "circuits": {"afterbuy": "ok", "sendcloud": "ok"},
        "lastSweep": "2026-11-30T02:00:00Z",
        "lastWriteBack": "2026-11-30T02:01:00Z",
        "lastScrape": "",
        "problems": {},
        "notices": {"customs_incomplete": 2},
        "queues": {"parcels": {"waiting": 0, "delayed": 0, "dead": 0}},
        "webhooks": {"refused": 0, "stored": 12},
    }
    body = json.dumps({identity: facts}).encode()
    return b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + body


async def main(namespace: str, tenants: int) -> None:
    """Listen at every address for ever."""
    loop = asyncio.get_running_loop()
    for tenant in range(tenants):
        for part in ASKED:
            made = partial(Answers, answer(f"{namespace}.shop-{tenant}", part))
            await loop.create_server(made, address(tenant, part), PORT)
    await asyncio.Event().wait()


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
