"""One line a minute and kind, and bounded memory for kinds that strangers choose."""

import pytest

from aftersend.observe import throttle
from aftersend.observe.throttle import LogThrottle


def test_the_first_passes_and_then_one_a_minute_with_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(throttle, "monotonic", lambda: now[0])
    lines = LogThrottle()
    found = []
    for now[0] in (100.0, 101.0, 159.9, 160.0, 161.0, 300.0):
        found.append(lines.suppressed("one"))
        assert lines.suppressed(now[0]) == 0
    assert found == [0, None, None, 2, None, 1]


def test_its_memory_is_bounded() -> None:
    lines = LogThrottle()
    for kind in range(10_000):
        assert lines.suppressed(kind) == 0
    assert len(lines._kinds) <= 1000
