import asyncio

import pytest

from aftersend.errors import Misconfigured, Transient
from aftersend.service import health as module
from aftersend.service.health import Health


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_loop_must_beat_within_its_silence() -> None:
    clock = Clock()
    health = Health(clock)
    health.register_loop("reader", 10)
    clock.now += 10
    assert health.stalled() == {}
    clock.now += 0.5
    assert health.stalled() == {"reader": 10.5}
    health.heartbeat("reader")
    assert health.stalled() == {}


def test_a_loop_that_ended_as_planned_is_forgotten_and_strangers_are_ignored() -> None:
    clock = Clock()
    health = Health(clock)
    health.register_loop("reader", 10)
    health.heartbeat("stranger")
    clock.now += 99
    health.unregister_loop("reader")
    health.unregister_loop("reader")
    assert health.stalled() == {}


async def test_checks_answer_by_code_or_type_and_never_by_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHECK_TIMEOUT", 0.01)

    async def fine() -> None: ...

    async def ours() -> None:
        raise Transient("redis_unavailable", upstream="redis")

    async def foreign() -> None:
        raise ValueError("Käthe")

    async def hangs() -> None:
        await asyncio.Event().wait()

    health = Health()
    for name, check in (("fine", fine), ("ours", ours), ("foreign", foreign), ("hangs", hangs)):
        health.add_ready_check(name, check)
    assert await health.ready() == {
        "fine": "",
        "ours": "redis: redis_unavailable",
        "foreign": "ValueError",
        "hangs": "TimeoutError",
    }


async def test_clear_forgets_loops_checks_and_facts() -> None:
    health = Health()

    async def broken() -> None:
        raise Misconfigured("broken")

    health.register_loop("loop", -1)
    health.add_ready_check("check", broken)
    health.set_fact("fact", 1)
    assert health.facts == {"fact": 1}
    health.clear()
    assert (health.stalled(), await health.ready(), health.facts) == ({}, {}, {})
