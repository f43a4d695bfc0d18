"""Child processes: programs that answer one line of JSON for each task, their processor time and their memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Child:
    """One module of the suite in a process of its own, which ends when its standard input does."""

    def __init__(self, module: str, *words: str, environ: Mapping[str, str] | None = None) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{module}", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(environ or {})},
            cwd=ROOT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()
        self._process.terminate()
        self._process.wait()
        self._log.close()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._log.seek(0)
            raise RuntimeError(f"{self._process.args!r} ended with {code}:\n{self._log.read()[-3000:].decode()}")
        return line.strip()

    def ask(self, **task: object) -> dict[str, Any]:
        """Let it do one task and return what it measured."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self.line())
        return found


def processor_seconds(pid: int) -> float:
    """Processor time of a process and all of its threads so far, by the kernel's clock of that process."""
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid: int | None = None) -> float:
    """Resident memory in MB (10^6 bytes) of a process; of this one without ``pid``."""
    return int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1]) * _PAGE / 1e6


def peak(pid: int | None = None) -> float:
    """Highest resident memory of a process so far, in MB."""
    status = Path(f"/proc/{pid or 'self'}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
