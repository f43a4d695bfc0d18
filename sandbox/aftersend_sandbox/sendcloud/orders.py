"""v3 ``/orders`` apart from the push: lists with filters and ``Link`` paging, and reading, patching, deleting one."""

import base64
import binascii
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.sendcloud.access import answer, v3_error
from aftersend_sandbox.sendcloud.panel import Panel
from aftersend_sandbox.sendcloud.push import check_all, read_json
from aftersend_sandbox.world.sendcloud_account import SendcloudOrder
from aftersend_sandbox.world.world import World

USUAL_PAGE: Final = 100
LARGEST_PAGE: Final = 200
FOREIGN: Final = "panel.elsewhere.example"
"""Host of links to the next page under the switch ``next_link: foreign``."""

Predicate = Callable[[SendcloudOrder], bool]


async def list_orders(request: web.Request, world: World) -> web.Response:
    """List one page, newest first unless ``sort=pk``."""
    saving.settle(world)
    size = _page_size(request, world)
    matching = _matching(request, world)
    page = list(islice(matching, size))
    more = next(matching, None) is not None
    headers = {"Link": f'<{next_url(request, page[-1].id, world)}>; rel="next"'} if more else {}
    return answer({"data": [_body(order, world) for order in page]}, headers=headers)


def _matching(request: web.Request, world: World) -> Iterator[SendcloudOrder]:
    tests = list(_predicates(request, world))
    return (order for order in _candidates(request, world) if all(test(order) for test in tests))


def _candidates(request: web.Request, world: World) -> Iterator[SendcloudOrder]:
    by_id = world.sendcloud.by_id
    sort = request.query.get("sort", "-pk")
    if sort not in {"pk", "-pk"}:
        raise v3_error(400, "sort", "invalid_choice", f"'{sort}' is not one of the available choices.", world)
    ids = list(by_id)
    cursor = read_cursor(request, world)
    if "order_id" in request.query and world.switches.order_filter == "works":
        keys = ((each, request.query["order_id"]) for each in world.sendcloud.integrations)
        ids = sorted(order.id for key in keys if (order := world.sendcloud.orders.get(key)))
    if sort == "pk":
        start = 0 if cursor is None else bisect_left(ids, cursor + 1)
        return (by_id[each] for each in ids[start:])
    end = len(ids) if cursor is None else bisect_left(ids, cursor)
    return (by_id[ids[index]] for index in range(end - 1, -1, -1))


def _predicates(request: web.Request, world: World) -> Iterator[Predicate]:
    query = request.query
    if integration := query.get("integration"):
        wanted = set(integration.split(","))
        yield lambda order: str(order.integration) in wanted
    if world.switches.order_filter == "works":
        if "order_id" in query:
            yield lambda order: order.order_id == query["order_id"]
        if "order_number" in query:
            yield lambda order: order.order_number == query["order_number"]
    if "status" in query:
        yield lambda order: order.body["order_details"]["status"]["code"].lower() == query["status"].lower()
    for name in ("order_created_at", "order_updated_at"):
        for suffix in ("", "_min", "_max"):
            if f"{name}{suffix}" in query:
                yield _dated(name, suffix, query[f"{name}{suffix}"], world)


def _dated(name: str, suffix: str, text: str, world: World) -> Predicate:
    try:
        bound = moment(text)
    except ValueError:
        raise v3_error(400, f"{name}{suffix}", "invalid", "Enter a valid date/time.", world) from None

    def test(order: SendcloudOrder) -> bool:
        own = order.body["order_details"].get(name)
        if not own:
            return False
        if suffix == "":
            return moment(own).date() == bound.date()
        return moment(own) >= bound if suffix == "_min" else moment(own) <= bound

    return test


def moment(text: str) -> datetime:
    """Parse an ISO date or time, UTC unless it has a zone; ValueError if it is none."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _page_size(request: web.Request, world: World) -> int:
    text = request.query.get("page_size", str(USUAL_PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise v3_error(400, "page_size", "invalid", f"Input should be between 1 and {LARGEST_PAGE}", world)
    return int(text)


def read_cursor(request: web.Request, world: World) -> int | None:
    """Return the id after which the page begins; raises Refused 404 for an invalid cursor."""
    text = request.query.get("cursor")
    if text is None:
        return None
    try:
        name, _, number = base64.b64decode(text, validate=True).decode("ascii").partition("=")
    except (binascii.Error, UnicodeDecodeError):
        name, number = "", ""
    if name != "p" or not number.isdecimal():
        raise v3_error(404, "cursor", "not_found", "Invalid cursor", world)
    return int(number)


def next_url(request: web.Request, last: int, world: World) -> str:
    """Return the URL of this request with a cursor behind the last id."""
    url = request.url.update_query(cursor=base64.b64encode(f"p={last}".encode()).decode())
    return str(url.with_host(FOREIGN) if world.switches.next_link == "foreign" else url)


def _body(order: SendcloudOrder, world: World) -> dict[str, Any]:
    own: int | str = order.id if world.switches.order_ids == "int" else str(order.id)
    dates = {"created_at": order.created_at.isoformat(), "modified_at": order.updated_at.isoformat()}
    return {"id": own, **order.body, **dates}


def _find(request: web.Request, world: World) -> SendcloudOrder:
    saving.settle(world)
    text = request.match_info["id"]
    order = world.sendcloud.by_id.get(int(text)) if text.isdecimal() else None
    if order is None:
        raise v3_error(404, "/data", "not_found", "No Order matches the given query.", world)
    return order


async def read_order(request: web.Request, world: World) -> web.Response:
    """Return one order by Sendcloud's id."""
    return answer({"data": _body(_find(request, world), world)})


async def patch_order(request: web.Request, world: World) -> web.Response:
    """Change some fields; items are matched by name and can be neither added nor removed."""
    order, change = _find(request, world), read_json(await request.read(), world)
    if not isinstance(change, dict):
        raise v3_error(400, "/data", "invalid", "Wrong request format, expected an object", world)
    merged = _merge(order.body, change, world)
    check_all([merged], world)
    order.body, order.updated_at = merged, world.clock.now()
    return answer({"data": {name: _body(order, world)[name] for name in ("id", "order_id", "order_number")}})


def _merge(old: dict[str, Any], change: dict[str, Any], world: World) -> dict[str, Any]:
    merged = dict(old)
    for name, value in change.items():
        if name == "order_items":
            merged[name] = _merge_items(old[name], value, world)
        elif name == "phone" and "name" in old:
            merged["phone_number"] = value
        elif isinstance(value, dict) and isinstance(old.get(name), dict):
            merged[name] = _merge(old[name], value, world)
        else:
            merged[name] = value
    return merged


def _merge_items(old: list[Any], change: Any, world: World) -> list[Any]:  # noqa: ANN401 - JSON
    by_name = {each.get("name"): each for each in change if isinstance(each, dict)} if isinstance(change, list) else {}
    if not by_name or not set(by_name) <= {each["name"] for each in old}:
        raise v3_error(400, "/data/attributes/order_details/order_items", "invalid", "Unknown item name", world)
    return [{**each, **by_name.get(each["name"], {})} for each in old]


async def delete_order(request: web.Request, world: World, panel: Panel) -> web.Response:
    """Remove an incoming order; its labels stay, or go, by switch."""
    order = _find(request, world)
    panel.delete_order(order)
    return web.Response(status=204)
