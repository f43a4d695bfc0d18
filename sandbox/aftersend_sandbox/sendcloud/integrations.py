"""Integrations of the simulated Sendcloud: v3 (``data``), v2 (plain array), webhook settings, failed webhook calls."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.sendcloud.access import RequestRefused, answer, v3_error, v3_errors
from aftersend_sandbox.sendcloud.push import read_json
from aftersend_sandbox.sendcloud.schema import SchemaError, choice, flag, listing, record, text
from aftersend_sandbox.world.sendcloud_account import SendcloudIntegration
from aftersend_sandbox.world.world import World

CHANGEABLE: Final = {
    "shop_name": text(least=1, most=250),
    "shop_url": text(pattern=r"https?://\S+"),
    "webhook_active": flag,
    "webhook_url": text(pattern=r"https?://\S+"),
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
    """Change settings of an integration, all or none of those named; answers 204. ``null`` clears ``webhook_url``."""
    _check_allowed(world)
    integration, change = _find(request, world), read_json(await request.read(), world)
    if faults := [*record({}, CHANGEABLE)(change, "/data/attributes"), *_unusable(change, world)]:
        raise v3_errors(400, faults, world)
    merged = {"webhook_url": integration.webhook_url, "webhook_active": integration.webhook_active, **change}
    if merged["webhook_active"] and not merged["webhook_url"]:
        raise _without_pointer(400, "invalid", "Invalid", "Webhook URL required when enable webhook is set to true")
    if world.switches.integration_patch != "ignored":
        for name, value in change.items():
            setattr(integration, name, "" if value is None else value)
        integration.updated_at = world.clock.now()
    return web.Response(status=204)


def _check_allowed(world: World) -> None:
    """Refuse the call where the switch says that these keys may not make it, or that it does not exist."""
    if world.switches.integration_patch == "403":
        raise v3_error(403, "/data", "forbidden", "You do not have permission to perform this action.", world)
    if world.switches.integration_patch == "404":
        raise v3_error(404, "/data", "not_found", "Not found.", world)


def _unusable(change: Any, world: World) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    """Refuse values that are well-formed, but that Sendcloud may not take."""
    named = change if isinstance(change, dict) else {}
    for name in [
        name for name, value in named.items() if value is None and name in CHANGEABLE and name != "webhook_url"
    ]:
        yield SchemaError(f"/data/attributes/{name}", "invalid", "This field may not be null.")
    url = named.get("webhook_url")
    if world.switches.webhook_address == "https" and isinstance(url, str) and url.startswith("http:"):
        yield SchemaError("/data/attributes/webhook_url", "invalid", "Enter a valid URL.")
    if world.switches.feedback_type == "refused" and "feedback_type" in named:
        yield SchemaError("/data/attributes/feedback_type", "invalid", "Not available for this integration.")


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
        detail = "The Integration could not be found with the search criteria given"
        raise _without_pointer(404, "not_found", "Not Found", detail)
    return found


def _without_pointer(status: int, code: str, title: str, detail: str) -> RequestRefused:
    """Make the answer as the specification of this API prints it; the status of its 404 is a number."""
    shown = status if status == web.HTTPNotFound.status_code else str(status)
    return RequestRefused(status, {"errors": [{"status": shown, "code": code, "title": title, "detail": detail}]})


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
