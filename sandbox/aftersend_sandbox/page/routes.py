"""The web page of the sandbox: both worlds side by side, live, for people who want to see and touch.

``add_page`` adds the page at ``/``, its files below ``/static`` and a read-only view of both worlds at ``/page/view``.
Everything that changes something goes through the control API, like any other program's wish.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.faults import KINDS
from aftersend_sandbox.page.order_view import STAGES, Scanner
from aftersend_sandbox.page.rows import row
from aftersend_sandbox.sendcloud.saving import settle
from aftersend_sandbox.switches import TABLE
from aftersend_sandbox.world.world import INTEGRATION_ID, World

STATIC: Final = Path(str(files("aftersend_sandbox"))) / "page" / "static"
PAGE_SIZE: Final = 25
LARGEST_PAGE: Final = 100
"""However large the world is, no answer holds more rows."""

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_page(app: web.Application, world: World) -> None:
    """Add the page and its view of a world to an application."""
    scanner = Scanner(world)

    async def index(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html", headers=_HEADERS)

    async def view(request: web.Request) -> web.Response:
        return web.json_response(_view(world, scanner, request), headers=_HEADERS)

    async def faults(_request: web.Request) -> web.Response:
        return web.json_response(_faults_and_switches(world), headers=_HEADERS)

    app.router.add_get("/", index)
    app.router.add_get("/page/view", view)
    app.router.add_get("/page/faults", faults)
    app.router.add_static("/static", STATIC)


def _view(world: World, scanner: Scanner, request: web.Request) -> dict[str, Any]:
    """Return one page of rows, with counts per stage."""
    settle(world)  # saving is asynchronous there: every read carries out what is due
    stage = request.query.get("stage", "")
    found = scanner.find(stage=stage if stage in STAGES else "", words=request.query.get("find", ""))
    size = min(_number(request, "size", PAGE_SIZE) or PAGE_SIZE, LARGEST_PAGE)
    last = max(0, (len(found) - 1) // size)
    page = min(_number(request, "page", 0), last)
    counts = scanner.latest().counts
    return {
        "now": world.clock.now().isoformat(),
        "stages": [{"name": name, "text": text, "count": counts[name]} for name, text in STAGES.items()],
        "total": counts.total(),
        "matching": len(found),
        "page": page,
        "pages": last + 1,
        "rows": [row(each) for each in found[page * size : (page + 1) * size]],
        "webhooks": _webhooks(world),
        "armed": len(world.faults.armed()),
    }


def _faults_and_switches(world: World) -> dict[str, Any]:
    """Return all faults and switches."""
    return {"faults": _faults(world), "switches": _switches(world)}


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else default  # noqa: PLR2004 - fits any world


def _webhooks(world: World) -> dict[str, Any]:
    ours = world.sendcloud.integrations.get(INTEGRATION_ID)
    return {
        "active": bool(ours and ours.webhook_active and ours.webhook_url),
        "url": ours.webhook_url if ours else "",
        "outcomes": dict(world.journal.webhooks),
    }


def _faults(world: World) -> list[dict[str, Any]]:
    """List every fault, and whether it is armed."""
    armed = {(each["upstream"], each["kind"]): each for each in world.faults.armed()}
    return [
        {
            "upstream": upstream,
            "kind": kind,
            "means": means,
            "armed": (upstream, kind) in armed,
            "struck": world.faults.struck[f"{upstream}/{kind}"],
        }
        for upstream, kinds in KINDS.items()
        for kind, means in kinds.items()
    ]


def _switches(world: World) -> list[dict[str, Any]]:
    """List every switch with its positions."""
    positions = world.switches.positions()
    return [
        {
            "name": each.name,
            "side": each.side,
            "means": each.means,
            "values": each.values,
            "position": positions[each.name],
        }
        for each in TABLE
    ]
