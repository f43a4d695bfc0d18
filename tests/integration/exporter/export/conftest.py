"""One exporter with twenty orders."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.exporter_kit import ExporterHarness, exporter_harness


@pytest.fixture
async def small(redis_url: str, tmp_path: Path) -> AsyncIterator[ExporterHarness]:
    """Twenty orders."""
    async with exporter_harness(redis_url, tmp_path, orders=20) as found:
        yield found
