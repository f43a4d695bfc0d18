"""A simulated S3 with one bucket, called ``bucket``, as a process of its own."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.servers import free_port


@contextmanager
def simulated_s3(host: str = "127.0.0.1") -> Iterator[str]:
    """Its address, as long as the block runs."""
    port = free_port(host)
    command = [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(host, port)
        address = f"http://{host}:{port}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(f"{address}/bucket", method="PUT"), timeout=30):
            yield address
    finally:
        process.kill()
        process.wait()


def _await(host: str, port: int) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the simulated S3 does not start"
            time.sleep(0.05)
        else:
            return
