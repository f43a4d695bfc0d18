"""What a cluster of our own requires of this machine; without it CI fails and elsewhere tests are skipped."""

import os
import shutil
import subprocess

from tools.test_cluster import cgroups

CURE = "or set KUBECONFIG to use another cluster"


class MissingError(Exception):
    """Something is missing that cannot be installed here; the text says what and how to get it."""


def require(level: str, *, built: bool) -> None:
    """Return if a cluster of ``level`` (``api`` or ``node``) can be had; ``built``: its programs are there already.

    Raises:
        MissingError: root, namespaces, Go or control groups of version 1 are missing.
    """
    if os.geteuid() != 0:
        raise MissingError(f"the test cluster needs root for its namespaces: run as root, {CURE}")
    if not _may_unshare():
        raise MissingError(f"no namespaces can be made here (a container without CAP_SYS_ADMIN?): leave it, {CURE}")
    if not built and not shutil.which("go"):
        raise MissingError(f"the test cluster is built from source: install Go 1.21 or newer, {CURE}")
    if level == "node" and not cgroups.supported():
        raise MissingError(f"the node of the test cluster runs on control groups of version 1 only: there, {CURE}")


def _may_unshare() -> bool:
    """True also where the command is missing, which is installed later."""
    if not shutil.which("unshare"):
        return True
    return not subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "true"], capture_output=True, check=False
    ).returncode
