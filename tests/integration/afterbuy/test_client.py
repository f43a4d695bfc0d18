"""The Afterbuy client against a server with scripted answers."""

import asyncio
import gc
import gzip
import re
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from aftersend.afterbuy.client import AfterbuyCredentials
from aftersend.afterbuy.model import Order, OrderChange, Page, ProductCustoms, UnreadableOrder
from aftersend.errors import AftersendError, Bug, CredentialsRefused, Rejected, Transient
from aftersend.observe.meter import NoMeter
from aftersend.observe.traces import start_tracing, stop_tracing
from tests.support.scripted_afterbuy import ScriptedAfterbuy, answer, errors, order, page, scripted_afterbuy

START, END = datetime(2026, 11, 22, 23, tzinfo=UTC), datetime(2026, 11, 24, 23, tzinfo=UTC)
TIMEOUT = aiohttp.ClientTimeout(total=0.2)
CHANGE = OrderChange("7", additional_info="A1", add_tags=("fertig",))


async def collected(pages: AsyncIterator[Page]) -> list[list[str]]:
    """OrderIDs per page."""
    return [[each.order_id for each in page.orders] for page in [page async for page in pages]]


def window(end: ScriptedAfterbuy) -> AsyncIterator[Page]:
    return end.client.orders_between(START, END, date_field="AuctionEndDate")


async def test_a_window_is_one_request_with_a_date_filter() -> None:
    async with scripted_afterbuy(page(order(1), order(2), last=2)) as end:
        assert await collected(window(end)) == [["1", "2"]]
        assert end.texts("AfterbuyGlobal/CallName") == ["GetSoldItems"]
        assert end.texts("DataFilter/Filter/FilterValues/*") == [
            "23.11.2026 00:00:00",
            "25.11.2026 00:00:00",
            "AuctionEndDate",
        ]
        assert end.meter.outcomes == ["ok"]
        assert end.meter.budgets == [49_999]


@pytest.mark.parametrize("again", [True, False], ids=["inclusive", "exclusive"])
async def test_pages_follow_last_order_id_and_drop_what_was_seen(again: bool) -> None:  # noqa: FBT001
    second = page(order(2) if again else "", order(3), more=1, last=3)
    third = page(order(3) if again else "", order(4), more=0, last=4)
    async with scripted_afterbuy(page(order(1), order(2), more=1, last=2), second, third) as end:
        assert await collected(window(end)) == [["1", "2"], ["3"], ["4"]]
        ranges = [end.texts("DataFilter/Filter/FilterValues/ValueFrom", number) for number in range(3)]
        assert ranges == [[], ["2"], ["3"]]


BACKWARDS = page(order(5), order(1), more=1, last=1)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([page(order(1), order(2), more=1, last=2)], [["1", "2"]]),  # RangeID is ignored: the same page for ever
        ([page(order(1), more=1, last=1), page(more=1, last=1)], [["1"]]),
        ([page(order(1), more=1, last=1), errors(15)], [["1"]]),
        ([BACKWARDS, BACKWARDS, page(order(6), last=6)], [["5", "1"], ["6"]]),
        ([page(order(1), order(2), more=1), page(order(3), more=0)], [["1", "2"], ["3"]]),
        ([page(order(1), more=1, last="Meier"), page(order(2), more=0)], [["1"], ["2"]]),
        ([answer(f"<Orders>{order(1)}</Orders><LastOrderID>1</LastOrderID>"), page(order(1), last=1)], [["1"]]),
        ([answer(f"<Orders>{order(1)}</Orders><LastOrderID>1</LastOrderID>"), page(order(2), last=2)], [["1"], ["2"]]),
        ([page("<Order><OrderID>Meier</OrderID></Order>", more=1, last=4), page(order(5))], [[], ["5"]]),
        ([page()], []),
        ([errors(15)], []),
        ([answer(status="Success")], []),
        ([errors(15, status="Success")], []),
    ],
)  # fmt: skip
async def test_paging_ends(answers: list[str], expected: list[list[str]]) -> None:
    async with scripted_afterbuy(*answers) as end:
        assert await collected(window(end)) == expected


async def test_order_zero_is_kept_and_unreadable_orders_affect_no_others() -> None:
    broken = order(2, item="<ItemQuantity>zwei</ItemQuantity>")
    async with scripted_afterbuy(page(order(0), order(1), broken, order(0), order(3))) as end:
        (only,) = [each async for each in window(end)]
        assert [each.order_id for each in only.orders] == ["0", "1", "0", "3"]
        assert only.unreadable == (UnreadableOrder("2", "SoldItems/SoldItem/ItemQuantity"),)


async def test_warnings_do_not_spoil_a_read() -> None:
    warned = answer(
        "<WarningList><Warning><WarningCode>70</WarningCode></Warning></WarningList>"
        f"<HasMoreItems>0</HasMoreItems><Orders>{order(1)}</Orders>",
        status="Warning",
        call="GETSOLDITEMS",
    )
    async with scripted_afterbuy(warned) as end:
        assert await collected(window(end)) == [["1"]]


async def test_orders_from_an_id_on_are_asked_for_by_range_alone() -> None:
    async with scripted_afterbuy(page(order(7), order(8), more=1, last=8), page(order(8), order(9), last=9)) as end:
        assert await collected(end.client.orders_from(7)) == [["7", "8"], ["9"]]
        asked = [end.texts("DataFilter/Filter/FilterValues/*", number) for number in range(2)]
        assert asked == [["7"], ["8"]]
        assert end.texts("OrderDirection") == ["0"]


async def test_changed_orders_are_asked_for_by_mod_date() -> None:
    async with scripted_afterbuy(page(order(7), last=7)) as end:
        assert await collected(end.client.orders_changed(START, END)) == [["7"]]
        assert end.texts("DataFilter/Filter/FilterValues/*") == [
            "23.11.2026 00:00:00",
            "25.11.2026 00:00:00",
            "ModDate",
        ]


@pytest.mark.parametrize(
    ("given", "highest"),
    [
        (page(order(9), order(3), more=1, last=3), 9),
        (page(order(9), more=0, last=9), 9),
        (page(order(3), order(9), more=0, last=9), 9),
        (page(order(3), order(9), more=1, last=9), None),  # the order of ids was not followed
        (page(order(3), more=1, last=3), None),
        (page(order(0), more=0), None),
        (page(), None),
        (errors(15), None),
    ],
)
async def test_the_highest_order_id_takes_one_call(given: str, highest: int | None) -> None:
    async with scripted_afterbuy(given) as end:
        assert await end.client.highest_order_id() == highest
        assert end.texts("OrderDirection") == ["1"]
        assert len(end.received) == 1


async def test_orders_by_id_go_in_hundreds_and_strangers_are_left_out() -> None:
    async def by_filter(_: web.Request, body: bytes) -> web.Response:
        ids = body.decode().split("<FilterValue>")[1:]
        numbers = [each.partition("<")[0] for each in ids]
        return web.Response(text=page(order(99999), *map(order, numbers), last=99999))

    wanted = [str(number) for number in range(1, 251)]
    async with scripted_afterbuy(handler=by_filter) as end:
        pages = await collected(end.client.orders_by_id([*wanted, "1", "2"]))
        assert [len(each) for each in pages] == [100, 100, 50]
        assert [each for page in pages for each in page] == wanted


async def test_nothing_asked_nothing_sent() -> None:
    async with scripted_afterbuy(page()) as end:
        assert await collected(end.client.orders_by_id([])) == []
        await end.client.update([])
        await end.client.update([OrderChange("7")])
        assert await end.client.products([]) == {}
        assert end.received == []
        assert end.meter.outcomes == []


BARE = "<Order><OrderID>1</OrderID></Order>"


async def test_missing_sections_are_asked_for_by_name_and_remembered() -> None:
    async def by_level(_: web.Request, body: bytes) -> web.Response:
        full = b"<DetailLevel>30</DetailLevel>" in body
        return web.Response(text=page(order(1) if full else BARE))

    async with scripted_afterbuy(handler=by_level) as end:
        for _ in range(2):
            ((only,),) = [each.orders async for each in window(end)]
            assert {"BuyerInfo", "SoldItems", "ShippingInfo"} <= only.sections
        assert [end.texts("AfterbuyGlobal/DetailLevel", n)[0] for n in range(3)] == ["0", "30", "30"]


async def test_a_section_that_no_order_has_fails_loudly() -> None:
    async with scripted_afterbuy(page(BARE, BARE.replace(">1<", ">3<"))) as end:
        with pytest.raises(Bug, match="section_missing at BuyerInfo"):
            await collected(window(end))
        assert [end.texts("AfterbuyGlobal/DetailLevel", n)[0] for n in range(2)] == ["0", "30"]
        assert await collected(end.client.orders_by_id(["1"])) == [["1"]]


async def test_sections_are_missed_over_all_pages_of_a_window() -> None:
    alone = [page(BARE.replace(">1<", f">{n}<"), more=n < 2, last=n) for n in (1, 1, 2, 2)]
    async with scripted_afterbuy(*alone) as end:
        with pytest.raises(Bug, match="section_missing at BuyerInfo"):
            await collected(window(end))


@pytest.mark.parametrize("section", ["BuyerInfo", "SoldItems", "ShippingInfo"])
@pytest.mark.parametrize("before", [0, 1])
async def test_a_single_order_without_a_section_is_its_own_matter(section: str, before: int) -> None:
    lacking = re.sub(f"<{section}>.*</{section}>", "", order(7))
    pages = [page(order(1), more=1, last=1)] * before + [page(lacking, last=7)]
    async with scripted_afterbuy(*pages) as end:
        assert await collected(window(end)) == [["1"]] * before + [["7"]]


SECTIONS = {"B": "BuyerInfo", "I": "SoldItems", "S": "ShippingInfo"}


@pytest.mark.parametrize(
    ("pages", "fails"),
    [
        ("S", False),
        ("BIS", False),
        ("S .", False),
        (". S S", False),
        (". | S", False),
        ("S | .", False),
        (". . | BIS | S | .", False),
        ("B S", False),
        ("B | S | I", False),
        (". | S S S", False),
        ("S S", True),
        ("S | S", True),
        ("BS | S", True),
        ("B B | .", True),
    ],
)
async def test_whether_a_section_is_missed_depends_on_no_neighbour(pages: str, *, fails: bool) -> None:
    """Each word is an order, its letters are what it lacks; bars divide pages."""
    number, answers = 0, []
    for text in pages.split("|"):
        lacking = []
        for word in text.split():
            number += 1
            lacking.append(order(number))
            for letter in word.strip("."):
                lacking[-1] = re.sub(f"<{SECTIONS[letter]}>.*</{SECTIONS[letter]}>", "", lacking[-1])
        answers.append((page(*lacking, more=1, last=number), page(*lacking, more=0, last=number)))
    asked: list[int] = []

    async def answer_page(_: web.Request, body: bytes) -> web.Response:
        found = re.search(rb"<ValueFrom>([0-9]+)</ValueFrom>", body)
        position = int(found[1]) if found else 0
        asked.append(position)
        place = next(
            n for n, (each, _) in enumerate(answers) if int(re.findall(r"<LastOrderID>(\d+)", each)[0]) > position
        )
        return web.Response(text=answers[place][place == len(answers) - 1])

    async with scripted_afterbuy(handler=answer_page) as end:
        if fails:
            with pytest.raises(Bug, match="section_missing"):
                await collected(window(end))
        else:
            assert [each for ids in await collected(window(end)) for each in ids] == [str(n + 1) for n in range(number)]


async def test_orders_already_seen_count_for_sections() -> None:
    incomplete = BARE.replace(">1<", ">3<")
    async with scripted_afterbuy(page(order(2), more=1, last=2), page(order(2), incomplete, last=3)) as end:
        assert await collected(window(end)) == [["2"], ["3"]]


async def test_one_complete_order_is_enough() -> None:
    async with scripted_afterbuy(page(BARE, order(2))) as end:
        assert await collected(window(end)) == [["1", "2"]]
        assert len(end.received) == 1


async def test_an_update() -> None:
    async with scripted_afterbuy(answer(call="UpdateSoldItems")) as end:
        await end.client.update([CHANGE, OrderChange("8"), OrderChange("9", additional_info="B2")])
        assert end.texts("AfterbuyGlobal/CallName") == ["UpdateSoldItems"]
        assert end.texts("Orders/Order/OrderID") == ["7", "9"]
        assert end.texts("Orders/Order/AdditionalInfo") == ["A1", "B2"]


@pytest.mark.parametrize("code", [33, 74, 98, 15])
async def test_a_refused_update_names_its_order_if_it_was_alone(code: int) -> None:
    async with scripted_afterbuy(errors(code)) as end:
        with pytest.raises(Rejected, match=f"code_{code}") as alone:
            await end.client.update([CHANGE])
        with pytest.raises(Rejected) as together:
            await end.client.update([CHANGE, OrderChange("8", additional_info="x")])
        assert (alone.value.order, together.value.order) == ("7", "")
        assert end.meter.outcomes == ["rejected", "rejected"]


@pytest.mark.parametrize("sibling", ["<OrderID>7</OrderID>", "<ItemID>9</ItemID>", ""])
@pytest.mark.parametrize("status", ["Warning", "Success"])
async def test_an_update_with_a_warning_is_no_success(sibling: str, status: str) -> None:
    warned = f"<WarningList><Warning><WarningCode>12</WarningCode>{sibling}</Warning></WarningList>"
    async with scripted_afterbuy(answer(warned, status=status)) as end:
        with pytest.raises(Rejected, match="warning_12"):
            await end.client.update([CHANGE])


async def test_products() -> None:
    known = (
        "<Products><Product><ProductID>5</ProductID><CustomsTariffNumber>69120023</CustomsTariffNumber>"
        "<CountryOfOrigin>CN</CountryOfOrigin></Product><Product><Name>ohne Nummer</Name></Product></Products>"
    )
    async with scripted_afterbuy(answer(known), errors(15)) as end:
        found = await end.client.products(str(number) for number in range(1, 301))
        assert found == {"5": ProductCustoms("5", "69120023", "CN")}
        assert [len(end.texts("DataFilter/Filter/FilterValues/FilterValue", n)) for n in range(2)] == [250, 50]


@pytest.mark.parametrize(
    "times",
    [
        "<AfterbuyTimeStamp/><AfterbuyUniversalTimeStamp>24.11.2026 11:00:00</AfterbuyUniversalTimeStamp>",
        "<AfterbuyTimeStamp>24.11.2026 12:00:00</AfterbuyTimeStamp>",
    ],
)
async def test_the_clock(times: str) -> None:
    async with scripted_afterbuy(answer(times, call="GetAfterbuyTime")) as end:
        clock = await end.client.clock()
        assert clock.universal == datetime(2026, 11, 24, 11, tzinfo=UTC)
        assert clock.universal.tzinfo is UTC


@pytest.mark.parametrize("times", ["", "<AfterbuyUniversalTimeStamp>Meier</AfterbuyUniversalTimeStamp>"])
async def test_no_clock(times: str) -> None:
    async with scripted_afterbuy(answer(times)) as end:
        with pytest.raises(Transient, match="no_time"):
            await end.client.clock()


def html(status: int, **headers: str) -> web.Response:
    return web.Response(text="<html><body>Wartung<br>Meier</body></html>", status=status, headers=headers)


@pytest.mark.parametrize(
    ("said", "kind", "code", "outcome"),
    [
        (errors(8), CredentialsRefused, "code_8", "credentials"),
        (errors(999), Transient, "code_999", "transient"),
        (errors(12), Bug, "code_12", "bug"),
        (errors(33), Rejected, "code_33", "rejected"),
        (errors(8, status="Success"), CredentialsRefused, "code_8", "credentials"),
        (errors(13).replace("<Result>", "").replace("</Result>", ""), Transient, "code_13", "transient"),
        (answer(status="Error"), Transient, "status_unclear", "transient"),
        ("<Afterbuy/>", Transient, "status_unclear", "transient"),
        ("", Transient, "empty_answer", "transient"),
        ("<html><body>Wartung<br>Meier</body></html>", Transient, "not_an_answer", "transient"),
        ("Wartung, Ihr Meier", Transient, "unparsable", "transient"),
        ("<!DOCTYPE html><html></html>", Transient, "document_type", "transient"),
        (page(order(1))[:-30], Transient, "unparsable", "transient"),
        (html(500), Transient, "http_500", "transient"),
        (html(503, **{"Retry-After": "7"}), Transient, "http_503", "transient"),
        (html(302, Location="https://example.org/Meier"), Transient, "http_302", "transient"),
        (html(307, Location="/elsewhere"), Transient, "http_307", "transient"),
        (html(403), CredentialsRefused, "http_403", "credentials"),
    ],
)  # fmt: skip
async def test_bad_answers(said: str | web.Response, kind: type[AftersendError], code: str, outcome: str) -> None:
    async with scripted_afterbuy(said) as end:
        with pytest.raises(kind) as caught:
            await collected(window(end))
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.upstream) == (code, "afterbuy")
        assert "Meier" not in str(caught.value)
        assert end.meter.outcomes == [outcome]
        assert len(end.received) == 1
        assert getattr(caught.value, "retry_after", None) == (7 if code == "http_503" else None)


async def test_a_server_that_hangs() -> None:
    released = asyncio.Event()

    async def hang(_request: web.Request, _body: bytes) -> web.Response:
        await released.wait()
        return web.Response()

    async with scripted_afterbuy(handler=hang, timeout=TIMEOUT) as end:
        with pytest.raises(Transient, match="timeout"):
            await end.client.clock()
        assert end.meter.outcomes == ["transient"]
        released.set()


async def test_a_server_that_hangs_in_the_middle() -> None:
    released = asyncio.Event()

    async def stall(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"<Afterbuy><CallStatus>")
        await released.wait()
        return response

    async with scripted_afterbuy(handler=stall, timeout=TIMEOUT) as end:
        with pytest.raises(Transient, match="timeout"):
            await end.client.clock()
        released.set()


@pytest.mark.parametrize("before", [b"", page(order(1)).encode()[:200]], ids=["at once", "in the middle"])
async def test_a_reset(before: bytes) -> None:
    async def reset(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        if before:
            await response.prepare(request)
            await response.write(before)
        assert request.transport is not None
        request.transport.abort()
        return response

    async with scripted_afterbuy(handler=reset) as end:
        with pytest.raises(Transient, match="connection") as caught:
            await collected(window(end))
        assert caught.value.__suppress_context__
        assert end.meter.outcomes == ["transient"]


async def test_a_refused_connection() -> None:
    async with scripted_afterbuy(page()) as end, aiohttp.ClientSession() as session:
        client = type(end.client)(
            session, url="http://127.0.0.1:1/", credentials=lambda: AfterbuyCredentials("a", "b"), meter=NoMeter()
        )
        with pytest.raises(Transient, match="connection"):
            await client.clock()


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_compressed_answers(encoding: str, pack: object) -> None:
    assert callable(pack)
    packed = web.Response(body=pack(page(order(1)).encode()), headers={"Content-Encoding": encoding})
    async with scripted_afterbuy(packed) as end:
        assert await collected(window(end)) == [["1"]]


async def test_a_broken_compression_is_transient() -> None:
    packed = web.Response(body=b"Meier, kein gzip", headers={"Content-Encoding": "gzip"})
    async with scripted_afterbuy(packed) as end:
        with pytest.raises(Transient, match="connection") as caught:
            await collected(window(end))
        assert "Meier" not in str(caught.value)


async def test_chunks_of_any_size() -> None:
    async def dribble(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/xml"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        raw = page(order(1), order(2), last=2).encode()
        for start in range(0, len(raw), 7):
            await response.write(raw[start : start + 7])
        return response

    async with scripted_afterbuy(handler=dribble) as end:
        assert await collected(window(end)) == [["1", "2"]]


async def test_200_megabytes_are_cut_off() -> None:
    sent = 0

    async def flood(request: web.Request, _body: bytes) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"<Afterbuy><Result><Orders>")
        block = b"<Order><Noise>" + b"x" * 1_000_000 + b"</Noise></Order>"
        for _ in range(200):
            await response.write(block)
            sent += len(block)
        return response

    async with scripted_afterbuy(handler=flood) as end:
        with pytest.raises(Transient, match="answer_too_large"):
            await collected(window(end))
    assert sent < 100_000_000


async def test_an_answer_that_breaks_off_leaves_nothing_of_its_orders_in_memory() -> None:
    """Without a look for cycles: an error that keeps its frames keeps the orders that they hold."""

    async def broken(request: web.Request, _body: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"<Afterbuy><Result><Orders><Order><Memo>" + b"x" * 300_000)
        assert request.transport
        request.transport.close()
        return response

    async with scripted_afterbuy(handler=broken) as end:
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(10):
                with pytest.raises(Transient, match="connection"):
                    await collected(window(end))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
    assert held < 1_500_000


async def test_keys_are_asked_for_at_each_call() -> None:
    asked: list[AfterbuyCredentials] = []

    def rotating() -> AfterbuyCredentials:
        asked.append(AfterbuyCredentials(f"partner-{len(asked)}", "account"))
        return asked[-1]

    async with scripted_afterbuy(page(order(1), more=1, last=1), page(order(2), last=2)) as end:
        end.client._credentials = rotating
        assert await collected(window(end)) == [["1"], ["2"]]
        assert [end.texts("AfterbuyGlobal/PartnerToken", n)[0] for n in range(2)] == ["partner-0", "partner-1"]


async def test_a_cancelled_call_is_counted_as_that() -> None:
    arrived, released = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request, _body: bytes) -> web.Response:
        arrived.set()
        await released.wait()
        return web.Response()

    async with scripted_afterbuy(handler=hang) as end:
        call = asyncio.create_task(end.client.clock())
        await arrived.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert end.meter.outcomes == ["cancelled"]
        released.set()


async def test_many_pages_bring_every_order_once_and_in_order() -> None:
    size, last = 250, 2_000

    async def by_range(_: web.Request, body: bytes) -> web.Response:
        start = int(body.partition(b"<ValueFrom>")[2].partition(b"<")[0] or 1)
        end = min(start + size, last + 1)
        return web.Response(text=page(*map(order, range(start, end)), more=int(end <= last), last=end - 1))

    async with scripted_afterbuy(handler=by_range) as end:
        seen: list[Order] = []
        async for each in window(end):
            seen.extend(each.orders)
        assert [each.order_id for each in seen] == [str(number) for number in range(1, last + 1)]


async def test_a_call_is_a_span_without_personal_data() -> None:
    exporter = InMemorySpanExporter()
    start_tracing("test", exporter=exporter)
    try:
        async with scripted_afterbuy(errors(33)) as end:
            with pytest.raises(Rejected):
                await end.client.update([OrderChange("7", additional_info="Meier")])
    finally:
        stop_tracing()
    (call,) = exporter.get_finished_spans()
    assert call.name == "POST afterbuy UpdateSoldItems"
    assert call.kind.name == "CLIENT"
    attributes = dict(call.attributes or {})
    assert attributes["aftersend.outcome"] == "rejected"
    assert "Meier" not in str(attributes)
