"""The resources of a part: one ``Runtime`` per tenant.

``run_part`` builds one for the only tenant of a service process; ``aftersend up`` builds one for each of its tenants
and lets them share the HTTP session, the metrics and both listeners. A part never reads the environment itself.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from aftersend import __version__
from aftersend.errors import Transient
from aftersend.observe.logs import get_logger
from aftersend.observe.metrics import Metrics
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.service.health import Health
from aftersend.service.listener import PublicListener
from aftersend.service.secret_watch import SecretWatcher
from aftersend.settings import Settings
from aftersend.tenant.document import Tenant
from aftersend.tenant.upstream_urls import is_loopback

if TYPE_CHECKING:
    from redis.asyncio import Redis

SEALING_PARTS = ("webhook",)
"""Parts that seal with public keys and have no data key."""
_LONGEST_CALL = aiohttp.ClientTimeout(total=300, sock_connect=10, sock_read=60)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all tenants of one process use together."""

    http: aiohttp.ClientSession
    metrics: Metrics = field(default_factory=Metrics)
    public: PublicListener = field(default_factory=PublicListener)
    stop: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Runtime:
    """The tenant, its clients' resources and the listeners, as one part gets them."""

    tenant: Tenant
    identity: str
    settings: Settings
    secrets: Callable[[str], SecretFiles]
    """Opens one folder of secret files: afterbuy, sendcloud, redis, data-key, seal-key, backup."""
    redis: "Redis"
    keyring: Keyring
    http: aiohttp.ClientSession
    metrics: Metrics
    health: Health
    public: PublicListener
    stop: asyncio.Event
    """Set when the process has to end."""
    name: str = field(default_factory=lambda: f"{socket.gethostname()}-{token_hex(3)}")
    """Unique among running processes; the consumer's name in the group."""


@dataclass(frozen=True, slots=True)
class Part:
    """One of exporter, webhook, writer: ``serve`` runs until ``runtime.stop`` is set."""

    name: str
    serve: Callable[[Runtime], Awaitable[None]]
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys that it cannot work without, by folder of secrets."""


def secret_folders(root: Path, **elsewhere: Path) -> Callable[[str], SecretFiles]:
    """Return a function that opens a folder below ``root``, or at its place in ``elsewhere``, once."""
    known = {name: SecretFiles(path) for name, path in elsewhere.items()}

    def folder(name: str) -> SecretFiles:
        return known.setdefault(name, SecretFiles(root / name))

    return folder


@asynccontextmanager
async def http_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open the HTTP session for both upstreams: no cookies, no proxy from the environment, our user agent."""
    async with aiohttp.ClientSession(
        timeout=_LONGEST_CALL,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"aftersend/{__version__}"},
    ) as session:
        yield session


@asynccontextmanager
async def runtime_for(
    *,
    tenant: Tenant,
    settings: Settings,
    shared: Shared,
    part: str,
    secrets: Callable[[str], SecretFiles] | None = None,
) -> AsyncIterator[Runtime]:
    """Build the runtime of one tenant; Redis is connected at its first use, so a missing one delays nothing."""
    _warn_of_redis_url(settings.redis_url)
    secrets = SecretWatcher(secrets or secret_folders(settings.secrets_dir), shared.metrics, tenant=tenant.identity)
    redis = connect(settings.redis_url, secrets("redis"), part=part)
    runtime = Runtime(
        tenant=tenant,
        identity=tenant.identity,
        settings=settings,
        secrets=secrets,
        redis=redis,
        keyring=Keyring(secrets("data-key")),
        http=shared.http,
        metrics=shared.metrics,
        health=Health(),
        public=shared.public,
        stop=shared.stop,
    )
    _basic_checks(runtime, opens=part not in SEALING_PARTS)
    shared.metrics.suspended.labels(tenant.identity).set(tenant.spec.suspend)
    try:
        yield runtime
    finally:
        await redis.aclose()


def _warn_of_redis_url(redis_url: str) -> None:
    """Without TLS password, OrderIDs, states and times can be read; what is in the environment, children inherit."""
    if redis_url.startswith("redis://") and not is_loopback(redis_url):
        get_logger().warning("redis_without_tls", setting="AFTERSEND_REDIS_URL")
    if urlsplit(redis_url).password:
        get_logger().warning("redis_password_in_url", setting="AFTERSEND_REDIS_URL", cure="secret file redis/password")


def _basic_checks(runtime: Runtime, *, opens: bool) -> None:
    async def redis_answers() -> None:
        try:
            await runtime.redis.info("server")  # INFO, not PING: the webhook's ACL user may not PING
        except Exception:  # noqa: BLE001 - any error means not ready; its text may quote secrets
            raise Transient("redis_unavailable", upstream="redis") from None

    async def data_key_usable() -> None:
        runtime.keyring.check()

    runtime.health.add_ready_check("redis", redis_answers)
    if opens:
        runtime.health.add_ready_check("data-key", data_key_usable)
