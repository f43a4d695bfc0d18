"""A tenant's pods as processes, with exactly the files, users and settings of its manifests, beside a sandbox."""

import base64
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aftersend.tenant.document import Tenant
from aftersend_demo.process import ChildProcess
from aftersend_operator.model.naming import Manifest
from tests.support.managed_redis import ManagedRedis
from tests.support.operator_kit import tenant, wanted
from tests.support.part_kit import get
from tests.support.pod_files import Objects, PodFiles
from tests.support.servers import COMMANDS, CURES, free_port

MERCHANT = {
    "mueller-afterbuy": {"partnerToken": "sandbox-partner", "accountToken": "sandbox-account"},
    "mueller-sendcloud": {
        "publicKey": "sandbox-public",
        "secretKey": "sandbox-secret",
        "webhookSignatureKey": "sandbox-signature-key",
    },
}
PATIENCE = 200.0


class RunningPods:
    """One tenant's pods as processes, beside a sandbox."""

    def __init__(self, folder: Path, topology: str) -> None:
        self.folder = folder
        self.sandbox_port, self.public = free_port(), free_port()
        self.tenant = _tenant(self.sandbox_port, topology)
        self.redis = ManagedRedis("redis7", folder / "redis", self.tenant)
        self.manifests = wanted(self.tenant)
        self.pods = {key: self._pod(key) for key in self.manifests if key.startswith(("Deployment/", "CronJob/"))}
        self.admin = {key: free_port() for key in self.pods if key.startswith("Deployment/")}
        (folder / "logs").mkdir()
        self.sandbox = ChildProcess(
            [
                *("aftersend", "sandbox", "--listen", f"127.0.0.1:{self.sandbox_port}", "--orders", "40"),
                *(
                    "--save-seconds",
                    "0",
                    "--time-scale",
                    "0.01",
                    "--webhook-url",
                    f"http://127.0.0.1:{self.public}/webhooks/sendcloud",
                ),
            ],
            log=folder / "logs" / "sandbox.log",
            environment={},
        )
        self.services = {key: self._service(key) for key in self.admin}

    def _pod(self, key: str) -> PodFiles:
        spec = self.manifests[key]["spec"]
        template = (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]
        return PodFiles(template, self._objects(), self.folder / "pods" / key.partition("/")[2])

    def _objects(self) -> Objects:
        found: dict[tuple[str, str], Manifest] = {
            (it["kind"], it["metadata"]["name"]): it
            for it in (*self.manifests.values(), *self.redis.secrets.values(), *_merchants())
        }
        return found

    def environment(self, key: str) -> dict[str, str]:
        """The pod's own, but for addresses: here is neither DNS nor a network per pod."""
        own = {**self.pods[key].environment, "AFTERSEND_REDIS_URL": self.redis.url}
        if key in self.admin:
            own["AFTERSEND_LISTEN"] = f"127.0.0.1:{self.public if key in self._serving() else 0}"
            own["AFTERSEND_ADMIN_LISTEN"] = f"127.0.0.1:{self.admin[key]}"
        return own

    @staticmethod
    def _serving() -> tuple[str, ...]:
        return "Deployment/webhook", "Deployment/all"

    def _service(self, key: str) -> ChildProcess:
        log = self.folder / "logs" / f"{key.partition('/')[2]}.log"
        return ChildProcess(self.pods[key].command, log=log, environment=self.environment(key))

    def is_ready(self) -> bool:
        """All services say so."""
        return all(get(port, "/readyz")[0] == 200 for port in self.admin.values())

    def run(self, key: str, *command: str) -> Any:
        """A command in that pod; its JSON."""
        done = self.execute(key, *command)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def execute(self, key: str, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in that pod, however it ends."""
        words = [str(Path(sys.executable).parent / command[0]), *command[1:]]
        environment = {"PATH": os.environ["PATH"], **self.environment(key)}
        return subprocess.run(words, check=False, capture_output=True, text=True, env=environment, timeout=PATIENCE)

    def control(self, path: str, body: object = None) -> Any:
        """Ask or steer the sandbox."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.sandbox_port}/control/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())


def _tenant(port: int, topology: str) -> Tenant:
    base = f"http://127.0.0.1:{port}"
    return tenant(
        topology=topology,
        afterbuy={"url": f"{base}/afterbuy/ABInterface.aspx", "credentials": {"secretName": "mueller-afterbuy"}},
        sendcloud={
            "url": f"{base}/api",
            "credentials": {"secretName": "mueller-sendcloud"},
            "integration": "J&J Aftersend",
        },
    )


def _merchants() -> list[Manifest]:
    return [
        {
            "kind": "Secret",
            "metadata": {"name": name},
            "data": {key: base64.b64encode(text.encode()).decode() for key, text in keys.items()},
        }
        for name, keys in MERCHANT.items()
    ]


@contextmanager
def running_pods(folder: Path, topology: str) -> Iterator[RunningPods]:
    """A tenant_pods with everything started; skipped without a Redis with TLS (fails in CI)."""
    if COMMANDS["redis7"]() is None:
        missing = f"no redis7 server here: {CURES['redis7']}"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    tenant_pods = RunningPods(folder, topology)
    with tenant_pods.redis:
        try:
            tenant_pods.sandbox.start()
            for service in tenant_pods.services.values():
                service.start()
            yield tenant_pods
        finally:
            for child in (*tenant_pods.services.values(), tenant_pods.sandbox):
                child.stop()


def until(met: Callable[[], bool], what: str) -> None:
    """Wait for it; a refused connection counts as not yet."""
    deadline = time.monotonic() + PATIENCE
    while not _holds(met):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.1)


def _holds(met: Callable[[], bool]) -> bool:
    try:
        return met()
    except OSError:
        return False
