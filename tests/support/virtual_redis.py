"""A stream's Redis in memory, on the clock of the event loop: the real consumer lives through days in virtual time.

Just what one consumer of one stream needs: XADD, XREADGROUP, the scripts of ``aftersend/stream/lua``, GET, SET and
ZADD. That the scripts do on a real server what is modelled here is the matter of the tests in ``integration/stream``.
"""

import asyncio
import io
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from aftersend.stream import scripts
from aftersend.stream.event import Fields

EPOCH = 1_800_000_000.0
"""Seconds since 1970 when the loop's clock shows 0."""


def wall_clock() -> float:
    return EPOCH + asyncio.get_running_loop().time()


class VirtualRedis:
    """One stream with its group, its delayed set and its dead letters."""

    def __init__(self) -> None:
        self.entries: dict[bytes, dict[bytes, bytes]] = {}
        self.unread: list[bytes] = []
        self.pending: dict[bytes, tuple[str, float, int]] = {}
        """Consumer, when it was delivered, how often."""
        self.delayed: dict[bytes, tuple[float, dict[bytes, bytes]]] = {}
        self.dead: list[dict[bytes, bytes]] = []
        self.strings: dict[str, bytes] = {}
        self._added = asyncio.Event()
        self._count = 0
        self._scripts: dict[str, Callable[..., Any]] = {
            scripts.MOVE.digest: self._move,
            scripts.ADD_DELAYED.digest: lambda due, *flat: self._delay(due, _pairs(flat)),
            scripts.PROMOTE.digest: self._promote,
            scripts.WAKE.digest: self._wake,
            scripts.READ_DELAYED.digest: self._read_delayed,
            scripts.ACKNOWLEDGE.digest: self._acknowledge,
            scripts.RELEASE.digest: self._release,
            scripts.CLAIM.digest: self._claim,
            scripts.RENEW.digest: lambda *_: 0,
            scripts.DELETE_IDLE_CONSUMERS.digest: lambda *_: 0,
            scripts.GUARD.digest: lambda *_: (-1, 0),
        }
        self._for_each = {each.for_each.digest: each.digest for each in (scripts.MOVE, scripts.RELEASE)}

    async def execute_command(self, command: str, digest: str, count: int, *words: Any) -> Any:
        await asyncio.sleep(0)
        return self.run_script(command, digest, count, *words)

    def run_script(self, command: str, digest: str, count: int, *words: Any) -> Any:
        assert command == "EVALSHA"
        if digest in self._scripts:
            return self._scripts[digest](*words[count:])
        script, results, place = self._scripts[self._for_each[digest]], [], count + 1
        while place < len(words):
            begin = place + 2
            place = begin + words[place + 1]
            results.append(script(*words[begin:place]))
        return results

    async def xgroup_create(self, *_: object, **__: object) -> bool:
        return True

    async def info(self, _: str) -> dict[str, int]:
        return {}

    async def time(self) -> tuple[int, int]:
        return int(wall_clock()), 0

    async def xrange(self, *_: object, **__: object) -> list[tuple[bytes, Fields]]:
        """No dead letter is old."""
        return []

    async def get(self, key: str) -> bytes | None:
        return self.strings.get(key)

    async def set(self, key: str, value: object, **_: object) -> None:
        self.strings[key] = str(value).encode()

    async def xadd(self, _: str, fields: Fields) -> bytes:
        self._count += 1
        name = b"%d-%d" % (round(wall_clock() * 1000), self._count)
        self.entries[name] = dict(fields)
        self.unread.append(name)
        self._added.set()
        return name

    @property
    def connection_pool(self) -> "VirtualPool":
        return VirtualPool(self)

    def pipeline(self, *, transaction: bool) -> "VirtualPipeline":
        assert not transaction
        return VirtualPipeline(self)

    async def xlen(self, _: str) -> int:
        return len(self.entries)

    async def xreadgroup(self, group: str, consumer: str, streams: dict[str, str], *, count: int, block: int) -> Any:
        del group
        if not self.unread:
            self._added.clear()
            try:
                async with asyncio.timeout(block / 1000):
                    await self._added.wait()
            except TimeoutError:
                return []
        names, self.unread = self.unread[:count], self.unread[count:]
        for name in names:
            self.pending[name] = (consumer, wall_clock(), 1)
        (key,) = streams
        return [(key.encode(), [(name, self.entries[name]) for name in names])]

    async def xpending_range(self, _: str, __: str, ___: str, ____: str, count: int, *, idle: int) -> Any:
        found = [name for name, (_, at, _) in self.pending.items() if (wall_clock() - at) * 1000 >= idle]
        return [{"message_id": name, "times_delivered": self.pending[name][2]} for name in found[:count]]

    async def zadd(self, _: str, scores: dict[bytes, float], **__: object) -> None:
        """Change when delayed events are due."""
        for name, due in scores.items():
            self.delayed[name] = (due, self.delayed[name][1])

    async def zrem(self, _: str, name: bytes) -> None:
        self.delayed.pop(name, None)

    def _claim(self, _: str, consumer: str, idle: int, *ids: bytes) -> Any:
        claimed = []
        for name in ids:
            _, at, deliveries = self.pending[name]
            if (wall_clock() - at) * 1000 >= idle:
                self.pending[name] = (consumer, wall_clock(), deliveries + 1)
                flat = [word for pair in self.entries[name].items() for word in pair]
                claimed.append([[name, flat], deliveries + 1])
        return [claimed, []]

    def _release(self, _: str, __: str, name: str, ___: int, *ids: bytes) -> int:
        for each in ids:
            self.pending[each] = (name, 0.0, max(self.pending[each][2] - 1, 0))
        return len(ids)

    def _acknowledge(self, _: str, *ids: bytes) -> int:
        for name in ids:
            del self.pending[name], self.entries[name]
        return len(ids)

    def _move(self, _: str, __: str, name: bytes, target: Any, *flat: Any) -> int:
        del self.pending[name], self.entries[name]
        fields = _pairs(flat)
        if target == "dead":
            self.dead.append(fields)
        else:
            self._delay(wall_clock() * 1000 + target, fields)
        return 1

    def _delay(self, due: float, fields: dict[bytes, bytes]) -> None:
        self._count += 1
        self.delayed[b"%d" % self._count] = (due, fields)

    def _promote(self, most: int) -> tuple[int, int]:
        due = sorted(name for name, (at, _) in self.delayed.items() if at <= wall_clock() * 1000)[:most]
        for name in due:
            _, fields = self.delayed.pop(name)
            kept = {key: value for key, value in fields.items() if key != b"upstream"}
            self._count += 1
            entry = b"%d-%d" % (round(wall_clock() * 1000), self._count)
            self.entries[entry] = kept
            self.unread.append(entry)
            self._added.set()
        left = [math.ceil(at - wall_clock() * 1000) for at, _ in self.delayed.values()]
        return len(due), max(min(left), 0) if left else -1

    def _wake(self, short_ms: int, *words: Any) -> int:
        count = 0
        for name, due, delay in zip(words[::3], words[1::3], words[2::3], strict=True):
            new = wall_clock() * 1000 + delay
            if new < due and name in self.delayed:
                _, fields = self.delayed.pop(name)
                remaining = due - new + int(fields.pop(b"remaining", b"0"))
                if remaining > short_ms:
                    fields[b"remaining"] = b"%d" % remaining
                self._delay(new, fields)
                count += 1
        return count

    def _read_delayed(self, _: bytes, __: int) -> Any:
        rows = [
            [name, b"%d" % due, [word for pair in fields.items() for word in pair]]
            for name, (due, fields) in self.delayed.items()
        ]
        return [b"0", rows]


class VirtualPipeline:
    """Entries that are added, or scripts that run, in one round trip."""

    def __init__(self, redis: VirtualRedis) -> None:
        self._redis = redis
        self._entries: list[tuple[str, Fields]] = []
        self._commands: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._entries.clear()

    def xadd(self, key: str, fields: Fields) -> None:
        self._entries.append((key, fields))

    def execute_command(self, *words: Any) -> None:
        self._commands.append(words)

    async def execute(self, *, raise_on_error: bool = True) -> list[Any]:
        del raise_on_error
        added = [await self._redis.xadd(*entry) for entry in self._entries]
        return [*added, *(self._redis.run_script(*words) for words in self._commands)]


class VirtualPool:
    """A pool of one connection that adds entries, as many at once as are sent."""

    is_connected = True
    socket_timeout = None
    retry = Retry(NoBackoff(), 0)

    def __init__(self, redis: VirtualRedis) -> None:
        self._redis = redis
        self._sent: Iterator[list[bytes]] = iter(())

    async def get_connection(self) -> Self:
        return self

    async def release(self, _: Self) -> None:
        pass

    async def _send_packed_command(self, parts: Sequence[bytes]) -> None:
        self._sent = _commands(io.BytesIO(b"".join(parts)))

    async def _read_response_from_parser(self) -> bytes:
        word, key, _, *fields = next(self._sent)
        assert word == b"XADD"
        return await self._redis.xadd(key.decode(), _pairs(fields))


def _commands(sent: io.BytesIO) -> Iterator[list[bytes]]:
    """Read commands as they go over the wire: a count of words, and the length before each."""
    while count := sent.readline():
        yield [sent.read(int(sent.readline()[1:]) + 2)[:-2] for _ in range(int(count[1:]))]


def _pairs(flat: Sequence[Any]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
