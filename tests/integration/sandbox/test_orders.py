"""The simulated Sendcloud: the door, v3 orders and integrations. Every refusal, both outcomes of every open point."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from aftersend_sandbox.faults import ArmedFault
from aftersend_sandbox.world.world import INTEGRATION_ID
from tests.support.sandbox_kit import AUTH, NOW, Door, a_push, a_sandbox, small_world

ITEM = "order_details__order_items__0"
AT = "/data/attributes/[0]"
BUSY = "We are still processing a previous request. Please try again in a moment."


def faults(body: Any) -> list[tuple[str, str]]:
    return [(each["source"]["pointer"], each["detail"]) for each in body["errors"]]


async def orders(door: Door, query: str = "") -> list[dict[str, Any]]:
    status, body = await door.sendcloud("GET", f"/v3/orders{query}")
    assert status == 200
    return list(body["data"])


async def test_wrong_keys() -> None:
    wrong = {"Authorization": aiohttp.encode_basic_auth("sandbox-public", "other")}
    async with a_sandbox() as door:
        for headers in (wrong, {}, {"Authorization": "Bearer x"}, {"Authorization": "Basic ***"}):
            status, body = await door.sendcloud("GET", "/v3/orders", headers=headers)
            assert status == 401
            assert body == {
                "errors": [
                    {
                        "detail": "Invalid username/password.",
                        "status": "401",
                        "source": {"pointer": "/data"},
                        "code": "authentication_failed",
                    }
                ]
            }
        url = f"{door.sandbox.sendcloud_url}/v2/parcels"
        async with door.http.get(url, headers=wrong) as answer:
            assert (answer.status, answer.headers["Www-Authenticate"]) == (401, "Bearer")
            error = {"code": 401, "request": "api/v2/parcels", "message": "Invalid username/password."}
            assert await answer.json() == {"error": error}


async def test_a_get_with_a_body_is_forbidden() -> None:
    async with a_sandbox() as door:
        assert await door.sendcloud("GET", "/v3/orders", data=b"x") == (403, None)


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("right", "Tue, 24 Nov 2026 09:30:00 GMT"),
        ("absent", None),
        ("unreadable", "half past nine"),
        ("1970", "Sun, 01 Nov 1970 09:30:00 GMT"),
        ("2099", "Sun, 01 Nov 2099 09:30:00 GMT"),
    ],
)
@pytest.mark.parametrize("path", ["/v2/parcels", "/v3/integrations", "/v3/orders/1"])
async def test_date_is_the_worlds_or_wrong(value: str, date: str | None, path: str) -> None:
    async with (
        a_sandbox(date_header=value) as door,  # date_header="right" "absent" "unreadable" "1970" "2099"
        door.http.get(f"{door.sandbox.sendcloud_url}{path}", headers=AUTH) as answer,
    ):
        assert answer.headers.get("Date") == date


async def test_limits() -> None:
    async with a_sandbox() as door:
        for number in range(15):
            assert (await door.push(a_push(number)))[0] == 201
        url = f"{door.sandbox.sendcloud_url}/v3/orders"
        async with door.http.post(url, json=[a_push(99)], headers=AUTH) as answer:
            assert (answer.status, await answer.read()) == (429, b"")
            assert "Retry-After" not in answer.headers  # retry_after="absent"
        door.world.clock.advance(timedelta(seconds=1.1))
        assert (await door.push(a_push(99)))[0] == 201
        assert "afterbuy-99" in door.world.journal.pushes
        door.world.sendcloud.limits.writes_per_minute = 16
        door.world.clock.advance(timedelta(seconds=2))
        assert (await door.push(a_push(98)))[0] == 429
        door.world.clock.advance(timedelta(seconds=60))
        assert (await door.push(a_push(98)))[0] == 201
        door.world.sendcloud.limits.reads_per_minute = 2
        assert [(await door.sendcloud("GET", "/v2/parcels"))[0] for _ in range(3)] == [200, 200, 429]
        door.world.switches.turn("retry_after", "present")
        async with door.http.get(f"{door.sandbox.sendcloud_url}/v3/orders", headers=AUTH) as answer:
            assert int(answer.headers["Retry-After"]) == 61  # retry_after="present"


async def test_a_push_is_accepted_and_listed() -> None:
    async with a_sandbox() as door:
        status, body = await door.push(a_push(101), a_push(102))
        assert status == 201
        assert body == {
            "data": [
                {"id": 664, "order_id": "afterbuy-101", "order_number": "101"},
                {"id": 665, "order_id": "afterbuy-102", "order_number": "102"},
            ]
        }
        (one,) = await orders(door, "?order_id=afterbuy-101")
        assert one == {
            "id": "664",
            **a_push(101),
            "created_at": NOW.isoformat(),
            "modified_at": NOW.isoformat(),
        }


FULL = {
    "order_details__order_updated_at": "2026-11-24T08:00:00Z",
    "order_details__notes": "klingeln",
    "order_details__tags": ["Kleinpaket"],
    f"{ITEM}__hs_code": "6205.20",
    f"{ITEM}__country_of_origin": "DE",
    f"{ITEM}__properties": {"Farbe": "rot"},
    f"{ITEM}__item_id": "5",
    f"{ITEM}__product_id": "7",
    f"{ITEM}__image_url": "https://example.org/a.jpeg",
    f"{ITEM}__delivery_dates": {"handover_at": "2026-11-25T08:00:00+01:00"},
    "payment_details__is_cash_on_delivery": True,
    "payment_details__insurance_costs": {"value": "3.5", "currency": "EUR"},
    "payment_details__invoice_date": "2026-11-24",
    "billing_address": a_push()["shipping_address"],
    "shipping_address__email": "joerg@example.org",
    "shipping_address__house_number": None,
    "shipping_address__state_province_code": "IT-RM",
    "customer_details": {"name": "Jörg", "phone_number": "0228"},
    "shipping_details__delivery_indicator": "DHL Paket",
    "shipping_details__measurement": {
        "weight": {"value": 680, "unit": "g"},
        "dimension": {"length": 1, "width": 2.5, "height": 3, "unit": "cm"},
        "volume": {"value": 5, "unit": "l"},
    },
    "shipping_details__ship_with": {
        "type": "shipping_option_code",
        "properties": {"shipping_option_code": "postnl:standard"},
    },
    "service_point_details": {"id": "123", "extra_data": {"a": 1}},
    "customs_details": {
        "commercial_invoice_number": "101",
        "shipment_type": "commercial_goods",
        "export_type": "commercial_b2c",
        "tax_numbers": {"sender": [{"name": "VAT", "country_code": "DE", "value": "DE1"}]},
    },
}


async def test_every_documented_field_is_taken_and_given_back() -> None:
    async with a_sandbox() as door:
        status, body = await door.push(a_push(**FULL))
        assert (status, body.get("errors")) == (201, None)
        (one,) = await orders(door)
    assert {name: one[name] for name in a_push()} == {name: a_push(**FULL)[name] for name in a_push()}


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"order_id": ...}, "order_id", "Field required"),
        ({"order_id": ""}, "order_id", "String should have at least 1 character"),
        ({"order_id": 101}, "order_id", "Input should be a valid string"),
        ({"order_id": "x" * 65}, "order_id", "String should have at most 64 characters"),
        ({"order_number": None}, "order_number", "Input should be a valid string"),
        ({"surprise": 1}, "surprise", "Extra inputs are not permitted"),
        (
            {"order_details__integration__id": 99999},
            "order_details/integration/id",
            "Integration with id 99999 does not exist",
        ),
        ({"order_details__integration__id": "4711"}, "order_details/integration/id", "Input should be a valid integer"),
        ({"order_details__status": {"message": "x"}}, "order_details/status/code", "Field required"),
        (
            {"order_details__order_created_at": "24.11.2026"},
            "order_details/order_created_at",
            "Input should be a valid datetime",
        ),
        (
            {"order_details__order_created_at": "2026-11-24T09:00:00"},
            "order_details/order_created_at",
            "Input should be a valid datetime",
        ),
        ({"order_details__order_items": {}}, "order_details/order_items", "Input should be a valid list"),
        (
            {"order_details__order_items": []},
            "order_details/order_items",
            "List should have at least 1 item after validation, not 0",
        ),
        ({"order_details__tags": "a"}, "order_details/tags", "Input should be a valid list"),
        ({"order_details": []}, "order_details", "Input should be a valid dictionary or object to extract fields from"),
        ({f"{ITEM}__name": ""}, "order_details/order_items/0/name", "String should have at least 1 character"),
        ({f"{ITEM}__quantity": 0}, "order_details/order_items/0/quantity", "Input should be greater than 0"),
        ({f"{ITEM}__quantity": 1.5}, "order_details/order_items/0/quantity", "Input should be a valid integer"),
        ({f"{ITEM}__quantity": True}, "order_details/order_items/0/quantity", "Input should be a valid integer"),
        ({f"{ITEM}__total_price": ...}, "order_details/order_items/0/total_price", "Field required"),
        (
            {f"{ITEM}__total_price__value": "19.8"},
            "order_details/order_items/0/total_price/value",
            "Input should be a valid number",
        ),
        (
            {f"{ITEM}__total_price__value": 1.234},
            "order_details/order_items/0/total_price/value",
            "Decimal input should have no more than 2 decimal places",
        ),
        (
            {f"{ITEM}__total_price__currency": "€"},
            "order_details/order_items/0/total_price/currency",
            "String should have at least 3 characters",
        ),
        (
            {f"{ITEM}__measurement__weight__value": 0},
            "order_details/order_items/0/measurement/weight/value",
            "Input should be greater than 0",
        ),
        (
            {f"{ITEM}__measurement__weight__unit": "t"},
            "order_details/order_items/0/measurement/weight/unit",
            "Input should be 'kg', 'g', 'lbs', 'oz'",
        ),
        (
            {f"{ITEM}__hs_code": "1234567890123"},
            "order_details/order_items/0/hs_code",
            "String should have at most 12 characters",
        ),
        (
            {f"{ITEM}__image_url": "https://example.org"},
            "order_details/order_items/0/product_id",
            "product_id is required when image_url is given",
        ),
        ({"payment_details": ...}, "payment_details", "Field required"),
        ({"payment_details__status__message": ...}, "payment_details/status/message", "Field required"),
        (
            {"payment_details__is_cash_on_delivery": "ja"},
            "payment_details/is_cash_on_delivery",
            "Input should be a valid boolean",
        ),
        ({"shipping_address__city": ""}, "shipping_address/city", "String should have at least 1 character"),
        ({"shipping_address__name": ...}, "shipping_address/name", "Field required"),
        (
            {"shipping_address__country_code": "D"},
            "shipping_address/country_code",
            "String should match pattern '[A-Z]{2}'",
        ),
        (
            {"shipping_details__measurement": {"weight": {"value": 0, "unit": "kg"}}},
            "shipping_details/measurement/weight/value",
            "Input should be greater than 0",
        ),
        (
            {f"{ITEM}__properties": "rot"},
            "order_details/order_items/0/properties",
            "Input should be a valid dictionary",
        ),
        (
            {"customs_details": {"shipment_type": "documents"}},
            "customs_details/shipment_type",
            "Input should be 'gift', 'commercial_goods', 'commercial_sample', 'returned_goods'",
        ),
        (
            {
                "customs_details": {
                    "tax_numbers": {"sender": [{"name": "VOEC", "country_code": "NO", "value": "2012345"}]}
                }
            },
            "customs_details/tax_numbers/sender/0/name",
            "Input should be 'VAT', 'EIN', 'GST', 'SSN', 'EORI', 'IOSS', 'UKIMS'",
        ),
        (
            {"customs_details": {"tax_numbers": {"receiver": [{"name": "VAT", "country_code": "CHE", "value": ""}]}}},
            "customs_details/tax_numbers/receiver/0/country_code",
            "String should match pattern '[A-Z]{2}'",
        ),
        (
            {"service_point_details": {"post_number": 12345678}},
            "service_point_details/post_number",
            "Input should be a valid string",
        ),
        (
            {"service_point_details": {"postnumber": "12345678"}},
            "service_point_details/postnumber",
            "Extra inputs are not permitted",
        ),
        ({"id": "12345"}, "order_id", "order_id of an existing order can not be changed"),
    ],
)
async def test_refused_orders(change: dict[str, Any], pointer: str, detail: str) -> None:
    async with a_sandbox() as door:
        status, body = await door.push(a_push(**change))
        assert status == 400
        assert (f"{AT}/{pointer}", detail) in faults(body)
        assert body["errors"][0]["status"] == "400"
        assert await orders(door) == []


async def test_one_bad_order_refuses_the_batch_and_is_named_by_position() -> None:
    async with a_sandbox() as door:
        bad = a_push(103, **{f"{ITEM}__quantity": 0})
        status, body = await door.push(a_push(101), a_push(102), bad, a_push(104, order_number=...))
        assert status == 400
        assert [pointer for pointer, _ in faults(body)] == [
            "/data/attributes/[2]/order_details/order_items/0/quantity",
            "/data/attributes/[3]/order_number",
        ]
        assert await orders(door) == []
        assert not door.world.journal.pushes


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (json.dumps(a_push()), "Wrong request format, expected list of objects"),
        ("[]", "Orders list should have at least 1 item, not 0"),
        (json.dumps([a_push(n) for n in range(101)]), "Orders list should have at most 100 items, not 101"),
        ("{", "JSON parse error"),
        ('[{"a": NaN}]', "JSON parse error"),
        ("[" * 100_000, "JSON parse error"),
        ("", "JSON parse error"),
    ],
)
async def test_refused_bodies(body: str, detail: str) -> None:
    async with a_sandbox() as door:
        status, shown = await door.sendcloud("POST", "/v3/orders", data=body)
        assert (status, faults(shown)) == (400, [("/data", detail)])


async def test_saving_is_asynchronous() -> None:
    world = small_world()
    world.sendcloud.save_seconds = 5
    async with a_sandbox(world) as door:
        assert (await door.push(a_push()))[0] == 201
        assert await orders(door) == []
        status, body = await door.push(a_push(102), a_push())
        assert (status, faults(body), body["errors"][0]["code"]) == (400, [("/data", BUSY)], "invalid")
        world.clock.advance(timedelta(seconds=5))
        assert [each["order_number"] for each in await orders(door)] == ["101"]
        world.sendcloud.save_seconds = None
        assert (await door.push(a_push(102)))[0] == 201
        world.clock.advance(timedelta(days=1))
        assert len(await orders(door)) == 1
        assert (await door.control("POST", "advance", saves=True))[1]["saved"] == 1
        assert len(await orders(door)) == 2


async def test_an_order_twice_in_a_batch_is_busy() -> None:
    async with a_sandbox() as door:
        assert faults((await door.push(a_push(), a_push()))[1]) == [("/data", BUSY)]


async def test_upsert_by_order_id_and_integration() -> None:
    async with a_sandbox() as door:
        await door.push(a_push())
        again = await door.push(a_push(shipping_address__city="Köln"))
        assert again[1]["data"][0]["id"] == 664
        other = await door.push(a_push(order_details__integration__id=4700))
        assert other[1]["data"][0]["id"] == 665
        found = {each["id"]: each["shipping_address"]["city"] for each in await orders(door)}
        assert found == {"664": "Köln", "665": "Bonn"}
        assert door.world.journal.pushes == {"afterbuy-101": 3}
        status, body = await door.push(a_push(id="665"))
        assert (status, faults(body)[0][0]) == (400, f"{AT}/order_id")
        assert (await door.push(a_push(id="664")))[0] == 201


@pytest.mark.parametrize(("value", "city"), [("no", "Köln"), ("yes", "Bonn")])
async def test_updated_at_gates(value: str, city: str) -> None:
    first = {"order_details__order_updated_at": "2026-11-24T08:00:00Z"}
    async with a_sandbox(updated_at_gates=value) as door:  # updated_at_gates="no" "yes"
        await door.push(a_push(**first))
        await door.push(a_push(**first, shipping_address__city="Köln"))
        assert (await orders(door))[0]["shipping_address"]["city"] == city
        await door.push(a_push(order_details__order_updated_at="2026-11-24T09:00:00Z", shipping_address__city="Kiel"))
        assert (await orders(door))[0]["shipping_address"]["city"] == "Kiel"


@pytest.mark.parametrize(("value", "status"), [("any", 201), ("three", 400)])
async def test_currencies(value: str, status: int) -> None:
    async with a_sandbox(currencies=value) as door:  # currencies="any" "three"
        change = {f"{ITEM}__total_price__currency": "CHF", f"{ITEM}__unit_price__currency": "CHF"}
        assert (await door.push(a_push(**change)))[0] == status
        assert (await door.push(a_push(102, **{f"{ITEM}__total_price__currency": "GBP"})))[0] == 201


@pytest.mark.parametrize(("value", "status"), [("optional", 201), ("required", 400)])
async def test_house_number(value: str, status: int) -> None:
    async with a_sandbox(house_number=value) as door:  # house_number="optional" "required"
        assert (await door.push(a_push()))[0] == status
        assert (await door.push(a_push(102, shipping_address__house_number="5")))[0] == 201
        assert (await door.push(a_push(103, shipping_address__country_code="FR")))[0] == 201


@pytest.mark.parametrize(("value", "status"), [("optional", 201), ("required", 400)])
async def test_service_point_id(value: str, status: int) -> None:
    async with a_sandbox(service_point_id=value) as door:  # service_point_id="optional" "required"
        got, body = await door.push(a_push(service_point_details={"post_number": "12345678"}))
        assert got == status
        assert "errors" not in body or faults(body) == [(f"{AT}/service_point_details/id", "Field required")]
        for number, name in enumerate(("id", "carrier_service_point_id")):
            assert (await door.push(a_push(102 + number, service_point_details={name: "7"})))[0] == 201
        assert (await door.push(a_push(104)))[0] == 201


@pytest.mark.parametrize(
    ("value", "status", "refused"),
    [
        ("accepted", 201, []),
        ("refused", 400, [("sender/0/value", "Tax number is not valid")]),
        ("unknown_field", 400, [("", "Extra inputs are not permitted")]),
    ],
)
async def test_tax_numbers(value: str, status: int, refused: list[tuple[str, str]]) -> None:
    numbers = {"sender": [{"name": "EORI", "country_code": "DE", "value": "DE1234567"}]}
    async with a_sandbox(tax_numbers=value) as door:  # tax_numbers="accepted" "refused" "unknown_field"
        got, body = await door.push(a_push(customs_details={"tax_numbers": numbers}))
        assert got == status
        found = faults(body) if "errors" in body else []
        pointers = [(f"{AT}/customs_details/tax_numbers/{place}".rstrip("/"), detail) for place, detail in refused]
        assert found == pointers
        assert (await door.push(a_push(102, customs_details={})))[0] == 201


@pytest.mark.parametrize(("value", "status"), [("unchecked", 201), ("checked", 400)])
async def test_declared_weight(value: str, status: int) -> None:
    piece = {"weight": {"value": 1.5, "unit": "kg"}}
    heavy = {f"{ITEM}__measurement": piece, "shipping_details": {"measurement": piece}}
    async with a_sandbox(declared_weight=value) as door:  # declared_weight="unchecked" "checked"
        assert (await door.push(a_push(101, **heavy, **{f"{ITEM}__quantity": 2})))[0] == status
        assert (await door.push(a_push(102, **heavy, **{f"{ITEM}__quantity": 1})))[0] == 201
        assert (await door.push(a_push(103)))[0] == 201


@pytest.mark.parametrize(
    ("value", "status", "ids", "city"),
    [
        ("kept", 201, ["664"], "Bonn"),
        ("updated", 201, ["664"], "Köln"),
        ("refused", 400, ["664"], "Bonn"),
        ("reopened", 201, ["665", "664"], "Köln"),
    ],
)
async def test_labelled_order(value: str, status: int, ids: list[str], city: str) -> None:
    async with a_sandbox(labelled_order=value) as door:  # labelled_order="kept" "updated" "refused" "reopened"
        await door.push(a_push())
        await door.control("POST", "incoming/afterbuy-101/labels")
        assert (await door.push(a_push(shipping_address__city="Köln")))[0] == status
        found = await orders(door)
        assert [each["id"] for each in found] == ids
        assert found[0]["shipping_address"]["city"] == city


@pytest.mark.parametrize(("value", "types"), [("documented", (int, str)), ("int", (int, int)), ("string", (str, str))])
async def test_order_ids(value: str, types: tuple[type, type]) -> None:
    async with a_sandbox(order_ids=value) as door:  # order_ids="documented" "int" "string"
        pushed = (await door.push(a_push()))[1]["data"][0]["id"]
        (read,) = await orders(door)
    assert (type(pushed), type(read["id"])) == types


@pytest.mark.parametrize("value", ["201", "200"])
async def test_push_status(value: str) -> None:
    async with a_sandbox(push_status=value) as door:  # push_status="201" "200"
        assert (await door.push(a_push()))[0] == int(value)


@pytest.mark.parametrize(("value", "given"), [("string", "400"), ("int", 400)])
async def test_error_status_type(value: str, given: object) -> None:
    async with a_sandbox(error_status_type=value) as door:  # error_status_type="string" "int"
        assert (await door.push())[1]["errors"][0]["status"] == given


async def test_filters() -> None:
    async with a_sandbox() as door:
        late = {
            "order_details__order_created_at": "2026-11-25T00:00:00Z",
            "order_details__order_updated_at": "2026-11-26T00:00:00Z",
            "order_details__status__code": "Fulfilled",
        }
        await door.push(a_push(101), a_push(102, **late), a_push(103, order_details__integration__id=4700))
        for query, found in {
            "": ["103", "102", "101"],
            "?sort=pk": ["101", "102", "103"],
            "?integration=4711": ["102", "101"],
            "?integration=4711,4700": ["103", "102", "101"],
            "?order_number=102": ["102"],
            "?order_id=afterbuy-103": ["103"],
            "?order_id=afterbuy-103&integration=4711": [],
            "?status=fulfilled": ["102"],
            "?order_created_at_min=2026-11-24T12:00:00Z": ["102"],
            "?order_created_at_max=2026-11-24T12:00:00Z": ["103", "101"],
            "?order_created_at=2026-11-25": ["102"],
            "?order_updated_at_min=2026-01-01": ["102"],
            "?never_heard_of=1": ["103", "102", "101"],
        }.items():
            assert [each["order_number"] for each in await orders(door, query)] == found, query


@pytest.mark.parametrize(("value", "count"), [("works", 1), ("ignored", 2)])
async def test_order_filter(value: str, count: int) -> None:
    async with a_sandbox(order_filter=value) as door:  # order_filter="works" "ignored"
        await door.push(a_push(101), a_push(102))
        assert len(await orders(door, "?order_id=afterbuy-101")) == count
        assert len(await orders(door, "?order_number=101&integration=4711")) == count


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?page_size=0", 400),
        ("?page_size=201", 400),
        ("?page_size=x", 400),
        ("?sort=name", 400),
        ("?order_created_at_min=gestern", 400),
        ("?cursor=x", 404),
        ("?cursor=eD0x", 404),
    ],
)
async def test_refused_lists(query: str, status: int) -> None:
    async with a_sandbox() as door:
        assert (await door.sendcloud("GET", f"/v3/orders{query}"))[0] == status


@pytest.mark.parametrize("sort", ["pk", "-pk"])
@pytest.mark.parametrize(("value", "host"), [("own", "127.0.0.1"), ("foreign", "panel.elsewhere.example")])
async def test_paging_and_next_link(sort: str, value: str, host: str) -> None:
    async with a_sandbox(next_link=value) as door:  # next_link="own" "foreign"
        await door.push(*(a_push(number) for number in range(5)))
        seen, cursor = [], ""
        for _ in range(3):
            url = f"{door.sandbox.sendcloud_url}/v3/orders?page_size=2&sort={sort}{cursor}"
            async with door.http.get(url, headers=AUTH) as answer:
                seen += [each["order_number"] for each in (await answer.json())["data"]]
                link = answer.headers.get("Link", "")
            if link:
                target = urlsplit(link.partition(">")[0].strip("<"))
                query = parse_qs(target.query)
                assert (target.hostname, query["page_size"], query["sort"]) == (host, ["2"], [sort])
                assert link.endswith('; rel="next"')
                assert base64.b64decode(query["cursor"][0]).startswith(b"p=")
                cursor = f"&cursor={query['cursor'][0]}"
        assert link == ""
        numbers = [str(number) for number in range(5)]
        assert seen == (numbers if sort == "pk" else numbers[::-1])


async def test_reading_patching_and_deleting_one() -> None:
    async with a_sandbox() as door:
        await door.push(a_push())
        assert (await door.sendcloud("GET", "/v3/orders/664"))[1]["data"]["order_id"] == "afterbuy-101"
        change = {
            "shipping_address": {"city": "Köln"},
            "order_details": {"order_items": [{"name": "Tasse", "quantity": 3}]},
            "customer_details": {"name": "J"},
        }
        status, body = await door.sendcloud("PATCH", "/v3/orders/664", json=change)
        assert (status, body["data"]) == (200, {"id": "664", "order_id": "afterbuy-101", "order_number": "101"})
        status, _ = await door.sendcloud("PATCH", "/v3/orders/664", json={"customer_details": {"phone": "1"}})
        read = (await door.sendcloud("GET", "/v3/orders/664"))[1]["data"]
        assert (status, read["customer_details"]) == (200, {"name": "J", "phone_number": "1"})
        assert (read["shipping_address"]["city"], read["shipping_address"]["name"]) == ("Köln", "Jörg Müller")
        assert read["order_details"]["order_items"][0]["quantity"] == 3
        for bad in ([], {"order_details": {"order_items": [{"name": "Neu"}]}}, {"order_number": ""}):
            assert (await door.sendcloud("PATCH", "/v3/orders/664", json=bad))[0] == 400
        assert await door.sendcloud("DELETE", "/v3/orders/664") == (204, None)
        for method in ("GET", "DELETE"):
            status, body = await door.sendcloud(method, "/v3/orders/664")
            assert (status, body["errors"][0]["code"]) == (404, "not_found")
        assert (await door.sendcloud("GET", "/v3/orders/abc"))[0] == 404


@pytest.mark.parametrize(("value", "status"), [("keeps_labels", 1000), ("cancels_labels", 2000)])
async def test_deleted_order(value: str, status: int) -> None:
    async with a_sandbox(deleted_order=value) as door:  # deleted_order="keeps_labels" "cancels_labels"
        await door.push(a_push())
        await door.control("POST", "incoming/664/labels")
        assert (await door.sendcloud("DELETE", "/v3/orders/664"))[0] == 204
        (parcel,) = door.world.sendcloud.parcels
    assert parcel.status == status


async def test_not_saved_and_still_processing() -> None:
    async with a_sandbox() as door:
        door.world.faults.arm("sendcloud", "not_saved", ArmedFault(remaining=1))
        assert (await door.push(a_push(101), a_push(102)))[0] == 201
        assert [each["order_number"] for each in await orders(door)] == ["102"]
        door.world.faults.arm("sendcloud", "still_processing", ArmedFault(remaining=1))
        assert (await door.push(a_push()))[0] == 400
        assert (await door.push(a_push()))[0] == 201


async def test_a_field_that_is_refused_wherever_an_order_has_it() -> None:
    async with a_sandbox() as door:
        paths = ("order_details/order_items/name", "shipping_address/po_box")
        door.world.faults.arm("sendcloud", "refused_field", ArmedFault(remaining=1, paths=paths))
        status, refused = await door.push(a_push(101), a_push(102))
        assert status == 400
        pointers = [each["source"]["pointer"] for each in refused["errors"]]
        assert pointers == [f"/data/attributes/[{at}]/order_details/order_items/[0]/name" for at in (0, 1)]
        assert (await door.push(a_push(101), a_push(102)))[0] == 201


async def test_integrations() -> None:
    async with a_sandbox() as door:
        door.world.sendcloud.integrations[INTEGRATION_ID].created_at = NOW
        _, three = await door.sendcloud("GET", "/v3/integrations")
        assert [(each["id"], each["shop_name"], each["type"]) for each in three["data"]] == [
            (4699, "J&J Aftersend alt", "api"),
            (4700, "J&J Shop", "shopware"),
            (4711, "J&J Aftersend", "api"),
        ]
        assert three["data"][2]["created_at"] == NOW.isoformat()
        _, two = await door.sendcloud("GET", "/v2/integrations/")
        assert [each["system"] for each in two] == ["api", "shopware", "api"]
        _, one = await door.sendcloud("GET", "/v3/integrations/4711")
        assert (one["data"]["webhook_active"], one["data"]["webhook_url"]) == (False, "")
        status, missing = await door.sendcloud("GET", "/v3/integrations/1")
        assert (status, missing["errors"][0]["status"]) == (404, 404)


async def test_patching_an_integration() -> None:
    async with a_sandbox() as door:
        for bad in (
            *(
                {"webhook_active": True},
                {"webhook_url": "x"},
                {"webhook_url": ""},
                {"id": 1},
                {"feedback_type": "often"},
            ),
            *({"shop_name": "x" * 251}, {"shop_name": ""}, {"shop_name": None}, {"webhook_active": None}, []),
        ):
            status, body = await door.sendcloud("PATCH", "/v3/integrations/4711", json=bad)
            assert (status, len(body["errors"])) == (400, 1)
        change = {"webhook_active": True, "webhook_url": "https://example.org/webhook"}
        assert await door.sendcloud("PATCH", "/v3/integrations/4711", json=change) == (204, None)
        _, one = await door.sendcloud("GET", "/v3/integrations/4711")
        assert change.items() <= one["data"].items()
        status, refused = await door.sendcloud("PATCH", "/v3/integrations/4711", json={"webhook_url": None})
        assert (status, refused["errors"][0]["code"], "source" in refused["errors"][0]) == (400, "invalid", False)
        off = {"webhook_url": None, "webhook_active": False}
        assert (await door.sendcloud("PATCH", "/v3/integrations/4711", json=off))[0] == 204
        _, one = await door.sendcloud("GET", "/v3/integrations/4711")
        assert (one["data"]["webhook_url"], one["data"]["webhook_active"]) == ("", False)


@pytest.mark.parametrize(
    ("value", "status", "name"),
    [
        ("saved", 204, "new"),
        ("ignored", 204, "J&J Aftersend"),
        ("403", 403, "J&J Aftersend"),
        ("404", 404, "J&J Aftersend"),
    ],
)
async def test_integration_patch(value: str, status: int, name: str) -> None:
    async with a_sandbox(integration_patch=value) as door:  # integration_patch="saved" "ignored" "403" "404"
        assert (await door.sendcloud("PATCH", "/v3/integrations/4711", json={"shop_name": "new"}))[0] == status
        assert door.world.sendcloud.integrations[INTEGRATION_ID].shop_name == name


@pytest.mark.parametrize(("value", "status"), [("any", 204), ("https", 400)])
async def test_webhook_address(value: str, status: int) -> None:
    async with a_sandbox(webhook_address=value) as door:  # webhook_address="any" "https"
        change = {"webhook_url": "http://127.0.0.1:8080/webhooks/sendcloud", "webhook_active": True}
        assert (await door.sendcloud("PATCH", "/v3/integrations/4711", json=change))[0] == status
        secure = {**change, "webhook_url": "https://hooks.example/webhooks/sendcloud"}
        assert (await door.sendcloud("PATCH", "/v3/integrations/4711", json=secure))[0] == 204


@pytest.mark.parametrize(("value", "status"), [("accepted", 204), ("refused", 400)])
async def test_feedback_type(value: str, status: int) -> None:
    async with a_sandbox(feedback_type=value) as door:  # feedback_type="accepted" "refused"
        assert (await door.sendcloud("PATCH", "/v3/integrations/4711", json={"feedback_type": "none"}))[0] == status
