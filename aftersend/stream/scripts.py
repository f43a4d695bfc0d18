"""The Lua scripts of the streams, one file each in ``lua/``.

All of them carry the flag ``allow-oom``: they move or mark what is there already, and a full Redis must not keep the
consumer from draining it.
"""

from itertools import chain
from pathlib import Path

from aftersend.redis.scripts import Script, ScriptArgument
from aftersend.stream.event import Fields

_FOLDER = Path(__file__).parent / "lua"


def _script(name: str) -> Script:
    return Script.load(_FOLDER / f"{name}.lua")


CLAIM = _script("claim")
RENEW = _script("renew")
RELEASE = _script("release")
ACKNOWLEDGE = _script("acknowledge")
DELETE_IDLE_CONSUMERS = _script("delete_idle_consumers")
MOVE = _script("move")
PROMOTE = _script("promote")
REDRIVE = _script("redrive")
READ_DELAYED = _script("read_delayed")
ADD_DELAYED = _script("add_delayed")
WAKE = _script("wake")
GUARD = _script("guard")
RESEAL_DELAYED = _script("reseal_delayed")
RESEAL_ENTRY = _script("reseal_entry")


def flat(fields: Fields) -> list[ScriptArgument]:
    """Return field, value, field, value, …, as XADD takes them."""
    return [*chain.from_iterable(fields.items())]
