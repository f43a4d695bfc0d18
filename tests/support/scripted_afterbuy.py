"""An Afterbuy with scripted answers behind a real socket, and builders of such answers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import aiohttp
from aiohttp import web

from aftersend.afterbuy.client import AfterbuyClient, AfterbuyCredentials
from tests.support.recording_meter import RecordingMeter

KEYS = AfterbuyCredentials("partner-token", "account-token")
Handler = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@dataclass
class ScriptedAfterbuy:
    """A client of a server that answers from a list, or by a handler."""

    client: AfterbuyClient
    meter: RecordingMeter
    received: list[bytes]

    def request(self, number: int = -1) -> ET.Element:
        """One of the requests, parsed by another parser."""
        return ET.fromstring(self.received[number])

    def texts(self, path: str, number: int = -1) -> list[str]:
        return [each.text or "" for each in self.request(number).findall(path)]


@asynccontextmanager
async def scripted_afterbuy(
    *answers: str | bytes | web.StreamResponse,
    handler: Handler | None = None,
    timeout: aiohttp.ClientTimeout | None = None,
    credentials: AfterbuyCredentials = KEYS,
) -> AsyncIterator[ScriptedAfterbuy]:
    """Answers are sent one after the other; the last one repeatedly."""
    received: list[bytes] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        received.append(body)
        assert request.method == "POST"
        assert request.headers["Content-Type"] == "application/xml; charset=utf-8"
        if handler:
            return await handler(request, body)
        scripted = answers[min(len(received), len(answers)) - 1]
        if isinstance(scripted, web.StreamResponse):
            return scripted
        return web.Response(body=scripted, headers={"Content-Type": "text/xml; charset=utf-8"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    meter = RecordingMeter()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/afterbuy/ABInterface.aspx"
    try:
        async with aiohttp.ClientSession() as session:
            more = {"timeout": timeout} if timeout else {}
            client = AfterbuyClient(session, url=url, credentials=lambda: credentials, meter=meter, **more)
            yield ScriptedAfterbuy(client, meter, received)
    finally:
        await runner.cleanup()


def answer(result: str = "", *, status: str = "Success", call: str = "GetSoldItems") -> str:
    """An answer as Afterbuy frames it."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\r\n'
        f"<Afterbuy><CallStatus>{status}</CallStatus><CallName>{call}</CallName><VersionID>8</VersionID>\r\n"
        f"<Result>{result}</Result></Afterbuy>"
    )


def errors(*codes: object, status: str = "Error") -> str:
    """An answer that is a list of errors; texts are such as must never be repeated."""
    listed = "".join(
        f"<Error><ErrorCode>{code}</ErrorCode><ErrorDescription><![CDATA[Geheim Meier]]></ErrorDescription>"
        "<ErrorLongDescription><![CDATA[Geheimstr. 7]]></ErrorLongDescription></Error>"
        for code in codes
    )
    return answer(f"<ErrorList>{listed}</ErrorList>", status=status)


def page(*orders: str, more: int = 0, last: int | str = "") -> str:
    """An answer of GetSoldItems."""
    return answer(
        f"<HasMoreItems>{more}</HasMoreItems><Orders>{''.join(orders)}</Orders><LastOrderID>{last}</LastOrderID>"
    )


def order(order_id: object = 123, extra: str = "", *, item: str = "<ItemQuantity>1</ItemQuantity>") -> str:
    """A small order with all sections."""
    return (
        f"<Order><OrderID>{order_id}</OrderID><PaymentInfo><AlreadyPaid>1,00</AlreadyPaid></PaymentInfo>"
        "<BuyerInfo><BillingAddress><LastName>Meier</LastName><Street>Weg 1</Street></BillingAddress></BuyerInfo>"
        f"<SoldItems><SoldItem><ItemID>9</ItemID>{item}</SoldItem></SoldItems>"
        f"<ShippingInfo><ShippingMethod>DHL</ShippingMethod></ShippingInfo>{extra}</Order>"
    )
