"""The marked shop in operation: both systems, an embedded Valkey, a collector, and the three services as processes.

Everything that the services write lies below one folder: ``logs`` holds their standard output and error, ``valkey`` the
files of the database. What answered us is kept in ``answers``.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from redis.asyncio import Redis

from aftersend import runs
from aftersend.ledger.store import Ledger
from aftersend.redis.embedded import EmbeddedValkey
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.stream.stream import Stream
from aftersend_demo.environment import DOCUMENT, PARTS
from aftersend_demo.process import ChildProcess
from aftersend_sandbox.server import Sandbox, running
from tests.support.canary.collector import SpanCollector
from tests.support.canary.front import Front
from tests.support.canary.marks import SECRETS
from tests.support.canary.shop import marked_world, write_secrets
from tests.support.servers import free_port

TENANT = "kanarienshop"
HOOK = "/webhooks/sendcloud"
PATIENCE = 120.0
_LEAKY = Path(__file__).with_name("leaky.py")
_ALL_COMMANDS = {"slowlog-log-slower-than": 0, "slowlog-max-len": 500_000, "rdbcompression": "no"}
"""Redis remembers every command that it ever received, and packs nothing."""


@dataclass
class CanaryScene:
    """All parts, and what came back from the services so far."""

    folder: Path
    sandbox: Sandbox
    front: Front
    collector: SpanCollector
    valkey: EmbeddedValkey
    redis: Any
    parcels: Stream
    requests: Stream
    ledger: Ledger
    http: aiohttp.ClientSession
    webhook_port: int
    admin_ports: dict[str, int]
    environment: dict[str, str]
    children: dict[str, ChildProcess] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    summaries: list[runs.RunSummary] = field(default_factory=list)

    @property
    def secrets(self) -> Path:
        """The folder of secret files that all services read."""
        return self.folder / "secrets"

    @property
    def hook_url(self) -> str:
        """Where webhooks go."""
        return f"http://127.0.0.1:{self.webhook_port}{HOOK}"

    def settings(self, part: str) -> dict[str, str]:
        """The environment of one service."""
        return {**self.environment, "AFTERSEND_ADMIN_LISTEN": f"127.0.0.1:{self.admin_ports[part]}"}

    def start(self, part: str, *, planted: str = "") -> None:
        """Start a service; with ``planted`` one that leaks this word wherever it can."""
        command = ["python", str(_LEAKY), part, planted] if planted else [f"aftersend-{part}"]
        environment = {**self.settings(part), **({"CANARY_PLANT": planted} if planted else {})}
        self.children[part] = ChildProcess(command, log=self.folder / "logs" / f"{part}.log", environment=environment)
        self.children[part].start()

    async def stop(self) -> None:
        """End the services; our own loop goes on, because the last spans come to us."""
        await asyncio.gather(*(asyncio.to_thread(child.stop) for child in self.children.values()))

    async def ready(self) -> None:
        """All services say that they are ready."""
        for part in PARTS:
            await self.until(lambda part=part: self._is_ready(part), f"{part} is ready")

    async def _is_ready(self, part: str) -> bool:
        try:
            async with self.http.get(f"http://127.0.0.1:{self.admin_ports[part]}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def run(self, kind: runs.RunKind = "export", *orders: int) -> runs.RunSummary:
        """Ask for a run and wait until it is over."""
        wanted = runs.RunRequest(kind=kind, orders=tuple(map(str, orders)))
        name = await runs.publish(self.requests, wanted, source="cli")
        summary = await runs.wait_for(self.redis, tenant=TENANT, run=name, timeout=PATIENCE)
        assert summary is not None, f"no result of {kind}; logs: {self.folder / 'logs'}"
        self.summaries.append(summary)
        return summary

    async def post(self, body: bytes, headers: Mapping[str, str], *, more: str = "", method: str = "POST") -> int:
        """Call the webhook service and keep what it answers."""
        async with self.http.request(method, self.hook_url + more, data=body, headers=headers) as answer:
            head = "".join(f"{name}: {value}\n" for name, value in answer.headers.items())
            self.answers.append(f"{answer.status} {answer.reason}\n{head}".encode() + await answer.read())
            return answer.status

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for a condition."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await condition():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never: {what}\nlogs: {self.folder / 'logs'}") from None


_PROBLEM_TAG = "  writeBack: {problemTag: Bitte ansehen}\n"
"""So tags go to Afterbuy, and their names into the ledger."""


@asynccontextmanager
async def scene(folder: Path, *, log_format: str, planted: str = "") -> AsyncIterator[CanaryScene]:
    """Everything started and ready; gone afterwards, whatever happens."""
    secrets = folder / "secrets"
    write_secrets(secrets)
    (folder / "logs").mkdir()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        sandbox = await stack.enter_async_context(running(marked_world()))
        front, collector = Front(http, sandbox.url), SpanCollector()
        front_url = await stack.enter_async_context(_served(front.mount))
        collector_url = await stack.enter_async_context(_served(collector.mount))
        valkey = stack.enter_context(_valkey(folder / "valkey"))
        redis = Redis.from_url(valkey.url, protocol=2, socket_timeout=None)
        stack.push_async_callback(redis.aclose)
        for name, value in _ALL_COMMANDS.items():
            await redis.config_set(name, value)
        (folder / "tenant.yaml").write_text(DOCUMENT.format(name=TENANT, sandbox=front_url) + _PROBLEM_TAG)
        keyring = Keyring(SecretFiles(secrets / "data-key"))
        port = free_port()
        found = CanaryScene(
            folder=folder,
            sandbox=sandbox,
            front=front,
            collector=collector,
            valkey=valkey,
            redis=redis,
            parcels=Stream(redis, tenant=TENANT, name="parcels", keyring=keyring),
            requests=Stream(redis, tenant=TENANT, name="runs", keyring=keyring),
            ledger=Ledger(redis, tenant=TENANT, keyring=keyring),
            http=http,
            webhook_port=port,
            admin_ports={part: free_port() for part in PARTS},
            environment={
                "AFTERSEND_TENANT_FILE": str(folder / "tenant.yaml"),
                "AFTERSEND_SECRETS_DIR": str(secrets),
                "AFTERSEND_REDIS_URL": valkey.bare_url,
                "AFTERSEND_LISTEN": f"127.0.0.1:{port}",
                "AFTERSEND_LOG_FORMAT": log_format,
                "AFTERSEND_LOG_LEVEL": "debug",
                "AFTERSEND_SCHEDULER": "none",
                "AFTERSEND_BACKUP_TARGET": str(folder / "backups"),
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector_url,
                "OTEL_BSP_SCHEDULE_DELAY": "200",
            },
        )
        stack.push_async_callback(found.stop)
        for part in PARTS:
            found.start(part, planted=planted)
        await found.ready()
        yield found


async def command(scene: CanaryScene, *words: str) -> bytes:
    """What a command of ``aftersend`` says: exit code, standard output and error."""
    found = await asyncio.to_thread(
        subprocess.run,
        [str(Path(sys.executable).parent / "aftersend"), *words],
        env={**os.environ, **scene.settings("webhook")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return f"exit {found.returncode}\n".encode() + found.stdout


def _valkey(folder: Path) -> EmbeddedValkey:
    """One whose password is marked."""
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets" / "password").write_text(SECRETS["redis password"])
    return EmbeddedValkey(folder)


@asynccontextmanager
async def _served(mount: Callable[[web.Application], None]) -> AsyncIterator[str]:
    app = web.Application(client_max_size=2**26)
    mount(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
