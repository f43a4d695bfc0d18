"""The Afterbuy client against the simulated Afterbuy: every switch in every position, and every fault."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from aftersend.afterbuy.model import Order, OrderChange, ParcelLabel
from aftersend.errors import AftersendError, CredentialsRefused, Rejected, Transient
from aftersend_sandbox.afterbuy.server import PATH, AfterbuyServer
from aftersend_sandbox.faults import KINDS, ArmedFault, Faults
from aftersend_sandbox.rules import expected
from aftersend_sandbox.seed.account import seeded_world
from aftersend_sandbox.switches import TABLE, Switches
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.world import World
from tests.support.recording_meter import RecordingMeter
from tests.support.stream_kit import until

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
WINDOW = (NOW - timedelta(days=60), NOW + timedelta(days=1))
KEYS = AfterbuyCredentials("sandbox-partner", "sandbox-account", "1001")
POSITIONS = [(each.name, value) for each in TABLE if each.side == "Afterbuy" for value in each.values]
SHORT = aiohttp.ClientTimeout(total=1)
PAGING = {"range_id", "order_under_date_filter"}
UNKNOWN = "2000000000"


@lru_cache
def shared_world(count: int = 20) -> World:
    """For tests that only read; 300 orders are two pages."""
    return seeded_world(count, now=NOW)


def own_world() -> World:
    return seeded_world(20, now=NOW)


@asynccontextmanager
async def afterbuy(world: World, **different: Any) -> AsyncIterator[AfterbuyClient]:
    app = web.Application()
    AfterbuyServer(world).add_to(app)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    keys = different.pop("keys", KEYS)
    try:
        async with aiohttp.ClientSession() as session:
            yield AfterbuyClient(session, url=url, credentials=lambda: keys, meter=RecordingMeter(), **different)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def switched(world: World, **positions: str) -> AsyncIterator[World]:
    """The world with some switches turned, and turned back."""
    world.switches, world.faults = Switches(), Faults()
    for name, value in positions.items():
        world.switches.turn(name, value)
    yield world
    world.switches, world.faults = Switches(), Faults()


async def everything(client: AfterbuyClient) -> list[Order]:
    pages = [page async for page in client.orders_between(*WINDOW, date_field="AuctionEndDate")]
    assert not any(page.unreadable for page in pages)
    return [order for page in pages for order in page.orders]


def some_order(world: World, **wanted: Any) -> AfterbuyOrder:
    usable = (each for each in world.afterbuy.orders if each.is_order and not each.hidden and each.items)
    return next(each for each in usable if all(getattr(each, name) == value for name, value in wanted.items()))


def weightless(order: Order) -> Order:
    items = tuple(msgspec.structs.replace(item, weight=None) for item in order.items)
    return msgspec.structs.replace(order, items=items)


async def test_every_order_of_the_window_arrives_once_and_whole() -> None:
    async with switched(shared_world(300)) as world, afterbuy(world) as client:
        orders = sorted(await everything(client), key=lambda order: int(order.order_id))
    shown = [each for each in world.afterbuy.orders if each.is_order and not each.hidden]
    assert len(shown) > 250
    assert [order.order_id for order in orders] == [str(each.order_id) for each in shown]
    for order, stored in zip(orders, shown, strict=True):
        assert order.tags == set(stored.tags)
        assert order.additional_info == stored.additional_info.strip()
        assert (order.billing.last_name, order.billing.city) == (stored.billing.last_name, stored.billing.city)
        assert order.billing.country == expected.country(stored.billing)
        assert (order.shipping.city if order.shipping else "") == getattr(stored.shipping_address, "city", "")
        assert order.full_amount == stored.payment.full_amount
        assert order.ordered_at == stored.ordered_at.replace(microsecond=0)
        assert [item.title for item in order.items] == [item.title for item in stored.items]
        sign = -1 if stored.cancelled else 1
        assert [item.quantity for item in order.items] == [sign * item.quantity for item in stored.items]
        assert [item.weight for item in order.items] == [item.weight for item in stored.items]


@pytest.mark.parametrize(("name", "value"), POSITIONS, ids=["-".join(each) for each in POSITIONS])
async def test_no_switch_changes_what_is_read(name: str, value: str) -> None:
    shared = shared_world(300 if name in PAGING else 20)
    async with switched(shared) as world, afterbuy(world) as client:
        calm = await everything(client)
    async with switched(shared, **{name: value}) as world, afterbuy(world) as client:
        found = await everything(client)
        by_id = [page async for page in client.orders_by_id([order.order_id for order in calm])]
    found.sort(key=lambda order: int(order.order_id))
    calm.sort(key=lambda order: int(order.order_id))
    if name in {"weight_unit", "set_weight"}:  # what a setting is for
        found, calm = [*map(weightless, found)], [*map(weightless, calm)]
        by_id = []
    assert found == calm
    if by_id:
        assert [order for page in by_id for order in page.orders] == calm


@pytest.mark.parametrize(("name", "value"), POSITIONS, ids=["-".join(each) for each in POSITIONS])
async def test_no_switch_hides_what_is_new_or_changed(name: str, value: str) -> None:
    world = shared_world()
    shown = [each for each in world.afterbuy.orders if each.is_order and not each.hidden]
    known, late = shown[-3], shown[0]
    edited_at, late.modified_at = late.modified_at, NOW
    async with switched(world, **{name: value}), afterbuy(world) as client:
        new = [order.order_id async for page in client.orders_from(known.order_id) for order in page.orders]
        span = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
        changed = [order.order_id async for page in client.orders_changed(*span) for order in page.orders]
        assert await client.highest_order_id() == shown[-1].order_id
    late.modified_at = edited_at
    assert [int(each) for each in new if int(each) != known.order_id] == [each.order_id for each in shown[-2:]]
    assert str(late.order_id) in changed


@pytest.mark.parametrize("how", ["empty", "code_15"])
async def test_nothing_found(how: str) -> None:
    async with switched(shared_world(), nothing_found=how) as world, afterbuy(world) as client:
        pages = [page async for page in client.orders_by_id([UNKNOWN])]
        assert [page.orders for page in pages] == []
        assert await client.products([UNKNOWN]) == {}


@pytest.mark.parametrize("code", ["8", "9", "10", "35"])
async def test_wrong_tokens(code: str) -> None:
    keys = AfterbuyCredentials("sandbox-partner", "old-token")
    async with switched(shared_world(), wrong_token_code=code) as world, afterbuy(world, keys=keys) as client:
        with pytest.raises(CredentialsRefused, match=f"code_{code}"):
            await client.clock()


@pytest.mark.parametrize(("partner_id", "code"), [("", "code_4"), ("1", "code_35")])
async def test_a_partner_id_that_is_wanted(partner_id: str, code: str) -> None:
    keys = replace(KEYS, partner_id=partner_id)
    async with switched(shared_world(), partner_id="required") as world, afterbuy(world, keys=keys) as client:
        with pytest.raises(CredentialsRefused, match=code):
            await client.clock()
    async with switched(shared_world(), partner_id="ignored") as world, afterbuy(world, keys=keys) as client:
        await client.clock()


async def test_the_clock_is_the_worlds() -> None:
    async with switched(shared_world()) as world, afterbuy(world) as client:
        before = world.clock.now()
        clock = await client.clock()
        assert before - timedelta(seconds=1) < clock.universal <= world.clock.now()


async def test_customs_data() -> None:
    async with switched(shared_world()) as world, afterbuy(world) as client:
        known = list(world.afterbuy.products.values())
        found = await client.products([*(str(each.product_id) for each in known), UNKNOWN])
    assert {each.product_id: (each.hs_code, each.origin_country) for each in found.values()} == {
        str(each.product_id): (declared(each.hs_code), declared(each.origin)) for each in known
    }


def declared(text: str) -> str:
    """What may be declared of a product's customs data, by the sandbox's own account."""
    return expected.DECLARED.get(text, text)


ABOUT_WRITES = {"update_action", "update_action_missing", "tag_case", "empty_element", "labels_fill_info", "batch"}
WRITE_POSITIONS = [each for each in POSITIONS if each[0] in ABOUT_WRITES | {"package_numbers"}]


@pytest.mark.parametrize(("name", "value"), WRITE_POSITIONS, ids=["-".join(each) for each in WRITE_POSITIONS])
async def test_no_switch_changes_what_is_written(name: str, value: str) -> None:
    async with switched(own_world(), **{name: value}) as world, afterbuy(world) as client:
        order = some_order(world, additional_info="", tags=[])
        order.tags.append("VIP")
        item = str(order.items[0].item_id)
        change = OrderChange(
            str(order.order_id),
            additional_info="A1, B2",
            vorgangs_info=(2, "https://example.org/?a=1&b=2"),
            delivery_service="DHL",
            dispatched_at=NOW,
            parcel_labels=(ParcelLabel(item, "1", "A1"), ParcelLabel(item, "2", "B2")),
            add_tags=("Sendcloud abgeschlossen",),
        )
        method, memo = order.shipping.method, order.memo
        await client.update([change])
        assert order.additional_info == "A1, B2"
        assert order.infos[1] == "https://example.org/?a=1&b=2"
        assert (order.shipping.service, order.shipping.dispatched_at) == ("DHL", NOW)
        assert [each.number for each in order.shipping.parcel_labels] == ["A1", "B2"]
        assert order.tags == ["VIP", "Sendcloud abgeschlossen"]
        assert (order.shipping.method, order.memo) == (method, memo)
        assert order.mails_sent == []
        (page,) = [page async for page in client.orders_by_id([change.order_id])]
        (again,) = page.orders
        assert again.additional_info == "A1, B2"
        assert again.parcel_labels == change.parcel_labels
        assert again.dispatched_at == NOW


async def test_where_update_action_means_nothing_other_tags_are_lost() -> None:
    """The worst case of two open points together; a person has to check it before the first write."""
    positions = {"update_action": "ignored", "update_action_missing": "replace"}
    async with switched(own_world(), **positions) as world, afterbuy(world) as client:
        order = some_order(world, tags=[])
        order.tags.append("VIP")
        await client.update([OrderChange(str(order.order_id), add_tags=("Sendcloud abgeschlossen",))])
        assert order.tags == ["Sendcloud abgeschlossen"]


@pytest.mark.parametrize(
    ("positions", "tag", "left"),
    [
        ({"tag_unknown": "refused"}, "unbekannt", None),
        ({"tag_unknown": "ignored"}, "unbekannt", []),
        ({"tag_unknown": "created"}, "unbekannt", ["unbekannt"]),
        ({"tag_unknown": "created", "tag_too_long": "accepted"}, "x" * 60, ["x" * 60]),
        ({"tag_unknown": "created", "tag_too_long": "refused"}, "x" * 60, None),
        ({"tag_unknown": "created", "tag_too_long": "cut"}, "x" * 60, ["x" * 50]),
    ],
)
async def test_tags_that_afterbuy_does_not_like(positions: dict[str, str], tag: str, left: list[str] | None) -> None:
    async with switched(own_world(), **positions) as world, afterbuy(world) as client:
        order = some_order(world, tags=[])
        change = OrderChange(str(order.order_id), add_tags=(tag,))
        if left is None:
            with pytest.raises(Rejected, match="code_74") as caught:
                await client.update([change])
            assert caught.value.order == change.order_id
        else:
            await client.update([change])
        assert order.tags == (left or [])


@pytest.mark.parametrize("batch", ["partial", "all_or_nothing"])
@pytest.mark.parametrize("shape", ["order_id", "item_id", "bare"])
@pytest.mark.parametrize(("unknown", "code"), [("error", "code_33"), ("warning", "warning_12")])
async def test_an_unknown_order_is_never_a_success(unknown: str, code: str, shape: str, batch: str) -> None:
    positions = {"unknown_order": unknown, "warning_shape": shape, "batch": batch}
    async with switched(own_world(), **positions) as world, afterbuy(world) as client:
        order = some_order(world, additional_info="")
        good, bad = OrderChange(str(order.order_id), additional_info="A1"), OrderChange(UNKNOWN, additional_info="A1")
        with pytest.raises(Rejected, match=code) as together:
            await client.update([good, bad])
        assert together.value.order == ""
        assert order.additional_info == ("A1" if batch == "partial" else "")
        with pytest.raises(Rejected, match=code) as alone:
            await client.update([bad])
        assert alone.value.order == UNKNOWN
        await client.update([good])
        assert order.additional_info == "A1"


@pytest.mark.parametrize("place", ["result", "root"])
@pytest.mark.parametrize("status", ["Error", "Success"])
async def test_errors_are_found_wherever_they_stand(place: str, status: str) -> None:
    async with switched(own_world(), error_place=place, error_status=status) as world, afterbuy(world) as client:
        with pytest.raises(Rejected, match="code_33"):
            await client.update([OrderChange(UNKNOWN, additional_info="A1")])


@pytest.mark.parametrize(
    ("how", "code"), [("html_200", "document_type"), ("html_503", "http_503"), ("code_13", "code_13")]
)
async def test_maintenance(how: str, code: str) -> None:
    async with switched(shared_world(), maintenance=how) as world, afterbuy(world) as client:
        world.faults.arm("afterbuy", "html", ArmedFault())
        with pytest.raises(Transient, match=code):
            await client.clock()


@pytest.mark.parametrize(("how", "code"), [("code_14", "code_14"), ("http_429", "http_429")])
async def test_beyond_the_quota(how: str, code: str) -> None:
    async with switched(shared_world(), over_quota=how) as world, afterbuy(world) as client:
        world.faults.arm("afterbuy", "quota", ArmedFault())
        with pytest.raises(Transient, match=code):
            await client.clock()
    async with switched(shared_world(), over_quota="served") as world, afterbuy(world) as client:
        world.faults.arm("afterbuy", "quota", ArmedFault())
        await client.clock()


HARMLESS = {"latency", "quota", "not_shown"}
"""The client sees nothing of them: a wait, a budget that is not used up, a success without effect."""


@pytest.mark.parametrize("kind", sorted(set(KINDS["afterbuy"]) - HARMLESS))
@pytest.mark.parametrize("call", ["GetSoldItems", "UpdateSoldItems"])
async def test_every_fault_is_transient_and_passes(kind: str, call: str) -> None:
    short = {"timeout": SHORT} if kind == "half_open" else {}
    async with (
        switched(own_world()) as world,
        afterbuy(world) as client,
        afterbuy(world, **short) as unlucky,
    ):
        order = some_order(world, additional_info="", tags=[])
        change = OrderChange(str(order.order_id), additional_info="A1")
        world.faults.arm("afterbuy", kind, ArmedFault(remaining=1, seconds=60))
        with pytest.raises(Transient) as caught:
            await (everything(unlucky) if call == "GetSoldItems" else unlucky.update([change]))
        await until(lambda: world.faults.struck[f"afterbuy/{kind}"])
        assert type(caught.value) is Transient
        assert caught.value.upstream == "afterbuy"
        assert (order.additional_info == "A1") == (kind == "lost_answer" and call == "UpdateSoldItems")
        await client.update([change])
        assert order.additional_info == "A1"
        assert await everything(client)


async def test_latency_is_waited_for() -> None:
    async with switched(shared_world()) as world, afterbuy(world) as client:
        world.faults.arm("afterbuy", "latency", ArmedFault(seconds=0.01))
        await client.clock()


async def test_no_fault_reveals_anything_about_people() -> None:
    async with switched(shared_world()) as world, afterbuy(world) as client:
        names = {each.billing.last_name for each in world.afterbuy.orders if each.billing.last_name}
        for kind in sorted(set(KINDS["afterbuy"]) - HARMLESS - {"half_open"}):
            world.faults.arm("afterbuy", kind, ArmedFault(remaining=1))
            with pytest.raises(AftersendError) as caught:
                await everything(client)
            assert not any(name in str(caught.value) for name in names)
