"""The simulated Sendcloud below ``/api/v2`` and ``/api/v3``: one table of routes behind one access check.

Before the handler: a GET with a body is 403, armed faults strike, wrong keys are 401, the account's limits are 429. A
call that passes is handled and noted in the journal, and its answer may then be lost (fault ``lost_answer``).
"""

from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import web

from aftersend_sandbox import upstream_faults
from aftersend_sandbox.sendcloud import integrations, orders, parcels, shipments
from aftersend_sandbox.sendcloud.access import (
    Limiter,
    RequestRefused,
    answer,
    check_keys,
    check_open,
    set_date,
    too_many,
)
from aftersend_sandbox.sendcloud.panel import Panel
from aftersend_sandbox.sendcloud.push import push
from aftersend_sandbox.world.journal import JournalEntry
from aftersend_sandbox.world.world import World

Call = Callable[[web.Request, World], Awaitable[web.Response]]


def _routes(panel: Panel) -> list[tuple[str, str, str, Call]]:
    """List method, path, name in the journal and handler of each route."""
    return [
        ("POST", "/api/v3/orders", "POST /orders", push),
        ("GET", "/api/v3/orders", "GET /orders", orders.list_orders),
        ("GET", "/api/v3/orders/{id}", "GET /orders/{id}", orders.read_order),
        ("PATCH", "/api/v3/orders/{id}", "PATCH /orders/{id}", orders.patch_order),
        ("DELETE", "/api/v3/orders/{id}", "DELETE /orders/{id}", partial(orders.delete_order, panel=panel)),
        ("GET", "/api/v3/integrations", "GET v3 /integrations", integrations.list_v3),
        ("GET", "/api/v3/integrations/{id}", "GET v3 /integrations/{id}", integrations.read_v3),
        ("PATCH", "/api/v3/integrations/{id}", "PATCH v3 /integrations/{id}", integrations.patch_v3),
        ("GET", "/api/v3/integrations/{id}/logs", "GET v3 /integrations/{id}/logs", integrations.list_logs),
        ("GET", "/api/v3/parcels/statuses", "GET v3 /parcels/statuses", shipments.list_statuses),
        ("GET", "/api/v3/shipments", "GET v3 /shipments", shipments.list_shipments),
        ("GET", "/api/v2/integrations", "GET v2 /integrations", integrations.list_v2),
        ("GET", "/api/v2/integrations/{id}/logs", "GET v2 /integrations/{id}/logs", integrations.list_logs),
        ("GET", "/api/v2/parcels", "GET /parcels", parcels.list_parcels),
        ("GET", "/api/v2/parcels/statuses", "GET /parcels/statuses", parcels.list_statuses),
        ("GET", "/api/v2/parcels/{id}", "GET /parcels/{id}", parcels.read_parcel),
        (
            "POST",
            "/api/v2/parcels/{id}/cancel",
            "POST /parcels/{id}/cancel",
            partial(parcels.cancel_parcel, panel=panel),
        ),
    ]


class SendcloudServer:
    """Serves one world's Sendcloud account."""

    def __init__(self, world: World, panel: Panel) -> None:
        self._world = world
        self._panel = panel
        self._limiter = Limiter(world)

    def add_to(self, app: web.Application) -> None:
        """Add the routes of both versions; a final slash makes no difference in v2."""
        app.on_response_prepare.append(self._date)
        for method, path, name, call in _routes(self._panel):
            handler = self._behind_the_door(name, call)
            app.router.add_route(method, path, handler)
            if path.startswith("/api/v2"):
                app.router.add_route(method, f"{path}/", handler)

    async def _date(self, request: web.Request, response: web.StreamResponse) -> None:
        if request.path.startswith("/api/"):
            set_date(response, self._world)

    def _behind_the_door(self, name: str, call: Call) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            if request.method == "GET" and request.body_exists:
                return web.Response(status=403)
            if fault := await upstream_faults.before(request, self._world, "sendcloud", name):
                return fault
            response = await self._carry_out(request, call)
            now = self._world.clock.now()
            self._world.journal.call(JournalEntry(now, "sendcloud", name, outcome=str(response.status)))
            if upstream_faults.after(request, self._world, "sendcloud", name):
                return web.Response()
            return response

        return handler

    async def _carry_out(self, request: web.Request, call: Call) -> web.Response:
        try:
            check_keys(request, self._world)
            check_open(request, self._world)
            if wait := self._limiter.wait(write=request.method != "GET"):
                return too_many(self._world, wait)
            return await call(request, self._world)
        except RequestRefused as refused:
            headers = {"Www-Authenticate": "Bearer"} if refused.status == web.HTTPUnauthorized.status_code else {}
            return answer(refused.body, status=refused.status, headers=headers)
