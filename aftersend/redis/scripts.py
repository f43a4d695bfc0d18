"""Lua scripts: several steps that Redis runs as one.

A room keeps its scripts in a folder ``lua`` beside its modules; the first lines of each say what it takes and returns.
Scripts run by their hash, and a server that does not know it (new, restarted, failed over) gets the text. All keys of
a script lie in one hash slot. Many calls of a script go out together, some in each command, so that a hundred orders
cost the commands of two.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from aftersend.redis.connection import guarded, typed

ScriptArgument = str | bytes | int
ScriptCall = tuple[Sequence[str], Sequence[ScriptArgument]]
"""Keys and arguments of one call."""


_FOR_EACH: Final = (Path(__file__).parent / "lua" / "for_each.lua").read_text()
_CALLS_PER_COMMAND: Final = 50
"""The server does nothing else while a command runs, so a command must not take long."""


@dataclass(frozen=True)
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

    async def run_many(self, redis: Redis, calls: Sequence[ScriptCall], *, shared: Sequence[str] = ()) -> list[Any]:
        """Run the script once per call, all in one round trip; the result of a call that failed is a ``Transient``.

        ``shared`` are the first keys of every call.
        """
        groups = [calls[start : start + _CALLS_PER_COMMAND] for start in range(0, len(calls), _CALLS_PER_COMMAND)]
        answers = await _answers(redis, self.for_each, [_words_of_group(group, shared) for group in groups])
        results: list[Any] = []
        for group, answer in zip(groups, answers, strict=True):
            results += [answer] * len(group) if isinstance(answer, RedisError) else answer
        return [typed(result) if isinstance(result, RedisError) else result for result in results]

    @cached_property
    def for_each(self) -> "Script":
        """Return the script that runs this one for many calls in a row."""
        flags, separator, body = self.text.partition("\n") if self.text.startswith("#!") else ("", "", self.text)
        return Script.of(flags + separator + _FOR_EACH.replace("-- SCRIPT", body))


def _words_of_group(calls: Sequence[ScriptCall], shared: Sequence[str]) -> list[ScriptArgument]:
    keys = [*shared, *chain.from_iterable(keys for keys, _ in calls)]
    words: list[ScriptArgument] = [len(keys), *keys, len(shared)]
    for own_keys, arguments in calls:
        words += (len(own_keys), len(arguments), *arguments)
    return words


async def _answers(redis: Redis, script: Script, commands: Sequence[Sequence[ScriptArgument]]) -> list[Any]:
    """Run a script by several commands in one round trip; the answer to one that the server refused is its error."""
    answers = await _pipelined(redis, [("EVALSHA", script.digest, *words) for words in commands])
    unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    again: list[tuple[Any, ...]] = [("EVALSHA", script.digest, *commands[place]) for place in unknown]
    if again:  # the first one makes the script known to the server
        again[0] = ("EVAL", script.text, *commands[unknown[0]])
    for place, answer in zip(unknown, await _pipelined(redis, again), strict=True):
        answers[place] = answer
    return answers


async def _pipelined(redis: Redis, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Send commands in one round trip; the result of a command that the server refused is its error."""
    if not commands:
        return []
    with guarded():
        async with redis.pipeline(transaction=False) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)
