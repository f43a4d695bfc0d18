"""The floor of the webhook: verify the HMAC, decode, XADD, answer."""

import hashlib
import hmac
import os

import msgspec
from aiohttp import web
from redis.asyncio import Redis

from benchmarks.stage import SIGNATURE_KEY

STREAM = "floor:parcels"


class Parcel(msgspec.Struct):
    """What is kept of a parcel."""

    id: int
    status: dict[str, object]
    tracking_number: str = ""
    tracking_url: str = ""
    carrier: dict[str, str] = {}
    collo_nr: int = 0
    is_return: bool = False
    external_order_id: str = ""
    order_number: str = ""


class Webhook(msgspec.Struct):
    """The body of a webhook."""

    action: str
    timestamp: int
    parcel: Parcel


_decoder, _encoder = msgspec.json.Decoder(Webhook), msgspec.json.Encoder()


def application(redis: "Redis") -> web.Application:
    """The service."""

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        signature = hmac.new(SIGNATURE_KEY, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, request.headers.get("Sendcloud-Signature", "")):
            return web.Response(status=401)
        await redis.xadd(STREAM, {"data": _encoder.encode(_decoder.decode(body).parcel)})
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhooks/sendcloud", handle)
    return app


if __name__ == "__main__":
    host, _, port = os.environ["AFTERSEND_LISTEN"].rpartition(":")
    server = application(Redis.from_url(os.environ["BENCH_REDIS"]))
    web.run_app(server, host=host, port=int(port), access_log=None, print=None)
