"""What all programs of a measurement share: Valkey, the stub of both upstreams, a tenant document and secrets.

Valkey syncs its append-only file once a second: the floors would otherwise wait for the disk as we do, and the ratio
would show the disk.
"""

import json
import socket
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from redis import Redis

from aftersend_demo.environment import SECRETS, DemoEnvironment, free_port
from aftersend_demo.process import ChildProcess
from benchmarks.child import Child

SIGNATURE_KEY = SECRETS["sendcloud"]["webhookSignatureKey"].encode()
_ATTEMPTS = 600


class Stage(DemoEnvironment):
    """The files and the Valkey of the demo, with a stub in place of the sandbox and without services."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, orders=0)
        self._stub: Child | None = None
        self.redis = Redis()

    def __enter__(self) -> Self:
        self._stub = Child("stub")
        self.sandbox_url = f"http://127.0.0.1:{self._stub.line()}"
        super().__enter__()
        self.redis = Redis.from_url(self.valkey.url)
        self.redis.config_set("appendfsync", "everysec")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.redis.close()
        super().__exit__(kind, error, at)
        if self._stub is not None:
            self._stub.__exit__(kind, error, at)

    def _processes(self) -> list[ChildProcess]:
        return []

    def environ(self, part: str, **more: str) -> dict[str, str]:
        """The environment of one program, on free ports of its own; the floors read the address with its password."""
        own = {"BENCH_REDIS": self.valkey.url, "BENCH_UPSTREAM": self.sandbox_url}
        return {**self.variables(part), **self.addresses(), **own, **more}

    def addresses(self) -> dict[str, str]:
        """Two free ports to listen on."""
        return {name: f"127.0.0.1:{free_port()}" for name in ("AFTERSEND_LISTEN", "AFTERSEND_ADMIN_LISTEN")}

    def tracing(self) -> dict[str, str]:
        """Traces of one in ten, to the stub."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.sandbox_url,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.1",
        }

    def set(self, **values: object) -> None:
        """Set fields of the stub, such as ``latency`` or ``afterbuy.orders`` (written ``afterbuy_orders``)."""
        named = {name.replace("_", ".", 1): value for name, value in values.items()}
        self._control("PUT", "", json.dumps(named).encode())

    def counts(self) -> dict[str, int]:
        """What the stub has counted."""
        found: dict[str, int] = json.loads(self._control("GET", ""))
        return found

    def written_at(self, order: int) -> float:
        """When the stub got the first update of an order; waits for it. Seconds of the monotonic clock."""
        return float(self._control("GET", f"/written/{order}"))

    def _control(self, method: str, path: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.sandbox_url}/control{path}", data=body, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content: bytes = answer.read()
        return content


def wait_until_served(url: str) -> None:
    """Ask an address until it answers with 200."""
    _until(lambda: urllib.request.urlopen(url, timeout=5).close(), what=url)


def wait_until_listening(address: str) -> None:
    """Connect to host and port until the connection is accepted."""
    host, _, port = address.rpartition(":")
    _until(lambda: socket.create_connection((host, int(port)), timeout=5).close(), what=address)


def _until(attempt: Callable[[], None], *, what: str) -> None:
    for _ in range(_ATTEMPTS):
        with suppress(OSError):
            attempt()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what} does not answer")
