"""The Lua scripts of the ledger: one set for both ways to store a document.

Every script gets two primitives in front, ``get_document`` and ``set_document``. Where the server has the RedisJSON
module a document is a JSON value (so that a person can query it), elsewhere a plain one. A plain document on a server
that got the module later is read as it is, and becomes JSON at its next change.

``write`` compares the revision and then changes everything that belongs to the entry in one step: document, sealed
part, positions in the indexes, look-ups by parcel id. So an index or a look-up can never disagree with the entry.
It also takes up to twenty orders out of the indexes whose documents have expired, which keeps the indexes as small
as the ledger; an index that is not written any more expires as a whole with its youngest document.
"""

from functools import cache
from pathlib import Path
from typing import Final, Literal

from aftersend.redis.scripts import Script

_FOLDER: Final = Path(__file__).parent / "lua"
HAS_JSON: Final = Script.load(_FOLDER / "has_json.lua")
ORDERS_OF: Final = Script.load(_FOLDER / "orders_of.lua")
"""One command for many look-ups, which an ACL without MGET allows."""
RESEAL_VALUE: Final = Script.load(_FOLDER / "reseal_value.lua")


ScriptName = Literal["read", "read_saved", "look", "write"]


@cache
def script(name: ScriptName, *, json: bool) -> Script:
    """Return a script, with the primitives that fit the server in front."""
    return Script.load(_FOLDER / f"documents_{'json' if json else 'plain'}.lua", _FOLDER / f"{name}.lua")
