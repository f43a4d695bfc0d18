"""End a process with all that it started, also what runs in process sessions of its own (Linux: it reads ``/proc``)."""

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GRACE_SECONDS: Final = 5.0
"""Time between SIGTERM and SIGKILL."""
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process; its start time distinguishes it from a later one with the same number."""

    pid: int
    parent: int
    started: int

    def send(self, number: signal.Signals) -> None:
        """Signal it, if it has not ended meanwhile."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)


def end_tree(root: "subprocess.Popen[bytes]") -> None:
    """End a child process and its descendants: SIGTERM, and SIGKILL for those that stay."""
    tree = _with_descendants(root.pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in tree:
            process.send(number)
        tree = _left_after(tree, GRACE_SECONDS)
    root.wait()


def running() -> set[RunningProcess]:
    """Read all processes but zombies."""
    found = (_read(folder) for folder in Path("/proc").iterdir() if folder.name.isdecimal())
    return {process for process in found if process is not None}


def _with_descendants(pid: int) -> set[RunningProcess]:
    everything = running()
    tree = {process for process in everything if process.pid == pid}
    while more := {each for each in everything - tree if each.parent in {process.pid for process in tree}}:
        tree |= more
    return tree


def _left_after(tree: set[RunningProcess], seconds: float) -> set[RunningProcess]:
    """Return those that still run after so many seconds; it is over at once when none does."""
    deadline = time.monotonic() + seconds
    while (left := _alive(tree)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left


def _alive(tree: set[RunningProcess]) -> set[RunningProcess]:
    """Return those of a tree that still run; orphans have another parent, so that does not count."""
    now = {(process.pid, process.started) for process in running()}
    return {process for process in tree if (process.pid, process.started) in now}


def _read(folder: Path) -> RunningProcess | None:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None  # it ended meanwhile
    if fields[0] == "Z":
        return None
    return RunningProcess(int(folder.name), int(fields[1]), int(fields[19]))
