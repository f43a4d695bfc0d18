"""Webhooks over a few connections that stay open: as many as go, or so many a second.

A client library would cost more than the service that it calls, so this speaks as much HTTP as it needs. At a given
rate, webhooks are due by the clock whether or not earlier ones are answered, and a wait counts from when one was due.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from benchmarks.stage import SIGNATURE_KEY
from benchmarks.stub.sendcloud import FIRST_PARCEL, parcel

CONNECTIONS = 32
_KINDS = 500


def webhook(url: str, order: int) -> bytes:
    """One signed request, head and body."""
    parts = urlsplit(url)
    now = int(time.time() * 1000)
    about = parcel(FIRST_PARCEL + order, order)
    body = json.dumps({"action": "parcel_status_changed", "timestamp": now, "parcel": about}).encode()
    signature = hmac.new(SIGNATURE_KEY, body, hashlib.sha256).hexdigest()
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Sendcloud-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """One request at a time; ``answered`` is called after each answer."""

    def __init__(self, answered: "Callable[[_Connection], None]") -> None:
        self._answered = answered
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if b"\r\n\r\n" in self._received:
            assert self._received.startswith(b"HTTP/1.1 200 "), self._received
            self._received = b""
            self._answered(self)

    def close(self) -> None:
        self._transport.close()


async def _connections(url: str, answered: "Callable[[_Connection], None]") -> list[_Connection]:
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(answered), str(parts.hostname), parts.port or 80)
        for _ in range(CONNECTIONS)
    ]
    return [connection for _, connection in made]


async def flood(url: str, seconds: float) -> tuple[int, float]:
    """Send as many as go; returns how many were answered, and the seconds that it took."""
    requests, sent, answers = [webhook(url, number) for number in range(_KINDS)], 0, 0
    idle, end = asyncio.Event(), time.perf_counter() + seconds
    busy = CONNECTIONS

    def following(connection: _Connection) -> None:
        nonlocal sent, answers, busy
        answers += 1
        if time.perf_counter() < end:
            sent += 1
            connection.send(requests[sent % _KINDS])
        else:
            busy -= 1
            if not busy:
                idle.set()

    connections = await _connections(url, following)
    begun, end = time.perf_counter(), time.perf_counter() + seconds
    for connection in connections:
        connection.send(requests[0])
    await idle.wait()
    taken = time.perf_counter() - begun
    for connection in connections:
        connection.close()
    return answers, taken


async def steady(url: str, *, rate: float, seconds: float) -> list[float]:
    """Send so many a second; returns the seconds that each waited for its answer, sorted."""
    requests, waits = [webhook(url, number) for number in range(_KINDS)], list[float]()
    due, running, free = deque[float](), dict[_Connection, float](), list[_Connection]()

    def answered(connection: _Connection) -> None:
        waits.append(time.perf_counter() - running.pop(connection))
        free.append(connection)
        start()

    def start() -> None:
        while due and free:
            connection = free.pop()
            running[connection] = due.popleft()
            connection.send(requests[len(waits) % _KINDS])

    free += (connections := await _connections(url, answered))
    begun, count = time.perf_counter(), int(rate * seconds)
    for number in range(count):
        moment = begun + number / rate
        if (ahead := moment - time.perf_counter()) > 0:
            await asyncio.sleep(ahead)
        due.append(moment)
        start()
    while running or due:  # noqa: ASYNC110 - the last of many
        await asyncio.sleep(0.01)
    for connection in connections:
        connection.close()
    return sorted(waits)


async def one(url: str, order: int) -> float:
    """Send one webhook over a connection of its own; returns when it was sent, by the monotonic clock."""
    answered = asyncio.Event()
    parts = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(
        lambda: _Connection(lambda _: answered.set()), str(parts.hostname), parts.port or 80
    )
    request = webhook(url, order)
    sent = time.monotonic()
    connection.send(request)
    await answered.wait()
    connection.close()
    return sent
