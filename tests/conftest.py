"""What holds for all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.hang import report_in_time
from tests.support.snapshots import contract, pytest_addoption

__all__ = ["contract", "pytest_addoption"]

# How long an example takes, or making one up, says something about the machine and what else runs there only.
settings.register_profile("aftersend", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aftersend")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Report the tasks of a test that hangs, before its session ends."""
    marked = item.get_closest_marker("timeout")
    limit = marked.args[0] if marked else item.config.getoption("timeout") or item.config.getini("timeout")
    timer = report_in_time(item, float(limit))
    try:
        return (yield)
    finally:
        timer.cancel()
