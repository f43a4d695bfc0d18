"""Debian's Prometheus and Alertmanager for tests: found, asked and run on the loopback interface.

A test whose program is missing fails in CI and is skipped elsewhere, with the command that installs it. Whatever runs
ends with the context, and with the thread that started it if the test itself is killed.
"""

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from aftersend.redis.embedded import end_with_thread

PACKAGES = {
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}
PATIENCE = 120.0
_LOOK = 0.05


def program(name: str) -> str:
    """Where it is."""
    found = shutil.which(name)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            f"{name} is missing: apt-get install --no-install-recommends {PACKAGES[name]}"
        )
    return str(found)


def answer_of(name: str, *arguments: str) -> str:
    """What a program prints; an AssertionError with its words if it fails."""
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def running(name: str, arguments: Sequence[str], *, ready: str, log: Path) -> Iterator[None]:
    """A server from when the address ``ready`` answers with 200."""
    parent = os.getpid()
    with log.open("ab") as words:
        process = subprocess.Popen(
            [program(name), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=words,
            preexec_fn=lambda: end_with_thread(parent),  # noqa: PLW1509 - one call
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(ready):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(_LOOK)
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False
