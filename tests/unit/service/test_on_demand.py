"""Figures are read when they are to be shown: once for all who ask, with a short wait."""

import asyncio

import pytest

from aftersend.errors import Transient
from aftersend.observe import logs
from aftersend.observe.context import bind
from aftersend.service import on_demand
from aftersend.service.health import Health
from aftersend.service.on_demand import MAX_AGE_SECONDS, OnDemand
from tests.support.part_kit import restored_logging
from tests.support.virtual_time import run


class Figures:
    """Counts readings; each takes so many seconds and may fail."""

    def __init__(self, *failures: Exception, seconds: float = 0.1) -> None:
        self.failures = list(failures)
        self.seconds = seconds
        self.begun = self.ended = 0

    async def read(self) -> None:
        self.begun += 1
        await asyncio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)
        self.ended += 1


def test_one_reading_serves_all_who_ask_at_the_same_time_and_soon_after() -> None:
    async def ask() -> None:
        figures = Figures()
        show = OnDemand(figures.read, clock=asyncio.get_running_loop().time)
        await asyncio.gather(show(), show())
        assert (figures.begun, figures.ended) == (1, 1)
        await asyncio.sleep(MAX_AGE_SECONDS - 1)
        await show()
        assert figures.begun == 1
        await asyncio.sleep(1)
        await show()
        assert figures.ended == 2

    run(ask())


def test_a_slow_reading_is_not_waited_for_and_not_given_up() -> None:
    async def ask() -> None:
        figures, clock = Figures(seconds=30), asyncio.get_running_loop().time
        show = OnDemand(figures.read, clock=clock)
        await show()
        assert (clock(), figures.ended) == (pytest.approx(on_demand.WAIT_SECONDS), 0)
        await asyncio.sleep(20)
        await show()
        assert (figures.begun, figures.ended) == (1, 0), "no second one beside it"
        await asyncio.sleep(10)
        assert figures.ended == 1

    run(ask())


@pytest.mark.parametrize("error", [Transient("redis_unavailable"), OSError(), ValueError()])
def test_a_reading_that_fails_leaves_the_figures_as_they_are(error: Exception) -> None:
    async def ask() -> None:
        figures = Figures(error)
        health = Health(clock=asyncio.get_running_loop().time)
        health.set_fact("queues", "before")
        health.add_reading(figures.read)
        await health.refresh()
        assert (figures.begun, figures.ended, health.facts) == (1, 0, {"queues": "before"})
        await asyncio.sleep(MAX_AGE_SECONDS)
        await health.refresh()
        assert figures.ended == 1
        health.clear()
        await asyncio.sleep(MAX_AGE_SECONDS)
        await health.refresh()
        assert figures.begun == 2, "a part that has ended reads no more"

    run(ask())


def test_a_part_that_ends_takes_its_readings_with_it() -> None:
    async def ask() -> None:
        figures, health = Figures(seconds=30), Health(clock=asyncio.get_running_loop().time)
        health.add_reading(figures.read)
        await health.refresh()
        health.clear()
        await asyncio.sleep(40)
        assert (figures.begun, figures.ended) == (1, 0)

    run(ask())


def test_a_reading_logs_for_the_tenant_that_it_was_made_for(capsys: pytest.CaptureFixture[str]) -> None:
    async def ask() -> None:
        bind(tenant="shops.mueller", part="writer")
        show = OnDemand(Figures(ValueError()).read, clock=asyncio.get_running_loop().time)
        bind(tenant="another", part="writer")
        await show()

    with restored_logging():
        logs.configure("json", "info")
        run(ask())
    assert "shops.mueller" in capsys.readouterr().err
