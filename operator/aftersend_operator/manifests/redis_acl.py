"""The ACL of a managed Redis: one user per part, by least privilege.

Commands are granted one by one: no category, no keys of another tenant, no dangerous command but INFO and, for backups,
BGREWRITEAOF. The webhook can add to one stream and cannot read it. But XADD takes an id and a length, and no ACL can
forbid that: with its password the stream can be blocked or trimmed. The consumer notices both
(``aftersend.stream.guard``): a blocked stream is replaced, trimmed events are counted and come again with the sweep.
Users that may run scripts can block the server as long as a script runs. The ACL file holds passwords as SHA-256 only,
so Redis' own pod never has one.

Unauthenticated clients are refused: the user ``default`` is off. It keeps every permission nevertheless: a starting
server replays the append-only file as ``default``, and silently skips writes of transactions and scripts that this user
may not do. The user ``probe`` may PING with any password, so the probe of Redis' pod needs no secret.

There are two texts, because a file must not name commands that the server does not have: one for servers with
RedisJSON, one for all others.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from aftersend.redis.keys import Keys
from aftersend.tenant.document import Tenant

_PUT: Final = ("xadd", "info")
_SCRIPTS: Final = ("eval", "evalsha", "script|load", "script|exists")
_TRANSACTION: Final = ("multi", "exec")
_STREAM: Final = (
    *("xreadgroup", "xack", "xdel", "xpending", "xclaim", "xautoclaim", "xrange", "xlen"),
    *("xgroup|create", "xgroup|delconsumer", "xinfo|groups", "xinfo|consumers", "xinfo|stream", "exists", "time"),
    *("zadd", "zrange", "zrem", "zcard", *_SCRIPTS, *_TRANSACTION),
)
_LEDGER: Final = ("get", "set", "del", "type", "pexpire", "zadd", "zrem", "zrangebyscore", "zscan", "zcard")
_STATE: Final = ("hget", "hmget", "hset", "hdel", "hgetall", "hincrby")
_EXPIRY: Final = ("pttl",)
"""Backups store the expiry of sealed parts, and ``aftersend orders ID --all`` shows it."""
_REWRITE: Final = ("bgrewriteaof",)
"""Once a day, or what has expired would stay on the disk."""
_QUEUE: Final = ("smembers", "sadd", "srem", "expire")
_JSON: Final = ("json.get", "json.set", "json.type")

_WRITER: Final = (*_PUT, *_STREAM, *_LEDGER, *_STATE)
_EXPORTER: Final = (*_WRITER, *_QUEUE, *_EXPIRY)
_COMMANDS: Final[dict[str, tuple[str, ...]]] = {
    "webhook": _PUT,
    "writer": _WRITER,
    "exporter": _EXPORTER,
    "trigger": (*_PUT, "get"),
    "backup": (*_WRITER, *_EXPIRY, *_REWRITE),
    "up": (*_EXPORTER, *_REWRITE),
}
USERS: Final = tuple(_COMMANDS)
PROBE: Final = "probe"
_KNOW_JSON: Final = ("writer", "exporter", "backup", "up")


def acl_file(tenant: Tenant, passwords: Mapping[str, str], *, json: bool) -> str:
    """Render an ACL file; ``json`` for a server with RedisJSON."""
    lines = ["user default reset off ~* &* +@all", f"user {PROBE} reset on nopass +ping"]
    lines += [_line(tenant, user, passwords[user], json=json) for user in USERS]
    return "\n".join(lines) + "\n"


def _line(tenant: Tenant, user: str, password: str, *, json: bool) -> str:
    known = (*_COMMANDS[user], *_JSON) if json and user in _KNOW_JSON else _COMMANDS[user]
    commands = " ".join(f"+{command}" for command in sorted(set(known)))
    digest = hashlib.sha256(password.encode()).hexdigest()
    return f"user {user} reset on #{digest} {' '.join(_keys(tenant, user))} {commands}"


def _keys(tenant: Tenant, user: str) -> tuple[str, ...]:
    keys = Keys(tenant.identity)
    match user:
        case "webhook":
            return (f"%W~{keys.key('parcels')}",)
        case "trigger":
            return f"%W~{keys.key('runs')}", f"%R~{keys.key('result', '*')}"
        case _:
            return (f"~{keys.key('*')}",)
