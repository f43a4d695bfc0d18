"""A managed Redis as its pod runs it: script, configuration, ACL file and certificates as the operator makes them.

The server is one of ``tests.support.servers``. Those from PyPI are built without TLS: they get the same configuration
with a plain port instead. An ``inspector`` is added to the ACL files, because no other user may see what was refused.
"""

import base64
import os
import subprocess
import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import redis
from redis._parsers import _RESP2Parser
from redis.backoff import NoBackoff
from redis.retry import Retry

from aftersend.secrets import SecretFiles
from aftersend.tenant.document import Tenant
from aftersend_operator.manifests.generated_secrets import JSON_ACL, PLAIN_ACL, missing_secrets
from aftersend_operator.manifests.redis import CONFIG_FILE, START_FILE, ping_command, redis_conf, start_script
from aftersend_operator.manifests.redis_acl import PROBE, USERS
from aftersend_operator.model.naming import Manifest, child_name
from tests.support.servers import COMMANDS, CURES, PATIENCE, free_port

INSPECTOR = "inspector"
WITH_TLS = ("redis7", "redis7json")
NO_MODULE = "/nowhere/rejson.so"
_MEMORY = 256 * 2**20


class ManagedRedis:
    """One server for one tenant; as a context it is gone afterwards."""

    def __init__(self, flavour: str, folder: Path, tenant: Tenant) -> None:
        command = COMMANDS[flavour]()
        if command is None:
            raise FileNotFoundError(f"no {flavour} server here: {CURES[flavour]}")
        self.folder = folder
        self.tenant = tenant
        self.has_tls = flavour in WITH_TLS
        self.port = free_port()
        self.secrets = _made(tenant)
        self.module = command[2] if "--loadmodule" in command else NO_MODULE
        self._write(Path(command[0]))
        self.process: subprocess.Popen[bytes] | None = None

    def _write(self, server: Path) -> None:
        for name in ("config", "users", "tls", "data", "bin"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "bin" / server.name).symlink_to(server)
        conf = redis_conf(_MEMORY, data=str(self.folder / "data"), tls=str(self.folder / "tls"), port=self.port)
        if not self.has_tls:
            lines = [line for line in conf.splitlines() if not line.startswith(("tls-", "port "))]
            conf = "\n".join([*lines, f"port {self.port}", ""])
        (self.folder / "config" / CONFIG_FILE).write_text(conf)
        self.offer(self.module)
        for key in (PLAIN_ACL, JSON_ACL):
            text = self.value("redis-users", key) + f"user {INSPECTOR} reset on >{INSPECTOR} ~* &* +@all\n"
            (self.folder / "users" / key).write_text(text)
        for key in ("ca.crt", "tls.crt", "tls.key"):
            (self.folder / "tls" / key).write_text(self.value("redis-tls", key))

    def offer(self, module: str) -> None:
        """Be an image that has its JSON module there; it counts from the next start on."""
        config, users = str(self.folder / "config"), str(self.folder / "users")
        script = start_script(config=config, users=users, modules=("/nowhere/first.so", module))
        (self.folder / "config" / START_FILE).write_text(script)

    def value(self, what: str, key: str) -> str:
        """One value of a generated secret."""
        return base64.b64decode(self.secrets[child_name(self.tenant, what)]["data"][key]).decode()

    @property
    def url(self) -> str:
        """The environment of a service."""
        return f"{'rediss' if self.has_tls else 'redis'}://localhost:{self.port}/0"

    def files(self, user: str, *, name: str = "") -> SecretFiles:
        """The folder ``redis`` of a pod that is this user."""
        folder = self.folder / "clients" / (name or user)
        folder.mkdir(parents=True, exist_ok=True)
        values = {"username": user, "password": self.value("redis-users", f"{user}.password")} if user in USERS else {}
        for key, text in {**values, "ca.crt": self.value("redis-tls", "ca.crt")}.items():
            (folder / key).write_text(text)
        return SecretFiles(folder)

    def ping(self) -> bool:
        """What the probes of the pod run."""
        command = ping_command(tls=str(self.folder / "tls"), port=self.port)
        return subprocess.run(["sh", "-c", command], check=False, capture_output=True).returncode == 0

    def inspector(self) -> "redis.Redis":
        """A client that may do everything."""
        return self.client(INSPECTOR, INSPECTOR)

    def client(self, user: str = "", password: str = "") -> "redis.Redis":
        """A plain client, as that user or unauthenticated."""
        tls = {"ssl": True, "ssl_ca_certs": str(self.folder / "tls" / "ca.crt")} if self.has_tls else {}
        client = redis.Redis(
            "localhost",
            self.port,
            username=user or None,
            password=password or None,
            protocol=2,
            driver_info=None,
            retry=Retry(NoBackoff(), 0),
            **tls,  # type: ignore[arg-type]
        )
        # hiredis takes the session tickets of TLS 1.3 on a connection that has read nothing yet for a late reply.
        client.connection_pool.connection_kwargs["parser_class"] = _RESP2Parser
        return client

    def refused(self) -> set[tuple[str, str]]:
        """(user, command or key) of everything that the server refused so far."""
        with self.inspector() as client:
            log = client.execute_command("ACL", "LOG")
        return {(entry["username"], entry["object"]) for entry in map(_texts, log)}

    def start(self) -> "ManagedRedis":
        """Start it as the container does and wait until it answers."""
        log = (self.folder / "server.log").open("ab")
        environment = {**os.environ, "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"}
        if self.has_tls is False and not (self.folder / "bin" / "redis-server").exists():
            environment["PATH"] = f"{self.folder / 'bin'}:{_without_servers(self.folder)}"
        script = str(self.folder / "config" / START_FILE)
        self.process = subprocess.Popen(["sh", script], stdout=log, stderr=log, env=environment)
        log.close()
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("server did not start:\n" + (self.folder / "server.log").read_text())
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """End it gracefully."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=PATIENCE)

    def __enter__(self) -> "ManagedRedis":  # noqa: PYI034 - it has no subclasses
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # the library closes no socket whose handshake broke off
            try:
                with self.client(PROBE, "any") as client:
                    return bool(client.execute_command("PING"))
            except redis.RedisError:
                return False


def _made(tenant: Tenant) -> dict[str, Manifest]:
    made = missing_secrets(tenant, uid="uid", existing={}, now=datetime.now(UTC))
    return {secret["metadata"]["name"]: secret for secret in made}


def _without_servers(folder: Path) -> str:
    """A folder with nothing but a shell: an image with Valkey has no redis-server."""
    only = folder / "shell"
    only.mkdir(exist_ok=True)
    if not (only / "sh").exists():
        (only / "sh").symlink_to("/bin/sh")
    return str(only)


def _texts(entry: Mapping[bytes, bytes] | list[bytes]) -> dict[str, str]:
    pairs = list(entry.items()) if isinstance(entry, Mapping) else list(zip(entry[::2], entry[1::2], strict=True))
    return {_text(key): _text(value) for key, value in pairs}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
