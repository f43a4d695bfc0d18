"""A tenant that is served for real: sandbox, ``aftersend up``, a Redis that lists every command it gets."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.contracts.served_tenant import ServedTenant


@pytest.fixture(scope="session")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTenant]:
    """One for all tests of the session, after an export, labels, a sweep and a few faults."""
    with contextlib.ExitStack() as stack:
        tenant = ServedTenant(tmp_path_factory.mktemp("tenant"), stack)
        tenant.live_through()
        yield tenant
