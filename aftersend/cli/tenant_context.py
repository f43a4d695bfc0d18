"""The tenant of a command: its document, its Redis and its secrets, located and connected to in one place.

    -f FILE ──> tenant identity ──> up.json of a running `aftersend up` ──┐
                                                                          ├──> TenantLocation ──> TenantSession
    AFTERSEND_* variables, if `up` does not serve the tenant ─────────────┘

``up.json`` lies in the data directory of `aftersend up`. It holds, by tenant, the address of Redis and the folder of
secrets. Without FILE, the only tenant that ``up`` serves is meant; otherwise the environment of a service decides.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from aftersend.audit import Action, AuditTrail, Way
from aftersend.errors import Misconfigured
from aftersend.redis.connection import connect, guarded
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.service.runtime import secret_folders
from aftersend.settings import read_settings
from aftersend.stream.stream import Stream, StreamName
from aftersend.tenant.document import Tenant
from aftersend.tenant.loading import load_tenant
from aftersend.undecodable import UNDECODABLE

_FILE = "up.json"
_USER_OF_JOBS = "backup"
"""In a managed Redis: the user of jobs that are made from the backup's CronJob, and of no service."""


@dataclass(frozen=True, slots=True)
class TenantLocation:
    """Where the Redis, the secrets and the backups of one tenant are."""

    tenant: Tenant
    redis_url: str
    secrets_dir: Path
    redis_secrets: Path
    backup_target: str = ""
    """A directory or s3://bucket/prefix; empty = none."""

    @property
    def identity(self) -> str:
        """The tenant's identity."""
        return self.tenant.identity

    @property
    def secrets(self) -> Callable[[str], SecretFiles]:
        """The secret files by folder."""
        return secret_folders(self.secrets_dir, redis=self.redis_secrets)


@dataclass(frozen=True, slots=True)
class _SavedLocation:
    """The location of one tenant in ``up.json``."""

    file: str
    redis_url: str
    secrets_dir: str
    redis_secrets: str
    backup_target: str = ""
    webhook_path: str = ""
    """As served: of several tenants, each has its own appended."""

    def location(self, tenant: Tenant) -> TenantLocation:
        return TenantLocation(
            tenant=tenant.with_webhook_path(self.webhook_path) if self.webhook_path else tenant,
            redis_url=self.redis_url,
            secrets_dir=Path(self.secrets_dir),
            redis_secrets=Path(self.redis_secrets),
            backup_target=self.backup_target,
        )


@dataclass(frozen=True, slots=True)
class TenantSession:
    """A connection to the Redis of one tenant, with the keys that open its data."""

    identity: str
    redis: Redis
    keyring: Keyring

    way: Way = "cli"

    async def reach(self) -> None:
        """Raise ``Transient`` while Redis does not answer; every user may INFO."""
        with guarded():
            await self.redis.info("server")

    async def record(self, action: Action, *, backup: str = "") -> None:
        """Record in the audit trail what a person is about to do."""
        await AuditTrail(self.redis, tenant=self.identity).record(action, way=self.way, backup=backup)

    def stream(self, name: StreamName) -> Stream:
        """Open one of the tenant's streams."""
        return Stream(self.redis, tenant=self.identity, name=name, keyring=self.keyring)


@asynccontextmanager
async def tenant_session(file: Path | None, data_dir: Path) -> AsyncIterator[TenantSession]:
    """Locate the tenant and connect to its Redis."""
    async with session_at(locate(file, data_dir)) as tenant:
        yield tenant


@asynccontextmanager
async def session_at(location: TenantLocation) -> AsyncIterator[TenantSession]:
    """Connect to the Redis of a located tenant."""
    redis = connect(location.redis_url, location.secrets("redis"), part="cli")
    try:
        is_job = location.secrets("redis").optional("username") == _USER_OF_JOBS
        keyring = Keyring(location.secrets("data-key"))
        yield TenantSession(location.identity, redis, keyring, way="job" if is_job else "cli")
    finally:
        await redis.aclose()


def locate(file: Path | None, data_dir: Path, environ: Mapping[str, str] = os.environ) -> TenantLocation:
    """Locate the tenant; raise ``Misconfigured`` with what to start or to set."""
    if file is None and not environ.get("AFTERSEND_TENANT_FILE"):
        file = _only_document(_saved(data_dir))
    if file is not None:
        tenant = load_tenant(file)
        known = _saved(data_dir).get(tenant.identity)
        if known:
            return known.location(tenant)
        if not environ.get("AFTERSEND_REDIS_URL"):
            raise Misconfigured(
                f"no `aftersend up` serves {tenant.identity} from {data_dir}",
                cure="start it (or name its --data-dir), or set AFTERSEND_REDIS_URL and AFTERSEND_SECRETS_DIR",
            )
        environ = {**environ, "AFTERSEND_TENANT_FILE": str(file)}
    try:
        return _from_environment(environ)
    except Misconfigured as error:
        if environ.get("AFTERSEND_TENANT_FILE"):
            raise
        cure = f"or start `aftersend up` (looked for in {data_dir}) and name the document with -f FILE"
        raise Misconfigured(error.code, cure=cure) from None


def _only_document(saved: dict[str, _SavedLocation]) -> Path | None:
    """Path of the tenant document that ``up`` serves, if it is the only one."""
    return Path(next(iter(saved.values())).file) if len(saved) == 1 else None


def locate_for_check(
    file: Path | None, data_dir: Path, secrets_dir: Path | None, environ: Mapping[str, str] = os.environ
) -> TenantLocation:
    """Locate the tenant for ``check``: one that is not served yet has no Redis, which is no error."""
    if file is None:
        return _from_environment(environ)
    tenant = load_tenant(file)
    if tenant.identity in _saved(data_dir) or environ.get("AFTERSEND_REDIS_URL"):
        return locate(file, data_dir, environ)
    secrets = secrets_dir or file.parent / "secrets"
    return TenantLocation(tenant=tenant, redis_url="", secrets_dir=secrets, redis_secrets=secrets / "redis")


def _from_environment(environ: Mapping[str, str]) -> TenantLocation:
    settings = read_settings(environ)
    return TenantLocation(
        tenant=load_tenant(settings.tenant_file),
        redis_url=settings.redis_url,
        secrets_dir=settings.secrets_dir,
        redis_secrets=settings.secrets_dir / "redis",
        backup_target=settings.backup_target,
    )


def save(data_dir: Path, locations: Iterable[tuple[Path, TenantLocation]]) -> Path:
    """Write ``up.json`` for other commands to find; readable by the owner only."""
    path = data_dir / _FILE
    aside = data_dir / f".{_FILE}.{os.getpid()}"
    body = {
        location.identity: _SavedLocation(
            file=str(file.absolute()),
            redis_url=location.redis_url,
            secrets_dir=str(location.secrets_dir.absolute()),
            redis_secrets=str(location.redis_secrets.absolute()),
            backup_target=location.backup_target,
            webhook_path=location.tenant.spec.webhook.path,
        )
        for file, location in locations
    }
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(body)))
    aside.replace(path)
    return path


def clear(data_dir: Path) -> None:
    """Remove ``up.json``, when the embedded Valkey has ended."""
    (data_dir / _FILE).unlink(missing_ok=True)


def _saved(data_dir: Path) -> dict[str, _SavedLocation]:
    try:
        return msgspec.json.decode((data_dir / _FILE).read_bytes(), type=dict[str, _SavedLocation])
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, *UNDECODABLE):
        raise Misconfigured(
            f"{data_dir / _FILE} cannot be read", cure="start `aftersend up` again; it writes the file anew"
        ) from None
