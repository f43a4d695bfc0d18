"""Process 1 of a test cluster: starts the components in namespaces of their own, and is the end of them all.

When it leaves, for whatever reason, the kernel kills every process and drops every mount and interface in there, so
nothing has to be stopped in order. It leaves as soon as a component ends by itself: half a cluster would only confuse.
A component that a test restarts (``restart-<name>`` lies in the folder) is started again.
The paths that kubelet, containerd and CNI have built in are hidden from the machine below empty file systems.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HIDDEN = ("/run", "/var/lib", "/var/log")


def main(folder: Path) -> int:
    """Run the plan in ``folder`` until a component ends."""
    plan = json.loads((folder / "plan.json").read_text())
    _furnish(plan)
    running = _start(plan["first"], folder, plan["path"])
    while not (folder / "ready").exists():
        time.sleep(0.02)
        if _ended(running, os.WNOHANG):
            return 1
    running |= _start(plan["then"], folder, plan["path"])
    while True:
        name = _ended(running, 0)
        if name and not _is_restart(folder, name):
            return 1
        if name:
            running |= _start({name: (plan["first"] | plan["then"])[name]}, folder, plan["path"])


def _furnish(plan: dict[str, Any]) -> None:
    for path in HIDDEN:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", path], check=True)
    Path("/run/lock").mkdir()
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    while not Path("/proc/sys/net/ipv4/conf/eth0").exists():
        time.sleep(0.005)
    for command in ("link set lo up", f"addr add {plan['address']}/30 dev eth0", "link set eth0 up"):
        subprocess.run(["ip", *command.split()], check=True)


def _start(commands: dict[str, list[str]], folder: Path, path: str) -> dict[int, str]:
    environment = {"PATH": path, "HOME": str(folder), "TMPDIR": str(folder / "tmp")}
    running = {}
    for name, command in commands.items():
        with (folder / "log" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment,
                start_new_session=True,
            )
        running[process.pid] = name
    return running


def _ended(running: dict[int, str], options: int) -> str:
    """Take leave of one dead process: its name if it was a component; orphans of pods come here, too."""
    pid, status = os.waitpid(-1, options)
    if pid not in running:
        return ""
    sys.stderr.write(f"{running[pid]} ended with code {os.waitstatus_to_exitcode(status)}\n")
    return running.pop(pid)


def _is_restart(folder: Path, name: str) -> bool:
    """Return True, once, for a component whose end a test announced."""
    mark = folder / f"restart-{name}"
    found = mark.exists()
    mark.unlink(missing_ok=True)
    return found


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
