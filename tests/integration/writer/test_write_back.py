"""Write-back against the simulated Afterbuy: both outcomes of everything that is unverified."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from aftersend.afterbuy.model import OrderChange, Page, UnreadableOrder
from aftersend.errors import AftersendError, Bug, CredentialsRefused, Later, Rejected, Transient
from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend.ledger.store import Ledger
from aftersend.tenant.document import WriteBack
from aftersend_writer.write_back import OrderWriter
from tests.support.afterbuy_sandbox import SimulatedAccount
from tests.support.afterbuy_sandbox import shop as open_shop
from tests.support.ledger_kit import CANCELLED, NOW, PICKED_UP, ManualClock, client, keyring, mac, parcel, recovered
from tests.support.ledger_kit import ledger as open_ledger

TAG = "Sendcloud abgeschlossen"
FIRST = parcel("11", number="A1", url="https://t/a?x=1&y=2", carrier="dhl")
SECOND = parcel("12", number="B2", url="https://t/b", carrier="ups")
CANCEL_FIRST = parcel("11", CANCELLED, time=NOW + 5, number="A1")
ON_ITS_WAY = parcel("12", PICKED_UP, time=NOW + 6, number="B2", url="", carrier="")


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
        yield account


class Writer:
    """The write-back of one tenant; counts successes. ``clock`` passes a pause without waiting."""

    def __init__(
        self, ledger: Ledger, shop: SimulatedAccount, clock: ManualClock | None = None, **settings: Any
    ) -> None:
        self.ledger = ledger
        self.right = 0
        self.races: list[float] = []
        self.pauses: list[float] = []
        self.during_pause: Callable[[], None] = lambda: None
        self.clock = clock or ManualClock()
        self.order_writer = OrderWriter(
            ledger=ledger,
            afterbuy=shop.client,
            settings=WriteBack(**settings),
            mac=mac,
            clock=self.clock,
            pause=self.pause,
            meter=self,
        )

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.ms += int(seconds * 1000)
        self.during_pause()

    def record_success(self) -> None:
        self.right += 1

    def record_race_window(self, seconds: float) -> None:
        self.races.append(seconds)

    async def merge(self, order_id: str, *events: Any) -> None:
        for event in events:
            await self.ledger.change(order_id, lambda entry, event=event: merge(entry, event, mac))

    async def write(self, *orders: str, recheck: bool = False) -> AftersendError | None:
        outcomes = await self.order_writer.write_batch(dict.fromkeys(orders, recheck))
        return next((error for error in outcomes.values() if error), None)

    async def entry(self, order_id: str = "700") -> Entry:
        entry = await self.ledger.get(order_id)
        assert entry is not None
        return entry


async def test_number_carrier_and_tag(ledger: Ledger, shop: SimulatedAccount) -> None:
    order = shop.order(700, tags=["VIP"])
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST, SECOND)
    assert await writer.write("700") is None
    assert (order.additional_info, order.shipping.service, order.tags) == ("A1, B2", "DHL, UPS", ["VIP", TAG])
    assert order.shipping.dispatched_at is None
    entry = await writer.entry()
    assert entry.is_done
    assert (entry.lagging, entry.ticks, writer.right) == (0, {"tag"}, 1)
    assert (shop.calls("GetSoldItems"), shop.calls("UpdateSoldItems"), writer.pauses) == (2, 1, [])


async def test_what_is_right_needs_no_call(ledger: Ledger, shop: SimulatedAccount) -> None:
    shop.order(700)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    await writer.write("700")
    before = dict(shop.world.journal.calls)
    await writer.write("700", "701")
    assert shop.world.journal.calls == before
    await writer.write("700", recheck=True)
    assert shop.calls("UpdateSoldItems") == 1


async def test_everything_a_tenant_can_wish_for(ledger: Ledger, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    writer = Writer(
        ledger, shop, tracking="link", link_field="VorgangsInfo2", parcel_labels=True, mark_shipped="onPickup",
        carriers={"dhl": "DHL Paket"}, tag="Fertig",
    )  # fmt: skip
    shop.world.afterbuy.tag_manager.append("Fertig")
    await writer.merge("700", FIRST)
    assert await writer.write("700") is None
    assert (order.additional_info, order.infos, order.tags) == (FIRST.url, ["", FIRST.url, ""], ["Fertig"])
    assert [(label.item_id, label.package_number, label.number) for label in order.shipping.parcel_labels] == [
        (7001, 1, "A1")
    ]
    assert (order.shipping.service, order.shipping.dispatched_at) == ("DHL Paket", None)
    await writer.merge("700", parcel("11", PICKED_UP, time=NOW + 1, number="A1", url=""))
    assert await writer.write("700") is None
    assert order.shipping.dispatched_at is not None
    assert (await writer.entry()).ticks == {"tag", "shipped"}


@pytest.mark.parametrize("settings", [{}, {"tracking": "link"}, {"link_field": "VorgangsInfo1"}], ids=str)
async def test_a_second_parcel_after_the_sealed_part_has_gone(
    ledger: Ledger, shop: SimulatedAccount, redis: Redis, settings: dict[str, Any]
) -> None:
    order = shop.order(700)
    writer = Writer(ledger, shop, **settings)
    await writer.merge("700", parcel("11", number="PS 1 A", url="https://t/?n=PS,1&to=A"))
    assert await writer.write("700") is None
    await redis.delete(ledger.sealed_place("700")[0])
    assert not (await writer.entry()).details
    await writer.merge("700", parcel("12", number="PS 2 B", url="https://t/?n=PS,2&to=B"))
    assert await writer.write("700") is None
    links = "https://t/?n=PS,1&to=A, https://t/?n=PS,2&to=B"
    assert order.additional_info == (links if settings.get("tracking") == "link" else "PS 1 A, PS 2 B")
    assert order.infos[0] == (links if "link_field" in settings else "")
    assert (await writer.entry()).is_done


class Slow:
    """Afterbuy at the speed of a clock turned by hand: reading takes two seconds, writing three."""

    def __init__(self, shop: SimulatedAccount, clock: ManualClock) -> None:
        self.shop = shop
        self.clock = clock

    async def orders_by_id(self, ids: Sequence[str]) -> AsyncIterator[Page]:
        self.clock.ms += 2000
        async for page in self.shop.client.orders_by_id(ids):
            yield page

    async def update(self, changes: Sequence[OrderChange]) -> None:
        self.clock.ms += 3000
        await self.shop.client.update(changes)


def slow_writer(ledger: Ledger, shop: SimulatedAccount) -> Writer:
    writer, clock = Writer(ledger, shop), ManualClock()
    writer.order_writer = OrderWriter(
        ledger=ledger, afterbuy=Slow(shop, clock), settings=WriteBack(), mac=mac, clock=clock, meter=writer
    )
    return writer


async def test_the_race_window_lasts_from_the_read_to_the_answer(ledger: Ledger, shop: SimulatedAccount) -> None:
    writer = slow_writer(ledger, shop)
    for order in ("700", "701"):
        shop.order(int(order))
        await writer.merge(order, FIRST)
    await writer.write("700")
    assert writer.races == [5]
    await writer.write("700", recheck=True)
    assert writer.races == [5], "a read without a write has no race window"
    shop.order(702)
    await writer.merge("702", FIRST)
    await writer.write("701", "702")
    assert writer.races == [5, 5, 5], "each order of a call counts"


async def test_a_write_without_an_answer_has_a_race_window_too(ledger: Ledger, shop: SimulatedAccount) -> None:
    writer = slow_writer(ledger, shop)
    shop.order(700)
    await writer.merge("700", FIRST)
    shop.fault("lost_answer", "UpdateSoldItems", remaining=1)
    assert await writer.write("700")
    assert writer.races == [5]


SWITCHES = [
    {"entities": "twice"},
    {"tags_at": "item"},
    {"tags_level": "items"},
    {"tag_case": "insensitive"},
    {"tag_unknown": "ignored"},
    {"tag_unknown": "created"},
    {"update_action": "ignored"},
    {"update_action": "ignored", "update_action_missing": "replace"},
    {"omitted_element": "cleared"},
    {"labels_fill_info": "yes"},
    {"package_numbers": "whole_list"},
    {"batch": "all_or_nothing"},
    {"unknown_order": "warning"},
    {"detail_level_zero": "order_only"},
    {"empty_element": "ignored"},
    {"error_place": "root", "error_status": "Success"},
    {"odd_spelling": "no"},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
async def test_the_end_is_the_same_whatever_afterbuy_does(
    ledger: Ledger, shop: SimulatedAccount, switches: dict[str, str]
) -> None:
    for name, value in switches.items():
        setattr(shop.world.switches, name, value)
    order = shop.order(700, tags=["VIP"])
    shop.world.afterbuy.tag_manager.append("VIP")
    writer = Writer(ledger, shop, link_field="VorgangsInfo1", parcel_labels=True, mark_shipped="onPickup")
    await writer.merge("700", FIRST, SECOND)
    assert await writer.write("700") is None
    await writer.merge("700", CANCEL_FIRST, ON_ITS_WAY)
    assert await writer.write("700") is None
    assert (order.additional_info, order.shipping.service, order.infos[0]) == ("B2", "UPS", SECOND.url)
    assert set(order.tags) == {"VIP", TAG}
    assert order.shipping.dispatched_at is not None
    assert (await writer.entry()).is_done


def _too_long(shop: SimulatedAccount) -> None:
    shop.world.switches.tag_too_long = "refused"


def _unknown_refused(shop: SimulatedAccount) -> None:
    shop.world.afterbuy.tag_manager.clear()


def _unknown_ignored(shop: SimulatedAccount) -> None:
    shop.world.afterbuy.tag_manager.clear()
    shop.world.switches.tag_unknown = "ignored"


@pytest.mark.parametrize("batch", ["partial", "all_or_nothing"])
@pytest.mark.parametrize(
    ("refusal", "tag"),
    [(_unknown_refused, TAG), (_unknown_ignored, TAG), (_too_long, "x" * 51)],
    ids=["error", "silence", "length"],
)
async def test_a_refused_tag_never_keeps_the_number_back(
    ledger: Ledger, shop: SimulatedAccount, refusal: Callable[[SimulatedAccount], None], tag: str, batch: str
) -> None:
    shop.world.switches.batch = batch
    refusal(shop)
    orders = [shop.order(700), shop.order(701)]
    writer = Writer(ledger, shop, tag=tag)
    for order_id in ("700", "701"):
        await writer.merge(order_id, FIRST if order_id == "700" else SECOND)
    assert await writer.write("700", "701") is None
    assert [order.additional_info for order in orders] == ["A1", "B2"]
    for order_id in ("700", "701"):
        entry = await writer.entry(order_id)
        assert entry.problem is not None
        assert (entry.problem.code, entry.lagging, entry.ticks) == ("tag_refused", 0, frozenset())
    shop.world.afterbuy.tag_manager.append(tag)
    shop.world.switches.tag_too_long = "accepted"
    assert await writer.write("700", recheck=True) is None
    assert orders[0].tags == [tag]
    assert (await writer.entry()).is_done


async def test_after_a_lost_answer_the_order_is_read_not_written_again(ledger: Ledger, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    shop.fault("lost_answer", "UpdateSoldItems", remaining=1)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    assert isinstance(await writer.write("700"), Transient)
    assert (await writer.entry()).lagging
    assert order.additional_info == "A1"
    assert await writer.write("700") is None
    assert shop.calls("UpdateSoldItems") == 1
    assert shop.world.journal.tags_added[700, TAG] == 1
    assert (await writer.entry()).is_done


@pytest.mark.parametrize(
    "kind",
    [
        *("html", "http_500", "http_503", "code_13", "code_999", "truncated", "entity_bomb", "huge"),
        *("empty", "reset", "half_open"),
    ],
)
@pytest.mark.parametrize("call", ["GetSoldItems", "UpdateSoldItems"])
async def test_a_transient_fault_changes_nothing_but_the_time(
    ledger: Ledger, shop: SimulatedAccount, kind: str, call: str
) -> None:
    order = shop.order(700)
    shop.fault(kind, call, remaining=1, seconds=0.01)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    assert isinstance(await writer.write("700"), Transient)
    assert await writer.write("700") is None
    assert (order.additional_info, order.tags) == ("A1", [TAG])


@pytest.mark.parametrize("kind", ["lost_answer", "code_13"])
async def test_a_transient_fault_of_a_batch(ledger: Ledger, shop: SimulatedAccount, kind: str) -> None:
    orders = [shop.order(700), shop.order(701)]
    shop.fault(kind, "UpdateSoldItems", remaining=1)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    await writer.merge("701", SECOND)
    outcomes = await writer.order_writer.write_batch({"700": False, "701": False})
    assert all(isinstance(error, Transient) for error in outcomes.values())
    assert await writer.write("700", "701") is None
    assert [order.additional_info for order in orders] == ["A1", "B2"]
    assert set(shop.world.journal.tags_added.values()) == {1}


async def test_a_broken_connection_between_the_parts(ledger: Ledger, shop: SimulatedAccount) -> None:
    """The tag is refused, and the connection breaks while the number is written alone."""
    order = shop.order(700)
    shop.world.afterbuy.tag_manager.clear()
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    update = shop.client.update

    async def breaking(changes: Any) -> None:
        if not changes[0].add_tags:
            shop.fault("reset", "UpdateSoldItems", remaining=1)
        await update(changes)

    shop.client.update = breaking  # type: ignore[method-assign]
    assert isinstance(await writer.write("700"), Transient)
    shop.client.update = update  # type: ignore[method-assign]
    assert await writer.write("700") is None
    problem = (await writer.entry()).problem
    assert problem is not None
    assert (order.additional_info, problem.code) == ("A1", "tag_refused")


async def test_refused_credentials_are_an_error_of_their_own(ledger: Ledger, shop: SimulatedAccount) -> None:
    shop.order(700)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    shop.world.credentials = type(shop.world.credentials)(partner_token="other")
    assert isinstance(await writer.write("700"), CredentialsRefused)
    assert (await writer.entry()).lagging


@pytest.mark.parametrize("switch", ["error", "warning"])
async def test_an_order_that_is_gone(ledger: Ledger, shop: SimulatedAccount, switch: str) -> None:
    shop.world.switches.unknown_order = switch
    kept = shop.order(701)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    await writer.merge("701", SECOND)
    assert await writer.write("700", "701") is None
    gone = await writer.entry()
    assert gone.problem is not None
    assert (gone.problem.code, gone.problem.path, gone.lagging) == ("changed_after_transfer", "gone", 0)
    assert kept.additional_info == "B2"
    shop.order(700)
    assert await writer.write("700", recheck=True) is None
    assert (await writer.entry()).is_done


@pytest.mark.parametrize("switch", ["error", "warning"])
async def test_an_order_that_is_read_but_refused_is_given_up_alone(
    ledger: Ledger, shop: SimulatedAccount, switch: str
) -> None:
    shop.world.switches.unknown_order = switch
    shop.world.switches.batch = "all_or_nothing"
    hidden, kept = shop.order(700), shop.order(701)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    await writer.merge("701", SECOND)
    update = shop.client.update

    async def hide_then_update(changes: Any) -> None:
        hidden.hidden = True
        try:
            await update(changes)
        finally:
            hidden.hidden = False

    shop.client.update = hide_then_update  # type: ignore[method-assign]
    outcomes = await writer.order_writer.write_batch({"700": False, "701": False})
    assert isinstance(outcomes["700"], Rejected)
    assert outcomes["701"] is None
    assert (hidden.additional_info, kept.additional_info) == ("", "B2")
    entry = await writer.entry()
    assert entry.problem is not None
    assert (entry.problem.code, entry.lagging) == ("rejected", 0), (
        "nothing lags, or every sweep would make a dead letter of it again"
    )


async def test_a_persons_edit_stays_and_is_reported_until_it_goes(ledger: Ledger, shop: SimulatedAccount) -> None:
    order = shop.order(700, additional_info="warten")
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    assert await writer.write("700") is None
    assert (order.additional_info, order.tags) == ("warten", [])
    assert shop.calls("UpdateSoldItems") == 0
    problem = (await writer.entry()).problem
    assert problem is not None
    assert (problem.code, problem.path) == ("conflict", "AdditionalInfo")
    order.additional_info = ""
    assert await writer.write("700", recheck=True) is None
    assert order.additional_info == "A1"
    assert (await writer.entry()).is_done


async def test_relabelled_while_both_are_alive(ledger: Ledger, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    writer = Writer(ledger, shop)
    for events, shown in [([FIRST], "A1"), ([SECOND], "A1, B2"), ([CANCEL_FIRST], "B2")]:
        await writer.merge("700", *events)
        assert await writer.write("700") is None
        assert order.additional_info == shown
    order.tags.clear()
    await writer.merge("700", parcel("13", number="C3", carrier="dpd"))
    await writer.write("700")
    assert (order.additional_info, order.tags, order.shipping.service) == ("B2, C3", [], "UPS, DPD")


async def test_the_last_label_is_cancelled(ledger: Ledger, shop: SimulatedAccount) -> None:
    order = shop.order(700)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    await writer.write("700")
    await writer.merge("700", CANCEL_FIRST)
    assert await writer.write("700") is None
    entry = await writer.entry()
    assert entry.problem is not None
    assert (entry.problem.code, order.additional_info, order.tags) == ("withdrawn", "A1", [TAG])


async def test_twenty_at_once(ledger: Ledger, shop: SimulatedAccount) -> None:
    orders = [shop.order(700 + number) for number in range(20)]
    writer = Writer(ledger, shop)
    for number in range(20):
        await writer.merge(str(700 + number), parcel(str(number + 1), number=f"N{number}"))
    assert await writer.write(*(str(700 + number) for number in range(20))) is None
    assert [order.additional_info for order in orders] == [f"N{number}" for number in range(20)]
    assert (shop.calls("GetSoldItems"), shop.calls("UpdateSoldItems"), writer.right) == (2, 1, 20)


async def test_an_unreadable_order_is_given_up_alone(ledger: Ledger, shop: SimulatedAccount) -> None:
    shop.order(700)
    good = shop.order(701)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    await writer.merge("701", SECOND)
    read = shop.client.orders_by_id

    async def spoiled(ids: Any) -> AsyncIterator[Page]:
        async for page in read(ids):
            yield Page(
                tuple(o for o in page.orders if o.order_id != "700"), (UnreadableOrder("700", "SoldItems/SoldItem"),)
            )

    shop.client.orders_by_id = spoiled  # type: ignore[method-assign, assignment]
    outcomes = await writer.order_writer.write_batch({"700": False, "701": False})
    assert isinstance(outcomes["700"], Rejected)
    assert outcomes["701"] is None
    assert good.additional_info == "B2"
    problem = (await writer.entry()).problem
    assert problem is not None
    assert (problem.code, problem.path) == ("rejected", "SoldItems/SoldItem")


@pytest.mark.parametrize(
    "answer", [Bug("code_3002", upstream="afterbuy"), Transient("warning_99", upstream="afterbuy")]
)
async def test_refused_labels_keep_nothing_else_back(
    ledger: Ledger, shop: SimulatedAccount, answer: AftersendError
) -> None:
    order = shop.order(700)
    writer = Writer(ledger, shop, parcel_labels=True)
    await writer.merge("700", FIRST)
    update = shop.client.update

    async def no_labels(changes: Any) -> None:
        if any(change.parcel_labels for change in changes):
            raise answer
        await update(changes)

    shop.client.update = no_labels  # type: ignore[method-assign]
    assert await writer.write("700") is None
    assert (order.additional_info, order.tags) == ("A1", [TAG])
    problem = (await writer.entry()).problem
    assert problem is not None
    assert (problem.code, problem.path) == ("rejected", "ParcelLabels")


async def test_the_lease_is_checked_before_the_call_and_before_the_ledger_update(
    ledger: Ledger, shop: SimulatedAccount, redis: Redis
) -> None:
    order = shop.order(700)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    async with ledger.lease("700"):
        assert isinstance(await writer.write("700"), Later)
    assert shop.calls("GetSoldItems") == 0
    read = shop.client.orders_by_id

    async def slow(ids: Any) -> AsyncIterator[Any]:
        async for page in read(ids):
            await redis.set(ledger._lease_key("700"), "another writer")
            yield page

    shop.client.orders_by_id = slow  # type: ignore[method-assign, assignment]
    assert isinstance(await writer.write("700"), Later)
    assert order.additional_info == ""
    assert shop.calls("UpdateSoldItems") == 0


async def test_a_batch_goes_on_without_the_order_whose_lease_is_lost(
    ledger: Ledger, shop: SimulatedAccount, redis: Redis
) -> None:
    orders = [shop.order(700), shop.order(701), shop.order(702)]
    writer = Writer(ledger, shop)
    for number in range(3):
        await writer.merge(f"70{number}", parcel(str(number), number=f"N{number}"))
    read = shop.client.orders_by_id

    async def slow(ids: Any) -> AsyncIterator[Any]:
        async for page in read(ids):
            await redis.set(ledger._lease_key("700"), "another writer")
            yield page

    shop.client.orders_by_id = slow  # type: ignore[method-assign, assignment]
    outcomes = await writer.order_writer.write_batch({"700": False, "701": False, "702": False})
    assert isinstance(outcomes["700"], Later)
    assert [order.additional_info for order in orders] == ["", "N1", "N2"]


async def test_a_lease_lost_at_the_end_leaves_the_order_lagging(
    ledger: Ledger, shop: SimulatedAccount, redis: Redis
) -> None:
    shop.order(700)
    writer = Writer(ledger, shop)
    await writer.merge("700", FIRST)
    update = shop.client.update

    async def slow(changes: Any) -> None:
        await update(changes)
        await redis.set(ledger._lease_key("700"), "another writer")

    shop.client.update = slow  # type: ignore[method-assign]
    assert isinstance(await writer.write("700"), Later)
    assert (await writer.entry()).lagging
