"""The API server with all rights, for tests that look again and again.

A ``kubectl proxy`` answers plain HTTP on the loopback interface, so that one look costs a millisecond and not the start
of a program; and kubectl authenticates with whatever ``KUBECONFIG`` holds.
"""

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aftersend_operator.model.kinds import CHILDREN, EVENT, POD, TENANT, Kind
from tools.test_cluster.cluster import Cluster

_KINDS = {kind.name.lower(): kind for kind in (*CHILDREN, EVENT, POD)} | {"ast": TENANT}
_KINDS |= {
    "namespace": Kind("v1", "Namespace", "namespaces"),
    "resourcequota": Kind("v1", "ResourceQuota", "resourcequotas"),
    "role": Kind("rbac.authorization.k8s.io/v1", "Role", "roles"),
    "rolebinding": Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    "persistentvolume": Kind("v1", "PersistentVolume", "persistentvolumes"),
    "storageclass": Kind("storage.k8s.io/v1", "StorageClass", "storageclasses"),
}
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
_NOT_FOUND = 404


class ApiRefusedError(AssertionError):
    """The API server refuses; the text is what it said."""


@dataclass(frozen=True)
class KubeClient:
    """What ``kubectl`` does, as calls. Objects are named as there: ``deployment/x``."""

    host: str
    port: int

    def look(self, what: str, namespace: str = "") -> Any:
        """One object, or None if there is none."""
        return self._call("GET", _path(what, namespace))

    def list(self, kind: str, namespace: str = "", *, labels: str = "") -> list[Any]:
        """All objects of a kind, each with ``kind``, which lists leave out."""
        query = f"?labelSelector={quote(labels)}" if labels else ""
        found = self._call("GET", _path(kind, namespace) + query)
        return [{"kind": _KINDS[kind].name, **item} for item in found["items"]] if found else []

    def serves(self, kind: str) -> bool:
        """Whether the API server knows a kind by now."""
        return self._call("GET", _path(kind, "")) is not None

    def apply(self, *objects: dict[str, Any], manager: str = "person") -> None:
        """Server-side apply as a person would; conflicts fail."""
        for thing in objects:
            metadata = thing["metadata"]
            path = _path(f"{_word(thing)}/{metadata['name']}", metadata.get("namespace", ""))
            self._call("PATCH", f"{path}?fieldManager={manager}&fieldValidation=Strict", thing, _APPLY)

    def patch(
        self, what: str, namespace: str, document: dict[str, Any], *, subresource: str = "", manager: str = "person"
    ) -> None:
        """Merge into an object, as ``kubectl patch`` or ``kubectl edit`` do."""
        path = _path(what, namespace) + (f"/{subresource}" if subresource else "")
        if self._call("PATCH", f"{path}?fieldManager={manager}", document, _MERGE) is None:
            raise ApiRefusedError(f"there is no {what} in {namespace}")

    def try_to_create(self, thing: dict[str, Any]) -> None:
        """Create nothing, but let the server check it as it checks what ``kubectl apply`` sends."""
        path = _path(_word(thing), thing["metadata"]["namespace"])
        self._call("POST", f"{path}?dryRun=All&fieldValidation=Strict", thing)

    def delete(self, what: str, namespace: str = "", *, cascade: str = "Background") -> None:
        """Delete and do not wait."""
        self._call("DELETE", _path(what, namespace), {"propagationPolicy": cascade})

    def token(self, namespace: str, account: str) -> str:
        """A token of a service account, good for two hours."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 7200},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        return str(self._call("POST", path, request)["status"]["token"])

    def _call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": content_type, "Accept": "application/json"})
            answer = connection.getresponse()
            received = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {type(error).__name__}") from error  # it was cut off
        finally:
            connection.close()
        if answer.status == _NOT_FOUND and method != "POST":
            return None  # in plain words if the whole group is unknown
        document = json.loads(received or b"{}")
        if answer.status >= 300:
            raise ApiRefusedError(f"{method} {path}: {answer.status} {document.get('message', '')}")
        return document


@contextmanager
def kube_client(cluster: Cluster) -> Iterator[KubeClient]:
    """Serve as long as the block runs."""
    command = [str(cluster.programs / "kubectl") if cluster.programs else "kubectl", "proxy", "--port=0"]
    environ = {**os.environ, "KUBECONFIG": str(cluster.kubeconfig), "NO_PROXY": "*"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        host, _, port = process.stdout.readline().rpartition(" ")[2].strip().rpartition(":")
        try:
            yield KubeClient(host, int(port))
        finally:
            process.terminate()


def _path(what: str, namespace: str) -> str:
    word, _, name = what.partition("/")
    return _KINDS[word].path(namespace, name)


def _word(thing: dict[str, Any]) -> str:
    return "ast" if thing["kind"] == TENANT.name else str(thing["kind"]).lower()
