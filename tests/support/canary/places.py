"""Every place where something could come to rest, or be shown: what lies there now, by name.

``live`` asks what only a running system shows, ``left`` reads what it leaves behind, once the services have ended.
Redis packs nothing here (see ``scene``), so its files hold what it was given, byte by byte.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from aftersend.stream.dead_letters import DeadLetters
from aftersend_demo.environment import PARTS
from tests.support.canary.scene import CanaryScene, command

_OPEN_METRICS = {"Accept": "application/openmetrics-text"}
_COMMANDS = (
    ("orders", "--json"),
    ("orders", "--problems"),
    ("report", "--format", "html"),
    ("report", "--json"),
    ("dead", "list"),
    ("trigger", "export", "--wait", "--json"),
    ("trigger", "export", "--dry-run", "--json"),
    ("check", "--json"),
    ("backup", "create", "--json"),
)


async def live(scene: CanaryScene) -> dict[str, bytes]:
    """What commands, probes, metrics, processes and Redis show."""
    found = {"webhook answers": b"\n\n".join(scene.answers)}
    said = [await command(scene, *words) for words in _COMMANDS]
    found |= {f"aftersend {' '.join(words)}": printed for words, printed in zip(_COMMANDS, said, strict=True)}
    letters = [DeadLetters(stream) for stream in (scene.parcels, scene.requests)]
    shown = [await each.show(letter.id) for each in letters for letter in await each.list()]
    found["aftersend dead show --json"] = msgspec.json.encode(shown)
    found["summaries of runs"] = msgspec.json.encode(scene.summaries)
    for part in PARTS:
        found |= await _admin(scene, part)
        found |= _process(part, scene.children[part].pid)
    found |= _process("valkey", scene.valkey.pid)
    return found | await _redis(scene)


def left(scene: CanaryScene) -> dict[str, bytes]:
    """Logs, spans, backups, and the files of Redis."""
    found = {f"log of {path.stem}": path.read_bytes() for path in (scene.folder / "logs").glob("*.log")}
    files = [path for path in scene.valkey.folder.rglob("*") if path.is_file() and path.parent.name != "secrets"]
    found |= {f"file {path.name}": path.read_bytes() for path in files}
    backups = [path for path in (scene.folder / "backups").rglob("*") if path.is_file()]
    assert backups, "a backup was made"
    found |= {"names of backups": "\n".join(map(str, backups)).encode()}
    found |= {"backups": b"\n".join(path.read_bytes() for path in backups)}
    return {**found, "spans": b"\n".join(scene.collector.received)}


async def _admin(scene: CanaryScene, part: str) -> dict[str, bytes]:
    found = {}
    for path in ("/healthz", "/readyz", "/readyz?verbose", "/metrics", "/elsewhere"):
        async with scene.http.get(f"http://127.0.0.1:{scene.admin_ports[part]}{path}") as answer:
            found[f"{part} {path}"] = await answer.read()
    url = f"http://127.0.0.1:{scene.admin_ports[part]}/metrics"
    async with scene.http.get(url, headers=_OPEN_METRICS) as answer:
        found[f"{part} OpenMetrics"] = await answer.read()
    return found


def _process(name: str, pid: int) -> dict[str, bytes]:
    """Command line and environment; only Linux shows them."""
    kept = {"command line": Path(f"/proc/{pid}/cmdline"), "environment": Path(f"/proc/{pid}/environ")}
    return {f"{what} of {name}": path.read_bytes() for what, path in kept.items() if path.exists()}


async def _redis(scene: CanaryScene) -> dict[str, bytes]:
    redis = scene.redis
    keys = [key async for key in redis.scan_iter(count=1000)]
    contents = [b"%s %s" % (key, repr([part async for part in _content(redis, key)]).encode()) for key in keys]
    raw = [b"\n".join(flat) async for flat in _raw(redis, keys)]
    commands = await redis.slowlog_get(1_000_000)
    said = b"\n".join(entry["command"] for entry in commands)
    consumers = [await redis.xinfo_stream(key, full=True) for key in keys if await redis.type(key) == b"stream"]
    await redis.save()
    return {
        "Redis keys": b"\n".join(keys),
        "Redis values": b"\n".join(contents),
        "Redis values, raw": b"\n".join(raw),
        "Redis commands": said,
        "Redis consumers": repr(consumers).encode(),
        "Redis clients": repr(await redis.client_list()).encode(),
    }


async def _raw(redis: Any, keys: list[bytes]) -> AsyncIterator[list[bytes]]:
    for key in keys:
        yield [part async for part in _content(redis, key)]


async def _content(redis: Any, key: bytes) -> AsyncIterator[bytes]:
    """Everything under a key, in pieces; an unexpected type is an error."""
    kind = (await redis.type(key)).decode()
    for part in _pieces(await _READ[kind](redis, key)):
        yield part


_READ: dict[str, Callable[[Any, bytes], Awaitable[Any]]] = {
    "string": lambda redis, key: redis.get(key),
    "hash": lambda redis, key: redis.hgetall(key),
    "stream": lambda redis, key: redis.xrange(key),
    "zset": lambda redis, key: redis.zrange(key, 0, -1),
    "set": lambda redis, key: redis.smembers(key),
    "none": lambda redis, key: redis.get(key),
}


def _pieces(value: Any) -> Iterator[bytes]:
    """All bytes in an answer of Redis, however deep."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        yield from _pieces([part for pair in value.items() for part in pair])
    elif value is not None:
        for part in value:
            yield from _pieces(part)
