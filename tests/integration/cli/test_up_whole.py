"""The whole way in one process: two shops, the real parts, the sandbox on the other side, every command."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from aftersend.redis.keys import Keys
from tests.support.part_kit import ServiceProcess, call_main, get
from tests.support.servers import free_port

SECRETS = {
    "afterbuy/partnerToken": "sandbox-partner",
    "afterbuy/accountToken": "sandbox-account",
    "sendcloud/publicKey": "sandbox-public",
    "sendcloud/secretKey": "sandbox-secret",
    "sendcloud/webhookSignatureKey": "sandbox-signature-key",
}
NAMES = ("mueller", "schmidt")
PRELUDE = "import sys; sys.argv[0] = 'aftersend'; from aftersend.cli.main import main\n"


class Market:
    """One sandbox per shop, and the `up` that serves all shops."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public, self.admin = free_port(), free_port()
        self.ports = {name: free_port() for name in NAMES}
        self.environ = {
            "PATH": os.environ["PATH"],
            "AFTERSEND_LISTEN": f"127.0.0.1:{self.public}",
            "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
            "AFTERSEND_LOG_FORMAT": "json",
            "AFTERSEND_SCHEDULER": "none",
        }
        for name in NAMES:
            self._prepare(name)

    def _prepare(self, name: str) -> None:
        for key, value in SECRETS.items():
            path = self.folder / "secrets" / name / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)
        base = f"http://127.0.0.1:{self.ports[name]}"
        self.file(name).write_text(
            "apiVersion: aftersend.jj-ideenschmiede.de/v1\nkind: AftersendTenant\n"
            f"metadata: {{name: {name}}}\nspec:\n"
            f'  afterbuy: {{url: "{base}/afterbuy/ABInterface.aspx", credentials: {{secretName: a}}}}\n'
            f'  sendcloud: {{url: "{base}/api", credentials: {{secretName: s}}, integration: J&J Aftersend}}\n'
        )

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"

    def sandbox(self, name: str) -> subprocess.Popen[bytes]:
        words = ["--listen", f"127.0.0.1:{self.ports[name]}", "--orders", "40", "--save-seconds", "0"]
        words += ["--webhook-url", f"http://127.0.0.1:{self.public}/webhooks/sendcloud/{name}"]
        command = [sys.executable, "-c", PRELUDE + "main()", "sandbox", *words]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    def up(self, *options: str, **environ: str) -> ServiceProcess:
        files = [word for name in NAMES for word in ("-f", str(self.file(name)))]
        words = ["up", *files, "--data-dir", str(self.folder / "data"), "--secrets-dir", str(self.folder / "secrets")]
        return ServiceProcess("", {**self.environ, **environ}, [*words, *options], prelude=PRELUDE, ending="main()")

    def last_backup_was(self, name: str, hours: int) -> None:
        """Set the time of the last backup back; only while `up` is running."""
        kept = json.loads((self.folder / "data" / "up.json").read_text())[name]
        password = (Path(kept["redis_secrets"]) / "password").read_text()
        with redis.Redis.from_url(kept["redis_url"], password=password) as client:
            client.hset(Keys(name).key("state"), "success.backup", int((time.time() - 3600 * hours) * 1000))

    def call(self, name: str, *words: str) -> Any:
        """One command with ``--json`` for one shop."""
        place = ("-f", str(self.file(name)), "--data-dir", str(self.folder / "data"), "--json")
        code, out, err = call_main([*words, *place], {"PATH": os.environ["PATH"]})
        assert code == 0, err
        return json.loads(out)

    def control(self, name: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports[name]}/control/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())


def _until(met: Callable[[], bool], *, patience: float = 200) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            if met():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Market]:
    market = Market(tmp_path)
    sandboxes = [market.sandbox(name) for name in NAMES]
    yield market
    for sandbox in sandboxes:
        sandbox.terminate()
        sandbox.wait(120)


def test_two_shops_from_afterbuy_to_sendcloud_and_back(market: Market) -> None:
    for name in NAMES:
        _until(lambda name=name: market.control(name, "state")["orders"] > 0)
    with market.up() as process:
        _until(lambda: get(market.admin, "/readyz")[0] == 200)
        sent = {}
        for name in NAMES:
            assert {line["check"]: line["ok"] for line in market.call(name, "check")}["webhook"] is True
            assert market.call(name, "trigger", "sweep", "--wait", "--timeout", "60")["outcome"] == "done"
            summary = market.call(name, "trigger", "export", "--wait", "--timeout", "60")
            assert summary["outcome"] == "done"
            sent[name] = summary["sent"]
            assert sent[name] == market.control(name, "state")["incoming"] > 0
        held = market.control("mueller", "state")["with_number"]
        market.control("mueller", "incoming/labels", {"all": True})
        _until(lambda: market.control("mueller", "state")["with_number"] == held + sent["mueller"])
        states = [order["state"] for order in market.call("mueller", "orders")]
        assert states.count("labelled") == sent["mueller"]
        assert market.call("mueller", "orders", "--problems") == []
        assert market.call("mueller", "dead", "list") == []
        assert market.control("schmidt", "state")["updates"] == 0
        assert {order["state"] for order in market.call("schmidt", "orders")} <= {"accepted", "new"}
        assert process.end() == 0
    assert "Traceback" not in process.text


def test_backups_are_made_by_schedule_and_open_again(market: Market) -> None:
    """Two hours without one: the hourly schedule makes up for it as soon as there is a target."""
    with market.up() as process:
        _until(lambda: get(market.admin, "/readyz")[0] == 200)
        for name in NAMES:
            market.last_backup_was(name, hours=2)
        assert process.end() == 0
    with market.up("--backup-target", str(market.folder / "backups"), AFTERSEND_SCHEDULER="all") as process:
        made = {line["tenant"]: line["backup"] for line in (process.line("backup_made"), process.line("backup_made"))}
        assert set(made) == set(NAMES)
        for name in NAMES:
            assert [backup["id"] for backup in market.call(name, "backup", "list")] == [made[name]]
            assert market.call(name, "backup", "verify", "latest")["verified"] is True
        assert process.end() == 0
