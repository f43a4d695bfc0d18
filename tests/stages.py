"""All checks in order, each with its time: what ``make test`` and CI run.

``python tests/stages.py`` runs everything, ``python tests/stages.py unit integration`` only these stages. A stage that
fails does not stop the others; the exit code tells. Missing system packages are installed when root may do so; without
them CI fails, and elsewhere the tests that need them are skipped with the command that installs them.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PACKAGES = {"redis-server": "redis-server", "chromium": "chromium"}
OTHERS = ("redis7", "redis7json", "redis8")
NODE_TESTS = sorted(str(path) for path in (ROOT / "tests/cluster").glob("test_node_*.py"))
COVERAGE = [str(BIN / "python"), "-m", "coverage"]
PYTEST = ["-m", "pytest", "-q", "--no-header", "--durations=5"]


@dataclass(frozen=True)
class Stage:
    """One named step: commands that must all succeed."""

    name: str
    commands: tuple[list[str], ...]
    at_once: bool = False
    """The commands run side by side; what they say is shown one after the other."""

    def run(self) -> bool:
        """True if every command succeeded."""
        if not self.at_once:
            return all(subprocess.call(command, cwd=ROOT) == 0 for command in self.commands)
        with ThreadPoolExecutor() as pool:
            ended = [pool.submit(subprocess.run, command, cwd=ROOT, capture_output=True) for command in self.commands]
            return False not in [_told(each.result()) for each in ended]


def _told(ended: "subprocess.CompletedProcess[bytes]") -> bool:
    sys.stdout.buffer.write(ended.stdout + ended.stderr)
    sys.stdout.flush()
    return ended.returncode == 0


def tool(name: str, *arguments: str) -> list[str]:
    """A command of the environment that runs this script."""
    return [str(BIN / name), *arguments]


def covered(*arguments: str) -> list[str]:
    """Pytest under coverage, child processes included."""
    return [*COVERAGE, "run", *PYTEST, *arguments]


def on_server(name: str) -> list[str]:
    """All tests that touch Redis, on this server; coverage counts them once, on Valkey."""
    return ["env", f"AFTERSEND_TEST_SERVERS={name}", *tool("python", *PYTEST, "tests/integration", "-m", "redis")]


STAGES = (
    Stage("style", (tool("ruff", "check", "."), tool("ruff", "format", "--check", "--quiet", "."))),
    Stage("types", (tool("mypy"),)),
    Stage("borders", (tool("lint-imports"),)),
    Stage("docs", (tool("python", "docs/generate.py", "--check"),)),
    Stage("unit", (covered("tests/unit"),)),
    Stage("integration", (covered("tests/integration"),)),
    Stage("servers", tuple(on_server(name) for name in OTHERS), at_once=True),
    Stage("chaos", (tool("python", *PYTEST, "tests/chaos"),)),
    Stage("coverage", ([*COVERAGE, "combine", "--quiet"], [*COVERAGE, "report", "--skip-covered"])),
    Stage("cluster-build", (tool("python", "-m", "tests.cluster.build", "node"),)),
    Stage("chart", (tool("python", *PYTEST, "tests/chart"),)),
    Stage("cluster-api", (tool("python", *PYTEST, "tests/cluster", "--ignore-glob=*/test_node_*"),)),
    Stage("cluster-node", (tool("python", *PYTEST, *NODE_TESTS),)),
)
CLUSTER = [stage.name for stage in STAGES if stage.name == "chart" or stage.name.startswith("cluster-")]
USUAL = [stage.name for stage in STAGES if stage.name not in (*CLUSTER, "servers")]
"""Chart and cluster have a command of their own, ``make test-cluster``, which builds helm and Kubernetes first. The
other servers run by name (``make test STAGES=servers``) until one whole run has passed on each."""


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


def timed(name: str, step: Callable[[], bool]) -> tuple[str, bool, float]:
    """Run one step and say how long it took."""
    print(f"\n== {name}", flush=True)
    start = time.monotonic()
    passed = step()
    return name, passed, time.monotonic() - start


def main(wanted: list[str]) -> int:
    """Run the wanted stages (all if none is named) and print the table of times."""
    unknown = set(wanted) - {stage.name for stage in STAGES} - {"cluster"}
    if unknown:
        print(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in STAGES)}")
        return 2
    install_system_packages(PACKAGES)
    for old in ROOT.glob(".coverage*"):
        old.unlink()
    chosen = CLUSTER if wanted == ["cluster"] else wanted or USUAL
    results = [timed(stage.name, stage.run) for stage in STAGES if stage.name in chosen]
    print("\n== stages")
    for name, passed, seconds in results:
        print(f"{'ok    ' if passed else 'FAILED'} {seconds:7.1f} s  {name}")
    failed = sum(not passed for _, passed, _ in results)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
