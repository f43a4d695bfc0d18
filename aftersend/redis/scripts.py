"""Steps that Redis does as one: the Lua files of ``stream/lua``.

They run by their hash; a server that does not know it (new, restarted, failed over) gets the text. All of them are
flagged ``allow-oom``: they move or mark what is there already, and a full Redis must not keep the consumer from
draining it. All keys of a script lie in one hash slot.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from aftersend.redis.connection import guarded

_LUA = Path(__file__).parents[1] / "stream" / "lua"

ScriptArgument = str | bytes | int


async def run_script(redis: Redis, name: str, *, keys: Sequence[str], args: Sequence[ScriptArgument]) -> Any:  # noqa: ANN401
    """Run ``lua/<name>.lua``; its first lines say what it takes and returns. ``Transient`` if Redis fails."""
    text, digest = _script(name)
    execute: Any = redis.execute_command
    with guarded():
        try:
            return await execute("EVALSHA", digest, len(keys), *keys, *args)
        except NoScriptError:
            return await execute("EVAL", text, len(keys), *keys, *args)


@cache
def _script(name: str) -> tuple[str, str]:
    text = (_LUA / f"{name}.lua").read_text()
    return text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
