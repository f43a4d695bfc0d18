"""Address and credentials of the API server: from a kubeconfig, or from the pod's service account.

Tokens and certificates are rotated while the operator runs. So a token file is read for every call, and
``file_versions`` changes whenever one of the other files does: then the client reloads them.
"""

import base64
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from aftersend.errors import Misconfigured

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """One API server and the credentials for it."""

    server: str
    files: tuple[Path, ...] = ()
    """The files that the rest was read from."""
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    ca: str = ""
    """Trusted certificates, PEM; empty = those of the system."""
    certificate: str = ""
    key: str = field(default="", repr=False)
    insecure: bool = False

    def headers(self) -> dict[str, str]:
        """Return the ``Authorization`` header as of now."""
        token = self.token_file.read_text().strip() if self.token_file else self.token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def file_versions(self) -> tuple[int, ...]:
        """Return the modification times of ``files``; they change when credentials were rotated."""
        return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in self.files)

    def ssl_context(self) -> ssl.SSLContext:
        """Build the TLS context: the cluster's authority, and a client certificate if there is one."""
        context = ssl.create_default_context(cadata=self.ca or None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # ssl loads from files only
                file.write(f"{self.certificate}\n{self.key}\n")
                file.flush()
                context.load_cert_chain(file.name)
        return context


def load_access(environ: Mapping[str, str], service_account: Path = SERVICE_ACCOUNT) -> ApiAccess:
    """Load ``KUBECONFIG`` if it is set, else the pod's service account; raise ``Misconfigured``."""
    if environ.get("KUBECONFIG"):
        return read_kubeconfig(Path(environ["KUBECONFIG"]))
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT", "443")
    ca_file, token_file = service_account / "ca.crt", service_account / "token"
    if not host or not token_file.is_file() or not ca_file.is_file():
        raise Misconfigured("there is no Kubernetes here", cure="run in a pod, or set KUBECONFIG to a kubeconfig file")
    address = f"[{host}]" if ":" in host else host
    return ApiAccess(
        server=f"https://{address}:{port}", files=(ca_file,), token_file=token_file, ca=ca_file.read_text()
    )


def read_kubeconfig(path: Path) -> ApiAccess:
    """Load the current context of a kubeconfig file; raise ``Misconfigured``."""
    try:
        config = yaml.safe_load(path.read_bytes())
        context = _named(config, "contexts", config["current-context"])["context"]
        cluster = _named(config, "clusters", context["cluster"])["cluster"]
        user = _named(config, "users", context["user"])["user"] or {}
        reader = _PemReader(path.parent)
        return ApiAccess(
            server=cluster["server"].rstrip("/"),
            ca=reader.pem(cluster, "certificate-authority"),
            certificate=reader.pem(user, "client-certificate"),
            key=reader.pem(user, "client-key"),
            token=user.get("token", ""),
            token_file=path.parent / user["tokenFile"] if user.get("tokenFile") else None,
            insecure=bool(cluster.get("insecure-skip-tls-verify")),
            files=(path, *reader.files),
        )
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise Misconfigured(
            f"KUBECONFIG {path} is not usable ({type(error).__name__})",
            cure="name a kubeconfig whose current context has a server and a certificate or token",
        ) from None


class _PemReader:
    """Read PEM data from the kubeconfig itself or from a file beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Path] = []

    def pem(self, section: Mapping[str, Any], name: str) -> str:
        if section.get(f"{name}-data"):
            return base64.b64decode(section[f"{name}-data"]).decode()
        if not section.get(name):
            return ""
        self.files.append(self.folder / section[name])
        return self.files[-1].read_text()


def _named(config: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    entry: Mapping[str, Any] = next(item for item in config[section] if item["name"] == name)
    return entry
