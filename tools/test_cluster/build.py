"""Builds the parts of the test cluster from Go modules: ``python -m tools.test_cluster.build [api|node]``.

One ``go.mod`` pins everything. Binaries go into ``$XDG_CACHE_HOME/aftersend-cluster/<version>/``, where the version is
made from all that decides what they are; what is there is not built again. A lock keeps two runs from doing it twice.
``api`` is what the control plane needs, ``node`` all the rest as well. Cold, with two free cores, ``api`` takes about
eleven minutes (downloads apart) and ``node`` four more.

Helm 3, whose users the chart serves as well, has a ``go.mod`` and a folder of its own: a new version of it builds
nothing else anew. It comes last, when most of what it needs is compiled: that saves five of six minutes of processor
time.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.system_packages import install_system_packages, missing_packages
from tools.test_cluster.requirements import MissingError, require

HERE = Path(__file__).resolve().parent
KUBERNETES = "1.37.2"
LEVELS = ("api", "node")
_VERSION = "k8s.io/component-base/version"
_CONTAINERD = "github.com/containerd/containerd/v2"
_PLUGINS = "github.com/containernetworking/plugins/plugins"
_KUBERNETES_FLAGS = (
    f"-X {_VERSION}.gitVersion=v{KUBERNETES}",
    f"-X {_VERSION}.gitMajor=1",
    f"-X {_VERSION}.gitMinor=37",
    f"-X {_VERSION}.gitTreeState=clean",
)
TOOLS = {
    "api": {"ip": "iproute2", "openssl": "openssl", "unshare": "util-linux", "setpriv": "util-linux"},
    "node": {
        "nft": "nftables",
        "iptables": "iptables",
        "ipset": "ipset",
        "gcc": "gcc libc6-dev",
        "pkg-config": "pkg-config",
        "/usr/include/seccomp.h": "libseccomp-dev",
        "mmdebstrap": "mmdebstrap",
        "buildah": "buildah",
    },
}
"""Commands (or files) that must be there, and the Debian packages that bring them."""


class NotBuildableError(Exception):
    """A part of the cluster is not there and cannot be had; the text says why."""


@dataclass(frozen=True)
class Recipe:
    """One call of ``go build``: the programs it makes, from which packages, with which flags of the linker."""

    level: str
    programs: tuple[str, ...]
    packages: tuple[str, ...]
    flags: tuple[str, ...] = ()
    seccomp: bool = False
    """Needs C and libseccomp (runc only)."""

    @property
    def title(self) -> str:
        """How progress lines call it."""
        return " ".join(Path(program).name for program in self.programs)


def _kubernetes(level: str, name: str) -> Recipe:
    return Recipe(level, (name,), (f"k8s.io/kubernetes/cmd/{name}",), _KUBERNETES_FLAGS)


RECIPES = (
    Recipe("api", ("etcd",), ("go.etcd.io/etcd/server/v3",)),
    _kubernetes("api", "kube-apiserver"),
    _kubernetes("api", "kubectl"),
    _kubernetes("api", "kube-controller-manager"),
    Recipe("api", ("helm",), ("helm.sh/helm/v4/cmd/helm",), ("-X helm.sh/helm/v4/internal/version.version=v4.3.1",)),
    _kubernetes("api", "kube-scheduler"),
    _kubernetes("node", "kubelet"),
    _kubernetes("node", "kube-proxy"),
    Recipe(
        "node",
        ("containerd", "containerd-shim-runc-v2", "ctr"),
        tuple(f"{_CONTAINERD}/cmd/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
        (f"-X {_CONTAINERD}/version.Version=2.4.2",),
    ),
    Recipe(
        "node",
        ("cni/ptp", "cni/loopback", "cni/host-local", "cni/portmap"),
        tuple(f"{_PLUGINS}/{name}" for name in ("main/ptp", "main/loopback", "ipam/host-local", "meta/portmap")),
    ),
    Recipe("node", ("runc",), ("github.com/opencontainers/runc",), ("-X main.version=1.4.3",), seccomp=True),
    Recipe("node", ("coredns",), ("./coredns",)),
    Recipe("node", ("netpol",), ("./netpol",)),
    Recipe("node", ("pause",), ("./pause",)),
)
"""The API server comes early: it compiles most of what the others share."""
HELM3_MODULE = HERE / "helm3"
HELM3 = Recipe(
    "api", ("helm3",), ("helm.sh/helm/v3/cmd/helm",), ("-X helm.sh/helm/v3/internal/version.version=v3.22.0",)
)


def cache() -> Path:
    """Where everything that survives a run lies: binaries by version, images by content."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aftersend-cluster"


def binaries() -> Path:
    """The folder of this version's binaries, whether they are there yet or not."""
    sources = sorted([HERE / "go.mod", HERE / "go.sum", *HERE.glob("*/main.go")])
    return cache() / f"v{KUBERNETES}-{_digest(RECIPES, sources)}"


def helm3() -> Path:
    """The program of Helm 3, whether it is there yet or not."""
    sources = [HELM3_MODULE / "go.mod", HELM3_MODULE / "go.sum"]
    return cache() / f"helm3-{_digest((HELM3,), sources)}" / HELM3.programs[0]


def _digest(recipes: tuple[Recipe, ...], sources: Sequence[Path]) -> str:
    """Of all that decides what is built."""
    digest = hashlib.sha256(repr(recipes).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def complete(level: str) -> bool:
    """Whether nothing is left to build for ``level``."""
    return all(_made(recipe, binaries()) for recipe in RECIPES if _wanted(recipe, level))


def build(level: str) -> Path:
    """Build what is missing for ``level`` and return the folder.

    Raises:
        MissingError: this machine cannot run a cluster, or a Debian package is missing.
        NotBuildableError: a build failed.
    """
    folder = binaries()
    require(level, built=complete(level))
    if not complete(level) or missing_packages(_tools(level)):
        with locked(cache() / "build.lock"):
            _install_packages(level)
            if recipes := [each for each in RECIPES if _wanted(each, level) and not _made(each, folder)]:
                _build_all(recipes, folder)
    return folder


def build_helm3() -> Path:
    """Build Helm 3 unless it is there, and return the program; raises as ``build`` does."""
    program = helm3()
    require("api", built=program.is_file())
    if not program.is_file():
        with locked(cache() / "build.lock"):
            if not program.is_file():
                _build_all([HELM3], program.parent, module=HELM3_MODULE)
    return program


def _wanted(recipe: Recipe, level: str) -> bool:
    return LEVELS.index(recipe.level) <= LEVELS.index(level)


def _made(recipe: Recipe, folder: Path) -> bool:
    return all((folder / program).is_file() for program in recipe.programs)


def _build_all(recipes: Sequence[Recipe], folder: Path, *, module: Path = HERE) -> None:
    _say(f"{len(recipes)} to build for Kubernetes {KUBERNETES}, into {folder}")
    begin = time.monotonic()
    for number, recipe in enumerate(recipes, start=1):
        start = time.monotonic()
        _build_one(recipe, folder, module)
        _say(f"  {number:2}/{len(recipes)} {recipe.title:<42} {time.monotonic() - start:6.0f} s")
    _say(f"  all parts built in {time.monotonic() - begin:.0f} s")


def _build_one(recipe: Recipe, folder: Path, module: Path) -> None:
    target = folder / Path(recipe.programs[0]).parent
    partial = target / ".partial"
    partial.mkdir(parents=True, exist_ok=True)
    name = f"{partial}/" if len(recipe.programs) > 1 else str(partial / recipe.programs[0])
    command = [
        "go",
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        " ".join(("-s -w", *recipe.flags)),
        "-o",
        name,
    ]
    if recipe.seccomp:
        command += ["-tags", "seccomp"]
    environment = {**os.environ, "CGO_ENABLED": "1" if recipe.seccomp else "0"}
    done = subprocess.run(
        [*command, *recipe.packages], cwd=module, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotBuildableError(f"go build of {recipe.title} failed:\n{done.stderr[-2000:]}")
    for program in recipe.programs:
        (partial / Path(program).name).rename(folder / program)
    partial.rmdir()


def _tools(level: str) -> dict[str, str]:
    return {tool: package for each in LEVELS[: LEVELS.index(level) + 1] for tool, package in TOOLS[each].items()}


def _install_packages(level: str) -> None:
    install_system_packages(_tools(level))
    if missing := missing_packages(_tools(level)):
        raise MissingError(f"missing Debian packages: apt-get install {' '.join(missing)}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; the kernel gives it back even if this process is killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(level: str) -> int:
    """Build; what this machine cannot have fails CI only: elsewhere the tests are skipped with the same words."""
    if os.environ.get("KUBECONFIG"):
        _say("KUBECONFIG is set: nothing is built, the tests use that cluster, and kubectl, helm and helm3 of the PATH")
        return 0
    try:
        for each in LEVELS[: LEVELS.index(level) + 1]:
            sys.stdout.write(f"{build(each)}\n")
        sys.stdout.write(f"{build_helm3()}\n")
    except MissingError as error:
        _say(f"skipped: {error}")
        return 1 if os.environ.get("CI") else 0
    except NotBuildableError as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "node"))
