"""Lua scripts: several steps that Redis runs as one.

A room keeps its scripts in a folder ``lua`` beside its modules; the first lines of each say what it takes and returns.
Scripts run by their hash, and a server that does not know it (new, restarted, failed over) gets the text. All keys of
a script lie in one hash slot.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from aftersend.redis.connection import guarded, typed

ScriptArgument = str | bytes | int
ScriptCall = tuple[Sequence[str], Sequence[ScriptArgument]]
"""Keys and arguments of one call."""


@dataclass(frozen=True, slots=True)
class Script:
    """The text of a Lua script and its hash."""

    text: str
    digest: str

    @classmethod
    def load(cls, *files: Path) -> "Script":
        """Read a script from its file, or from several in sequence."""
        return cls.of("\n".join(file.read_text() for file in files))

    @classmethod
    def of(cls, text: str) -> "Script":
        """Make a script of its text."""
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())

    async def run(self, redis: Redis, *, keys: Sequence[str], args: Iterable[ScriptArgument]) -> Any:  # noqa: ANN401 - Lua
        """Run the script on the server; ``Transient`` if Redis fails."""
        words = [len(keys), *keys, *args]
        execute: Any = redis.execute_command
        with guarded():
            try:
                return await execute("EVALSHA", self.digest, *words)
            except NoScriptError:
                return await execute("EVAL", self.text, *words)

    async def run_many(self, redis: Redis, calls: Sequence[ScriptCall]) -> list[Any]:
        """Run the script once per call, all in one round trip; the result of a call that failed is a ``Transient``."""
        results = await _pipelined(redis, [("EVALSHA", self.digest, *_words(call)) for call in calls])
        unknown = [place for place, result in enumerate(results) if isinstance(result, NoScriptError)]
        again: list[tuple[Any, ...]] = [("EVALSHA", self.digest, *_words(calls[place])) for place in unknown]
        if again:  # the first one makes the script known to the server
            again[0] = ("EVAL", self.text, *_words(calls[unknown[0]]))
        for place, result in zip(unknown, await _pipelined(redis, again), strict=True):
            results[place] = result
        return [typed(result) if isinstance(result, RedisError) else result for result in results]


def _words(call: ScriptCall) -> list[ScriptArgument]:
    keys, args = call
    return [len(keys), *keys, *args]


async def _pipelined(redis: Redis, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Send commands in one round trip; the result of a command that the server refused is its error."""
    if not commands:
        return []
    with guarded():
        async with redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)
