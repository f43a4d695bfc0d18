"""The control groups of a test cluster: one of its name in each hierarchy, made before and removed after it."""

import os
import time
from contextlib import suppress
from pathlib import Path

from tools.test_cluster.site import Site

ROOT = Path("/sys/fs/cgroup")
WEIGHT = 8192
"""Of all pods together beside this machine's processes: as much as eight. By default they would weigh like one."""


def supported() -> bool:
    """The kubelet of the test cluster is proven with control groups of version 1 only."""
    return not (ROOT / "cgroup.controllers").exists()


def make(site: Site) -> None:
    """One group per hierarchy; in ``cpuset`` an empty one would take no process."""
    for hierarchy in _hierarchies():
        group = hierarchy / site.name
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / name).exists():
                (group / name).write_text((hierarchy / name).read_text())
        if (group / "cpu.shares").exists():
            (group / "cpu.shares").write_text(str(WEIGHT))


def remove(site: Site) -> None:
    """Remove them from the leaves up, as soon as the kernel has cleared the dead processes."""
    for hierarchy in _hierarchies():
        deadline = time.monotonic() + 10
        while (hierarchy / site.name).exists() and time.monotonic() < deadline:
            with suppress(OSError):
                _remove_tree(hierarchy / site.name)
            time.sleep(0.02)


def _remove_tree(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()


def _hierarchies() -> list[Path]:
    return [path for path in ROOT.iterdir() if path.is_dir() and path.is_mount()] if supported() else []
