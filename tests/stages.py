"""All checks in order, each with its time: what ``make test`` and CI run.

``python tests/stages.py`` runs the usual stages, ``python tests/stages.py unit chart`` only these. Stages of one wave
run side by side. A stage that fails does not stop the others; the exit code tells. Missing system packages are
installed when root may do so; without them CI fails, and elsewhere the tests that need them are skipped with the
command that installs them.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PACKAGES = {
    "redis-server": "redis-server",
    "chromium": "chromium",
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
}
OTHERS = ("redis7", "redis7json", "redis8")
NODE_TESTS = sorted(str(path) for path in (ROOT / "tests/cluster").glob("test_node_*.py"))
COVERAGE = [str(BIN / "python"), "-m", "coverage"]
SIGN_OF_LIFE = 60.0
"""Seconds between two lines while stages run side by side."""
PYTEST = ["-m", "pytest", "-q", "--no-header", "--durations=5"]


@dataclass(frozen=True)
class Stage:
    """One named step: commands that must all succeed."""

    name: str
    commands: tuple[list[str], ...]

    def run(self, *, aloud: bool = True) -> "Result":
        """Run the commands one after the other until one fails. Aloud they speak while they run, else afterwards."""
        start, said, passed = time.monotonic(), b"", True
        for command in self.commands:
            pipe = None if aloud else subprocess.PIPE
            ended = subprocess.run(
                command, cwd=ROOT, stdout=pipe, stderr=subprocess.STDOUT if pipe else None, check=False
            )
            said += ended.stdout or b""
            passed = ended.returncode == 0
            if not passed:
                break
        return Result(self.name, passed, time.monotonic() - start, said)


@dataclass(frozen=True)
class Result:
    """What came of a stage: its time in seconds, and what it said if it was not aloud."""

    name: str
    passed: bool
    seconds: float
    said: bytes

    def line(self) -> str:
        """A row of the table."""
        return f"{'ok    ' if self.passed else 'FAILED'} {self.seconds:7.1f} s  {self.name}"


def tool(name: str, *arguments: str) -> list[str]:
    """A command of the environment that runs this script."""
    return [str(BIN / name), *arguments]


def covered(*arguments: str) -> list[str]:
    """Pytest under coverage, child processes included."""
    return [*COVERAGE, "run", *PYTEST, *arguments]


def on_server(name: str) -> list[str]:
    """All tests that touch Redis, on this server; coverage counts them once, on Valkey."""
    return ["env", f"AFTERSEND_TEST_SERVERS={name}", *tool("python", *PYTEST, "tests/integration", "-m", "redis")]


CHECKS = (
    Stage("style", (tool("ruff", "check", "."), tool("ruff", "format", "--check", "--quiet", "."))),
    Stage("types", (tool("mypy"),)),
    Stage("borders", (tool("lint-imports"),)),
    Stage("docs", (tool("python", "docs/generate.py", "--check"),)),
)
TESTS = (
    Stage("unit", (covered("tests/unit"),)),
    Stage("contracts", (covered("tests/contracts"),)),
    Stage("integration", (covered("tests/integration", "-m", "not redis"),)),
    Stage("valkey", (covered("tests/integration", "-m", "redis"),)),
)
"""All tests that touch Redis run on Valkey here, and on each of the other servers by a stage of their own."""
SERVERS = tuple(Stage(name, (on_server(name),)) for name in OTHERS)
CHAOS = (Stage("chaos", (tool("python", *PYTEST, "tests/chaos"),)),)
RULES = (Stage("rules", (tool("python", *PYTEST, "tests/rules"),)),)
REPORT = ["--include=aftersend/*,services/*", "--skip-covered", "--precision=1", "--fail-under=95"]
COVERED = (Stage("coverage", ([*COVERAGE, "combine", "--quiet"], [*COVERAGE, "report", *REPORT])),)
"""The operator is proven on a cluster, by processes and pods that nobody traces."""
CLUSTER = (
    (Stage("cluster-build", (tool("python", "-m", "tests.cluster.build", "node"),)),),
    (Stage("chart", (tool("python", *PYTEST, "tests/chart"),)),),
    (
        Stage("cluster-api", (tool("python", *PYTEST, "tests/cluster", "--ignore-glob=*/test_node_*"),)),
        Stage("cluster-node", (tool("python", *PYTEST, *NODE_TESTS),)),
    ),
)
USUAL = (CHECKS, TESTS + RULES, COVERED, CHAOS + SERVERS)
"""What stands together runs side by side: most tests wait more than they work."""
GROUPS = {"cluster": CLUSTER, "servers": (SERVERS,)}
"""More than one stage by one name. The cluster has a command of its own, ``make test-cluster``."""


def install_system_packages(packages: Mapping[str, str]) -> None:
    """With root rights and apt: what tests need beyond PyPI; elsewhere the tests name what is missing.

    ``packages`` maps a command, or the path of a file, to the Debian packages that bring it.
    """
    absent = [name for name in packages if not shutil.which(name) and not Path(name).is_file()]
    missing = sorted({package for name in absent for package in packages[name].split()})
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    print(f"== installing {' '.join(missing)}", flush=True)
    subprocess.call(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]
    subprocess.call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], **quiet)  # type: ignore[call-overload]


def chosen(wanted: list[str]) -> list[tuple[Stage, ...]]:
    """The waves of the wanted stages; all usual ones if none is named."""
    if not wanted:
        return list(USUAL)
    named = [stage.name for name in wanted for wave in GROUPS.get(name, ()) for stage in wave] + wanted
    waves = [tuple(stage for stage in wave if stage.name in named) for wave in (*USUAL, *CLUSTER)]
    return [wave for wave in waves if wave]


def run_wave(wave: tuple[Stage, ...]) -> list[Result]:
    """Run stages side by side, each telling what it said when it has ended; a single one speaks at once."""
    print(f"\n== {' · '.join(stage.name for stage in wave)}", flush=True)
    if len(wave) == 1:
        return [wave[0].run()]
    results: list[Result] = []
    with ThreadPoolExecutor() as pool:
        working = {pool.submit(stage.run, aloud=False): stage.name for stage in wave}
        while working:
            ended, _ = wait(working, timeout=SIGN_OF_LIFE, return_when=FIRST_COMPLETED)
            for one in ended:
                del working[one]
                results.append(one.result())
                show(results[-1])
            if not ended:
                print(f"   at work: {', '.join(working.values())}", flush=True)
    return results


def show(result: Result) -> None:
    """What a stage said that ran beside others."""
    print(f"\n== {result.line()}", flush=True)
    sys.stdout.buffer.write(result.said)
    sys.stdout.flush()


def main(wanted: list[str]) -> int:
    """Run the wanted stages (the usual ones if none is named) and print the table of times."""
    known = [stage.name for wave in (*USUAL, *CLUSTER) for stage in wave] + list(GROUPS)
    unknown = set(wanted) - set(known)
    if unknown:
        print(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    install_system_packages(PACKAGES)
    for old in ROOT.glob(".coverage*"):
        old.unlink()
    results = [result for wave in chosen(wanted) for result in run_wave(wave)]
    print("\n== stages")
    for result in results:
        print(result.line())
    failed = sum(not result.passed for result in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
