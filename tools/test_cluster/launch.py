"""Runs one test cluster as long as its input stays open: ``python -m tools.test_cluster.launch api|node``.

One line of JSON on the output says that it is up (``kubeconfig``, ``url``, …); the end of the input, SIGTERM or SIGINT
take it down. So a test session that is killed takes its cluster along, and by hand Ctrl-D ends it. Should this process
itself be killed, the kernel ends the cluster (parent-death signal), and the next start of the same number clears away
what it left.
"""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from ssl import create_default_context

from tools.test_cluster import build, cgroups, control_plane, node, system
from tools.test_cluster.requirements import MissingError
from tools.test_cluster.site import LAST, Site

ROOT = Path(__file__).resolve().parents[2]
NAMESPACES = "--net --mount --pid --ipc --uts --fork --kill-child --mount-proc"
PATIENCE = 300
"""Seconds until a start counts as failed; a start takes 5 to 15 on an idle machine."""


class StartError(Exception):
    """The cluster did not come up; the text holds the last lines of each component."""


def main(level: str) -> int:
    """Start, announce, wait for the end of the input, clear away."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: sys.exit(0))
    try:
        programs = build.build(level)
        with _number() as number, _cluster(Site(number, level, _folder(number), programs)) as site:
            sys.stdout.write(json.dumps(_announcement(site)) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except (build.NotBuildableError, MissingError, StartError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _announcement(site: Site) -> dict[str, str]:
    return {
        "kubeconfig": str(site.authority.path("admin.kubeconfig")),
        "authority": str(site.authority.path("ca.crt")),
        "url": site.url,
        "host": site.host,
        "programs": str(site.programs),
        "folder": str(site.folder),
    }


@contextmanager
def _number() -> Iterator[int]:
    """Take a number that is free on this machine, by a lock that ends with this process."""
    locks = build.cache() / "numbers"
    locks.mkdir(parents=True, exist_ok=True)
    for number in range(1, LAST + 1):
        with (locks / str(number)).open("w") as file, suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield number
            return
    raise StartError(f"{LAST} test clusters run on this machine")


def _folder(number: int) -> Path:
    return Path(tempfile.gettempdir()) / f"aftersend-cluster-{number}"


@contextmanager
def _cluster(site: Site) -> Iterator[Site]:
    _clear(site)
    site.folder.mkdir(mode=0o755)
    process = None
    try:
        _prepare(site)
        process = _enter(site)
        _connect(site, process)
        _bring_up(site, process)
        yield site
    except StartError as error:
        raise StartError(f"{error}\n{_last_words(site)}") from None
    finally:
        if process is not None:
            process.kill()
            process.wait()
        _clear(site)


def _prepare(site: Site) -> None:
    for name in ("log", "tmp"):
        (site.folder / name).mkdir()
    site.authority.make()
    first, then = control_plane.store_and_server(site), control_plane.controllers(site)
    if site.level == "node":
        node.prepare(site)
        first, then = first | node.runtime(site), then | node.agents(site)
    path = f"{site.programs}:/usr/sbin:/usr/bin:/sbin:/bin"
    plan = {"address": site.node, "path": path, "first": first, "then": then}
    (site.folder / "plan.json").write_text(json.dumps(plan))


def _enter(site: Site) -> subprocess.Popen[bytes]:
    inside = [sys.executable, "-m", "tools.test_cluster.init", str(site.folder)]
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES.split(), *inside]
    with (site.folder / "log" / "inside.log").open("ab") as log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
        )


def _connect(site: Site, process: subprocess.Popen[bytes]) -> None:
    """Lay a cable between this machine and the cluster; it vanishes with the cluster's namespace."""
    mine = Path("/proc/self/ns/net").readlink()
    _wait("its network namespace", process, lambda: Path(f"/proc/{process.pid}/ns/net").readlink() != mine)
    _ip("link", "add", site.name, "type", "veth", "peer", "name", "eth0", "netns", str(process.pid))
    _ip("addr", "add", f"{site.host}/30", "dev", site.name)
    _ip("link", "set", site.name, "up")
    for addresses in (site.pods, site.services) if site.level == "node" else ():
        _ip("route", "add", addresses, "via", site.node)


def _bring_up(site: Site, process: subprocess.Popen[bytes]) -> None:
    if site.level == "node":
        _wait("containerd", process, (site.folder / "containerd.sock").exists)
        system.import_images(site)
    context = create_default_context(cafile=str(site.authority.path("ca.crt")))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    def answers() -> bool:
        with suppress(OSError), opener.open(f"{site.url}/readyz", timeout=2) as response:
            return bool(response.read() == b"ok")
        return False

    _wait("the API server", process, answers)
    (site.folder / "ready").touch()
    _wait("the default namespace's account", process, lambda: system.kubectl(site, "get", "serviceaccount", "default"))
    if site.level == "node":
        _wait("the cluster's own objects", process, lambda: system.apply(site))
        _wait("the node", process, lambda: system.is_ready(site))


def _wait(what: str, process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if process.poll() is not None:
            raise StartError(f"the cluster ended while it waited for {what}")
        if time.monotonic() > deadline:
            raise StartError(f"{what} did not come up within {PATIENCE} s")
        time.sleep(0.05)


def _last_words(site: Site) -> str:
    logs = sorted((site.folder / "log").glob("*.log"))
    return "\n".join(f"== {log.stem}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-8:]) for log in logs)


def _clear(site: Site) -> None:
    """Remove what a cluster of this number left: groups of processes, the cable, files."""
    cgroups.remove(site)
    subprocess.run(["ip", "link", "del", site.name], capture_output=True, check=False)
    deadline = time.monotonic() + 10  # dying processes still write
    while site.folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(site.folder, ignore_errors=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


if __name__ == "__main__":
    if sys.argv[1:] not in (["api"], ["node"]):
        sys.exit("usage: python -m tools.test_cluster.launch api|node")
    sys.exit(main(sys.argv[1]))
