"""How long each kind of key may live: the table of the privacy page, held against real keys.

What has no end there leaves Redis by being handled (streams and what waits beside them), or says nothing about any
order (the tenant's own state).
"""

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from tests.support.canary.scene import TENANT

_TABLE: Final = tomllib.loads((Path(__file__).parents[3] / "docs/retention.toml").read_text(encoding="utf-8"))
_LIVES: Final = {
    pattern: seconds * 1000 or None for each in _TABLE["class"] for pattern, seconds in each["keys"].items()
}


async def too_long(redis: Any) -> list[str]:
    """Keys of unknown kind, and keys that live longer than theirs may."""
    found = []
    async for raw in redis.scan_iter(count=1000):
        key, life = raw.decode(), await redis.pttl(raw)
        kind = key.removeprefix(f"aftersend:{{{TENANT}}}:")
        allowed = [most for pattern, most in _LIVES.items() if re.fullmatch(pattern, kind)]
        is_fine = bool(allowed) and (allowed[0] is None or life == -2 or 0 <= life <= allowed[0])
        found += [] if is_fine else [f"{key} lives for {life} ms"]
    return found
