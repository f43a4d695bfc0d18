"""Pods of a test: small ones that obey the restricted Pod Security Standard, and how to look into any."""

from typing import Any

from tools.test_cluster.cluster import Cluster

SERVER = (
    "import http.server, os, signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); os.chdir('/tmp'); "
    "http.server.ThreadingHTTPServer(('', 8080), http.server.SimpleHTTPRequestHandler).serve_forever()"
)
"""A web server for the files of ``/tmp``."""


def a_pod(name: str, image: str, *command: str, claim: str = "", port: int = 0) -> dict[str, Any]:
    """A pod that runs ``command`` as user 10001 with a writable ``/tmp``: empty, or a claimed volume.

    With ``port`` it is ready when something listens there.
    """
    volume: dict[str, Any] = {"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}}
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "Never",
        "command": list(command),
        **({"readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1}} if port else {}),
        "resources": {"requests": {"cpu": "10m"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 2,
            "containers": [container],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "volumes": [{"name": "tmp", **volume}],
        },
    }


def start(cluster: Cluster, namespace: str, *pods: dict[str, Any]) -> None:
    """Apply pods and wait until they are ready."""
    for pod in pods:
        cluster.apply({**pod, "metadata": {**pod["metadata"], "namespace": namespace}})
    names = [f"pod/{pod['metadata']['name']}" for pod in pods]
    cluster.kubectl("wait", "--for=condition=Ready", f"--namespace={namespace}", "--timeout=120s", *names)


def run_in(cluster: Cluster, namespace: str, pod: str, *command: str) -> str:
    """What a command in a running pod prints; raises CommandError if it fails."""
    return cluster.kubectl("exec", f"--namespace={namespace}", pod, "--", *command)


def fetch_from(cluster: Cluster, namespace: str, pod: str, url: str) -> str:
    """What ``url`` answers to a pod; raises CommandError with Python's words if it does not."""
    code = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode(), end='')"
    return run_in(cluster, namespace, pod, "python3", "-c", code, url)
