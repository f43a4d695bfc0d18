"""Install Debian packages that checks need beyond PyPI, where root and apt are at hand."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

TEST_PROGRAMS = {
    "redis-server": "redis-server",
    "chromium": "chromium",
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
    "age": "age",
}
"""Commands that tests start, and the packages that bring them."""
LOCK_SECONDS = 300
"""How long apt waits while another one works on this machine."""


def install_system_packages(packages: Mapping[str, str]) -> None:
    """Install what is missing; without root or apt nothing happens, and the tests name what they lack.

    ``packages`` maps a command, or the path of a file, to the Debian packages that bring it.
    """
    missing = missing_packages(packages)
    if not missing or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    sys.stderr.write(f"== installing {' '.join(missing)}\n")
    _apt("update", "-qq")
    _apt("install", "-y", "-qq", "--no-install-recommends", *missing)


def missing_packages(packages: Mapping[str, str]) -> list[str]:
    """The Debian packages whose command or file is not there."""
    absent = [name for name in packages if not shutil.which(name) and not Path(name).is_file()]
    return sorted({package for name in absent for package in packages[name].split()})


def _apt(*arguments: str) -> None:
    """Call apt-get, and again while another one holds a lock: its own option waits for dpkg's, not for the lists'."""
    command = ["apt-get", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}", *arguments]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if "Could not get lock" not in done.stderr or time.monotonic() > deadline:
            break
        time.sleep(1)
    if done.returncode:
        sys.stderr.write(done.stderr)
