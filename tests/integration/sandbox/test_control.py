"""The control API and the command: what people do in both worlds, seen through the simulated APIs."""

import asyncio
import os
import signal
import socket
import sys
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from aftersend_sandbox import main
from aftersend_sandbox.control import api
from aftersend_sandbox.switches import TABLE
from aftersend_sandbox.world.afterbuy_account import AfterbuyParcelLabel
from aftersend_sandbox.world.world import INTEGRATION_ID
from tests.support.sandbox_kit import NOW, TAG, a_filter, a_push, a_receiver, a_sandbox, codes, listed, small_world


async def test_reading_both_worlds() -> None:
    async with a_sandbox() as door:
        await door.push(a_push(101), a_push(102))
        await door.control("POST", "incoming/labels", orders=["afterbuy-101", "665"], count=2)
        _, page = await door.control("GET", "orders?offset=1&limit=2")
        assert (page["total"], [each["order_id"] for each in page["orders"]]) == (5, [102, 103])
        _, one = await door.control("GET", "orders/101")
        assert one["items"][0]["price"] == "9.9"
        assert one["ordered_at"] == (NOW - timedelta(days=4)).isoformat()
        _, incoming = await door.control("GET", "incoming?limit=1")
        assert (incoming["total"], incoming["pending"], incoming["orders"][0]["order_id"]) == (2, 0, "afterbuy-101")
        _, parcels = await door.control("GET", "parcels")
        assert (parcels["total"], len(parcels["parcels"])) == (4, 4)
        _, own = await door.control("GET", "parcels?order_number=102")
        assert [each["order_number"] for each in own["parcels"]] == ["102", "102"]
        _, state = await door.control("GET", "state")
        wanted = {"orders": 5, "incoming": 2, "labelled": 2, "parcels": 4, "parcels_live": 4, "with_number": 0}
        assert wanted.items() <= state.items()


async def test_journal() -> None:
    async with a_sandbox() as door:
        await door.update(
            "<OrderID>101</OrderID><AdditionalInfo>0034</AdditionalInfo>"
            f"<Tags><UpdateAction>1</UpdateAction><Tag>{TAG}</Tag></Tags>"
        )
        await door.push(a_push())
        _, shown = await door.control("GET", "journal")
        assert shown["writes"] == {"101": [{"AdditionalInfo": ["", "0034"], "Tags": ["", TAG]}]}
        assert shown["tags_added"] == [[101, TAG, 1]]
        assert shown["pushes"] == {"afterbuy-101": 1}
        assert shown["calls"] == {"afterbuy UpdateSoldItems": 1, "sendcloud POST /orders": 1}
        assert {each["what"] for each in shown["entries"]} >= {"UpdateSoldItems", "POST /orders", "order updated"}
        _, rest = await door.control("GET", f"journal?since={len(shown['entries'])}")
        assert rest["entries"] == []


@pytest.mark.parametrize(
    ("value", "info", "labels"),
    [
        ("additional_info", "0034", []),
        ("parcel_labels", "", [AfterbuyParcelLabel(101, 1, "0034")]),
        ("both", "0034", [AfterbuyParcelLabel(101, 1, "0034")]),
    ],
)
async def test_parcel_field(value: str, info: str, labels: list[AfterbuyParcelLabel]) -> None:
    async with a_sandbox(parcel_field=value) as door:  # parcel_field="additional_info" "parcel_labels" "both"
        order = door.world.afterbuy.orders[101]
        await door.control("POST", "orders/101/number", number="0034")
        assert (order.additional_info, order.shipping.parcel_labels) == (info, labels)
        await door.control("POST", "orders/101/number", number="")
        assert (order.additional_info, order.shipping.parcel_labels) == ("", [])
        entries = [each for each in door.world.journal.entries if each.api == "control"]
        assert [(each.key, each.detail) for each in entries] == [("101", {"number": "0034"}), ("101", {"number": ""})]


async def test_a_person_in_afterbuy() -> None:
    async with a_sandbox() as door:
        order = door.world.afterbuy.orders[101]
        await door.control("POST", "orders/101/address", street="Neuer Weg 1")
        assert (order.billing.street, order.modified_at) == ("Neuer Weg 1", NOW)
        await door.control("POST", "orders/101/tags", add="VIP")
        assert order.tags == ["VIP"]
        assert "VIP" in door.world.afterbuy.tag_manager
        await door.control("POST", "orders/101/tags", remove="VIP")
        assert order.tags == []
        await door.control("POST", "orders/101/cancel")
        answer = await door.sold(a_filter("OrderID", "101"))
        assert next(answer.iter("ItemQuantity")).text == "-2"
        await door.control("POST", "orders/102/hide")
        await door.control("POST", "orders/103/delete")
        assert listed(await door.sold()) == [101, 104, 105]
        assert codes(await door.update("<OrderID>103</OrderID><OrderMemo>x</OrderMemo>")) == [33]


async def test_all_that_waits_is_printed_at_once() -> None:
    async with a_sandbox() as door:
        await door.push(*(a_push(number) for number in (101, 102, 103)))
        await door.control("POST", "incoming/664/labels")
        _, printed = await door.control("POST", "incoming/labels", all=True, carrier="dpd")
        assert [(each["order_number"], each["carrier"]) for each in printed] == [("102", "dpd"), ("103", "dpd")]


async def test_cancelling_and_moving_single_parcels_and_whole_orders() -> None:
    async with a_sandbox() as door:
        await door.push(a_push())
        await door.control("POST", "incoming/664/labels", count=2, split=True)
        first, second = door.world.sendcloud.parcels
        await door.control("POST", f"parcels/{first.id}/cancel")
        _, moved = await door.control("POST", "incoming/664/move", status=22)
        assert ([first.status, second.status], [each["id"] for each in moved]) == ([2000, 22], [second.id])
        _, shown = await door.control("POST", "incoming/664/cancel")
        assert [each["status"] for each in shown] == [2000, 2000]
        await door.control("POST", f"parcels/{first.id}/move", status=94)
        assert first.status == 94
        assert (await door.control("POST", "incoming/664/delete"))[0] == 200
        assert (await door.sendcloud("GET", "/v3/orders"))[1] == {"data": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "orders/999", {}, 404),
        ("GET", "orders/x", {}, 404),
        ("POST", "incoming/999/labels", {}, 404),
        ("POST", "parcels/999/cancel", {}, 404),
        ("POST", "parcels", {"integration": 1}, 404),
        ("POST", "incoming/664/labels", {"count": 21}, 400),
        ("POST", "incoming/664/labels", {"carrier": ""}, 400),
        ("POST", "incoming/664/move", {"status": 12345}, 400),
        ("POST", "orders/101/address", {"streett": "x"}, 400),
        ("POST", "orders/101/tags", {}, 400),
        ("POST", "switches", {"unknown": "x"}, 400),
        ("POST", "switches", {"batch": "x"}, 400),
        ("POST", "faults", {"upstream": "afterbuy", "kind": "x"}, 400),
        ("POST", "faults", {"upstream": "afterbuy", "kind": "html", "count": "x"}, 400),
        ("POST", "settings", {"limits": {"x": 1}}, 400),
    ],
)
async def test_refused_wishes(method: str, path: str, body: dict[str, Any], status: int) -> None:
    async with a_sandbox() as door:
        await door.push(a_push())
        got, shown = await door.control(method, path, **body)
        assert (got, bool(shown["error"])) == (status, True)
        async with door.http.post(f"{door.sandbox.url}/control/switches", data="[]") as answer:
            assert answer.status == 400


async def test_switches_and_faults() -> None:
    async with a_sandbox() as door:
        _, shown = await door.control("POST", "switches", batch="all_or_nothing", range_id="exclusive")
        assert (shown["batch"], shown["range_id"]) == ("all_or_nothing", "exclusive")
        _, switches = await door.control("GET", "switches")
        assert [each["name"] for each in switches] == [each.name for each in TABLE]
        assert next(each for each in switches if each["name"] == "batch")["position"] == "all_or_nothing"
        _, shown = await door.control(
            "POST", "faults", upstream="sendcloud", kind="http_500", count=2, calls=["POST /orders"]
        )
        assert shown["armed"] == [
            {
                "upstream": "sendcloud",
                "kind": "http_500",
                "probability": 1.0,
                "remaining": 2,
                "seconds": 0.0,
                "size": 200_000_000,
                "calls": ["POST /orders"],
                "paths": [],
            }
        ]
        async with door.http.post(f"{door.sandbox.sendcloud_url}/v3/orders") as answer:
            assert answer.status == 500
        _, shown = await door.control("DELETE", "faults?upstream=sendcloud&kind=http_500")
        assert (shown["armed"], shown["struck"]) == ([], {"sendcloud/http_500": 1})


async def test_settings_and_time() -> None:
    world = small_world()
    async with a_receiver(world) as receiver, a_sandbox(world) as door:
        _, shown = await door.control(
            "POST",
            "settings",
            save_seconds=None,
            time_scale=0.5,
            limits={"burst": 99},
            webhook_url="",
            signature_key="another-key-of-16",
        )
        assert shown == {
            "save_seconds": None,
            "limits": {"reads_per_minute": 1000, "writes_per_minute": 100, "burst": 99},
            "time_scale": 0.5,
            "webhook_url": "",
        }
        assert not world.sendcloud.integrations[INTEGRATION_ID].webhook_active
        await door.control("POST", "settings", webhook_url=receiver.url, save_seconds=1)
        await door.push(a_push())
        _, shown = await door.control("POST", "advance", seconds=2)
        assert (shown["saved"], shown["now"]) == (1, (NOW + timedelta(seconds=2)).isoformat())
        await door.control("POST", "incoming/664/labels")
        async with asyncio.timeout(60):
            while len(receiver.bodies) < 2:
                await asyncio.sleep(0.005)
    assert receiver.signed_with("another-key-of-16")


async def test_the_verdict_is_printed() -> None:
    async with a_sandbox() as door:
        status, shown = await door.control("GET", "verdict")
    assert (status, shown["kept"]) == (200, False)
    assert {"name", "text", "checked", "violated", "kept", "orders"} == set(shown["rules"][0])


def test_the_docstring_names_every_route() -> None:
    shown = (api.__doc__ or "").replace("…", "")
    for method, path in api.ROUTES:
        short = path.replace("/control", "", 1)
        last = short.rpartition("/")[2]
        assert method in shown
        assert short in shown or f"/{last}" in shown, path


async def test_the_page_is_there() -> None:
    async with a_sandbox() as door, door.http.get(f"{door.sandbox.url}/") as answer:
        assert answer.status == 200


def test_options() -> None:
    options = main._parser().parse_args(
        ["--listen", "127.0.0.1:0", "--orders", "7", "--seed", "3", "--webhook-url", "http://127.0.0.1:9/w"]
    )
    world = main.world_of(options)
    ours = world.sendcloud.integrations[INTEGRATION_ID]
    assert (len(world.afterbuy.orders), ours.webhook_url, ours.webhook_active) == (7, "http://127.0.0.1:9/w", True)
    assert options.listen == ("127.0.0.1", 0)


@pytest.mark.parametrize(
    "arguments", [["--listen", "8088"], ["--orders", "viele"], ["--orders", "-3"], ["--no-such-option"]]
)
def test_wrong_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main.serve(arguments)
    assert caught.value.code == 2
    assert "usage: aftersend sandbox" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main.serve(["--listen", f"127.0.0.1:{port}", "--orders", "1"]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


async def test_the_command_serves_until_a_signal() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aftersend_sandbox.main",
        "--listen",
        "127.0.0.1:0",
        "--orders",
        "5",
        "--signature-key",
        "a-key-of-one's-own",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        lines = [(await process.stdout.readline()).decode() for _ in range(5)]
        assert [line.split()[0] for line in lines] == ["Afterbuy", "Sendcloud", "Page", "Control", "Webhooks"]
        assert "webhookSignatureKey a-key-of-one's-own" in lines[4]
        async with aiohttp.ClientSession() as http, http.get(lines[3].split()[1]) as answer:
            assert (await answer.json())["orders"] == 5
    finally:
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
