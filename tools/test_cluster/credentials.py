"""Keys, certificates and kubeconfigs of one test cluster: made by openssl in a tenth of a second, good for 30 days.

They pass Python's strict check of certificates (the default since 3.13).
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30")
_CLIENTS = {
    "admin": "/O=system:masters/CN=admin",
    "controllers": "/CN=system:kube-controller-manager",
    "kubelet": "/O=system:nodes/CN=system:node:{node}",
    "netpol": "/CN=netpol",
    "proxy": "/CN=system:kube-proxy",
    "scheduler": "/CN=system:kube-scheduler",
}


@dataclass(frozen=True)
class Authority:
    """One cluster's certificates below ``folder``; every file is named after whom it speaks for."""

    folder: Path
    node: str
    """Name of the one node."""
    address: str
    """Its IPv4 address, where the API server listens as well."""
    service: str
    """First address of the range of services: ``kubernetes.default.svc``."""

    def make(self) -> None:
        """Write all keys, certificates and kubeconfigs."""
        make_authority(self.folder)
        _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(self.path("sa.key")))
        _openssl("pkey", "-in", str(self.path("sa.key")), "-pubout", "-out", str(self.path("sa.pub")))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda leaf: sign(self.folder, *leaf), self._leaves()))
        for client in _CLIENTS:
            self._kubeconfig(client)

    def path(self, name: str) -> Path:
        """Return a file of this authority, such as ``ca.crt`` or ``admin.kubeconfig``."""
        return self.folder / name

    def _leaves(self) -> list[tuple[str, str, tuple[str, ...]]]:
        node = f"/O=system:nodes/CN=system:node:{self.node}"
        addresses = tuple(f"IP:{address}" for address in (self.address, "127.0.0.1", self.service))
        names = tuple(
            f"DNS:kubernetes{rest}" for rest in ("", ".default", ".default.svc", ".default.svc.cluster.local")
        )
        return [
            ("apiserver", "/CN=kube-apiserver", (*addresses, *names)),
            ("kubelet-server", node, (f"IP:{self.address}", f"DNS:{self.node}")),
            ("apiserver-kubelet", "/O=system:masters/CN=kube-apiserver-kubelet-client", ()),
            *((name, subject.format(node=self.node), ()) for name, subject in _CLIENTS.items()),
        ]

    def _kubeconfig(self, client: str) -> None:
        user = {"client-certificate": str(self.path(f"{client}.crt")), "client-key": str(self.path(f"{client}.key"))}
        document = kubeconfig(f"https://{self.address}:6443", self.path("ca.crt"), user)
        self.path(f"{client}.kubeconfig").write_text(document)


def make_authority(folder: Path) -> None:
    """Make ``folder`` with ``ca.crt`` and ``ca.key``."""
    folder.mkdir()
    use = ["-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"]
    _openssl("req", "-x509", *_NEW_KEY, *_files(folder, "ca"), "-subj", "/CN=aftersend-tests", *use)


def sign(folder: Path, name: str, subject: str, alternatives: Sequence[str] = ()) -> None:
    """Write ``name.crt`` and ``name.key`` beside the authority: of a server with alternative names, or of a client."""
    extensions = ["-addext", "basicConstraints=critical,CA:FALSE"]
    extensions += ["-addext", f"extendedKeyUsage={'serverAuth' if alternatives else 'clientAuth'}"]
    extensions += ["-addext", f"subjectAltName={','.join(alternatives)}"] if alternatives else []
    signer = ["-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key"]
    _openssl("req", "-x509", *_NEW_KEY, *signer, *_files(folder, name), "-subj", subject, *extensions)


def kubeconfig(url: str, authority: Path, user: Mapping[str, str]) -> str:
    """The text of a kubeconfig with one cluster and one user."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {"server": url, "certificate-authority": str(authority)}}],
            "users": [{"name": "tests", "user": dict(user)}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        }
    )


def _files(folder: Path, name: str) -> list[str]:
    return ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt"]


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
