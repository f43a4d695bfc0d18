"""Child processes of the demo: logged to a file each, restarted on demand, ended with their parent."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from aftersend.errors import Misconfigured
from aftersend.redis.embedded import end_with_thread

_TERMINATION_SECONDS = 30


class ChildProcess:
    """One console script of this installation; ``kill`` is SIGKILL, ``stop`` is SIGTERM."""

    def __init__(self, command: list[str], *, log: Path, environment: Mapping[str, str]) -> None:
        self._command = [_script(command[0]), *command[1:]]
        self._log = log
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process (again). It ends with the thread that started it: call this in the main thread."""
        parent = os.getpid()

        def die_with_parent() -> None:
            end_with_thread(parent)

        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own console scripts
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent if sys.platform.startswith("linux") else None,  # noqa: PLW1509 - one call
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal and wait for the end; SIGKILL follows when the process ignores it."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_TERMINATION_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """Send SIGKILL, which leaves the state of a node that lost power."""
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        """Send SIGTERM."""
        self.signal(signal.SIGTERM)

    @property
    def pid(self) -> int:
        """Process id; 0 before the start."""
        return self._process.pid if self._process else 0

    @property
    def is_running(self) -> bool:
        """Whether the process has started and not ended."""
        return self._process is not None and self._process.poll() is None


def _script(name: str) -> str:
    """Path of a console script of this very installation."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        raise Misconfigured(f"there is no command {name} beside this Python", cure="install the package: make demo")
    return str(path)
