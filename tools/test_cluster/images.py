"""Images for the pods of a test: ours by way of the real Dockerfile, and a Redis from Debian's packages.

No registry of images can be reached where these tests run, so what the Dockerfile names as its bases is rebuilt from
the same Debian packages: Python with pip and a shell to build, Python alone to run. ``buildah`` runs the Dockerfile
without a daemon. Archives lie in the cache under the hash of what they are made from, and so do the layers below them.
"""

import hashlib
import os
import platform
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.test_cluster.build import cache, locked

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = (
    "Dockerfile",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "aftersend",
    "demo",
    "operator",
    "plugin",
    "requirements",
    "sandbox",
    "services",
)
"""What the Dockerfile may see."""
TAG = "test"
_TO_RUN = ("base-files", "ca-certificates", "python3", "tzdata")
_TO_BUILD = ("base-files", "busybox-static", "ca-certificates", "python3", "python3-venv")
_REDIS = ("base-files", "busybox-static", "redis-server", "redis-tools")
_KEPT = 4
"""Archives of each image in the cache: checkouts beside each other do not take them from one another."""
_WITH_TRUST = "ADD ca-certificates.crt /etc/ssl/certs/\n"
_WITH_SHELL = 'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
_NEEDLESS = ("doc", "info", "lintian", "locale", "man", "perl5")
_FROM_HOST = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
"""How this machine reaches the package index: mounted while building, never part of an image."""


@dataclass(frozen=True)
class Image:
    """One image: ``name`` as pods call it, ``archive`` as containerd imports it."""

    name: str
    archive: Path


def service_image(root: Path = ROOT, tag: str = TAG) -> Image:
    """The services, the command line and the sandbox: what every pod of a tenant runs."""
    contents = _contents("service", root)
    return _image("aftersend-service", contents, lambda name: _from_dockerfile(name, root, operator=False), tag)


def operator_image(root: Path = ROOT, tag: str = TAG) -> Image:
    """The same code with kopf."""
    contents = _contents("operator", root)
    return _image("aftersend-operator", contents, lambda name: _from_dockerfile(name, root, operator=True), tag)


def redis_image() -> Image:
    """Debian's Redis 7 with TLS, and with a shell, as the public images have one."""
    return _image("redis", [repr(_REDIS).encode()], lambda name: _from_packages(name, _REDIS, _WITH_SHELL))


def size(image: Image) -> int:
    """Bytes of an image as it lies unpacked on a node."""
    return image.archive.stat().st_size


def _image(short: str, made_from: Sequence[bytes], make: Callable[[str], None], tag: str = TAG) -> Image:
    name = f"localhost/{short}:{tag}"
    named = [tag.encode()] if tag != TAG else []
    digest = hashlib.sha256(b"\0".join((Path(__file__).read_bytes(), *named, *made_from))).hexdigest()
    archive = cache() / "images" / f"{short}-{digest[:12]}.tar"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with locked(archive.parent / "lock"):
        if not archive.exists():
            make(name)
            _save(name, archive, short)
    return Image(name, archive)


def _save(name: str, archive: Path, short: str) -> None:
    for old in sorted(archive.parent.glob(f"{short}-*.tar*"), key=lambda path: path.stat().st_mtime)[: 1 - _KEPT]:
        old.unlink()
    partial = archive.with_suffix(".tar.partial")
    _buildah("push", "--quiet", name, f"docker-archive:{partial}:{name}")
    partial.rename(archive)


def _contents(kind: str, root: Path) -> list[bytes]:
    return [kind.encode(), *(str(path.relative_to(root)).encode() + path.read_bytes() for path in _files(root))]


def _files(root: Path) -> Iterator[Path]:
    for name in CONTEXT:
        path = root / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _from_dockerfile(name: str, root: Path, *, operator: bool) -> None:
    arguments = {
        "PYTHON": _base(_TO_BUILD, _WITH_SHELL),
        "BASE": _base(_TO_RUN, _WITH_TRUST),
        "OPERATOR": str(int(operator)),
    }
    mounts = [f"--volume={path}:{path}:ro" for path in _FROM_HOST if Path(path).exists()]
    options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    _buildah("bud", "--layers", "--pull-never", "--isolation=chroot", *options, *mounts, f"--tag={name}", str(root))


def _base(packages: Sequence[str], setup: str) -> str:
    name = f"localhost/base:{hashlib.sha256(repr((packages, setup)).encode()).hexdigest()[:12]}"
    if subprocess.run([*_command(), "inspect", "--type=image", name], capture_output=True, check=False).returncode:
        _from_packages(name, packages, setup)
    return name


def _from_packages(name: str, packages: Sequence[str], setup: str) -> None:
    """An image of unpacked Debian packages of this machine's release; no script of theirs runs.

    Beside the archive lies what the script of ``ca-certificates`` would make: all of its certificates in one file.
    """
    with tempfile.TemporaryDirectory() as folder:
        sources = [
            path for path in ("/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources") if Path(path).exists()
        ]
        excluded = [f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in _NEEDLESS]
        release = platform.freedesktop_os_release()["VERSION_CODENAME"]
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", f"--include={','.join(packages)}"]
        _run([*command, "--aptopt=APT::Install-Recommends false", *excluded, release, f"{folder}/base.tar", *sources])
        (Path(folder) / "ca-certificates.crt").write_bytes(_certificates(Path(folder) / "base.tar"))
        (Path(folder) / "Dockerfile").write_text(f"FROM scratch\nADD base.tar /\n{setup}")
        _buildah("bud", "--isolation=chroot", f"--tag={name}", folder)


def _certificates(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        files = [tar.extractfile(each) for each in tar if each.isfile() and "/ca-certificates/mozilla/" in each.name]
        return b"".join(file.read() for file in files if file)


def _buildah(*arguments: str) -> None:
    _run([*_command(), *arguments])


def _command() -> list[str]:
    store = cache() / "buildah"
    return ["buildah", f"--root={store}/root", f"--runroot={store}/run", "--storage-driver=overlay"]


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} … failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    for made in (service_image(), operator_image(), redis_image()):
        print(f"{made.name}  {size(made) / 1e6:.0f} MB  {made.archive}")
