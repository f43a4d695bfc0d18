"""The tag of a problem in Afterbuy: once per problem, gone with it, never against a person, never before the number."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from aftersend.errors import AftersendError, Transient
from aftersend.ledger.entry import Entry, Notice, Problem, ProblemTag
from aftersend.ledger.merge import merge
from aftersend.ledger.problem_tag import is_tag_due
from aftersend.ledger.store import Ledger
from aftersend.tenant.document import WriteBack
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_writer.write_back import OrderWriter
from tests.support.afterbuy_sandbox import SimulatedAccount
from tests.support.afterbuy_sandbox import shop as open_shop
from tests.support.ledger_kit import CANCELLED, NOW, ManualClock, client, keyring, mac, parcel, recovered
from tests.support.ledger_kit import ledger as open_ledger

TAG, OTHER = "Bitte ansehen", "Storniert"
NUMBER = parcel("11", number="A1", carrier="dhl")
REJECTED = Problem("rejected", NOW, "shipping_address.city")
SETTINGS = {"tag": "", "problem_tag": TAG, "problem_tags": {"withdrawn": OTHER, "conflict": ""}}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with client(redis_url) as connection:
        await recovered(connection)
        yield connection


@pytest.fixture
def ledger(redis: Redis, tmp_path: Path) -> Ledger:
    return open_ledger(redis, keyring(tmp_path), ManualClock())


@pytest.fixture
async def shop() -> AsyncIterator[SimulatedAccount]:
    async with open_shop() as account:
        account.world.afterbuy.tag_manager += [TAG, OTHER, "VIP"]
        yield account


class TagWriter:
    """The write-back of one tenant whose problems have tags."""

    def __init__(self, ledger: Ledger, shop: SimulatedAccount, **settings: Any) -> None:
        self.ledger, self.settings = ledger, WriteBack(**SETTINGS | settings)
        self.right = 0
        self.order_writer = OrderWriter(
            ledger=ledger, afterbuy=shop.client, settings=self.settings, mac=mac, clock=ManualClock(), meter=self,
            pause=self.pause,
        )  # fmt: skip

    async def pause(self, seconds: float) -> None:
        """No time passes."""

    def record_success(self) -> None:
        self.right += 1

    def record_race_window(self, seconds: float) -> None:
        """Not of interest here."""

    async def problem(self, problem: Problem | None, *orders: str, **changes: Any) -> None:
        """The exporter finds or ends a problem."""
        state = "problem" if problem else "accepted"
        for order in orders or ("700",):
            await self.ledger.change(order, lambda entry: replace(entry, problem=problem, **{"state": state} | changes))

    async def check(self, *orders: str) -> AftersendError | None:
        outcomes = await self.order_writer.write_batch(dict.fromkeys(orders or ("700",), True))
        return next((error for error in outcomes.values() if error), None)

    async def entry(self, order: str = "700") -> Entry:
        entry = await self.ledger.get(order)
        assert entry is not None
        return entry

    async def is_settled(self, *orders: str) -> bool:
        return not any([is_tag_due(await self.entry(order), self.settings) for order in orders or ("700",)])


async def test_it_comes_with_a_problem_of_the_exporter_and_goes_with_it(ledger: Ledger, shop: SimulatedAccount) -> None:
    order, writer = shop.order(700, tags=["VIP"]), TagWriter(ledger, shop)
    await writer.problem(REJECTED)
    assert await writer.check() is None
    assert order.tags == ["VIP", TAG]
    entry = await writer.entry()
    assert (entry.problem, entry.problem_tag) == (REJECTED, ProblemTag(TAG, "rejected", NOW))
    assert [found async for found in ledger.tagged()] == ["700"]
    calls = shop.calls("UpdateSoldItems")
    await writer.check()
    assert shop.calls("UpdateSoldItems") == calls
    await writer.problem(None)
    await writer.check()
    assert (order.tags, (await writer.entry()).problem_tag) == (["VIP"], None)
    assert [found async for found in ledger.tagged()] == []


async def test_a_person_who_removes_it_has_the_last_word_until_the_next_problem(
    ledger: Ledger, shop: SimulatedAccount
) -> None:
    order, writer = shop.order(700), TagWriter(ledger, shop)
    await writer.problem(REJECTED)
    await writer.check()
    order.tags.remove(TAG)
    await writer.check()
    assert order.tags == []
    await writer.problem(None)
    await writer.check()
    await writer.problem(replace(REJECTED, since=NOW + 5))
    await writer.check()
    assert order.tags == [TAG]


async def test_the_number_is_written_beside_it(ledger: Ledger, shop: SimulatedAccount) -> None:
    order, writer = shop.order(700), TagWriter(ledger, shop, tag="unbekannt")
    await ledger.change("700", lambda entry: merge(entry, NUMBER, mac))
    await writer.check()
    assert (order.additional_info, order.tags) == ("A1", [TAG])
    assert (await writer.entry()).problem_tag == ProblemTag(TAG, "tag_refused", NOW)
    shop.world.afterbuy.tag_manager.append("unbekannt")
    await writer.check()
    assert order.tags == ["unbekannt"]


async def test_each_problem_may_have_a_tag_of_its_own_or_none(ledger: Ledger, shop: SimulatedAccount) -> None:
    order, writer = shop.order(700), TagWriter(ledger, shop)
    await ledger.change("700", lambda entry: merge(entry, NUMBER, mac))
    await writer.check()
    await ledger.change("700", lambda entry: merge(entry, parcel("11", CANCELLED, time=NOW + 5, number="A1"), mac))
    await writer.check()
    assert order.tags == [OTHER]
    order.additional_info = "von Hand"
    await ledger.change("700", lambda entry: merge(entry, parcel("12", number="B2"), mac))
    await writer.check()
    entry = await writer.entry()
    assert entry.problem is not None
    assert (entry.problem.code, order.tags, entry.problem_tag) == ("conflict", [], None)


@pytest.mark.parametrize("problem", [Problem("unreadable", NOW, "Country"), None])
async def test_unreadable_orders_and_notices_have_none(
    ledger: Ledger, shop: SimulatedAccount, problem: Problem | None
) -> None:
    order, writer = shop.order(700), TagWriter(ledger, shop)
    await writer.problem(problem, notices=(Notice("state_missing", NOW),))
    assert await writer.is_settled()
    await writer.check()
    assert (order.tags, shop.calls("UpdateSoldItems"), (await writer.entry()).problem) == ([], 0, problem)


async def test_without_a_name_nothing_is_set_and_what_was_set_goes_when_its_problem_ends(
    ledger: Ledger, shop: SimulatedAccount
) -> None:
    order, writer = shop.order(700), TagWriter(ledger, shop)
    off = TagWriter(ledger, shop, problem_tag="", problem_tags={})
    await writer.problem(REJECTED)
    await off.check()
    assert order.tags == []
    await writer.check()
    await off.problem(None)
    await off.check()
    assert order.tags == []


PROBLEMS_OF_THE_EXPORTER = (
    REJECTED,
    Problem("not_saved", NOW),
    Problem("given_up", NOW, "gone"),
    Problem("deleted_in_sendcloud", NOW),
    Problem("too_late", NOW, "OrderDate"),
    Problem("changed_after_transfer", NOW, "has_parcel_number"),
)


@pytest.mark.parametrize("problem", PROBLEMS_OF_THE_EXPORTER, ids=lambda problem: problem.code)
@pytest.mark.parametrize("is_there", [True, False])
async def test_a_check_ends_no_problem_of_the_exporter(
    ledger: Ledger, shop: SimulatedAccount, problem: Problem, *, is_there: bool
) -> None:
    writer = TagWriter(ledger, shop)
    if is_there:
        shop.order(700, additional_info="warten")
    await writer.problem(problem)
    await writer.check()
    assert (await writer.entry()).problem == problem
    assert await writer.is_settled()


UNVERIFIED = (
    {},
    {"tag_case": "insensitive"},
    {"tag_removal": "ignored"},
    {"tag_removal": "refused"},
    {"update_action": "ignored"},
    {"update_action": "ignored", "update_action_missing": "replace"},
    {"batch": "all_or_nothing"},
)


@pytest.mark.parametrize("positions", UNVERIFIED, ids=str)
async def test_every_unverified_point_ends_and_takes_no_other_tag_along(
    ledger: Ledger, shop: SimulatedAccount, positions: dict[str, str]
) -> None:
    orders = {str(number): shop.order(number, tags=["VIP"]) for number in range(700, 725)}
    for name, position in positions.items():
        setattr(shop.world.switches, name, position)
    writer = TagWriter(ledger, shop)
    await writer.problem(REJECTED, *orders)
    assert await writer.check(*orders) is None
    assert {tuple(sorted(order.tags)) for order in orders.values()} == {(TAG, "VIP")}
    await writer.problem(None, *orders)
    assert await writer.check(*orders) is None
    assert await writer.is_settled(*orders)
    stays = positions.get("tag_removal") or (
        positions.get("update_action") and "update_action_missing" not in positions
    )
    assert {tuple(sorted(order.tags)) for order in orders.values()} == {(TAG, "VIP") if stays else ("VIP",)}
    calls = shop.calls("UpdateSoldItems")
    await writer.check(*orders)
    assert shop.calls("UpdateSoldItems") == calls


@pytest.mark.parametrize("unknown", ["refused", "ignored"])
async def test_a_refused_tag_is_tried_once_and_keeps_no_number_back(
    ledger: Ledger, shop: SimulatedAccount, unknown: str
) -> None:
    shop.world.switches.tag_unknown = unknown
    orders: dict[str, AfterbuyOrder] = {str(number): shop.order(number) for number in (700, 701)}
    writer = TagWriter(ledger, shop, tag="auch unbekannt", problem_tag="unbekannt")
    for order in orders:
        await ledger.change(order, lambda entry: merge(entry, parcel(entry.order, number=f"N{entry.order}"), mac))
    assert await writer.check(*orders) is None
    assert [order.additional_info for order in orders.values()] == ["N700", "N701"]
    assert await writer.is_settled(*orders)


async def test_a_rejected_number_gets_its_tag_all_the_same(ledger: Ledger, shop: SimulatedAccount) -> None:
    order, writer = shop.order(700), TagWriter(ledger, shop)
    await ledger.change("700", lambda entry: merge(entry, NUMBER, mac))
    update = shop.client.update

    async def refuse_numbers(changes: Any) -> None:
        if any(change.additional_info for change in changes):
            order.hidden = True
        try:
            await update(changes)
        finally:
            order.hidden = False

    shop.client.update = refuse_numbers  # type: ignore[method-assign]
    error = await writer.check()
    assert error is not None
    entry = await writer.entry()
    assert entry.problem is not None
    assert (entry.problem.code, order.tags) == ("rejected", [TAG])


@pytest.mark.parametrize("is_done", [False, True], ids=["before it", "behind it"])
async def test_a_crash_at_any_effect_is_healed(ledger: Ledger, shop: SimulatedAccount, *, is_done: bool) -> None:
    """Every call to Afterbuy and every write of the ledger is the last one before a crash, in a tag's whole life."""
    for step in range(1, 9):
        order, writer = shop.order(1000 + step, tags=["VIP"]), TagWriter(ledger, shop)
        name = str(order.order_id)
        for problem in (REJECTED, None):
            await writer.problem(problem, name)
            with dying_at(step, shop, ledger, is_done=is_done):
                await asyncio.gather(writer.check(name), return_exceptions=True)
            assert await writer.check(name) is None
            assert order.tags == (["VIP", TAG] if problem else ["VIP"]), (step, problem)
            assert await writer.is_settled(name)
        assert shop.world.journal.tags_added[order.order_id, TAG] == 1


@contextmanager
def dying_at(step: int, shop: SimulatedAccount, ledger: Ledger, *, is_done: bool) -> Iterator[None]:
    """End in an error at the n-th effect, which is done or not, and do nothing more."""
    effects = count(1)

    def dying(call: Any) -> Any:
        async def called(*args: Any, **options: Any) -> Any:
            number = next(effects)
            if number < step or (number == step and is_done):
                result = await call(*args, **options)
            if number >= step:
                raise Transient("killed")
            return result

        return called

    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((shop.client, "update"), (ledger, "change_each"), (ledger, "check_leases")):
            patch.setattr(owner, name, dying(getattr(owner, name)))
        yield
