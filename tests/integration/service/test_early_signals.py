"""SIGTERM at many instants of the first second: each console script as the first process of a container.

An instant is the import of the n-th module, so nothing here depends on time. None of the scripts has usable settings:
one that misses the signal goes on and ends with 2.
"""

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPTS = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["scripts"]
CUT_OFF = 143
CALLS = {
    **{name: 0 for name in SCRIPTS if name.startswith("aftersend-")},
    "aftersend up -f missing.yaml": 0,
    "aftersend sandbox --listen nonsense": 0,
    "aftersend trigger export --wait": CUT_OFF,
    "aftersend backup create": CUT_OFF,
}
IMPORTS = (2, 30, 250)
"""Modules that were imported when the signal comes, the module of the script the first of them."""
FIRST = "aftersend.service.early_signals"


def is_root() -> bool:
    return os.geteuid() == 0 and shutil.which("unshare") is not None


def first_process(call: str, home: Path) -> "subprocess.Popen[str]":
    """Start a script as PID 1; without root its signals are ignored from the start, which is the same to it."""
    script, *words = call.split()
    module, _, function = SCRIPTS[script].partition(":")
    code = f"import sys; from {module} import {function}; sys.exit({function}())"
    alone = ["unshare", "--pid", "--fork", "--kill-child"] if is_root() else []
    return subprocess.Popen(
        [*alone, sys.executable, "-X", "importtime", "-c", code, *words],
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=None if is_root() else ignore_sigterm,  # noqa: PLW1509 - one system call
    )


def ignore_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def pid_of(process: "subprocess.Popen[str]") -> int:
    """The PID of the script itself, as it is seen here."""
    if not is_root():
        return process.pid
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())


def wait_for_imports(process: "subprocess.Popen[str]", count: int) -> None:
    """Read the list of imports until ``count`` follow the module that installs the handler."""
    assert process.stderr
    lines: Callable[[], str] = process.stderr.readline
    while FIRST not in (line := lines()):
        assert line, "the script does not import it"
    for _ in range(count):
        assert "import time:" in lines(), "fewer imports than that"


@pytest.mark.parametrize("imports", IMPORTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_script_leaves_at_once(call: str, imports: int, tmp_path: Path) -> None:
    with first_process(call, tmp_path) as process:
        wait_for_imports(process, imports)
        os.kill(pid_of(process), signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    assert process.returncode == CALLS[call]
    assert "Traceback" not in err
    assert "Exception ignored" not in err
