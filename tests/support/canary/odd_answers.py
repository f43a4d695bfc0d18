"""Answers that both systems never give on purpose, each quoting what it should not."""

import json
from collections.abc import Iterator

from tests.support.canary.front import Strange
from tests.support.canary.marks import GOODS, ODD, PARCELS, PEOPLE, SECRETS
from tests.support.canary.shop import INTEGRATION

_PAGE = f"<html><title>{ODD['quoted']}</title>{PEOPLE['last name']}, {PEOPLE['city']}<br>{SECRETS['partner token']}"
_HTML = _PAGE.encode()
_XML = '<?xml version="1.0" encoding="utf-8"?>'
_QUOTING = {"Location": f"/{ODD['header']}", "Retry-After": ODD["header"], "X-Error": ODD["header"]}


def about_orders() -> Iterator[Strange]:
    """What may come instead of orders."""
    call = "GetSoldItems"
    for body in _unparsable():
        yield Strange(call, body)
    yield Strange(call, _HTML, 302, _QUOTING)
    yield Strange(call, _HTML, 401, _QUOTING)
    yield Strange(call, _answer(f"<Orders>{''.join(_odd_orders())}</Orders>"))
    paging = f"<HasMoreItems>{ODD['odd value']}</HasMoreItems><LastOrderID>{ODD['odd value']}</LastOrderID>"
    yield Strange(call, _answer(paging))
    yield Strange(call, error("7"))
    yield Strange(call, error(ODD["odd value"]))
    yield Strange(call, _answer("", status=ODD["odd value"]))


def about_products() -> Iterator[Strange]:
    """What may come instead of products."""
    product = f"<Product><ProductID>{ODD['odd value']}</ProductID><Name>{GOODS['article']}</Name></Product>"
    yield Strange("GetShopProducts", _answer(f"<Products>{product}</Products>"))
    yield Strange("GetShopProducts", error("666"))
    yield Strange("GetShopProducts", _HTML, 500, _QUOTING)


def about_writing() -> Iterator[Strange]:
    """What may come instead of plain success: refused for good, in words that quote; one of them unknown."""
    yield Strange("UpdateSoldItems", error("33"))
    yield Strange("UpdateSoldItems", error("74"))
    yield Strange("UpdateSoldItems", error("666"))
    yield Strange("UpdateSoldItems", error(ODD["odd value"]))
    yield Strange("UpdateSoldItems", _HTML)


def error(code: str) -> bytes:
    """An answer with an error that quotes the request."""
    words = f"{ODD['quoted']} {PARCELS['number']} {PEOPLE['last name']}"
    return _answer(
        f"<ErrorList><Error><ErrorCode>{code}</ErrorCode><ErrorDescription>{words}</ErrorDescription>"
        f"<ErrorLongDescription><![CDATA[{words}]]></ErrorLongDescription></Error></ErrorList>",
        status="Error",
    )


def odd_order(number: int | str, within: str = "") -> str:
    """An order with everything but what it needs; ``within`` is more of it."""
    item = f"<SoldItem><ItemTitle>{GOODS['article']}</ItemTitle>{within}</SoldItem>"
    return (
        f'<Order kind="{ODD["odd value"]}"><OrderID>{number}</OrderID><{ODD["odd value"]}>{PEOPLE["note"]}'
        f"</{ODD['odd value']}><BuyerInfo><BillingAddress><LastName>{PEOPLE['last name']}</LastName>"
        f"<City>{PEOPLE['city']}</City></BillingAddress></BuyerInfo><SoldItems>{item}</SoldItems></Order>"
    )


def sold(*orders: str) -> bytes:
    """A last page of GetSoldItems."""
    return _answer(f"<HasMoreItems>0</HasMoreItems><Orders>{''.join(orders)}</Orders>")


def refusals() -> Iterator[Strange]:
    """Answers to a push."""
    pointers = (
        f"/data/attributes/[0]/shipping_address/{PEOPLE['city']}",
        f"/data/attributes/[0]/shipping_address/{ODD['lower word']}",
        f"/data/0/{ODD['odd value']}/postal_code",
        PEOPLE["zip"],
    )
    faults = [
        {
            "status": ODD["odd value"],
            "code": ODD["odd value"],
            "title": ODD["quoted"],
            "detail": f"{PEOPLE['mail']} is not valid: {PEOPLE['street']}",
            "source": {"pointer": pointer, ODD["odd value"]: PEOPLE["phone"]},
        }
        for pointer in pointers
    ]
    for fault in faults:
        yield _push({"errors": [fault]}, 400)
    yield _push({"errors": faults[:1]}, 422)
    yield _push({"errors": PEOPLE["city"]}, 400)
    yield _push({"errors": [PEOPLE["city"]], "data": faults}, 413)
    yield _push({"data": PEOPLE["city"]}, 201)
    yield _push([PEOPLE["city"]], 200)
    for status in (302, 400, 402, 500):
        yield Strange("POST /v3/orders", _HTML, status, _QUOTING)


def about_lists(call: str) -> Iterator[Strange]:
    """Answers to a question for parcels, orders or integrations."""
    yield Strange(call, _HTML)
    yield Strange(call, json.dumps({"parcels": PEOPLE["city"], "data": PEOPLE["city"]}).encode())
    yield Strange(call, f'{{"parcels": [{{"name": "{PEOPLE["last name"]}'.encode())
    yield Strange(call, json.dumps({"parcels": list(_odd_parcels()), "data": list(_odd_parcels())}).encode())
    link = {"Link": f"<http://[{ODD['header']}>; rel=next", "Date": ODD["header"]}
    yield Strange(call, json.dumps({"parcels": [], "next": f"http://[{ODD['header']}", "data": []}).encode(), 200, link)
    for status in (400, 403, 502):
        yield Strange(call, _HTML, status, _QUOTING)


def _push(body: object, status: int) -> Strange:
    return Strange("POST /v3/orders", json.dumps(body).encode(), status)


def _odd_parcels() -> Iterator[object]:
    yield PEOPLE["city"]
    yield {"id": ODD["odd value"], "name": PEOPLE["last name"], "shop_name": ODD["quoted"]}
    yield {"name": PEOPLE["last name"], "tracking_number": PARCELS["number"], "order_id": PEOPLE["city"]}
    yield {"id": 700_010, "tracking_number": PARCELS["number"] * 40}
    own = {"external_order_id": "afterbuy-9101", "order_details": {"integration": {"id": INTEGRATION}}}
    yield {"id": 700_011, "tracking_number": PARCELS["number"], "status": ODD["odd value"], **own}


def _odd_orders() -> Iterator[str]:
    yield odd_order(ODD["odd value"])
    yield odd_order(9201, f"<ItemQuantity>{ODD['odd value']}</ItemQuantity>")
    yield odd_order(9202, f"<ItemQuantity>1</ItemQuantity><ItemWeight>{PEOPLE['phone']} x</ItemWeight>")
    yield odd_order(9203, f"<ItemQuantity>1</ItemQuantity><ItemID>{PEOPLE['last name']}</ItemID>")
    yield odd_order(9204, "<ItemQuantity>1</ItemQuantity>")


def _unparsable() -> Iterator[bytes]:
    whole = sold(odd_order(9205))
    yield b""
    yield _HTML
    yield whole[: whole.index(b"</City")]
    yield whole.replace(b"<City>", b"<City>\xff\xfe\xfd")
    yield whole.replace(b"utf-8", b"zwx-odd-8859")
    yield f'{_XML}<!DOCTYPE Afterbuy [<!ENTITY x "{PEOPLE["city"]}">]><Afterbuy>&x;</Afterbuy>'.encode()
    yield f"{_XML}<Afterbuy><{PEOPLE['city']}>{PEOPLE['zip']}</{PEOPLE['street']}></Afterbuy>".encode()
    yield f"{_XML}<{PEOPLE['city']}/>".encode()
    yield whole + PEOPLE["city"].encode()


def _answer(result: str, *, status: str = "Success") -> bytes:
    return f"{_XML}<Afterbuy><CallStatus>{status}</CallStatus><Result>{result}</Result></Afterbuy>".encode()
