"""Counting round trips to Redis: whatever a connection sends at once is one, however many commands it holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from aftersend.compat.redis_connections import PlainConnection


class RoundTrips:
    """The round trips of all connections of this process."""

    def __init__(self) -> None:
        self.count = 0


@contextmanager
def round_trips() -> Iterator[RoundTrips]:
    """Count while the block runs."""
    counter, send = RoundTrips(), PlainConnection._send_packed_command

    async def counted(self: PlainConnection, *args: Any, **options: Any) -> None:
        counter.count += 1
        await send(self, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainConnection, "_send_packed_command", counted)
        yield counter
