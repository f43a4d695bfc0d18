"""What the data key opens in Redis' files, and how days pass there.

Everything that is sealed has a length of 512 bytes or a multiple, so a sealed value is found at any place of a file,
whatever stands around it: by its key id, and by trying every bound text that this shop can have.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from aftersend.errors import AftersendError
from aftersend.redis.rewrite import rewrite
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.stream.event import EventType
from tests.support.canary.scene import CanaryScene

DAY_MS = 86_400_000
_KEY_ID = re.compile(rb"(?=(\d{8}(?:-\d{1,9})?([:!])))")
"""At any place: the length in front of a value may end with a digit."""
_EVENT_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_OVERHEAD = {b":": 24 + 16, b"!": 32 + 24 + 16}
_LENGTHS = (512, 1024, 1536)


def redis_files(scene: CanaryScene) -> dict[str, bytes]:
    """The files of the database by name."""
    found = (path for path in scene.valkey.folder.rglob("*") if path.is_file() and path.parent.name != "secrets")
    return {path.name: path.read_bytes() for path in found if path.suffix in (".aof", ".rdb")}


async def bound_texts(scene: CanaryScene) -> list[bytes]:
    """Every associated data that a value of this shop can have had."""
    orders = [scene.ledger.sealed_place(order)[1] async for order in scene.ledger.orders()]
    ids = {found.decode() for content in redis_files(scene).values() for found in _EVENT_ID.findall(content)}
    streams = (scene.parcels, scene.requests)
    return orders + [
        stream.bound(kind, name) for stream in streams for kind in get_args(EventType) for name in sorted(ids)
    ]


def opened(scene: CanaryScene, bounds: list[bytes]) -> set[bytes]:
    """The sealed values in the files that the data key opens."""
    keyring = Keyring(SecretFiles(scene.secrets / "data-key"))
    candidates = {value for content in redis_files(scene).values() for value in _candidates(content)}
    return {value for value in candidates if any(_opens(keyring, value, bound) for bound in bounds)}


async def pass_days(redis: Any, days: int) -> None:
    """Let every key live that much shorter, and wait until Redis has dropped what has come to its end."""
    ended = []
    async for key in redis.scan_iter(count=1000):
        left = await redis.pttl(key)
        if left > 0:
            await redis.pexpire(key, max(left - days * DAY_MS, 1))
            ended += [key] if left <= days * DAY_MS else []
    while await redis.exists(*ended, "none"):
        await asyncio.sleep(0.01)


async def daily_rewrite(redis: Any) -> None:
    """Rewrite as once a day, and wait until the server has removed the old files."""
    await rewrite(redis)
    while (found := await redis.info("persistence"))["aof_rewrite_in_progress"] or found["aof_rewrite_scheduled"]:
        await asyncio.sleep(0.02)
    folder = Path((await redis.config_get("dir"))["dir"])
    while len(list(folder.rglob("*.base.*"))) > 1:
        await asyncio.sleep(0.02)


def _candidates(content: bytes) -> Iterator[bytes]:
    for found in _KEY_ID.finditer(content):
        for length in _LENGTHS:
            yield content[found.start() : found.end(1) + _OVERHEAD[found[2]] + length]


def _opens(keyring: Keyring, value: bytes, bound: bytes) -> bool:
    try:
        keyring.open(value, bound=bound, public=True)
    except AftersendError:
        return False
    return True
