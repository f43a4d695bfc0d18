"""A merchant in a cluster: a namespace, a sandbox that plays both sides for it, keys, and the tenant document.

The sandbox is asked by way of the API server, so this works with any cluster.
"""

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aftersend.cli.jitter import start_delay
from tests.support.cluster.pods import a_pod
from tests.support.cluster.waiting import eventually
from tools.test_cluster.cluster import Cluster, CommandError

NAME = "shop"
CREDENTIALS = {
    "afterbuy": {"partnerToken": "sandbox-partner", "accountToken": "sandbox-account"},
    "sendcloud": {
        "publicKey": "sandbox-public",
        "secretKey": "sandbox-secret",
        "webhookSignatureKey": "sandbox-signature-key",
    },
}
PORT = 8088


def starts_soon(namespace: str) -> bool:
    """Whether the part of a minute that the CronJobs of a tenant there wait is a short one."""
    return all(start_delay(f"{namespace}.{NAME}", kind) < 5 for kind in ("export", "backup"))


@dataclass(frozen=True)
class ClusterShop:
    """One merchant; its tenant is called ``shop`` and has the namespace for itself."""

    cluster: Cluster
    namespace: str
    topology: str = "split"

    @property
    def parts(self) -> tuple[str, ...]:
        """What runs beside Redis, a pod each."""
        return ("all",) if self.topology == "compact" else ("exporter", "webhook", "writer")

    def part(self, name: str) -> str:
        """The part that does the work of exporter, webhook or writer."""
        return name if name in self.parts else "all"

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """kubectl in the namespace."""
        return self.cluster.kubectl(f"--namespace={self.namespace}", *arguments, text=text)

    def get(self, *arguments: str) -> Any:
        """Objects of the namespace."""
        return self.cluster.get(*arguments, f"--namespace={self.namespace}")

    def open(self, image: str, *, orders: int, seed: int) -> None:
        """Lay down the keys and start the sandbox, which serves as soon as its pod is ready."""
        webhook = f"http://aftersend-{NAME}-webhook/webhooks/sendcloud"
        command = (
            "aftersend",
            "sandbox",
            f"--listen=0.0.0.0:{PORT}",
            f"--orders={orders}",
            f"--seed={seed}",
            "--time-scale=0.02",
        )
        for side, keys in CREDENTIALS.items():
            self.write_secret(side, keys)
        pod = a_pod("sandbox", image, *command, f"--webhook-url={webhook}", port=PORT)
        self.cluster.apply({**pod, "metadata": {**pod["metadata"], "namespace": self.namespace}})
        self.kubectl("expose", "pod", "sandbox", f"--port={PORT}")

    def write_secret(self, name: str, keys: dict[str, str]) -> None:
        """Make or replace a secret."""
        metadata = {"name": name, "namespace": self.namespace}
        self.cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": keys})

    def let_backups_out(self, address: str, port: int) -> None:
        """What a storage at a private address needs besides: a policy of the platform team."""
        spec = {
            "podSelector": {"matchLabels": {"app.kubernetes.io/component": "backup"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": f"{address}/32"}}], "ports": [{"port": port}]}],
        }
        metadata = {"name": "backups-to-s3", "namespace": self.namespace}
        kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        self.cluster.apply({**kind, "metadata": metadata, "spec": spec})

    def patch_tenant(self, **spec: Any) -> None:
        """Change some fields."""
        self.kubectl("patch", "ast", NAME, "--type=merge", f"--patch={json.dumps({'spec': spec})}")

    def tenant(self, **spec: Any) -> dict[str, Any]:
        """The document as a platform team would write it, with ``spec`` on top."""
        url = f"http://sandbox.{self.namespace}.svc:{PORT}"
        both = {
            "afterbuy": {"credentials": {"secretName": "afterbuy"}, "url": f"{url}/afterbuy/ABInterface.aspx"},
            "sendcloud": {
                "credentials": {"secretName": "sendcloud"},
                "integration": "J&J Aftersend",
                "url": f"{url}/api",
            },
        }
        return {
            "apiVersion": "aftersend.jj-ideenschmiede.de/v1",
            "kind": "AftersendTenant",
            "metadata": {"name": NAME, "namespace": self.namespace},
            "spec": both | {"topology": self.topology} | spec,
        }

    def status(self, name: str) -> Any:
        """A field of the tenant's status; None if it is not there yet."""
        return self.get("aftersendtenant", NAME).get("status", {}).get(name)

    def condition(self, name: str) -> str:
        """``status`` of a condition of the tenant; empty if it is not there yet."""
        conditions = self.status("conditions") or []
        return next((each["status"] for each in conditions if each["type"] == name), "")

    def run_job(self, kind: str, *command: str) -> str:
        """Run a CronJob's job now, with another command if one is given, as the guide shows; what it printed."""
        job = f"by-hand-{secrets.token_hex(3)}"
        made = ("create", "job", job, f"--from=cronjob/aftersend-{NAME}-{kind}", "--dry-run=client", "--output=json")
        document = json.loads(self.kubectl(*made))
        (container,) = document["spec"]["template"]["spec"]["containers"]
        container["command"] = list(command) or container["command"]
        self.kubectl("apply", "--filename=-", text=json.dumps(document))
        eventually(lambda: self._ended(job), f"{job} to end")
        said = self.kubectl("logs", f"job/{job}")
        assert self._ended(job) == "Complete", said
        return said

    def _ended(self, job: str) -> str:
        conditions = self.get("job", job)["status"].get("conditions", [])
        return next((each["type"] for each in conditions if each["type"] in ("Complete", "Failed")), "")

    def aftersend(self, *arguments: str) -> str:
        """What our command prints in the pod that reads orders."""
        return self.kubectl(
            "exec", f"deployment/aftersend-{NAME}-{self.part('exporter')}", "--", "aftersend", *arguments
        )

    def plugin(self, *words: str) -> str:
        """What ``kubectl aftersend`` prints, called in the tenant's namespace."""
        kubectl = self.cluster.programs / "kubectl" if self.cluster.programs else "kubectl"
        environ = {**os.environ, "KUBECTL": str(kubectl), "KUBECONFIG": str(self.cluster.kubeconfig), "NO_PROXY": "*"}
        command = [str(Path(sys.executable).with_name("kubectl-aftersend")), *words, f"--namespace={self.namespace}"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def orders(self) -> dict[str, str]:
        """The state of each order that the ledger knows, by its number."""
        return {each["order"]: each["state"] for each in json.loads(self.aftersend("orders", "--json"))}

    def export(self) -> None:
        """Run an export by hand, in each topology as the guide says, and wait for its end."""
        if self.topology == "compact":
            self.aftersend("trigger", "export", "--wait")
        else:
            self.run_job("export")

    def ask(self, path: str, **query: str) -> Any:
        """What the sandbox's control interface says: ``ask("state")``."""
        return json.loads(self.kubectl("get", "--raw", self._control(path, query)))

    def act(self, path: str, body: dict[str, Any]) -> Any:
        """Do something in the sandbox: ``act("incoming/labels", {"all": True})``."""
        return json.loads(self.kubectl("create", "--raw", self._control(path, {}), "-f", "-", text=json.dumps(body)))

    def violations(self) -> list[str]:
        """Rules of the merchant that an order broke, as the sandbox judges them from both systems."""
        return [rule["text"] for rule in self.ask("verdict")["rules"] if rule["violated"]]

    def pods(self, part: str = "") -> dict[str, dict[str, Any]]:
        """Pods of the tenant (of one part) that are not on their way out, by uid."""
        selector = f"--selector=app.kubernetes.io/instance={NAME}" + (
            f",app.kubernetes.io/component={part}" if part else ""
        )
        items = self.get("pods", selector)["items"]
        return {pod["metadata"]["uid"]: pod for pod in items if "deletionTimestamp" not in pod["metadata"]}

    def pod(self, part: str) -> str:
        """Name of the one pod of a part."""
        (pod,) = self.pods(part).values()
        return str(pod["metadata"]["name"])

    def run(self, part: str, code: str, *arguments: str) -> str:
        """What a piece of Python prints in the pod of a part; CommandError holds its last words."""
        python = "/opt/aftersend/bin/python"
        return self.kubectl("exec", self.pod(self.part(part)), "--", python, "-c", code, *arguments)

    def _control(self, path: str, query: dict[str, str]) -> str:
        service = f"/api/v1/namespaces/{self.namespace}/services/sandbox:{PORT}/proxy/control/{path}"
        return f"{service}?{urlencode(query)}" if query else service


def refuses(shop: ClusterShop, part: str, code: str, *arguments: str) -> str:
    """How a piece of Python fails in a pod; an error if it does not."""
    try:
        said = shop.run(part, code, *arguments)
    except CommandError as error:
        return str(error)
    raise AssertionError(f"it was let through and printed {said!r}")
