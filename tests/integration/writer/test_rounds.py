"""A round of many orders: the calls and round trips of one, side by side, and an end at any step that harms none."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from aftersend.afterbuy.model import OrderChange
from aftersend.errors import AftersendError, Later, Transient
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from aftersend.tenant.document import WriteBack
from aftersend_writer.write_back import MAX_CONCURRENT_UPDATES, ORDERS_PER_UPDATE, OrderWriter
from tests.support.afterbuy_sandbox import SimulatedAccount
from tests.support.afterbuy_sandbox import shop as open_shop
from tests.support.ledger_kit import NOW, ManualClock, client, keyring, mac, parcel, recovered
from tests.support.ledger_kit import ledger as open_ledger
from tests.support.round_trips import round_trips

MANY = [str(700 + number) for number in range(100)]
FEW = MANY[:3]
STEPS = ["hold", "orders_by_id", "check_leases", "update", "change_each"]
"""What a round does to the ledger and to Afterbuy, in order."""


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connection:
        await recovered(connection)
        yield connection


@pytest.fixture
def ledger(redis: Redis, tmp_path: Path) -> Ledger:
    return open_ledger(redis, keyring(tmp_path / "data-key"), ManualClock())


@pytest.fixture
async def shop() -> AsyncIterator[SimulatedAccount]:
    async with open_shop() as account:
        yield account


class NoMeter:
    """Counts nothing."""

    def record_success(self) -> None:
        """Ignore it."""

    def record_race_window(self, seconds: float) -> None:
        """Ignore it."""


async def passed(_: float) -> None:
    """A pause without waiting."""


def writer(ledger: Ledger, shop: SimulatedAccount) -> OrderWriter:
    return OrderWriter(
        ledger=ledger,
        afterbuy=shop.client,
        settings=WriteBack(),
        mac=mac,
        meter=NoMeter(),
        clock=ManualClock(NOW + 5000),
        pause=passed,
    )


async def printed(ledger: Ledger, shop: SimulatedAccount, orders: Sequence[str]) -> None:
    """Orders in Afterbuy, each with a label that the ledger knows."""
    for order in orders:
        shop.order(int(order))
    await ledger.change_many({order: _labelled(order) for order in orders})


def _labelled(order: str) -> Any:
    return lambda entry: merge(entry, parcel(order, number=f"N{order}"), mac)


def lagging(orders: Sequence[str]) -> Mapping[str, bool]:
    return dict.fromkeys(orders, False)


def numbers(shop: SimulatedAccount) -> dict[str, str]:
    return {str(order.order_id): order.additional_info for order in shop.world.afterbuy.orders}


def right(orders: Sequence[str]) -> dict[str, str]:
    return {order: f"N{order}" for order in orders}


async def test_a_hundred_orders_cost_two_readings_and_an_update_for_every_twenty(
    ledger: Ledger, shop: SimulatedAccount
) -> None:
    await printed(ledger, shop, MANY)
    assert not any((await writer(ledger, shop).write_batch(lagging(MANY))).values())
    assert numbers(shop) == right(MANY)
    assert (shop.calls("GetSoldItems"), shop.calls("UpdateSoldItems")) == (2, len(MANY) // ORDERS_PER_UPDATE)
    assert all(entry.is_done for entry in (await ledger.get_many(MANY)).values())


async def test_a_round_of_twenty_costs_the_round_trips_of_one(ledger: Ledger, shop: SimulatedAccount) -> None:
    async def spent(orders: Sequence[str]) -> int:
        await printed(ledger, shop, orders)
        with round_trips() as trips:
            await writer(ledger, shop).write_batch(lagging(orders))
        return trips.count

    await spent(MANY[:1])  # the server learns the scripts
    assert await spent(MANY[1:21]) == await spent(MANY[21:22]) == 5


async def test_updates_go_out_side_by_side_up_to_a_limit(ledger: Ledger, shop: SimulatedAccount) -> None:
    await printed(ledger, shop, MANY)
    update, inside, most = shop.client.update, 0, 0
    met = asyncio.Event()

    async def watched(changes: Sequence[OrderChange]) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if inside == MAX_CONCURRENT_UPDATES:
            met.set()
        await met.wait()
        await update(changes)
        inside -= 1

    shop.client.update = watched  # type: ignore[method-assign]
    await writer(ledger, shop).write_batch(lagging(MANY))
    assert most == MAX_CONCURRENT_UPDATES
    assert numbers(shop) == right(MANY)


async def test_one_refused_order_keeps_only_its_twenty_from_being_written_together(
    ledger: Ledger, shop: SimulatedAccount
) -> None:
    orders = MANY[: 2 * ORDERS_PER_UPDATE]
    await printed(ledger, shop, orders)
    shop.fault("code_13", "UpdateSoldItems", remaining=1)
    outcomes = await writer(ledger, shop).write_batch(lagging(orders))
    failed = {order for order, error in outcomes.items() if error}
    assert len(failed) == ORDERS_PER_UPDATE
    assert len({id(outcomes[order]) for order in failed}) == 1, "one failed call is one error"
    assert not any((await writer(ledger, shop).write_batch(lagging(orders))).values())
    assert numbers(shop) == right(orders)


async def test_an_order_that_another_writer_holds_is_left_to_it(ledger: Ledger, shop: SimulatedAccount) -> None:
    await printed(ledger, shop, FEW)
    async with ledger.lease("701"):
        outcomes = await writer(ledger, shop).write_batch(lagging(FEW))
    assert {order for order, error in outcomes.items() if isinstance(error, Later)} == {"701"}
    assert numbers(shop) == {**right(FEW), "701": ""}


async def test_two_writers_write_each_order_once(ledger: Ledger, shop: SimulatedAccount) -> None:
    await printed(ledger, shop, MANY)
    parts = [MANY, MANY[::-1], MANY[20:80], MANY[::2]]
    found = await asyncio.gather(*(writer(ledger, shop).write_batch(lagging(part)) for part in parts))
    late = {order for outcomes in found for order, error in outcomes.items() if error}
    assert not any((await writer(ledger, shop).write_batch(lagging(sorted(late)))).values())
    assert numbers(shop) == right(MANY)
    assert set(shop.world.journal.tags_added.values()) == {1}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("how", ["fails", "is cancelled"])
@pytest.mark.parametrize("step", STEPS)
async def test_an_end_at_any_step_of_a_round_is_healed_by_the_next(
    ledger: Ledger, shop: SimulatedAccount, redis: Redis, step: str, how: str, *, after: bool
) -> None:
    """Redis or Afterbuy goes, or the process stops, before or after each effect."""
    await printed(ledger, shop, FEW)
    with pytest.MonkeyPatch.context() as patch:
        reached = _break(patch, ledger, shop, step, how=how, after=after)
        task = asyncio.create_task(writer(ledger, shop).write_batch(lagging(FEW)))
        await reached.wait()
        if how == "is cancelled":
            task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        ended = outcome if isinstance(outcome, BaseException) else next(filter(None, outcome.values()), None)
        assert isinstance(ended, asyncio.CancelledError | AftersendError)
    assert not await redis.keys("*lease*"), "a stop releases them"
    assert not any((await writer(ledger, shop).write_batch(lagging(FEW))).values())
    assert numbers(shop) == right(FEW)
    assert set(shop.world.journal.tags_added.values()) == {1}
    assert all(entry.is_done for entry in (await ledger.get_many(FEW)).values())


def _break(
    patch: pytest.MonkeyPatch, ledger: Ledger, shop: SimulatedAccount, step: str, *, how: str, after: bool
) -> asyncio.Event:
    """Let a step fail or hang, before or after it is done; returns the event that it was reached."""
    owner: Any = shop.client if step in ("orders_by_id", "update") else ledger
    whole, reached = getattr(owner, step), asyncio.Event()

    async def end() -> None:
        reached.set()
        if how == "fails":
            raise Transient("redis_unavailable", upstream="redis")
        await asyncio.Event().wait()

    async def call(*args: Any, **options: Any) -> None:
        if after:
            await whole(*args, **options)
        await end()

    async def pages(*args: Any) -> AsyncIterator[Any]:
        if after:
            async for page in whole(*args):
                yield page
        await end()

    @asynccontextmanager
    async def hold(*args: Any) -> AsyncIterator[Any]:
        async with whole(*args) if after else nullcontext():
            await end()
            yield

    patch.setattr(owner, step, {"orders_by_id": pages, "hold": hold}.get(step, call))
    return reached
