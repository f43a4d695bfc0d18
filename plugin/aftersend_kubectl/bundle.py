"""``kubectl aftersend bundle``: what a second pair of eyes needs, in one archive, without secrets and personal data.

Secrets are never read, ConfigMaps lose their data (they repeat the tenant document), objects lose managed fields and
the last applied text; the numbers of ``customs.taxNumbers`` and environment variables that are not ours are blanked.
Logs hold no personal data by themselves. What could not be read is listed in ``missing.txt``, with the reason.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from aftersend.errors import AftersendError
from aftersend_kubectl.kubectl import Kubectl
from aftersend_kubectl.tenants import KIND, TenantView

_KINDS: Final = (
    "deployments", "statefulsets", "cronjobs", "jobs", "pods", "services", "networkpolicies", "ingresses",
    "persistentvolumeclaims", "configmaps",
)  # fmt: skip
_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_BLANK: Final = "…"


def write_bundle(kubectl: Kubectl, tenant: TenantView, file: Path) -> list[str]:
    """Write the archive; return what could not be read."""
    missing: list[str] = []
    with tarfile.open(file, "w:gz") as archive:
        for name, read in _entries(kubectl, tenant):
            try:
                _add(archive, name, read())
            except AftersendError as error:
                missing.append(f"{name}: {error}")
        _add(archive, "missing.txt", "\n".join(missing))
    file.chmod(0o600)
    return missing


def without_secrets(document: dict[str, Any]) -> dict[str, Any]:
    """Return an object as it may leave the cluster."""
    cleaned: dict[str, Any] = json.loads(json.dumps(document))
    metadata = cleaned.get("metadata", {})
    metadata.pop("managedFields", None)
    metadata.get("annotations", {}).pop(_APPLIED, None)
    if cleaned.get("kind") == "ConfigMap":
        cleaned["data"] = dict.fromkeys(cleaned.get("data", {}), _BLANK)
        cleaned.pop("binaryData", None)
    for number in cleaned.get("spec", {}).get("export", {}).get("customs", {}).get("taxNumbers", ()):
        number["number"] = _BLANK
    _blank_variables(cleaned)
    return cleaned


def _blank_variables(value: object) -> None:
    """Blank every environment variable that is not ours: headers of a trace collector hold tokens."""
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _blank_variables(each)
    for variable in value.get("env") or () if isinstance(value, dict) else ():
        if "value" in variable and not variable["name"].startswith("AFTERSEND_"):
            variable["value"] = _BLANK


def _entries(kubectl: Kubectl, tenant: TenantView) -> Iterator[tuple[str, Any]]:
    """Yield the name of each file, and what reads its text."""
    mine = f"--selector=app.kubernetes.io/instance={tenant.name},app.kubernetes.io/managed-by=aftersend-operator"
    yield "tenant.yaml", lambda: _as_yaml([kubectl.read(f"{KIND}/{tenant.name}")])
    for kind in _KINDS:
        yield f"objects/{kind}.yaml", lambda kind=kind: _as_yaml(kubectl.read(kind, mine)["items"])
    yield "events.txt", lambda: kubectl.text("get", "events", "--sort-by=.lastTimestamp")
    yield "version.txt", lambda: kubectl.text("version")
    yield "top.txt", lambda: kubectl.text("top", "pods", mine)
    for pod in _pods(kubectl, mine):
        name = pod["metadata"]["name"]
        restarted = {each["name"] for each in pod["status"].get("containerStatuses", ()) if each["restartCount"]}
        for container in (each["name"] for each in pod["spec"]["containers"]):
            yield f"logs/{name}.{container}.log", lambda p=name, c=container: _log(kubectl, p, c)
            if container in restarted:
                before = f"logs/{name}.{container}.previous.log"
                yield before, lambda p=name, c=container: _log(kubectl, p, c, "--previous")
        if _shows_metrics(pod):
            yield f"metrics/{name}.txt", lambda p=name: _metrics(kubectl, tenant, p)


def _pods(kubectl: Kubectl, mine: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = kubectl.read("pods", mine)["items"]
    except AftersendError:
        return []  # objects/pods.yaml says why
    return found


def _shows_metrics(pod: Mapping[str, Any]) -> bool:
    """Return whether it is a service: Redis and jobs have no such port."""
    return any(port.get("name") == "admin" for each in pod["spec"]["containers"] for port in each.get("ports", ()))


def _log(kubectl: Kubectl, pod: str, container: str, *which: str) -> str:
    return kubectl.text("logs", f"pod/{pod}", f"--container={container}", "--tail=20000", *which)


def _metrics(kubectl: Kubectl, tenant: TenantView, pod: str) -> str:
    return kubectl.text("get", "--raw", f"/api/v1/namespaces/{tenant.namespace}/pods/{pod}:9090/proxy/metrics")


def _as_yaml(documents: list[dict[str, Any]]) -> str:
    return yaml.safe_dump_all(map(without_secrets, documents), sort_keys=False, allow_unicode=True)


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
