"""Where a tenant's Redis and secrets are found.

`aftersend up` writes one small file into its data directory, ``up.json``: the address of its Redis and, by tenant, the
folder of its secrets. With ``-f FILE`` a command reads the tenant's name from FILE and looks there; if ``up`` does not
run (or serves others), and without FILE, the environment of a service decides (``AFTERSEND_REDIS_URL`` and so on).
"""

import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aftersend.errors import Misconfigured

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from aftersend.sealing import Keyring
    from aftersend.secrets import SecretFiles
    from aftersend.stream.stream import Stream, StreamName
    from aftersend.tenant.document import Tenant

_FILE = "up.json"


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/aftersend``, else ``~/.local/share/aftersend``."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "aftersend"


@dataclass(frozen=True, slots=True)
class TenantLocation:
    """Where one tenant lives."""

    tenant: "Tenant"
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
    def secrets(self) -> "Callable[[str], SecretFiles]":
        """The secret files of one folder."""
        from aftersend.service.runtime import secret_folders

        return secret_folders(self.secrets_dir, redis=self.redis_secrets)


@dataclass(frozen=True, slots=True)
class _SavedLocation:
    """What ``up.json`` holds of one tenant."""

    file: str
    redis_url: str
    secrets_dir: str
    redis_secrets: str
    backup_target: str = ""

    def location(self, tenant: "Tenant") -> TenantLocation:
        return TenantLocation(
            tenant=tenant,
            redis_url=self.redis_url,
            secrets_dir=Path(self.secrets_dir),
            redis_secrets=Path(self.redis_secrets),
            backup_target=self.backup_target,
        )


@dataclass(frozen=True, slots=True)
class TenantSession:
    """An open door to one tenant."""

    identity: str
    redis: "Redis"
    keyring: "Keyring"

    def stream(self, name: "StreamName") -> "Stream":
        """One of the tenant's streams."""
        from aftersend.stream.stream import Stream

        return Stream(self.redis, tenant=self.identity, name=name, keyring=self.keyring)


@asynccontextmanager
async def tenant_session(file: Path | None, data_dir: Path) -> AsyncIterator[TenantSession]:
    """Find the tenant and connect to its Redis."""
    async with session_at(locate(file, data_dir)) as tenant:
        yield tenant


@asynccontextmanager
async def session_at(location: TenantLocation) -> AsyncIterator[TenantSession]:
    """Connect to the Redis of a tenant that was found."""
    from aftersend.redis.connection import connect
    from aftersend.sealing import Keyring

    redis = connect(location.redis_url, location.secrets("redis"), part="cli")
    try:
        yield TenantSession(identity=location.identity, redis=redis, keyring=Keyring(location.secrets("data-key")))
    finally:
        await redis.aclose()


def locate(file: Path | None, data_dir: Path, environ: Mapping[str, str] = os.environ) -> TenantLocation:
    """The location of the tenant; ``Misconfigured`` tells what to start or to set."""
    from aftersend.tenant.loading import load_tenant

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


def _only_document(kept: "dict[str, _SavedLocation]") -> Path | None:
    """The document of the tenant that ``up`` serves, if it is just one."""
    return Path(next(iter(kept.values())).file) if len(kept) == 1 else None


def locate_for_check(
    file: Path | None, data_dir: Path, secrets_dir: Path | None, environ: Mapping[str, str] = os.environ
) -> TenantLocation:
    """The location for ``check``: as ``find``, but a tenant that nobody serves yet has no Redis instead of an error."""
    from aftersend.tenant.loading import load_tenant

    if file is None:
        return _from_environment(environ)
    tenant = load_tenant(file)
    if tenant.identity in _saved(data_dir) or environ.get("AFTERSEND_REDIS_URL"):
        return locate(file, data_dir, environ)
    secrets = secrets_dir or file.parent / "secrets"
    return TenantLocation(tenant=tenant, redis_url="", secrets_dir=secrets, redis_secrets=secrets / "redis")


def _from_environment(environ: Mapping[str, str]) -> TenantLocation:
    from aftersend.settings import read_settings
    from aftersend.tenant.loading import load_tenant

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
    import msgspec

    path = data_dir / _FILE
    aside = data_dir / f".{_FILE}.{os.getpid()}"
    body = {
        location.identity: _SavedLocation(
            file=str(file.absolute()),
            redis_url=location.redis_url,
            secrets_dir=str(location.secrets_dir.absolute()),
            redis_secrets=str(location.redis_secrets.absolute()),
            backup_target=location.backup_target,
        )
        for file, location in locations
    }
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(body)))
    aside.replace(path)
    return path


def clear(data_dir: Path) -> None:
    """The embedded Valkey is gone: nobody shall look for it."""
    (data_dir / _FILE).unlink(missing_ok=True)


def _saved(data_dir: Path) -> dict[str, _SavedLocation]:
    import msgspec

    try:
        return msgspec.json.decode((data_dir / _FILE).read_bytes(), type=dict[str, _SavedLocation])
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, msgspec.MsgspecError):
        raise Misconfigured(
            f"{data_dir / _FILE} cannot be read", cure="start `aftersend up` again; it writes the file anew"
        ) from None
