"""Afterbuy answers Success and goes on showing the old order: for a moment, for a while, for days."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from redis.asyncio import Redis

from aftersend.afterbuy.model import OrderChange, Page
from aftersend.circuit_breaker import CircuitBreaker, CircuitBreakerTiming
from aftersend.errors import AftersendError, Later, Transient
from aftersend.ledger.entry import Problem
from aftersend.ledger.store import Ledger
from aftersend_writer.write_back import LATE_SECONDS
from tests.integration.writer.test_write_back import FIRST, SECOND, TAG, Writer
from tests.support.afterbuy_sandbox import SimulatedAccount
from tests.support.afterbuy_sandbox import shop as open_shop
from tests.support.ledger_kit import CANCELLED, NOW, ManualClock, client, keyring, parcel, recovered
from tests.support.ledger_kit import ledger as open_ledger

HOUR, DAY = 3_600_000, 86_400_000
MORNING = NOW - NOW % DAY + 8 * HOUR


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connection:
        await recovered(connection)
        yield connection


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MORNING)


@pytest.fixture
def ledger(redis: Redis, tmp_path: Path, clock: ManualClock) -> Ledger:
    return open_ledger(redis, keyring(tmp_path), clock)


@pytest.fixture
async def shop() -> AsyncIterator[SimulatedAccount]:
    async with open_shop() as account:
        yield account


@pytest.fixture
def writer(ledger: Ledger, shop: SimulatedAccount, clock: ManualClock) -> Writer:
    return Writer(ledger, shop, clock)


def calls(shop: SimulatedAccount) -> tuple[int, int]:
    """Reads and updates since the last time."""
    counted = shop.world.journal.calls
    result = counted["afterbuy GetSoldItems"], counted["afterbuy UpdateSoldItems"]
    counted.clear()
    return result


async def rounds(writer: Writer, times: int, *, recheck: bool = False) -> list[AftersendError | None]:
    return [await writer.write("700", recheck=recheck) for _ in range(times)]


async def spend(writer: Writer) -> None:
    """Use up the rounds of the day."""
    assert [bool(error) for error in await rounds(writer, 4)] == [True, True, True, False]


class LateAccount:
    """Carries every update out at once, and shows it only when ``catch_up`` was called."""

    def __init__(self, shop: SimulatedAccount) -> None:
        self.shop = shop
        self.waiting: list[Sequence[OrderChange]] = []

    async def orders_by_id(self, ids: Sequence[str]) -> AsyncIterator[Page]:
        async for page in self.shop.client.orders_by_id(ids):
            yield page

    async def update(self, changes: Sequence[OrderChange]) -> None:
        self.waiting.append(changes)

    async def catch_up(self) -> None:
        for changes in self.waiting:
            await self.shop.client.update(changes)
        self.waiting.clear()


async def test_what_is_shown_two_seconds_later_is_written_once(writer: Writer, shop: SimulatedAccount) -> None:
    order, late = shop.order(700), LateAccount(shop)
    writer.order_writer._afterbuy = late

    async def pause(seconds: float) -> None:
        writer.pauses.append(seconds)
        await late.catch_up()

    writer.order_writer._pause = pause
    await writer.merge("700", FIRST)
    assert await writer.write("700") is None
    assert calls(shop) == (3, 1)
    assert (order.additional_info, order.tags, writer.pauses) == ("A1", [TAG], [LATE_SECONDS])
    assert (await writer.entry()).is_done


async def test_an_update_without_effect_is_repeated_once_as_a_whole(writer: Writer, shop: SimulatedAccount) -> None:
    order = shop.order(700, tags=["VIP"])
    shop.fault("not_shown", remaining=1)
    await writer.merge("700", FIRST)
    assert await writer.write("700") is None
    assert calls(shop) == (4, 2)
    assert (order.additional_info, order.shipping.service, order.tags) == ("A1", "DHL", ["VIP", TAG])
    assert (await writer.entry()).is_done


async def test_a_lease_lost_while_waiting_ends_the_round_without_a_second_update(
    writer: Writer, ledger: Ledger, shop: SimulatedAccount, redis: Redis
) -> None:
    order = shop.order(700)
    shop.fault("not_shown", remaining=1)
    await writer.merge("700", FIRST)

    async def lose(_seconds: float) -> None:
        await redis.set(ledger._lease_key("700"), "another writer")

    writer.order_writer._pause = lose
    assert isinstance(await writer.write("700"), Later)
    assert (shop.calls("UpdateSoldItems"), order.additional_info) == (1, "")
    assert (await writer.entry()).lagging


async def test_a_writer_that_ends_while_waiting_leaves_the_order_to_the_next_one(
    writer: Writer, ledger: Ledger, shop: SimulatedAccount, clock: ManualClock
) -> None:
    order, late = shop.order(700), LateAccount(shop)
    writer.order_writer._afterbuy = late
    await writer.merge("700", FIRST)

    async def end(_seconds: float) -> None:
        await late.catch_up()
        raise asyncio.CancelledError

    writer.order_writer._pause = end
    with pytest.raises(asyncio.CancelledError):
        await writer.write("700")
    assert (await writer.entry()).lagging
    calls(shop)
    assert await Writer(ledger, shop, clock).write("700") is None
    assert (calls(shop), order.additional_info, order.tags) == ((1, 0), "A1", [TAG])
    assert (await writer.entry()).is_done


async def test_a_round_has_two_updates_and_a_day_four_rounds(
    writer: Writer, shop: SimulatedAccount, clock: ManualClock
) -> None:
    order = shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    for seconds in (5, 300, 1800):
        error = await writer.write("700")
        assert isinstance(error, Transient)
        assert (error.code, error.retry_after, calls(shop)) == ("not_shown", seconds, (4, 2))
        assert (await writer.entry()).lagging
    ended = clock.ms + 2000
    assert await writer.write("700") is None
    entry = await writer.entry()
    assert (entry.problem, entry.lagging, entry.ticks) == (Problem("not_shown", since=ended), 0, frozenset())
    assert (calls(shop), order.additional_info, writer.right) == ((4, 2), "", 0)
    assert not entry.is_done


async def test_the_rest_of_the_day_it_is_only_read(writer: Writer, shop: SimulatedAccount, clock: ManualClock) -> None:
    shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    await spend(writer)
    before, _ = await writer.entry(), calls(shop)
    for _ in range(12):
        clock.ms += HOUR
        assert await writer.write("700", recheck=True) is None
        assert calls(shop) == (1, 0)
    assert (await writer.entry()).problem == before.problem


async def test_a_new_label_of_the_same_day_has_rounds_of_its_own(writer: Writer, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    await spend(writer)
    since = (await writer.entry()).problem
    calls(shop)
    await writer.merge("700", SECOND)
    await spend(writer)
    assert (calls(shop), (await writer.entry()).problem) == ((4 * 4, 8), since)
    assert await rounds(writer, 2, recheck=True) == [None, None]
    assert calls(shop) == (2, 0)
    shop.world.faults.disarm()
    await writer.merge("700", parcel("13", number="C3"))
    assert await writer.write("700") is None
    assert order.additional_info == "A1, B2, C3"
    assert ((await writer.entry()).is_done, (await writer.entry()).unshown) == (True, None)


async def test_the_next_day_it_is_updated_again(writer: Writer, shop: SimulatedAccount, clock: ManualClock) -> None:
    order = shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    await spend(writer)
    since = (await writer.entry()).problem
    calls(shop)
    clock.ms += DAY
    assert [bool(error) for error in await rounds(writer, 6, recheck=True)] == [True, True, True, False, False, False]
    assert calls(shop) == (4 * 4 + 2, 8)
    assert (await writer.entry()).problem == since
    shop.world.faults.disarm()
    assert await writer.write("700", recheck=True) is None
    assert order.additional_info == ""
    clock.ms += DAY
    assert await writer.write("700", recheck=True) is None
    assert (order.additional_info, order.tags) == ("A1", [TAG])
    assert (await writer.entry()).is_done


async def test_a_read_that_shows_it_at_last_ends_the_problem(writer: Writer, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    await spend(writer)
    calls(shop)
    order.additional_info, order.shipping.service, order.tags = "A1", "DHL", [TAG]
    assert await writer.write("700", recheck=True) is None
    assert calls(shop) == (1, 0)
    assert (await writer.entry()).is_done
    shop.world.faults.disarm()
    await writer.merge("700", SECOND)
    assert await writer.write("700") is None
    assert order.additional_info == "A1, B2"


async def test_a_restarted_writer_knows_that_the_day_is_over(
    writer: Writer, ledger: Ledger, shop: SimulatedAccount, clock: ManualClock
) -> None:
    shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    await spend(writer)
    calls(shop)
    clock.ms += HOUR
    restarted = Writer(ledger, shop, clock)
    assert await restarted.write("700", recheck=True) is None
    assert calls(shop) == (1, 0)


async def test_restarts_do_not_add_rounds(
    writer: Writer, ledger: Ledger, shop: SimulatedAccount, clock: ManualClock
) -> None:
    order = shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    ends = [await Writer(ledger, shop, clock).write("700", recheck=True) for _ in range(7)]
    assert [bool(error) for error in ends] == [True, True, True, False, False, False, False]
    assert calls(shop) == (4 * 4 + 3, 8)
    shop.world.faults.disarm()
    clock.ms += DAY
    assert await Writer(ledger, shop, clock).write("700", recheck=True) is None
    assert order.additional_info == "A1"


async def test_rounds_of_a_restarted_writer_end_with_a_success(
    writer: Writer, ledger: Ledger, shop: SimulatedAccount, clock: ManualClock
) -> None:
    shop.order(700)
    shop.fault("not_shown", remaining=4)
    await writer.merge("700", FIRST)
    assert [bool(error) for error in await rounds(writer, 2)] == [True, True]
    assert await Writer(ledger, shop, clock).write("700") is None
    assert ((await writer.entry()).is_done, (await writer.entry()).unshown) == (True, None)


async def test_another_problem_of_the_day_is_still_seen(writer: Writer, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    await spend(writer)
    order.additional_info = "warten"
    assert await writer.write("700", recheck=True) is None
    problem = (await writer.entry()).problem
    assert problem is not None
    assert (problem.code, problem.path) == ("conflict", "AdditionalInfo")


async def test_a_cancelled_label_ends_the_problem(writer: Writer, shop: SimulatedAccount) -> None:
    shop.order(700)
    shop.fault("not_shown")
    await writer.merge("700", FIRST)
    await spend(writer)
    await writer.merge("700", parcel("11", CANCELLED, time=NOW + 5, number="A1"))
    assert await writer.write("700") is None
    assert (await writer.entry()).problem is None


async def test_the_others_of_a_batch_are_written_and_wait_once(writer: Writer, shop: SimulatedAccount) -> None:
    orders = [shop.order(700 + number) for number in range(4)]
    late = shop.client.update

    async def update(changes: Sequence[OrderChange]) -> None:
        await late([change for change in changes if change.order_id not in {"701", "703"}])

    shop.client.update = update  # type: ignore[method-assign]
    for number in range(4):
        await writer.merge(f"70{number}", parcel(str(number), number=f"N{number}"))
    writer.during_pause = lambda: setattr(shop.client, "update", late)
    assert await writer.write("700", "701", "702", "703") is None
    assert [order.additional_info for order in orders] == ["N0", "N1", "N2", "N3"]
    assert (writer.pauses, writer.right) == ([LATE_SECONDS], 4)
    assert set(shop.world.journal.tags_added.values()) == {1}


async def test_a_tag_ignored_in_silence_is_read_again_and_not_repeated(writer: Writer, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    shop.world.afterbuy.tag_manager.clear()
    shop.world.switches.tag_unknown = "ignored"
    await writer.merge("700", FIRST)
    assert await writer.write("700") is None
    problem = (await writer.entry()).problem
    assert problem is not None
    assert (problem.code, order.additional_info) == ("tag_refused", "A1")
    assert (calls(shop), writer.pauses) == ((3, 1), [LATE_SECONDS])


async def test_a_tag_ignored_in_silence_by_an_update_that_was_ignored_before(
    writer: Writer, shop: SimulatedAccount
) -> None:
    order = shop.order(700)
    shop.world.afterbuy.tag_manager.clear()
    shop.world.switches.tag_unknown = "ignored"
    shop.fault("not_shown", remaining=1)
    await writer.merge("700", FIRST)
    assert await writer.write("700") is None
    problem = (await writer.entry()).problem
    assert problem is not None
    assert (problem.code, order.additional_info, calls(shop)) == ("tag_refused", "A1", (4, 2))


async def test_ten_orders_that_are_not_shown_open_no_circuit(writer: Writer, shop: SimulatedAccount) -> None:
    async def probe() -> None:
        """Never due."""

    breaker = CircuitBreaker("afterbuy", probe, secrets_version=lambda: 0, timing=CircuitBreakerTiming(failures=1))
    shop.fault("not_shown")
    for number in range(700, 710):
        shop.order(number)
        await writer.merge(str(number), FIRST)
        error = await writer.write(str(number))
        assert error is not None
        breaker.record(error)
    assert not breaker.is_open
