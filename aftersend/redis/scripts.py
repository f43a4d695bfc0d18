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
from redis.exceptions import NoScriptError

from aftersend.redis.connection import guarded

ScriptArgument = str | bytes | int


@dataclass(frozen=True, slots=True)
class Script:
    """The text of a Lua script and its hash."""

    text: str
    digest: str

    @classmethod
    def load(cls, file: Path) -> "Script":
        """Read a script from its file."""
        text = file.read_text()
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
