"""A Kubernetes cluster as the tests see it: ours, started for this session, or any other by ``KUBECONFIG``."""

import base64
import itertools
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tools.test_cluster import build, requirements, system
from tools.test_cluster.credentials import kubeconfig

ROOT = Path(__file__).resolve().parents[2]


class CommandError(AssertionError):
    """kubectl or helm refused; the text is what it said."""


class UnavailableError(Exception):
    """No cluster can be had here; the text says what is missing and how to get it."""


@dataclass(frozen=True)
class Cluster:
    """Access to one cluster with all rights. Paths are absolute; ``programs`` holds kubectl and helm."""

    kubeconfig: Path
    url: str
    authority: Path | None
    """The certificate that signs the API server's (``ca.crt``)."""
    programs: Path | None
    scratch: Path
    """A folder for files of this session."""
    host: str | None = None
    """Where pods reach servers of this machine, which in turn reaches pods and services by their addresses."""
    folder: Path | None = None
    """Where our own cluster lives, with one log for each component in ``log/``; None for a foreign one."""

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Call kubectl, with ``text`` as its input, and return what it prints.

        Raises:
            CommandError: it failed.
        """
        return self._call("kubectl", *arguments, text=text)

    def helm(self, *arguments: str) -> str:
        """Call helm; it keeps its files in ``scratch``."""
        return self._call("helm", *arguments)

    def helm3(self, *arguments: str) -> str:
        """Call Helm 3 likewise.

        Raises:
            UnavailableError: it was not built, or is not on the PATH of who brings a cluster.
        """
        program = str(build.helm3()) if self.programs else "helm3"
        if not shutil.which(program):
            raise UnavailableError(
                "Helm 3 is missing: `python -m tools.test_cluster.build api`, or put helm3 on the PATH"
            )
        return self._call(program, *arguments)

    def get(self, *arguments: str) -> Any:  # noqa: ANN401 - what JSON may be
        """An object or a list of objects: ``get("pod", "x", "--namespace=y")``."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def apply(self, *objects: dict[str, Any], manager: str = "tests") -> None:
        """Apply objects server-side, as ``kubectl apply`` of a person would; conflicts fail."""
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        self.kubectl("apply", "--server-side", f"--field-manager={manager}", "--filename=-", text=document)

    def wait_until_established(self, *definitions: str) -> None:
        """Wait for CustomResourceDefinitions; ``--for=condition`` fails on a new one, whose conditions are ``null``."""
        established = "--for=jsonpath={.status.conditions[?(@.type=='Established')].status}=True"
        self.kubectl("wait", "--timeout=60s", established, *(f"crd/{name}" for name in definitions))

    def make_namespace(
        self, prefix: str = "test", *, restricted: bool = True, suits: Callable[[str], bool] = lambda _: True
    ) -> str:
        """Make a namespace with a unique name; ``restricted`` enforces that Pod Security Standard."""
        name = next(filter(suits, (f"{prefix}-{secrets.token_hex(4)}" for _ in itertools.count())))
        labels = {"pod-security.kubernetes.io/enforce": "restricted"} if restricted else {}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        return name

    def kubeconfig_of(self, namespace: str, account: str) -> Path:
        """A kubeconfig with the rights of a service account, good for two hours."""
        token = self.kubectl("create", "token", account, f"--namespace={namespace}", "--duration=2h").strip()
        return self.kubeconfig_with({"token": token}, name=f"{namespace}-{account}")

    def kubeconfig_with(
        self, user: dict[str, str], *, name: str, url: str | None = None, authority: Path | None = None
    ) -> Path:
        """A kubeconfig for another user, or by way of a proxy at ``url`` that shows a certificate of ``authority``."""
        trusted = authority or self.authority
        if trusted is None:
            raise UnavailableError("the kubeconfig of the cluster names no certificate authority")
        path = self.scratch / f"{name}.kubeconfig"
        path.write_text(kubeconfig(url or self.url, trusted, user))
        return path

    def load_image(self, archive: Path) -> None:
        """Make an image available to the node of our own cluster."""
        if self.programs is None or self.folder is None:
            raise UnavailableError("images of a foreign cluster come from its registry")
        system.load(self.programs, self.folder, archive)

    def tag_image(self, name: str, another: str) -> None:
        """Give an image of our own node another name as well."""
        if self.programs is None or self.folder is None:
            raise UnavailableError("images of a foreign cluster come from its registry")
        system.ctr(self.programs, self.folder, "images", "tag", "--force", name, another)

    def restart(self, component: str) -> None:
        """Kill a component of our own cluster (``kube-apiserver``, ``kubelet``), which is started again at once."""
        if self.programs is None or self.folder is None:
            raise UnavailableError("the components of a foreign cluster are not ours to restart")
        (self.folder / f"restart-{component}").touch()
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has ended meanwhile
                program, *arguments = line.read_text().split("\0")
                if program == str(self.programs / component) and str(self.folder) in " ".join(arguments):
                    os.kill(int(line.parent.name), signal.SIGKILL)

    def _call(self, program: str, *arguments: str, text: str | None = None) -> str:
        command = [str(self.programs / program) if self.programs else program, *arguments]
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "NO_PROXY": "*"}
        environment |= {
            f"HELM_{kind}_HOME": str(self.scratch / f"helm-{kind.lower()}") for kind in ("CACHE", "CONFIG", "DATA")
        }
        done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CommandError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def own_cluster(level: str, scratch: Path) -> Iterator[Cluster]:
    """Start a cluster of ours and take it down in the end; it goes down, too, if this process is killed.

    Raises:
        UnavailableError: Go, root rights or a package are missing, or it did not start.
    """
    try:
        requirements.require(level, built=build.complete(level))
    except requirements.MissingError as error:
        raise UnavailableError(str(error)) from None
    with subprocess.Popen(
        [sys.executable, "-m", "tools.test_cluster.launch", level],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        start_new_session=True,
    ) as launcher:
        line = launcher.stdout.readline() if launcher.stdout else ""
        if not line:
            raise UnavailableError("the test cluster did not start; the reason stands above")
        announced = json.loads(line)
        paths = {name: Path(announced[name]) for name in ("kubeconfig", "authority", "programs", "folder")}
        yield Cluster(url=announced["url"], host=announced["host"], scratch=scratch, **paths)
        if launcher.stdin:
            launcher.stdin.close()


def foreign_cluster(config: Path, scratch: Path) -> Cluster:
    """The cluster of the current context of ``config``, with kubectl and helm from the PATH."""
    for program in ("kubectl", "helm"):
        if not shutil.which(program):
            raise UnavailableError(f"with KUBECONFIG set, {program} must be on the PATH")
    shown = yaml.safe_load(
        subprocess.run(
            ["kubectl", "config", "view", "--raw", "--minify", "--flatten"],
            env={**os.environ, "KUBECONFIG": str(config)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )
    server = shown["clusters"][0]["cluster"]
    return Cluster(
        kubeconfig=config, url=server["server"], authority=_authority(server, scratch), programs=None, scratch=scratch
    )


def _authority(server: dict[str, str], scratch: Path) -> Path | None:
    if "certificate-authority-data" not in server:
        return None
    path = scratch / "ca.crt"
    path.write_bytes(base64.b64decode(server["certificate-authority-data"]))
    return path
