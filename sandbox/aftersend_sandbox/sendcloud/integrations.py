"""Integrations of the simulated Sendcloud: v3 (``data``), v2 (plain array), webhook settings, failed webhook calls."""

from datetime import datetime
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.sendcloud.access import answer, v3_error, v3_errors
from aftersend_sandbox.sendcloud.push import read_json
from aftersend_sandbox.sendcloud.schema import choice, flag, listing, record, text
from aftersend_sandbox.world.sendcloud_account import SendcloudIntegration
from aftersend_sandbox.world.world import World

CHANGEABLE: Final = {
    "shop_name": text(least=1),
    "webhook_active": flag,
    "webhook_url": text(pattern=r"https?://\S+|"),
    "service_point_enabled": flag,
    "service_point_carriers": listing(text()),
    "feedback_type": choice("eager", "delayed", "none"),
}


async def list_v3(_request: web.Request, world: World) -> web.Response:
    """List all integrations."""
    return answer({"data": [_v3(each) for each in world.sendcloud.integrations.values()]})


async def list_v2(_request: web.Request, world: World) -> web.Response:
    """List all integrations as a plain array, with the names of v2."""
    return answer([v2_body(each) for each in world.sendcloud.integrations.values()])


async def read_v3(request: web.Request, world: World) -> web.Response:
    """Return one integration."""
    return answer({"data": _v3(_find(request, world))})


async def patch_v3(request: web.Request, world: World) -> web.Response:
    """Change the webhook and other settings; answers 204."""
    integration, change = _find(request, world), read_json(await request.read(), world)
    if faults := list(record({}, CHANGEABLE)(change, "/data/attributes")):
        raise v3_errors(400, faults, world)
    merged = {"webhook_url": integration.webhook_url, "webhook_active": integration.webhook_active, **change}
    if merged["webhook_active"] and not merged["webhook_url"]:
        detail = "webhook_url is required when webhook_active is true"
        raise v3_error(400, "/data/attributes/webhook_url", "required", detail, world)
    for name, value in change.items():
        setattr(integration, name, value)
    integration.updated_at = world.clock.now()
    return web.Response(status=204)


async def list_logs(request: web.Request, world: World) -> web.Response:
    """List failed webhook calls, newest first."""
    rows = [
        {"created_at": each.at.isoformat(), "attempt": each.attempt, "status_code": each.status, "action": each.action}
        for each in reversed(_find(request, world).failed)
    ]
    return answer({"data": rows})


def _find(request: web.Request, world: World) -> SendcloudIntegration:
    number = request.match_info["id"]
    found = world.sendcloud.integrations.get(int(number)) if number.isdecimal() else None
    if found is None:
        refused = v3_error(404, "/data", "not_found", "No Integration matches the given query.", world)
        refused.body["errors"][0]["status"] = 404
        raise refused
    return found


def _common(each: SendcloudIntegration) -> dict[str, Any]:
    return {
        "id": each.id,
        "shop_name": each.shop_name,
        "shop_url": each.shop_url or None,
        "service_point_enabled": each.service_point_enabled,
        "service_point_carriers": each.service_point_carriers,
        "webhook_active": each.webhook_active,
        "webhook_url": each.webhook_url,
    }


def _v3(each: SendcloudIntegration) -> dict[str, Any]:
    return {
        **_common(each),
        "type": each.system,
        "feedback_type": each.feedback_type,
        "started_failing_at": _iso(each.failing_since),
        "last_fetched_at": _iso(each.last_fetch),
        "created_at": _iso(each.created_at),
        "updated_at": _iso(each.updated_at),
    }


def v2_body(each: SendcloudIntegration) -> dict[str, Any]:
    """Render an integration for v2; webhooks about integrations carry the same."""
    return {
        **_common(each),
        "system": each.system,
        "failing_since": _iso(each.failing_since),
        "last_fetch": _iso(each.last_fetch),
        "last_updated_at": _iso(each.updated_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
