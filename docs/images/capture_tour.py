"""Makes ``docs/images/tour.svg``: a real run of ``aftersend demo``, then the way of a person on call.

What ``kubectl aftersend`` prints there is what it printed: it is called against an API server of the test cluster that
holds two tenants, whose status is written here as the operator writes it. Run it from the root of the repository, as
root, with Go: ``PYTHONPATH=. .venv/bin/python docs/images/capture_tour.py``.
"""

import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from moving_picture import COLUMNS, Frame, moving_picture
from rich.console import Console, RenderableType
from rich.text import Text

from aftersend.crd.definition import definition
from aftersend.observe import logs
from aftersend_demo.display import LiveDisplay, verdict_table
from aftersend_demo.environment import DemoEnvironment
from aftersend_demo.main import live_through
from tools.test_cluster.cluster import Cluster, own_cluster

PICTURE = Path(__file__).with_name("tour.svg")
TENANT = Path("examples/plain/mueller.yaml")
STEPS = 8
"""Frames of the running demo that are kept."""
CURE = "kubectl -n tenant-mueller create secret generic mueller-sendcloud --from-literal=publicKey=…"


def demo() -> list[Frame]:
    """Run the demo and keep some of its pictures, the last one with the verdict."""
    seen: list[RenderableType] = []
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder, DemoEnvironment(Path(folder), orders=300) as environment:
        display = LiveDisplay(Console(file=io.StringIO(), force_terminal=True, width=COLUMNS))

        def watch() -> None:
            while not stop.wait(0.5):
                seen.append(display.render())

        watcher = threading.Thread(target=watch)
        watcher.start()
        rules = asyncio.run(live_through(environment, display))
        stop.set()
        watcher.join()
        display.close()
        last = display.render()
    head = Text("$ make demo", style="bold")
    some = seen[:: max(1, len(seen) // STEPS)]
    return [*(Frame([head, each], 1.2) for each in some), Frame([head, last, verdict_table(rules)], 5.0)]


def condition(kind: str, holds: str, reason: str, message: str = "") -> dict[str, Any]:
    """Return a condition that holds since some minutes."""
    return {
        "type": kind, "status": holds, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": ago(12),
    }  # fmt: skip


def ago(minutes: int) -> str:
    """Return the time so many minutes ago."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def status(fault: str = "") -> dict[str, Any]:
    """What the operator writes of a tenant that works, or lacks a secret."""
    ready = ("False", "SecretMissing", fault) if fault else ("True", "Running", "")
    degraded = ("True", "SecretMissing", fault) if fault else ("False", "Healthy", "")
    since, recent = (190, 170) if fault else (3, 1)
    return {
        "conditions": [
            condition("Ready", *ready), condition("Progressing", "False", "UpToDate"), condition("Degraded", *degraded),
            condition("Suspended", "False", "Active"),
        ],
        "observedGeneration": 1,
        "lastExport": {"time": ago(since), "outcome": "done", "read": 312, "sent": 41, "unchanged": 268, "skipped": 3},
        "lastSweep": {"time": ago(recent), "outcome": "done"},
        "lastWriteBack": {"time": ago(recent)},
        "lastBackup": {"time": ago(since), "outcome": "done", "verified": True},
        "problems": {"conflict": 1} if fault else {},
        "queues": {"parcels": {"waiting": 17, "oldestMinutes": 31}} if fault else {"parcels": {"waiting": 0}},
        "version": "0.1.0",
        "servedBy": "aftersend/aftersend",
    }  # fmt: skip


def on_call() -> Iterator[Frame]:
    """From the fleet to the cause, and whether it is cured."""
    with tempfile.TemporaryDirectory() as folder, own_cluster("api", Path(folder)) as cluster:
        cluster.apply(definition())
        cluster.wait_until_established(definition()["metadata"]["name"])
        missing = f"secret mueller-sendcloud is not there: {CURE}"
        for name, fault in (("mueller", missing), ("schmidt", "")):
            make(cluster, name, fault)
        shown: list[RenderableType] = []
        for words in ("status -A", "status mueller -n tenant-mueller", "top -A"):
            shown += said(cluster, words)
            yield Frame(tuple(shown), 4.5)
        shown += [Text(f"$ {CURE}", style="bold"), "secret/mueller-sendcloud created", ""]
        yield Frame(tuple(shown), 2.5)
        write(cluster, "mueller", "")
        yield Frame((*shown, *said(cluster, "status -A")), 6.0)


def make(cluster: Cluster, name: str, fault: str) -> None:
    """Apply the example under this name, with its status."""
    text = TENANT.read_text().replace("mueller", name)
    cluster.kubectl("create", "namespace", f"tenant-{name}")
    for each in yaml.safe_load_all(text):
        if each["kind"] == "AftersendTenant":
            cluster.apply(each)
    cluster.apply(*(deployment(name, part) for part in ("exporter", "webhook", "writer")))
    write(cluster, name, fault)


def deployment(name: str, part: str) -> dict[str, Any]:
    """Return as much of a part as ``status`` reads; without a node no pod of it gets ready."""
    labels = {
        "app.kubernetes.io/name": "aftersend", "app.kubernetes.io/managed-by": "aftersend-operator",
        "app.kubernetes.io/instance": name, "app.kubernetes.io/component": part,
    }  # fmt: skip
    metadata = {"name": f"aftersend-{name}-{part}", "namespace": f"tenant-{name}", "labels": labels}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": part, "image": "aftersend"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def write(cluster: Cluster, name: str, fault: str) -> None:
    """Write the status."""
    patch = json.dumps({"status": status(fault)})
    cluster.kubectl(
        "patch", f"ast/{name}", f"-ntenant-{name}", "--subresource=status", "--type=merge", f"--patch={patch}"
    )


def said(cluster: Cluster, words: str) -> list[RenderableType]:
    """Return what a person types, and what the plugin prints; of tables the columns, as in a pipe."""
    environ = {**os.environ, "KUBECTL": str((cluster.programs or Path()) / "kubectl"), "NO_PROXY": "*"}
    command = [str(Path(sys.executable).with_name("kubectl-aftersend")), *words.split()]
    environ["KUBECONFIG"] = str(cluster.kubeconfig)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    return [Text(f"$ kubectl aftersend {words}", style="bold"), Text(done.stdout)]


def main() -> None:
    """Make the picture."""
    logs.configure("console", "error")
    frames = [*demo(), *on_call()]
    PICTURE.write_text(moving_picture(frames, title="aftersend: a day in a minute, and a call at night"))


if __name__ == "__main__":
    main()
