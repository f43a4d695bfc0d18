"""v3 ``POST /orders``: an array of 1 to 100 orders, all of them or none.

Every error carries the pointer ``/data/attributes/[N]/…``, N being the position in the array. An order whose
previous push is still being saved makes the whole call a 400 with the pointer ``/data``.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.sendcloud.access import answer, v3_error, v3_errors
from aftersend_sandbox.sendcloud.order_schema import order_schema
from aftersend_sandbox.sendcloud.schema import Check, SchemaError
from aftersend_sandbox.world.world import World

MOST: Final = 100
BUSY: Final = "We are still processing a previous request. Please try again in a moment."


async def push(request: web.Request, world: World) -> web.Response:
    """Handle the push."""
    orders = read_json(await request.read(), world)
    if not isinstance(orders, list):
        raise v3_error(400, "/data", "invalid", "Wrong request format, expected list of objects", world)
    if not 1 <= len(orders) <= MOST:
        bound = "at most 100 items" if orders else "at least 1 item"
        raise v3_error(400, "/data", "invalid", f"Orders list should have {bound}, not {len(orders)}", world)
    check_all(orders, world)
    _check_busy(orders, world)
    accepted = [_accepted(order, saving.accept(order, world), world) for order in orders]
    return answer({"data": accepted}, status=int(world.switches.push_status))


def read_json(body: bytes, world: World) -> Any:  # noqa: ANN401 - JSON
    """Parse the body; raises Refused 400 if it is no JSON."""
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise v3_error(400, "/data", "invalid", "JSON parse error", world) from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def check_all(orders: list[Any], world: World) -> None:
    """Validate all orders; raises Refused 400 with every fault of every order."""
    check = order_schema(world.switches)
    faults = [fault for index, order in enumerate(orders) for fault in _faults(check, order, index, world)]
    if not faults and (struck := world.faults.strikes("sendcloud", "refused_field", "POST /orders")):
        faults = [fault for index, order in enumerate(orders) for fault in _disliked(order, index, struck.paths)]
    if faults:
        raise v3_errors(400, faults, world)


def _faults(check: Check, order: Any, index: int, world: World) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    path = f"/data/attributes/[{index}]"
    found = list(check(order, path))
    yield from found
    if found:
        return
    integration, order_id = saving.key_of(order)
    if integration not in world.sendcloud.integrations:
        detail = f"Integration with id {integration} does not exist"
        yield SchemaError(f"{path}/order_details/integration/id", "invalid", detail)
        return
    known = world.sendcloud.orders.get((integration, order_id))
    if known and known.labelled and world.switches.labelled_order == "refused":
        yield SchemaError(f"{path}/order_id", "invalid", "Order has a label and can not be changed")
    if "id" in order and (known is None or str(known.id) != order["id"]):
        yield SchemaError(f"{path}/order_id", "invalid", "order_id of an existing order can not be changed")


def _disliked(order: Any, index: int, paths: tuple[str, ...]) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    for path in paths:
        for pointer in _pointers(order, path.split("/"), f"/data/attributes/[{index}]"):
            yield SchemaError(pointer, "invalid", "Value is not accepted")


def _pointers(value: Any, names: list[str], pointer: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Where a body has the field that these names lead to, in every element of a list on the way."""
    if not names:
        yield pointer
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _pointers(each, names, f"{pointer}/[{index}]")
    elif isinstance(value, dict) and names[0] in value:
        yield from _pointers(value[names[0]], names[1:], f"{pointer}/{names[0]}")


def _check_busy(orders: list[Any], world: World) -> None:
    saving.settle(world)
    keys = [saving.key_of(order) for order in orders]
    struck = world.faults.strikes("sendcloud", "still_processing", "POST /orders")
    if struck or len(set(keys)) < len(keys) or any(key in world.sendcloud.pending for key in keys):
        raise v3_error(400, "/data", "invalid", BUSY, world)


def _accepted(order: dict[str, Any], number: int, world: World) -> dict[str, Any]:
    own: int | str = str(number) if world.switches.order_ids == "string" else number
    return {"id": own, "order_id": order["order_id"], "order_number": order["order_number"]}
