"""The control API below ``/control``: what people and carriers do in both worlds, faults, switches, time. All JSON.

Reading
    GET  /control/state                     figures of both worlds
    GET  /control/orders                    Afterbuy orders (``offset``, ``limit``); ``/control/orders/{OrderID}`` one
    GET  /control/incoming                  incoming orders (``offset``, ``limit``); ``{key}`` below is id or order_id
    GET  /control/parcels                   parcels, oldest first (``offset``, ``limit``, ``order_number``)
    GET  /control/journal                   entries from ``since`` on (``limit``), and all counters
    GET  /control/verdict                   the merchant's rules, judged from both worlds
    GET  /control/switches, /control/faults positions and descriptions; what is armed and has struck

A person in Afterbuy
    POST /control/orders/{id}/number        {"number": "…"}; empty clears ("Paketnummer")
    POST /control/orders/{id}/address       {"street": "…", …} fields of the delivery address
    POST /control/orders/{id}/tags          {"add": "…"} or {"remove": "…"}
    POST /control/orders/{id}/cancel, …/hide, …/delete
    POST /control/orders/{id}/appear        {"seconds": 241920}: shown from then on, later than its own date says

People and carriers in Sendcloud
    POST /control/incoming/labels           {"orders": [key, …]} or {"all": true}: print for many
    POST /control/incoming/{key}/labels     {"count": 1, "carrier": "dhl_de", "split": false, "fails": false}
    POST /control/incoming/{key}/relabel    {"carrier": "dpd", "cancel_late": true}
    POST /control/incoming/{key}/cancel     cancels all live labels of the order
    POST /control/incoming/{key}/move       {"status": 22}: all live parcels of the order
    POST /control/incoming/{key}/return     {"same_number": true}
    POST /control/incoming/{key}/delete     removes the incoming order
    POST /control/parcels                   {"order_number": "…", "integration": 4700}: made directly, without an order
    POST /control/parcels/{id}/cancel, …/move  {"status": 22}

The sandbox itself
    POST /control/switches                  {"name": "position", …}
    POST /control/faults                    {"upstream", "kind", "probability", "count", "seconds", "size",
                                            "calls": [...], "paths": [...]}; only the first two are needed
    DELETE /control/faults                  (``upstream``, ``kind``) disarm
    POST /control/advance                   {"seconds": 60, "saves": true, "webhooks": true}: time; pending saves;
                                            every waiting webhook at once
    POST /control/settings                  {"save_seconds": 0.2 or null, "time_scale": 0.01, "limits": {…},
                                            "webhook_url": "…", "signature_key": "…"}

Errors are ``{"error": "…"}`` with 400 or 404. All people here are invented, so personal data may be shown.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from aiohttp import web

from aftersend_sandbox.control import afterbuy, sandbox, sendcloud
from aftersend_sandbox.sendcloud.panel import Panel
from aftersend_sandbox.webhooks import WebhookSender
from aftersend_sandbox.world.world import World

Action = Callable[[sandbox.ControlCall], Any]

ROUTES: dict[tuple[str, str], Action] = {
    ("GET", "/control/state"): sandbox.figures,
    ("GET", "/control/journal"): sandbox.journal,
    ("GET", "/control/verdict"): sandbox.verdict,
    ("GET", "/control/switches"): sandbox.switches,
    ("POST", "/control/switches"): sandbox.turn,
    ("GET", "/control/faults"): sandbox.faults,
    ("POST", "/control/faults"): sandbox.arm,
    ("DELETE", "/control/faults"): sandbox.disarm,
    ("POST", "/control/advance"): sandbox.advance,
    ("POST", "/control/settings"): sandbox.settings,
    ("GET", "/control/orders"): afterbuy.orders,
    ("GET", "/control/orders/{id}"): afterbuy.read,
    ("POST", "/control/orders/{id}/number"): afterbuy.fill_number,
    ("POST", "/control/orders/{id}/address"): afterbuy.edit_address,
    ("POST", "/control/orders/{id}/tags"): afterbuy.edit_tags,
    ("POST", "/control/orders/{id}/cancel"): afterbuy.cancel,
    ("POST", "/control/orders/{id}/hide"): afterbuy.hide,
    ("POST", "/control/orders/{id}/appear"): afterbuy.appear,
    ("POST", "/control/orders/{id}/delete"): afterbuy.delete,
    ("GET", "/control/incoming"): sendcloud.incoming,
    ("POST", "/control/incoming/labels"): sendcloud.print_many,
    ("POST", "/control/incoming/{key}/labels"): sendcloud.print_labels,
    ("POST", "/control/incoming/{key}/relabel"): sendcloud.relabel,
    ("POST", "/control/incoming/{key}/cancel"): sendcloud.cancel_labels,
    ("POST", "/control/incoming/{key}/move"): sendcloud.move_labels,
    ("POST", "/control/incoming/{key}/return"): sendcloud.send_back,
    ("POST", "/control/incoming/{key}/delete"): sendcloud.delete,
    ("GET", "/control/parcels"): sendcloud.parcels,
    ("POST", "/control/parcels"): sendcloud.make_directly,
    ("POST", "/control/parcels/{id}/cancel"): sendcloud.cancel,
    ("POST", "/control/parcels/{id}/move"): sendcloud.move,
}
"""Everything there is, by method and path."""


def add_control(app: web.Application, world: World, panel: Panel, webhook_sender: WebhookSender) -> None:
    """Add the routes of the control API."""
    for (method, path), action in ROUTES.items():
        app.router.add_route(method, path, _handler(action, world, panel, webhook_sender))


def _handler(
    action: Action, world: World, panel: Panel, webhook_sender: WebhookSender
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        try:
            call = sandbox.ControlCall(
                world, panel, webhook_sender, dict(request.match_info), dict(request.query), await _body(request)
            )
            return _response(action(call))
        except sandbox.UnknownObject as unknown:
            return _response({"error": str(unknown)}, status=404)
        except (ValueError, TypeError) as wrong:
            return _response({"error": str(wrong)}, status=400)

    return handler


async def _body(request: web.Request) -> dict[str, Any]:
    """Parse the JSON object that was sent; an empty body is an empty object."""
    body = json.loads(await request.read() or b"{}")
    if not isinstance(body, dict):
        raise TypeError("the body has to be an object")
    return body


def _response(result: object, *, status: int = 200) -> web.Response:
    return web.json_response(text=json.dumps(result, default=_plain, ensure_ascii=False), status=status)


def _plain(value: object) -> object:
    """Convert a value without a JSON form."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")
