"""The operator as a process of its own, started in a tenth of a second.

Imports cost a second of processor time per start, and tests start the operator a hundred times. So one server process
imports it once and forks; what a fork then does is what the console script does, from the first line of ``main`` on.
"""

import multiprocessing
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from aftersend_operator.lifecycle import run

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["pytest", __name__])


@dataclass
class Operator:
    """One process of ``aftersend-operator``, with everything it ever printed."""

    environ: dict[str, str]
    log: Path
    port: int
    shortened: Mapping[str, float] = field(default_factory=dict)
    """Periods that are shorter than in production, by ``module:NAME``."""
    process: ForkServerProcess | None = None

    def start(self) -> "Operator":
        """Start it; returns at once."""
        given = (self.environ, self.log, dict(self.shortened))
        self.process = _FORKS.Process(target=_operator, args=given, daemon=True)  # the session never waits for one
        self.process.start()
        return self

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self.process is not None
        assert self.process.pid is not None
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        """True until it ended, by itself or not."""
        return self.process is not None and self.process.is_alive()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return the exit code."""
        if self.process is None:
            return 0
        if self.is_alive:
            os.kill(self.pid, number)
        self.process.join(timeout=40)
        assert self.process.exitcode is not None, "the operator does not end"
        return self.process.exitcode

    def ask(self, path: str, *, patience: float = 10) -> tuple[int, str]:
        """Status and text of its admin address."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=patience) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def is_ready(self) -> bool:
        """True when everything was listed once."""
        return self.ask("/readyz")[0] == 200

    def metric(self, name: str) -> float:
        """The sum of all series of a metric whose line begins with ``name``."""
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def _operator(environ: dict[str, str], log: Path, shortened: dict[str, float]) -> None:
    """In the fork: become what the console script is."""
    with log.open("ab", buffering=0) as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.environ.clear()
    os.environ.update(environ)
    for place, seconds in shortened.items():
        module, _, name = place.partition(":")
        assert hasattr(import_module(module), name), place
        setattr(import_module(module), name, seconds)
    sys.exit(run())
