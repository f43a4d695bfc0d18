"""The simulated Sendcloud: labels and what becomes of them, v2 parcels. Both outcomes of every open point."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aftersend_sandbox.sendcloud.labels import weight_of
from aftersend_sandbox.switches import Switches
from aftersend_sandbox.world.sendcloud_account import STATUS_MESSAGES, SendcloudParcel
from tests.support.sandbox_kit import AUTH, NOW, Door, a_push, a_sandbox


async def labelled(door: Door, number: int = 101, **how: Any) -> list[SendcloudParcel]:
    """A pushed order with its labels."""
    assert (await door.push(a_push(number)))[0] == 201
    status, _ = await door.control("POST", f"incoming/afterbuy-{number}/labels", **how)
    assert status == 200
    return door.world.sendcloud.parcels.of_number(str(number))


async def listed(door: Door, query: str = "") -> list[dict[str, Any]]:
    status, body = await door.sendcloud("GET", f"/v2/parcels{query}")
    assert status == 200
    return list(body["parcels"])


async def test_a_label_of_an_incoming_order() -> None:
    async with a_sandbox() as door:
        (parcel,) = await labelled(door)
        (shown,) = await listed(door)
    assert shown["id"] == parcel.id
    assert shown["status"] == {"id": 1000, "message": "Ready to send"}
    assert (shown["order_number"], shown["external_order_id"]) == ("101", "afterbuy-101")
    assert (shown["name"], shown["address"], shown["house_number"]) == ("Jörg Müller", "Am Weg 5", "5")
    assert shown["address_divided"] == {"street": "Am Weg", "house_number": "5"}
    assert shown["country"] == {"iso_2": "DE", "iso_3": "DEU", "name": "DE"}
    assert shown["tracking_number"] == parcel.tracking_number
    assert shown["tracking_url"].endswith("verification=53111")
    assert shown["carrier"] == {"code": "dhl_de"}
    assert shown["weight"] == "0.680"
    assert shown["date_created"] == shown["date_announced"] == "24-11-2026 09:30:00"
    assert (shown["is_return"], shown["collo_nr"], shown["collo_count"], shown["colli_uuid"]) == (False, 0, 1, None)
    assert (shown["external_reference"], shown["reference"], shown["insured_value"]) == (None, "0", 0)
    assert shown["shipment_uuid"]
    (item,) = shown["parcel_items"]
    assert (item["quantity"], item["value"], item["weight"]) == (2, "9.9", "0.34")


@pytest.mark.parametrize(("value", "shown"), [("order_id", "afterbuy-101"), ("absent", ""), ("own_id", "400000001")])
async def test_external_order_id(value: str, shown: str) -> None:
    async with a_sandbox(external_order_id=value) as door:  # external_order_id="order_id" "absent" "own_id"
        await labelled(door)
        assert (await listed(door))[0]["external_order_id"] == shown


@pytest.mark.parametrize(("value", "part"), [("forward", "code=0034043446418"), ("brand", "tracking_number=1z999aa1")])
async def test_tracking_url(value: str, part: str) -> None:
    async with a_sandbox(tracking_url=value) as door:  # tracking_url="forward" "brand"
        await labelled(door, carrier="dhl_de" if value == "forward" else "ups")
        assert part in (await listed(door))[0]["tracking_url"]


async def test_several_colli_share_a_shipment() -> None:
    async with a_sandbox() as door:
        parcels = await labelled(door, count=3)
    assert [(each.collo_nr, each.collo_count) for each in parcels] == [(0, 3), (1, 3), (2, 3)]
    assert len({each.colli_uuid for each in parcels}) == 1
    assert len({each.tracking_number for each in parcels}) == 3
    assert len({each.shipment_uuid for each in parcels}) == 1


@pytest.mark.parametrize(("value", "shared"), [("apart", False), ("colli", True)])
async def test_split_order(value: str, shared: bool) -> None:  # noqa: FBT001 - a column of the table
    async with a_sandbox(split_order=value) as door:  # split_order="apart" "colli"
        parcels = await labelled(door, count=2, split=True)
    assert (parcels[0].colli_uuid is not None) == shared
    assert [each.collo_count for each in parcels] == ([2, 2] if shared else [1, 1])


async def test_a_failed_announcement_has_no_number_and_can_be_repeated() -> None:
    async with a_sandbox() as door:
        await labelled(door, fails=True)
        (shown,) = await listed(door)
        assert (shown["status"]["id"], shown["tracking_number"], shown["date_announced"]) == (1002, "", None)
        assert "tracking_url" not in shown
        assert not door.world.sendcloud.by_id[664].labelled
        await door.control("POST", "incoming/664/labels")
        assert [each["status"]["id"] for each in await listed(door)] == [1000, 1002]


@pytest.mark.parametrize("late", [True, False])
async def test_relabelling_makes_a_parcel_of_its_own(late: bool) -> None:  # noqa: FBT001 - both orders of events
    async with a_sandbox() as door:
        (old,) = await labelled(door)
        await door.control("POST", "incoming/664/relabel", cancel_late=late)
        new, again = await listed(door)
    assert (again["id"], again["status"]["id"], again["tracking_number"]) == (old.id, 2000, old.tracking_number)
    assert (new["status"]["id"], new["carrier"]["code"]) == (1000, "dpd")
    assert new["shipment_uuid"] == again["shipment_uuid"]


@pytest.mark.parametrize(
    ("value", "status", "outcome", "now"),
    [("at_once", 200, "cancelled", 2000), ("queued", 202, "queued", 1999), ("refused", 400, "failed", 1000)],
)
async def test_cancellation(value: str, status: int, outcome: str, now: int) -> None:
    async with a_sandbox(cancellation=value) as door:  # cancellation="at_once" "queued" "refused"
        first, second = await labelled(door, count=2)
        got, body = await door.sendcloud("POST", f"/v2/parcels/{first.id}/cancel")
        assert (got, body["status"]) == (status, outcome)
        assert body["message"]
        assert (first.status, second.status) == (now, now)
        assert first.tracking_number
        again, _ = await door.sendcloud("POST", f"/v2/parcels/{first.id}/cancel")
        assert again == 400


async def test_cancelling_what_has_no_label() -> None:
    async with a_sandbox() as door:
        (parcel,) = await labelled(door, fails=True)
        got, body = await door.sendcloud("POST", f"/v2/parcels/{parcel.id}/cancel")
        assert (got, body["status"]) == (410, "deleted")
        got, body = await door.sendcloud("POST", "/v2/parcels/1/cancel")
        error = {"code": 404, "request": "api/v2/parcels/1/cancel", "message": "No Parcel matches the given query."}
        assert (got, body) == (404, {"error": error})


async def test_a_return_carries_the_order_number_and_nothing_else() -> None:
    async with a_sandbox() as door:
        await labelled(door)
        await door.control("POST", "incoming/664/return")
        await door.control("POST", "incoming/664/return", same_number=False)
        blank, back, out = await listed(door)
    assert (out["is_return"], back["is_return"], blank["is_return"]) == (False, True, True)
    assert (back["order_number"], blank["order_number"]) == ("101", "")
    assert (back["external_order_id"], back["shipment_uuid"]) == ("", None)
    assert back["tracking_number"]


async def test_a_parcel_made_directly_names_itself() -> None:
    async with a_sandbox() as door:
        await door.control("POST", "parcels", order_number="101", integration=4700)
        (shown,) = await listed(door, "?order_number=101")
    assert (shown["external_order_id"], shown["shipment_uuid"]) == (str(shown["id"]), None)
    assert "integration" not in shown


async def test_reading_one() -> None:
    async with a_sandbox() as door:
        (parcel,) = await labelled(door)
        assert (await door.sendcloud("GET", f"/v2/parcels/{parcel.id}"))[1]["parcel"]["id"] == parcel.id
        assert (await door.sendcloud("GET", "/v2/parcels/7"))[0] == 404
        assert (await door.sendcloud("GET", "/v2/parcels/x"))[0] == 404


async def test_filters() -> None:
    async with a_sandbox() as door:
        (first,) = await labelled(door, 101)
        door.world.clock.advance(timedelta(hours=1))
        (second,) = await labelled(door, 102)
        for query, found in {
            "": [second, first],
            "?updated_after=2026-11-24T10:00:00%2B00:00": [second],
            "?updated_after=2026-11-24T10:00:00Z": [second],
            "?updated_after=2026-11-24T10:00:00": [second],
            "?updated_after=2026-11-24": [second, first],
            "?announced_after=2026-11-24T10:00:00Z": [second],
            "?order_number=101": [first],
            "?order_number=unknown": [],
            f"?tracking_number={second.tracking_number}": [second],
            "?parcel_status=1000": [second, first],
            "?parcel_status=11": [],
            "?external_reference=x": [],
            f"?ids={first.id},7": [first],
            "?never_heard_of=1": [second, first],
        }.items():
            assert [each["id"] for each in await listed(door, query)] == [each.id for each in found], query
        await door.control("POST", f"parcels/{first.id}/move", status=11)
        assert [each["id"] for each in await listed(door, "?updated_after=2026-11-24T10:00:00Z")] == [
            second.id,
            first.id,
        ]


@pytest.mark.parametrize(
    "query", ["updated_after=gestern", "ids=a", "ids=" + ",".join(map(str, range(101))), "cursor=x", "announced_after="]
)
async def test_refused_lists(query: str) -> None:
    async with a_sandbox() as door:
        status, body = await door.sendcloud("GET", f"/v2/parcels?{query}")
        assert (status, body["error"]["code"]) == (400, 400)
        assert body["error"]["message"].startswith(query.partition("=")[0])


async def test_paging_repeats_the_filters() -> None:
    async with a_sandbox() as door:
        for number in range(205):
            door.sandbox.panel.make_directly(str(number), integration=4711)
        seen, path, sizes = [], "/v2/parcels?updated_after=2026-01-01", []
        while path:
            _, body = await door.sendcloud("GET", path)
            sizes.append(len(body["parcels"]))
            seen += [each["order_number"] for each in body["parcels"]]
            assert body["previous"] is None
            target = urlsplit(body["next"] or "")
            path = f"{target.path}?{target.query}".removeprefix("/api").strip("?")
            assert not path or parse_qs(target.query)["updated_after"] == ["2026-01-01"]
        assert sizes == [100, 100, 5]
        assert seen == [str(number) for number in range(204, -1, -1)]


@pytest.mark.parametrize("answer", ["open", "403", "404", "410"])
async def test_v2_parcels_closed(answer: str) -> None:
    async with a_sandbox(v2_parcels=answer) as door:  # v2_parcels="open" "403" "404" "410"
        expected = 200 if answer == "open" else int(answer)
        for path in ("/v2/parcels", "/v2/parcels/statuses"):
            assert (await door.sendcloud("GET", path))[0] == expected
        for path in ("/v3/shipments", "/v3/integrations", "/v2/integrations"):
            assert (await door.sendcloud("GET", path))[0] == 200


@pytest.mark.parametrize("answer", ["open", "404", "410"])
async def test_v3_shipments_closed(answer: str) -> None:
    async with a_sandbox(v3_shipments=answer) as door:  # v3_shipments="open" "404" "410"
        assert (await door.sendcloud("GET", "/v3/shipments"))[0] == (200 if answer == "open" else int(answer))
        assert (await door.sendcloud("GET", "/v2/parcels"))[0] == 200


async def shipments(door: Door, query: str = "") -> list[dict[str, Any]]:
    status, body = await door.sendcloud("GET", f"/v3/shipments{query}")
    assert status == 200
    return list(body["data"])


async def test_a_shipment_has_the_parcels_of_v2_in_another_form() -> None:
    async with a_sandbox() as door:
        first, second = await labelled(door, count=2)
        (shown,) = await shipments(door, "?integration_id=4711&order_number=101")
        assert (shown["order_number"], shown["carrier"]) == ("101", {"code": "dhl_de"})
        assert [each["id"] for each in shown["parcels"]] == [first.id, second.id]
        assert shown["parcels"][0] == {
            "id": first.id,
            "status": {"code": "READY_TO_SEND", "message": "Ready to send"},
            "tracking_number": first.tracking_number,
            "tracking_url": first.tracking_url,
            "announced_at": first.announced_at.isoformat() if first.announced_at else None,
            "updated_at": first.updated_at.isoformat(),
        }
        assert not {"external_order_id", "is_return", "integration"} & shown.keys()
        assert await shipments(door, "?integration_id=4700") == []
        assert len(await shipments(door, "?updated_after=2026-11-24T09:30:00%2B00:00")) == 1
        assert await shipments(door, "?updated_after=2026-11-24T09:30:01%2B00:00") == []
        for wrong in ("updated_after=yesterday", "page_size=101", "page_size=0"):
            assert (await door.sendcloud("GET", f"/v3/shipments?{wrong}"))[0] == 400


async def test_pages_of_shipments() -> None:
    async with a_sandbox() as door:
        for number in range(3):
            door.sandbox.panel.make_directly(f"R-{number}", integration=4711)
        url = f"{door.sandbox.sendcloud_url}/v3/shipments?page_size=2"
        async with door.http.get(url, headers=AUTH) as answer:
            assert [each["order_number"] for each in (await answer.json())["data"]] == ["R-2", "R-1"]
            following = str(answer.links["next"]["url"])
        async with door.http.get(following, headers=AUTH) as answer:
            assert [each["order_number"] for each in (await answer.json())["data"]] == ["R-0"]
            assert "Link" not in answer.headers


@pytest.mark.parametrize(("value", "count"), [("absent", 1), ("listed", 2)])
async def test_v3_returns(value: str, count: int) -> None:
    async with a_sandbox(v3_returns=value) as door:  # v3_returns="absent" "listed"
        await labelled(door)
        (order,) = door.world.sendcloud.orders.values()
        door.sandbox.panel.send_back(order)
        assert len(await shipments(door, "?order_number=101")) == count


async def test_statuses() -> None:
    async with a_sandbox() as door:
        _, two = await door.sendcloud("GET", "/v2/parcels/statuses")
        assert {each["id"]: each["message"] for each in two} == STATUS_MESSAGES
        _, three = await door.sendcloud("GET", "/v3/parcels/statuses")  # v3_status_codes="message"
        shown = {each["message"]: each["code"] for each in three["data"]}
        assert (shown["Ready to send"], shown["Being announced"]) == ("READY_TO_SEND", "ANNOUNCING")
        assert shown["En route to sorting center"] == "EN_ROUTE_TO_SORTING_CENTER"
        door.world.switches.turn("v3_status_codes", "slug")  # v3_status_codes="slug"
        _, three = await door.sendcloud("GET", "/v3/parcels/statuses")
        assert three["data"][3]["code"] == "ready-to-send"


@pytest.mark.parametrize(("value", "weight"), [("per_unit", "0.680"), ("per_line", "0.340")])
async def test_item_weight(value: str, weight: str) -> None:
    async with a_sandbox(item_weight=value) as door:  # item_weight="per_unit" "per_line"
        await labelled(door)
        assert (await listed(door))[0]["weight"] == weight


@pytest.mark.parametrize(
    ("changes", "weight"),
    [
        ({"shipping_details__measurement": {"weight": {"value": 1500, "unit": "g"}}}, "1.500"),
        ({"order_details__order_items__0__measurement": ...}, "1.000"),
        ({"order_details__order_items__0__measurement": {"weight": {"value": 1, "unit": "lbs"}}}, "0.908"),
    ],
)
def test_weight_of_a_label(changes: dict[str, Any], weight: str) -> None:
    assert weight_of(a_push(**changes), Switches()) == Decimal(weight)


async def test_sendcloud_rewrites_dutch_postal_codes() -> None:
    async with a_sandbox() as door:
        dutch = {"shipping_address__country_code": "NL", "shipping_address__postal_code": "5642CV"}
        await door.push(a_push(**dutch, shipping_address__house_number="115", shipping_address__address_line_1="Laan"))
        await door.control("POST", "incoming/664/labels")
        (shown,) = await listed(door)
    assert (shown["postal_code"], shown["address"], shown["house_number"]) == ("5642 CV", "Laan 115", "115")


async def test_the_way_of_a_parcel() -> None:
    async with a_sandbox() as door:
        (parcel,) = await labelled(door)
        for step, status in enumerate((22, 3, 92, 11), start=1):
            door.world.clock.advance(timedelta(minutes=1))
            await door.control("POST", "incoming/664/move", status=status)
            assert parcel.status == status
            assert parcel.updated_at == NOW + timedelta(minutes=step)
        assert parcel.shipped_at == NOW + timedelta(minutes=1)
        assert (await listed(door))[0]["date_shipped"] == "24-11-2026 09:31:00"


async def test_a_final_slash_makes_no_difference_in_v2() -> None:
    async with a_sandbox() as door, door.http.get(f"{door.sandbox.sendcloud_url}/v2/parcels/", headers=AUTH) as answer:
        assert answer.status == 200
