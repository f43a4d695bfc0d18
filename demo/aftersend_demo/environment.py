"""The environment of the demo: an embedded Valkey, the sandbox and the three services, each a process of its own.

The services get what they would get in production and nothing else: a tenant document, a folder of secrets, the address
of Redis, two addresses to listen on.
"""

import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from aftersend.key_files import make_data_keys
from aftersend.redis.embedded import EmbeddedValkey
from aftersend_demo.process import ChildProcess

PARTS = ("exporter", "webhook", "writer")
TENANT = "demo"
SECRETS = {
    "afterbuy": {"partnerToken": "sandbox-partner", "accountToken": "sandbox-account"},
    "sendcloud": {
        "publicKey": "sandbox-public",
        "secretKey": "sandbox-secret",
        "webhookSignatureKey": "sandbox-signature-key",
    },
}
DOCUMENT = """\
apiVersion: aftersend.jj-ideenschmiede.de/v1
kind: AftersendTenant
metadata:
  name: {name}
spec:
  afterbuy:
    url: {sandbox}/afterbuy/ABInterface.aspx
    credentials: {{secretName: demo-afterbuy}}
  sendcloud:
    url: {sandbox}/api
    credentials: {{secretName: demo-sendcloud}}
    integration: J&J Aftersend
"""


def free_port() -> int:
    """Find a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class DemoEnvironment:
    """All processes of the demo and their files, below one folder; a context that starts and ends them."""

    def __init__(self, folder: Path, *, orders: int, seed: int = 1) -> None:
        self.folder = folder
        self.secrets_dir = folder / "secrets"
        self.tenant_file = folder / "tenant.yaml"
        self.logs = folder / "logs"
        self.valkey = EmbeddedValkey(folder / "valkey")
        self.sandbox_url = f"http://127.0.0.1:{free_port()}"
        self.webhook_port = free_port()
        self.admin_ports = {part: free_port() for part in PARTS}
        self.children: dict[str, ChildProcess] = {}
        self._orders = orders
        self._seed = seed

    def __enter__(self) -> Self:
        try:
            self._write_files()
            self.valkey.start()
            self._write_redis_password()
            for child in self._processes():
                child.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop services, then the sandbox, then Valkey: services release their claims in Redis as they end."""
        for child in reversed(self.children.values()):
            child.stop()
        self.valkey.stop()

    @property
    def webhook_url(self) -> str:
        """Address to which the simulated Sendcloud sends webhooks."""
        return f"http://127.0.0.1:{self.webhook_port}/webhooks/sendcloud"

    def variables(self, part: str) -> dict[str, str]:
        """Environment variables of one service."""
        return {
            "AFTERSEND_TENANT_FILE": str(self.tenant_file),
            "AFTERSEND_SECRETS_DIR": str(self.secrets_dir),
            "AFTERSEND_REDIS_URL": self.valkey.bare_url,
            "AFTERSEND_LISTEN": f"127.0.0.1:{self.webhook_port}",
            "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{self.admin_ports[part]}",
            "AFTERSEND_LOG_FORMAT": "json",
            "AFTERSEND_LOG_LEVEL": "info",
            "AFTERSEND_SCHEDULER": "none",
        }

    def ready_url(self, part: str) -> str:
        """Address of the readiness probe of one service."""
        return f"http://127.0.0.1:{self.admin_ports[part]}/readyz"

    def _write_files(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.tenant_file.write_text(DOCUMENT.format(name=TENANT, sandbox=self.sandbox_url))
        for folder, keys in SECRETS.items():
            (self.secrets_dir / folder).mkdir(parents=True, exist_ok=True)
            for name, value in keys.items():
                (self.secrets_dir / folder / name).write_text(value)
        make_data_keys(self.secrets_dir / "data-key")

    def _write_redis_password(self) -> None:
        """Copy the password of the embedded Valkey to where Kubernetes would mount it."""
        (self.secrets_dir / "redis").mkdir(exist_ok=True)
        (self.secrets_dir / "redis" / "password").write_text((self.valkey.secrets / "password").read_text())

    def _processes(self) -> list[ChildProcess]:
        address = self.sandbox_url.removeprefix("http://")
        sandbox = ["aftersend", "sandbox", "--listen", address, "--orders", str(self._orders)]
        sandbox += ["--seed", str(self._seed), "--webhook-url", self.webhook_url, "--time-scale", "0.01"]
        self.children["sandbox"] = ChildProcess(sandbox, log=self.logs / "sandbox.log", environment={})
        for part in PARTS:
            command = [f"aftersend-{part}"]
            log = self.logs / f"{part}.log"
            self.children[part] = ChildProcess(command, log=log, environment=self.variables(part))
        return list(self.children.values())
