"""A tenant served by the installed commands; it is reached by them, by Redis and by HTTP, not by imports."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

from tests.support.part_kit import call_main, get
from tests.support.servers import RedisServer, free_port

AFTERSEND = Path(sys.executable).parent / "aftersend"
IDENTITY = "shops.mueller"
PREFIX = f"aftersend:{{{IDENTITY}}}:"
SECRETS = {
    "afterbuy/partnerToken": "sandbox-partner",
    "afterbuy/accountToken": "sandbox-account",
    "sendcloud/publicKey": "sandbox-public",
    "sendcloud/secretKey": "sandbox-secret",
    "sendcloud/webhookSignatureKey": "sandbox-signature-key",
}
DOCUMENT = """
apiVersion: aftersend.jj-ideenschmiede.de/v1
kind: AftersendTenant
metadata: {{name: mueller, namespace: shops}}
spec:
  afterbuy: {{url: "{sandbox}/afterbuy/ABInterface.aspx", credentials: {{secretName: a}}}}
  sendcloud: {{url: "{sandbox}/api", credentials: {{secretName: s}}, integration: J&J Aftersend}}
"""
_WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"')


def until(met: Callable[[], Any], *, patience: float = 200) -> Any:
    """What ``met`` returns, as soon as it is true."""
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError):
            if found := met():
                return found
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


class ServedTenant:
    """Documents, secrets and processes; everything ends with ``stack``."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.sandbox, self.public, self.admin = free_port(), free_port(), free_port()
        self._write()
        (folder / "redis").mkdir()
        server = RedisServer("valkey", folder / "redis").start()
        stack.callback(server.stop)
        self.redis = redis.Redis.from_url(server.url)
        stack.callback(self.redis.close)
        self.stored: dict[str, tuple[str, bool, list[bytes]]] = {}
        self.commands: list[list[str]] = []
        self.lived = 0
        """How many of them there were when all had happened that ``live_through`` makes happen."""
        threading.Thread(target=self._monitor, args=(server.port,), daemon=True).start()
        until(self._lists_all)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AFTERSEND_TENANT_FILE": str(folder / "tenant.yaml"),
            "AFTERSEND_SECRETS_DIR": str(folder / "secrets"),
            "AFTERSEND_REDIS_URL": server.url,
            "AFTERSEND_BACKUP_TARGET": str(folder / "backups"),
            "AFTERSEND_LISTEN": f"127.0.0.1:{self.public}",
            "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{self.admin}",
            "AFTERSEND_SCHEDULER": "none",
        }
        webhook = f"http://127.0.0.1:{self.public}/webhooks/sendcloud"
        words = ["--listen", f"127.0.0.1:{self.sandbox}", "--orders", "40", "--save-seconds", "0"]
        self._start(stack, "sandbox", *words, "--webhook-url", webhook)
        until(lambda: self.control("state")["orders"])
        self.up = self._start(stack, "up", "-f", str(folder / "tenant.yaml"))
        until(lambda: get(self.admin, "/readyz")[0] == 200)

    def live_through(self) -> None:
        """Make one of everything: orders sent, labelled, in trouble, erased; dead letters, delayed events, a backup."""
        self.call("trigger", "sweep", "--wait")
        self.call("trigger", "export", "--wait")
        changed, *others = [order["order"] for order in self.json("orders") if order["state"] == "accepted"]
        self.control(f"orders/{changed}/number", {"number": "warten"})
        self.call("trigger", "export", "--wait")
        for order in others[:3]:
            self.control(f"incoming/afterbuy-{order}/labels", {})
        until(lambda: [order["state"] for order in self.json("orders")].count("labelled") == 3)
        until(lambda: self.control("state")["with_tag"] == 3)
        self._break_events()
        self._delay_an_event(others[3])
        self.call("forget", "--order", others[-1])
        self.call("backup", "create")
        until(lambda: self.redis.hexists(f"{PREFIX}state", "success.writeback"))  # the writer stores it every 5 s
        self.stored = dict(self._stored())
        until(self._lists_all)
        self.lived = len(self.commands)

    def _stored(self) -> Iterator[tuple[str, tuple[str, bool, list[bytes]]]]:
        """Every key: its kind, whether it expires, and its text, the fields of its hash, or those of its entries."""
        client: Any = self.redis
        for key in client.scan_iter(count=1000):
            kind, expires, content = client.type(key).decode(), client.ttl(key) >= 0, []
            if kind == "string":
                content = [client.get(key) or b""]
            elif kind == "hash":
                content = client.hkeys(key)
            elif kind == "stream":
                content = [name for _, fields in client.xrange(key) for name in fields]
            yield key.decode(), (kind, expires, content)

    def _break_events(self) -> None:
        """Two of a version that does not exist."""
        moment = b"2026-11-24T01:00:00.000Z"
        fields = {
            b"type": b"parcel.changed",
            b"source": b"webhook",
            b"attempt": b"1",
            b"traceparent": b"",
            b"data": b"",
        }
        for name in (b"018f0000-0000-7000-8000-000000000000", b"018f0000-0000-7000-8000-000000000001"):
            event: dict[Any, Any] = {b"v": b"0", b"id": name, b"time": moment, b"first": moment, **fields}
            self.redis.xadd(f"{PREFIX}parcels", event)
        until(lambda: len(self.json("dead", "list")) == 2)

    def _delay_an_event(self, order: str) -> None:
        """One: of a relabelling's two, the cancellation may come first, and the order is ``withdrawn`` meanwhile."""
        self.control("faults", {"upstream": "afterbuy", "kind": "http_503", "calls": ["UpdateSoldItems"]})
        self.control(f"incoming/afterbuy-{order}/labels", {})
        until(lambda: self.redis.zcard(f"{PREFIX}parcels:delayed"))

    def call(self, *words: str) -> tuple[int, str]:
        """A command with ``--json`` to its end: exit code and standard output."""
        code, out, err = call_main([*words, "--json"], self.environ)
        assert "Traceback" not in err
        return code, out

    def json(self, *words: str) -> Any:
        """What a command prints for machines."""
        return json.loads(self.call(*words)[1])

    def control(self, path: str, body: object = None) -> Any:
        """A call of the sandbox's control API."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.sandbox}/control/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def _write(self) -> None:
        (self.folder / "tenant.yaml").write_text(DOCUMENT.format(sandbox=f"http://127.0.0.1:{self.sandbox}"))
        for name, value in SECRETS.items():
            path = self.folder / "secrets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)

    def _start(self, stack: contextlib.ExitStack, *words: str) -> subprocess.Popen[bytes]:
        log = stack.enter_context((self.folder / f"{words[0]}.log").open("wb"))
        process = subprocess.Popen([AFTERSEND, *words], env=self.environ, stdout=log, stderr=log)
        stack.callback(process.wait, 120)
        stack.callback(process.terminate)
        return process

    def _lists_all(self) -> bool:
        """Whether the list holds what was sent before this."""
        mark = uuid4().hex
        self.redis.echo(mark)
        with contextlib.suppress(AssertionError):
            return bool(until(lambda: ["ECHO", mark] in self.commands, patience=5))
        return False

    def _monitor(self, port: int) -> None:
        """Keep every command that the server gets, from clients and from scripts, as a list of its words."""
        with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rb") as answers:
            connection.sendall(b"MONITOR\r\n")
            for line in answers:
                if words := _WORD.findall(line):
                    self.commands.append([word.decode("latin-1") for word in words])
