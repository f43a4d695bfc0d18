"""Serve both upstreams on a free port and print it; ends with standard input.

``PUT /control`` sets fields of the stubs and the latency of every answer, ``GET /control`` returns the counts, and
``GET /control/written/<order>`` waits until an order is written and returns the moment, by the machine's monotonic
clock.
"""

import asyncio
import sys
from collections import defaultdict
from time import monotonic

from aiohttp import web

from benchmarks.stub.afterbuy import AfterbuyStub
from benchmarks.stub.sendcloud import INTEGRATION, SendcloudStub

_LARGEST = 64 * 1024 * 1024


class Upstreams:
    """Both stubs behind one application."""

    def __init__(self) -> None:
        self.afterbuy, self.sendcloud = AfterbuyStub(), SendcloudStub()
        self.latency = 0.0
        self.spans = 0
        self.moments: dict[int, asyncio.Future[float]] = defaultdict(asyncio.get_running_loop().create_future)

    def application(self) -> web.Application:
        """All paths of both sides, a collector of traces, and the control."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/afterbuy/ABInterface.aspx", self._afterbuy)
        app.router.add_get("/api/v3/integrations", self._integrations)
        app.router.add_post("/api/v3/orders", self._push)
        app.router.add_get("/api/v3/orders", self._nothing)
        app.router.add_get("/api/v2/parcels", self._parcels)
        app.router.add_post("/v1/traces", self._traces)
        app.router.add_put("/control", self._set)
        app.router.add_get("/control", self._counts)
        app.router.add_get("/control/written/{order}", self._written)
        return app

    async def _afterbuy(self, request: web.Request) -> web.Response:
        body, written = self.afterbuy.answer(await request.read())
        if self.latency:
            await asyncio.sleep(self.latency)
        for order in written:
            moment = self.moments[order]
            if not moment.done():
                moment.set_result(monotonic())
        return web.Response(body=body, content_type="text/xml")

    async def _push(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.latency:
            await asyncio.sleep(self.latency)
        if not self.sendcloud.accepts():
            return web.Response(status=429, headers={"Retry-After": "5"})
        saved = ",".join(["{}"] * body.count(b'"order_id"'))
        return web.Response(body=f'{{"data":[{saved}]}}'.encode(), status=201, content_type="application/json")

    async def _parcels(self, request: web.Request) -> web.Response:
        if self.latency:
            await asyncio.sleep(self.latency)
        page = self.sendcloud.listed(request.query.get("cursor", ""))
        return web.Response(body=page, content_type="application/json")

    async def _integrations(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [INTEGRATION]})

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.json_response({"data": []})

    async def _traces(self, request: web.Request) -> web.Response:
        self.spans += len(await request.read()) > 0
        return web.Response()

    async def _set(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            side, _, attribute = name.partition(".")
            if attribute:
                setattr(getattr(self, side), attribute, value)
            else:
                self.latency = value
        return web.Response()

    async def _counts(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "pushes": self.sendcloud.writes,
                "refused": self.sendcloud.refused,
                "written": len(self.afterbuy.written),
                "traces": self.spans,
            }
        )

    async def _written(self, request: web.Request) -> web.Response:
        return web.json_response(await self.moments[int(request.match_info["order"])])


async def main() -> None:
    """Serve until standard input ends."""
    runner = web.AppRunner(Upstreams().application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
