"""A service process for tests: the real ``run_part`` around a tiny part, its log lines and its ports."""

import contextlib
import io
import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from unittest import mock

import structlog

from aftersend.cli.main import main
from aftersend.observe import context

TENANT = """
apiVersion: aftersend.jj-ideenschmiede.de/v1
kind: AftersendTenant
metadata: {name: mueller, namespace: shops}
spec:
  afterbuy: {url: "http://127.0.0.1:9/afterbuy", credentials: {secretName: mueller-afterbuy}}
  sendcloud: {url: "http://127.0.0.1:9/api", credentials: {secretName: mueller-sendcloud}, integration: 1}
"""
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

PRELUDE = """
import asyncio, sys
from aiohttp import web
from aftersend.service.run import run_part
from aftersend.service.runtime import Part
"""
ENDING = """
sys.exit(run_part(Part("probe", serve)))
"""
IDLE = "async def serve(runtime): await runtime.stop.wait()"
FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
from aftersend.observe import throttle
from aftersend.service import secret_watch
secret_watch.EVERY_SECONDS = 0.05
throttle.LOG_INTERVAL = 3600.0
"""
"""Put before the code of a service: it cannot raise its limit of open files, and reads its secrets all the time.

A line that is left out for a while is left out however long the test takes.
"""
PATIENCE = 120.0
"""Of a process that starts or ends on a busy machine: what ends well does not wait for it."""
FLOOD = 320
"""Connections beyond those 256 files, as 1,054 are beyond the usual limit of 1,024."""


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """The whole environment of a service, in ``folder``, on free ports, with a Redis that is not there."""
    secrets = folder / "secrets" / "data-key"
    secrets.mkdir(parents=True, exist_ok=True)
    (secrets / "20260101").write_text(KEY)
    (secrets / "fingerprint").write_text(KEY)
    tenant = folder / "tenant.yaml"
    tenant.write_text(TENANT)
    settings = {
        "AFTERSEND_TENANT_FILE": str(tenant),
        "AFTERSEND_SECRETS_DIR": str(folder / "secrets"),
        "AFTERSEND_REDIS_URL": "redis://127.0.0.1:9/0",
        "AFTERSEND_LISTEN": "127.0.0.1:0",
        "AFTERSEND_ADMIN_LISTEN": "127.0.0.1:0",
        "AFTERSEND_LOG_FORMAT": "json",
    }
    return {**{name: value for name, value in (settings | changes).items() if value}, "PATH": os.environ["PATH"]}


class ServiceProcess:
    """A running service and what it said: log lines and text on standard error, ``output`` in the end."""

    def __init__(
        self,
        code: str,
        environ: Mapping[str, str],
        words: Sequence[str] = (),
        *,
        prelude: str = PRELUDE,
        ending: str = ENDING,
    ) -> None:
        passed = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "COV_"))}
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the context ends
        self.popen = subprocess.Popen(
            [sys.executable, "-c", prelude + code + ending, *words],
            env={**passed, **environ},
            stdout=self._stdout,
            stderr=subprocess.PIPE,
        )
        self.lines: list[dict[str, Any]] = []
        self.text = ""
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate()
        self._stdout.seek(0)
        self.output = self._stdout.read().decode()
        self._stdout.close()

    def line(self, event: str, *, patience: float = PATIENCE) -> dict[str, Any]:
        """The next log line with this event."""
        deadline = time.monotonic() + patience
        while (text := self._next(deadline)) is not None:
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(text))
                if self.lines[-1].get("event") == event:
                    return self.lines[-1]
        raise AssertionError(f"no line {event!r} in:\n{self.text}")

    def _next(self, deadline: float) -> str | None:
        """One more line of standard error; None at its end, or when patience has run out."""
        stream = self.popen.stderr
        assert stream is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not selector.select(max(0, deadline - time.monotonic())):
                    return None
                chunk = os.read(stream.fileno(), 65536)
                if not chunk:
                    return None
                self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        self.text += line.decode() + "\n"
        return line.decode()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit code."""
        self.popen.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the exit code; the rest of standard error goes to ``text``."""
        _, rest = self.popen.communicate(timeout=PATIENCE)
        self.text += (self._unread + rest).decode()
        self._unread = b""
        return self.popen.returncode


def running(code: str, environ: Mapping[str, str]) -> ServiceProcess:
    """A service process; as a context it is gone afterwards, whatever happens."""
    return ServiceProcess(code, environ)


@contextlib.contextmanager
def restored_logging() -> Iterator[None]:
    """Whatever configures logging inside leaves no trace outside."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, sys.excepthook, sys.unraisablehook, threading.excepthook)
    try:
        yield
    finally:
        root.handlers[:], level, sys.excepthook, sys.unraisablehook, threading.excepthook = before
        root.setLevel(level)
        structlog.reset_defaults()
        context.LINE.set({})


def call_main(words: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Run one command in this process: exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        restored_logging(),
        mock.patch.dict(os.environ, environ, clear=True),
        mock.patch.object(sys, "argv", ["aftersend", *words]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def silent_connections(port: int, count: int) -> Iterator[None]:
    """Connections that never send a byte; others are answered meanwhile, so that none waits to be accepted."""
    with contextlib.ExitStack() as stack:
        for number in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
            if number % 32 == 0:
                get(port, "/")
        yield


def get(port: int, path: str, **headers: str) -> tuple[int, str, Mapping[str, str]]:
    """GET on the loopback interface: status, body, headers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)
