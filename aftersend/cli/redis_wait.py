"""Wait for a Redis that is away: in a new pod the network may open seconds after the first call."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aftersend.cli.exit_codes import print_error
from aftersend.errors import Transient

_AGAIN_SECONDS: Final = 1.0
_T = TypeVar("_T")


async def while_redis_is_away(work: Callable[[], Awaitable[_T]], *, deadline: float) -> _T:
    """Return the result of ``work``; while Redis is away, again every second until the deadline (of the loop's clock).

    One line on standard error says so. After the deadline the error is raised.
    """
    clock, is_first = asyncio.get_running_loop().time, True
    while True:
        try:
            return await work()
        except Transient as error:
            left = deadline - clock()
            if left < _AGAIN_SECONDS:
                raise
            if is_first:
                print_error(f"{error}; trying again for {left:.0f} s")
            is_first = False
        await asyncio.sleep(_AGAIN_SECONDS)
