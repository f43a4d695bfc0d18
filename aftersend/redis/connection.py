"""Connections to Redis: reconnecting, with rotating secrets, and with errors by type instead of texts.

Every *new* connection reads user name, password and certificate authority again, so rotated secrets need no restart.
A dead connection is noticed in three ways: blocking reads end before the socket's timeout, TCP keep-alive probes idle
ones, and a command on a connection that the server closed is sent once more on a fresh one (every command may be
sent twice: a doubled XADD is harmless, all scripts check the state they change). Longer retries are up to the callers.

Nothing is sent that the webhook's ACL forbids: no CLIENT SETINFO, no HELLO, no PING; the protocol is RESP2.

``guarded`` is the boundary: every error of the Redis library inside leaves as ``Transient`` with a stable code. One
that concerns the server as a whole, not the command at hand, is ``StoreAway``.
"""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as LinkError

from aftersend.compat import redis_connections
from aftersend.compat.redis_connections import PlainConnection, TlsConnection
from aftersend.errors import AftersendError, SecretMissing, StoreAway, StoreFull, Transient
from aftersend.secrets import SecretFiles

UPSTREAM: Final = "redis"
SOCKET_SECONDS: Final = 5.0
WEBHOOK_SECONDS: Final = 3.0
"""Sendcloud waits for the webhook's answer, and sends it again after a 503."""
BLOCK_MS: Final = 2000
"""How long a blocking read waits; well below ``SOCKET_SECONDS``, or idle would look like broken."""
_CODES: Final = {
    "OOM": "redis_full",
    "READONLY": "redis_read_only",
    "NOGROUP": "redis_no_group",
    "UNBLOCKED": "redis_no_group",  # the error of Redis 7.0 for a reader whose stream was deleted
    "NOPERM": "redis_refused",
    "NOAUTH": "redis_refused",
    "WRONGPASS": "redis_refused",
    "NOSCRIPT": "redis_no_script",
}
_AWAY: Final = frozenset({"redis_unavailable", "redis_read_only", "redis_refused"})
_REFUSALS: Final = frozenset({"AuthenticationError", "AuthorizationError", "NoPermissionError"})
_BY_CLASS: Final = {
    "OutOfMemoryError": "redis_full",
    "ReadOnlyError": "redis_read_only",
    "NoScriptError": "redis_no_script",
    "ResponseError": "redis_error",
    **dict.fromkeys(_REFUSALS, "redis_refused"),
}


def connect(url: str, secrets: SecretFiles, *, part: str) -> Redis:
    """Make a client that connects on first use; the webhook (``part``) has shorter timeouts than the others."""
    bare, fallback = _without_credentials(url)
    timeout = WEBHOOK_SECONDS if part == "webhook" else SOCKET_SECONDS
    kind: type[AbstractConnection] = PlainConnection
    options = cast("dict[str, Any]", parse_url(bare))
    if options.pop("connection_class", Connection) is SSLConnection:
        kind = TlsConnection
        options["ssl_context"] = _TrustedAuthority(secrets).context
    pool = ConnectionPool(
        kind,
        **options,
        credential_provider=_Credentials(secrets, fallback),
        decode_responses=False,
        protocol=2,
        driver_info=None,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
        health_check_interval=0,
        retry=Retry(NoBackoff(), 1, (LinkError,)),
    )
    return Redis.from_pool(pool)


async def exchange(redis: Redis, commands: Sequence[Sequence[Any]]) -> list[AftersendError | None]:
    """Send commands in one round trip; return what failed of each, or the same for all if Redis does not answer."""
    try:
        with guarded():
            pool: Any = redis.connection_pool
            connection = await pool.get_connection()
            try:
                replies = await redis_connections.exchange(connection, commands)
            finally:
                await pool.release(connection)  # waits for nothing, so a cancellation cannot divide it
    except AftersendError as error:
        return [error] * len(commands)
    return [typed(reply) if isinstance(reply, RedisError) else None for reply in replies]


@contextmanager
def guarded() -> Iterator[None]:
    """Turn every error of the Redis library into ``Transient``, ``StoreAway`` or, out of memory, ``StoreFull``."""
    try:
        yield
    except RedisError as error:
        failure = typed(error)
    except OSError:
        failure = StoreAway("redis_unavailable", upstream=UPSTREAM)
    else:
        return
    raise failure from None


def typed(error: RedisError) -> Transient:
    """Return what an error of the Redis library means to us."""
    code = _code(error)
    kind = StoreFull if code == "redis_full" else StoreAway if code in _AWAY else Transient
    return kind(code, upstream=UPSTREAM)


def _code(error: RedisError) -> str:
    word = str(error).partition(" ")[0]
    for kind in type(error).__mro__:
        if kind.__name__ in _BY_CLASS:
            return _CODES.get(word, _BY_CLASS[kind.__name__])
    return "redis_unavailable"


class _Credentials(CredentialProvider):
    """User name and password of the secret files as they are now, else those of the URL, else none."""

    def __init__(self, secrets: SecretFiles, fallback: tuple[str, str]) -> None:
        self._secrets = secrets
        self._fallback = fallback

    def __bool__(self) -> bool:
        """Return True if there is a password; redis-py asks before each connection, and sends no AUTH without one."""
        return bool(self._current()[1])

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        user, password = self._current()
        return (user, password) if user else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        return self.get_credentials()

    def _current(self) -> tuple[str, str]:
        try:
            password = self._secrets.optional("password")
            return (self._secrets.optional("username"), password) if password else self._fallback
        except SecretMissing:
            raise AuthenticationError("the secret cannot be read") from None


class _TrustedAuthority:
    """Certificate authorities of TLS connections: ``ca.crt`` alone, or the public ones if there is no such file.

    Making a context takes tens of milliseconds of processor time where the public authorities have to be read, and a
    burst of webhooks opens many connections: so it is made once for each content of the file.
    """

    def __init__(self, secrets: SecretFiles) -> None:
        self._secrets = secrets
        self._known: tuple[str, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """Return the TLS context for the file as it is now; an unusable file is an error of the connection."""
        try:
            authority = self._secrets.optional("ca.crt")
            if self._known is None or self._known[0] != authority:
                self._known = (authority, ssl.create_default_context(cadata=authority or None))
        except (SecretMissing, ssl.SSLError, TypeError, ValueError):
            raise LinkError("ca.crt is unusable") from None
        return self._known[1]


def _without_credentials(url: str) -> tuple[str, tuple[str, str]]:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return urlunsplit(parts._replace(netloc=place)), (user, password)
