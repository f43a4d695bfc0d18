"""The simulated XML interface of Afterbuy: ``POST /afterbuy/ABInterface.aspx``.

A request passes, in this order: armed faults, form of the XML (1, 2), CallName (3), credentials (8, 9, 10 or 35 by
switch; 4 and 35 where a PartnerID is wanted), quota, CallName known (12), and then the call's own rules. HTTP 200
whatever the outcome; GET is refused. Name, outcome and the elements that were ignored go into the journal.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import Final

from aiohttp import web
from lxml import etree

from aftersend_sandbox import upstream_faults
from aftersend_sandbox.afterbuy.orders import RAW
from aftersend_sandbox.afterbuy.reads import get_shop_products, get_sold_items, get_time
from aftersend_sandbox.afterbuy.update import update_sold_items
from aftersend_sandbox.afterbuy.xml import BERLIN, AfterbuyAnswer, AfterbuyError, content, parse, render
from aftersend_sandbox.switches import Switches
from aftersend_sandbox.world.journal import JournalEntry
from aftersend_sandbox.world.world import World

PATH: Final = "/afterbuy/ABInterface.aspx"
DAILY: Final = 50_000
_RAW_TEXT: Final = re.compile(rb"%b(\d+)" % RAW.encode())
MINUTELY: Final = 600

CALLS: Final[dict[str, Callable[["etree._Element", AfterbuyAnswer, World], None]]] = {
    "GetAfterbuyTime": get_time,
    "GetSoldItems": get_sold_items,
    "UpdateSoldItems": update_sold_items,
    "GetShopProducts": get_shop_products,
}
"""What this Afterbuy can do."""

KNOWN_ELEMENTS: Final = {
    "AfterbuyGlobal",
    "RequestAllItems",
    "MaxSoldItems",
    "OrderDirection",
    "ReturnHiddenItems",
    "DataFilter",
    "Orders",
    "MaxShopItems",
    "PaginationEnabled",
    "PageNumber",
}
"""Children of Request that have a meaning; others are ignored, and noted."""


MAINTENANCE: Final = render(AfterbuyAnswer(call="NotFound", errors=[13]), Switches())
"""Error 13 in place of the HTML page, by switch."""


class _Reply(Exception):  # noqa: N818 - not an error: an HTTP status in place of an answer
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class AfterbuyServer:
    """Serves one world's Afterbuy account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._days: Counter[str] = Counter()
        self._minutes: Counter[int] = Counter()

    def add_to(self, app: web.Application) -> None:
        """Add the route of the interface."""
        app.router.add_post(PATH, self._post)

    async def _post(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = _call_name(body)
        if fault := await upstream_faults.before(request, self._world, "afterbuy", call, maintenance=MAINTENANCE):
            return fault
        try:
            document, outcome = self._process(body, call)
        except _Reply as reply:
            return web.Response(status=reply.status)
        self._world.journal.call(
            JournalEntry(self._world.clock.now(), "afterbuy", call or "unreadable", outcome=outcome)
        )
        if upstream_faults.after(request, self._world, "afterbuy", call):
            return web.Response()
        return await _send(request, document)

    def _process(self, body: bytes, call: str) -> tuple[bytes, str]:
        answer = AfterbuyAnswer(call=call or "NotFound")
        try:
            self._carry_out(parse(body), call, answer)
        except AfterbuyError as refused:
            answer = AfterbuyAnswer(call=answer.call, errors=[refused.code], english=answer.english)
        return self._with_raw_texts(render(answer, self._world.switches)), answer.outcome

    def _with_raw_texts(self, document: bytes) -> bytes:
        """Insert texts unescaped, as no XML library would write them."""

        def raw(found: re.Match[bytes]) -> bytes:
            number = int(found[1])
            order, product = self._world.afterbuy.orders.get(number), self._world.afterbuy.products.get(number)
            text = order.raw_comment if order else product.raw_memo if product else ""
            return text.encode("latin-1") if text else found[0]

        return _RAW_TEXT.sub(raw, document)

    def _carry_out(self, root: "etree._Element", call: str, answer: AfterbuyAnswer) -> None:
        answer.english = content(root, "AfterbuyGlobal/ErrorLanguage") == "EN"
        if not call:
            raise AfterbuyError(3)
        self._check_credentials(root)
        self._check_quota(call)
        if call not in CALLS:
            raise AfterbuyError(12)
        ignored = sorted({str(child.tag) for child in root if child.tag not in KNOWN_ELEMENTS})
        if ignored:
            now = self._world.clock.now()
            self._world.journal.note(
                JournalEntry(now, "afterbuy", "elements ignored", call, detail={"elements": ignored})
            )
        CALLS[call](root, answer, self._world)

    def _check_credentials(self, root: "etree._Element") -> None:
        known, switches = self._world.credentials, self._world.switches
        given = {
            each: content(root, f"AfterbuyGlobal/{each}") for each in ("PartnerToken", "AccountToken", "PartnerID")
        }
        if switches.old_credentials == "accepted" and _old_set(root) == (known.partner_id, *OLD_SET[1:]):
            return
        if (given["PartnerToken"], given["AccountToken"]) != (known.partner_token, known.account_token):
            raise AfterbuyError(int(switches.wrong_token_code))
        if switches.partner_id == "required" and given["PartnerID"] != known.partner_id:
            raise AfterbuyError(35 if given["PartnerID"] else 4)

    def _check_quota(self, call: str) -> None:
        world = self._world
        if world.faults.strikes("afterbuy", "quota", call):
            self._refuse(world.switches.over_quota)
        for code in (13, 14, 52, 999):
            if world.faults.strikes("afterbuy", f"code_{code}", call):
                raise AfterbuyError(code)
        now = world.clock.now()
        day, minute = now.astimezone(BERLIN).strftime("%Y%m%d"), int(now.timestamp() // 60)
        self._days[day] += 1
        self._minutes[minute] += 1
        if self._days[day] > DAILY:
            self._refuse(world.switches.over_quota)
        if self._minutes[minute] > MINUTELY:
            self._refuse(world.switches.minute_limit)

    @staticmethod
    def _refuse(how: str) -> None:
        if how == "code_14":
            raise AfterbuyError(14)
        if how == "http_429":
            raise _Reply(429)


OLD_SET: Final = ("PartnerID", "sandbox-password", "sandbox-user", "sandbox-password")
"""The retired credentials, valid only by switch: PartnerID as in ``Credentials``, then password, user, password."""


def _old_set(root: "etree._Element") -> tuple[str | None, ...]:
    names = ("PartnerID", "PartnerPassword", "UserID", "UserPassword")
    return tuple(content(root, f"AfterbuyGlobal/{each}") for each in names)


def _call_name(body: bytes) -> str:
    """Return the CallName, empty if there is none or the body cannot be read."""
    try:
        return content(parse(body), "AfterbuyGlobal/CallName") or ""
    except AfterbuyError:
        return ""


async def _send(request: web.Request, document: bytes) -> web.StreamResponse:
    """Send the answer chunked, with gzip if accepted, and with a session cookie that means nothing."""
    response = web.StreamResponse()
    response.content_type, response.charset = "text/xml", "utf-8"
    response.set_cookie("ASP.NET_SessionId", "sandbox", httponly=True)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        response.enable_compression(web.ContentCoding.gzip)
    response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write(document)
    await response.write_eof()
    return response
