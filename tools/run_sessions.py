"""Run nox sessions in waves: ``python -m tools.run_sessions`` the usual ones, ``… unit chart`` only these.

One call of nox for each wave runs its sessions side by side; a failed session does not stop the others. A table of
times comes at the end. Exit code: 0 all passed, 1 a session failed, 2 there is no such session.

nox runs in a process session of its own, and so does each of its sessions. SIGINT and SIGTERM end them all, and what
tests have started; the exit code is then 128 and the signal's number.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import noxfile
from tools.process_tree import end_tree
from tools.system_packages import TEST_PROGRAMS, install_system_packages

Wave = tuple[str, ...]
ALL: tuple[Wave, ...] = (*noxfile.USUAL, *noxfile.CLUSTER)
GROUPS: dict[str, Wave] = {
    "cluster": tuple(name for wave in noxfile.CLUSTER for name in wave),
    "servers": noxfile.OTHER_SERVERS,
}
"""Several sessions by one name. The cluster has a command of its own, ``make test-cluster``."""
PROGRESS_SECONDS = 60.0
"""Time between two progress lines while a wave runs."""


@dataclass(frozen=True)
class SessionResult:
    """Outcome of one session."""

    name: str
    passed: bool
    seconds: float

    def row(self) -> str:
        """Format the row of the table."""
        return f"{'ok    ' if self.passed else 'FAILED'} {self.seconds:7.1f} s  {self.name}"


class Interrupted(Exception):  # noqa: N818 - a request to end, not an error
    """SIGINT or SIGTERM came."""


def main(wanted: Sequence[str]) -> int:
    """Run the wanted sessions (the usual ones if none is named) and print the table of times."""
    known = [*(name for wave in ALL for name in wave), *GROUPS]
    if unknown := set(wanted) - set(known):
        print(f"no such session: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    install_system_packages(TEST_PROGRAMS)
    results = [result for wave in waves(wanted) for result in run_wave(wave)]
    print("\n== sessions", *(result.row() for result in results), sep="\n")
    failed = sum(not result.passed for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def waves(wanted: Sequence[str]) -> list[Wave]:
    """Select the waves of the wanted sessions; all usual ones if none is named."""
    if not wanted:
        return list(noxfile.USUAL)
    names = {name for each in wanted for name in GROUPS.get(each, (each,))}
    chosen = (tuple(name for name in wave if name in names) for wave in ALL)
    return [wave for wave in chosen if wave]


def run_wave(wave: Wave) -> list[SessionResult]:
    """Run sessions side by side; nox prints the output of each when it ends, that of a single one while it runs."""
    print(f"\n== {' · '.join(wave)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ("--non-interactive", "--no-dependencies", f"--parallel={len(wave)}", f"--report={report}")
        command = [sys.executable, "-m", "nox", *options, "--session", *wave]
        nox = subprocess.Popen(command, cwd=noxfile.ROOT, start_new_session=True)
        try:
            _wait(nox)
        except Interrupted:
            end_tree(nox)
            raise
        return _results(wave, report)


def _wait(process: subprocess.Popen[bytes]) -> None:
    start = time.monotonic()
    while True:
        try:
            process.wait(PROGRESS_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"   running for {time.monotonic() - start:.0f} s", flush=True)
        else:
            return


def _results(wave: Wave, report: Path) -> list[SessionResult]:
    """Read nox's report; a session that is missing there has failed, since nox itself came to an end too early."""
    entries = json.loads(report.read_bytes())["sessions"] if report.exists() else []
    found = {
        each["name"]: SessionResult(each["name"], each["result"] == "success", each["duration"]) for each in entries
    }
    return [found.get(name, SessionResult(name, passed=False, seconds=0.0)) for name in wave]


def run(arguments: Sequence[str]) -> int:
    """Run the sessions until they end or a signal comes; return the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        return main(arguments)
    except Interrupted as request:
        return 128 + int(request.args[0])


def _interrupt(number: int, _frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # the end is under way
    raise Interrupted(number)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
