"""Collecting orders into rounds: who shares one, who waits, how many run."""

import asyncio
from collections.abc import Mapping

import pytest

from aftersend.errors import AftersendError, Later
from aftersend_writer.batcher import CROWDED, CROWDED_ROUNDS, ORDERS_PER_ROUND, SINGLE_ROUNDS, Applier


class Rounds:
    """Records rounds; each waits until it is let go."""

    def __init__(self, *, held: bool = False) -> None:
        self.rounds: list[dict[str, bool]] = []
        self.active: set[str] = set()
        self.most = 0
        self.answers: dict[str, AftersendError] = {}
        self.crash: Exception | None = None
        self.go = asyncio.Event()
        if not held:
            self.go.set()

    async def __call__(self, orders: Mapping[str, bool]) -> dict[str, AftersendError | None]:
        assert not self.active & orders.keys(), "an order is never in two rounds at once"
        self.active |= orders.keys()
        self.rounds.append(dict(orders))
        self.most = max(self.most, len(self.rounds))
        await self.go.wait()
        self.active -= orders.keys()
        if self.crash:
            raise self.crash
        return {order: self.answers.get(order) for order in orders}


def applier(rounds: Rounds, backlog: int = 0) -> Applier:
    async def length() -> int:
        return backlog

    return Applier(rounds, backlog=length)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_few_orders_get_a_round_each() -> None:
    rounds = Rounds()
    applying = applier(rounds)
    await asyncio.gather(*(applying.apply(str(number)) for number in range(30)))
    assert sorted(rounds.rounds, key=str) == sorted(({str(number): False} for number in range(30)), key=str)


async def test_some_of_them_side_by_side() -> None:
    rounds = Rounds(held=True)
    applying = applier(rounds)
    tasks = [asyncio.create_task(applying.apply(str(number))) for number in range(30)]
    await settle()
    assert len(rounds.rounds) == SINGLE_ROUNDS
    rounds.go.set()
    await asyncio.gather(*tasks)


async def test_a_crowd_shares_rounds() -> None:
    rounds = Rounds(held=True)
    applying = applier(rounds, backlog=CROWDED + 1)
    tasks = [asyncio.create_task(applying.apply(str(number))) for number in range(45)]
    await settle()
    assert len(rounds.rounds) == CROWDED_ROUNDS
    rounds.go.set()
    await asyncio.gather(*tasks)
    assert max(len(orders) for orders in rounds.rounds) == ORDERS_PER_ROUND
    assert sum(len(orders) for orders in rounds.rounds) == 45


async def test_events_of_one_order_share_a_round_and_its_urgency() -> None:
    rounds = Rounds(held=True)
    applying = applier(rounds)
    first = asyncio.create_task(applying.apply("7"))
    await settle()
    later = [asyncio.create_task(applying.apply("7", force=force)) for force in (False, True, False)]
    await settle()
    assert rounds.rounds == [{"7": False}]
    rounds.go.set()
    await asyncio.gather(first, *later)
    assert rounds.rounds == [{"7": False}, {"7": True}]


async def test_each_waiter_learns_of_its_own_order_only() -> None:
    rounds = Rounds()
    rounds.answers["2"] = Later("lease_held")
    applying = applier(rounds, backlog=1000)
    outcomes = await asyncio.gather(*(applying.apply(order) for order in "123"), return_exceptions=True)
    assert outcomes == [None, rounds.answers["2"], None]


async def test_a_round_that_fails_as_a_whole_fails_for_all() -> None:
    rounds = Rounds()
    rounds.crash = RuntimeError("boom")
    applying = applier(rounds)
    outcomes = await asyncio.gather(applying.apply("1"), applying.apply("1"), return_exceptions=True)
    assert outcomes == [rounds.crash, rounds.crash]
    rounds.crash = None
    await applying.apply("1")


async def test_a_cancelled_handler_leaves_the_others_waiting() -> None:
    rounds = Rounds(held=True)
    applying = applier(rounds)
    impatient, patient = (asyncio.create_task(applying.apply("1")) for _ in range(2))
    await settle()
    impatient.cancel()
    rounds.go.set()
    await patient
    assert impatient.cancelled()


async def test_closing_ends_rounds_where_they_stand() -> None:
    rounds = Rounds(held=True)
    applying = applier(rounds)
    task = asyncio.create_task(applying.apply("1"))
    await settle()
    await applying.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rounds.active == {"1"}
