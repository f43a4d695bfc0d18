"""Each service looks for cycles rarely, from before it imports anything large."""

import gc
import signal
from collections.abc import Iterator
from importlib import import_module

import pytest

from aftersend.service.cycles import NEW_OBJECTS


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    threshold, handler = gc.get_threshold(), signal.getsignal(signal.SIGTERM)
    yield
    gc.set_threshold(*threshold)
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.parametrize("script", ["aftersend_exporter", "aftersend_webhook", "aftersend_writer", "aftersend.cli"])
def test_cycles_are_looked_for_rarely(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    monkeypatch.setattr(f"{script}.main.main", lambda: found.append(gc.get_threshold()[0]))
    import_module(f"{script}.entry").main()
    assert found == [NEW_OBJECTS]
