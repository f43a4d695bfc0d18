"""Control actions on the sandbox itself: figures, journal, verdict, switches, faults, time, settings."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from aftersend_sandbox.faults import KINDS, ArmedFault
from aftersend_sandbox.rules.judge import judge
from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.sendcloud.panel import Panel
from aftersend_sandbox.switches import TABLE
from aftersend_sandbox.webhooks import WebhookSender
from aftersend_sandbox.world.world import INTEGRATION_ID, World

USUAL_LIMIT: Final = 500


class UnknownObject(Exception):  # noqa: N818 - an answer, not an error
    """There is no such order, incoming order or parcel."""


@dataclass(frozen=True, slots=True)
class ControlCall:
    """One call of the control API."""

    world: World
    panel: Panel
    webhook_sender: WebhookSender
    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]

    def span(self) -> slice:
        """Parse ``offset`` and ``limit`` of a list."""
        start = int(self.query.get("offset", self.query.get("since", "0")))
        return slice(start, start + int(self.query.get("limit", USUAL_LIMIT)))


def figures(call: ControlCall) -> dict[str, Any]:
    """Count what is in both worlds."""
    world = call.world
    saving.settle(world)
    orders, sendcloud = list(world.afterbuy.orders), world.sendcloud
    return {
        "now": world.clock.now(),
        "orders": len(orders),
        "with_number": sum(bool(each.additional_info.strip()) for each in orders),
        "with_tag": sum(bool(each.tags) for each in orders),
        "incoming": len(sendcloud.orders),
        "pending": len(sendcloud.pending),
        "labelled": sum(each.labelled for each in sendcloud.orders.values()),
        "parcels": len(sendcloud.parcels),
        "parcels_live": sum(bool(each.tracking_number) and not each.cancelled for each in sendcloud.parcels),
        "updates": sum(map(len, world.journal.writes.values())),
        "calls": dict(world.journal.calls),
        "webhooks": dict(world.journal.webhooks),
        "webhooks_unfinished": call.webhook_sender.unfinished,
        "webhooks_under_way": call.webhook_sender.under_way,
        "entries": len(world.journal.entries),
    }


def journal(call: ControlCall) -> dict[str, Any]:
    """Return entries and counters of the journal."""
    record = call.world.journal
    return {
        "entries": [asdict(each) for each in record.entries[call.span()]],
        "calls": dict(record.calls),
        "writes": {str(order): changes for order, changes in record.writes.items()},
        "tags_added": [[order, tag, count] for (order, tag), count in record.tags_added.items()],
        "pushes": dict(record.pushes),
        "webhooks": dict(record.webhooks),
    }


def verdict(call: ControlCall) -> dict[str, Any]:
    """Judge the merchant's rules."""
    rules = [each.as_json() for each in judge(call.world)]
    return {"kept": all(each["kept"] for each in rules), "rules": rules}


def switches(call: ControlCall) -> list[dict[str, Any]]:
    """List all switches with their positions."""
    positions = call.world.switches.positions()
    return [{**asdict(each), "position": positions[each.name]} for each in TABLE]


def turn(call: ControlCall) -> dict[str, str]:
    """Set switches."""
    for name, value in call.body.items():
        call.world.switches.turn(name, value)
    return call.world.switches.positions()


def faults(call: ControlCall) -> dict[str, Any]:
    """List the faults that can be armed, are armed, and have struck."""
    known = call.world.faults
    return {"kinds": KINDS, "armed": known.armed(), "struck": dict(known.struck)}


def arm(call: ControlCall) -> dict[str, Any]:
    """Arm one fault."""
    body = call.body
    fault = ArmedFault(
        probability=float(body.get("probability", 1)),
        remaining=None if body.get("count") is None else int(body["count"]),
        seconds=float(body.get("seconds", 0)),
        size=int(body.get("size", ArmedFault().size)),
        calls=tuple(body.get("calls", ())),
        paths=tuple(body.get("paths", ())),
    )
    call.world.faults.arm(str(body.get("upstream")), str(body.get("kind")), fault)
    return faults(call)


def disarm(call: ControlCall) -> dict[str, Any]:
    """Disarm faults, and release the webhooks that they hold back."""
    call.world.faults.disarm(call.query.get("upstream"), call.query.get("kind"))
    call.webhook_sender.release_all()
    return faults(call)


def advance(call: ControlCall) -> dict[str, Any]:
    """Advance the clock; save the orders and send the webhooks that wait."""
    call.world.clock.advance(timedelta(seconds=float(call.body.get("seconds", 0))))
    saved = saving.settle(call.world, everything=bool(call.body.get("saves")))
    if call.body.get("webhooks"):
        call.webhook_sender.release_all(now=True)
    return {"now": call.world.clock.now(), "saved": saved}


def settings(call: ControlCall) -> dict[str, Any]:
    """Change how the sandbox runs."""
    sendcloud, body = call.world.sendcloud, call.body
    if "save_seconds" in body:
        sendcloud.save_seconds = None if body["save_seconds"] is None else float(body["save_seconds"])
    for name, value in body.get("limits", {}).items():
        if not hasattr(sendcloud.limits, name):
            raise ValueError(f"there is no limit {name}")
        setattr(sendcloud.limits, name, int(value))
    call.webhook_sender.time_scale = float(body.get("time_scale", call.webhook_sender.time_scale))
    ours = sendcloud.integrations[INTEGRATION_ID]
    if "webhook_url" in body:
        ours.webhook_url, ours.webhook_active = str(body["webhook_url"]), bool(body["webhook_url"])
    ours.signature_key = str(body.get("signature_key", ours.signature_key))
    return {
        "save_seconds": sendcloud.save_seconds,
        "limits": asdict(sendcloud.limits),
        "time_scale": call.webhook_sender.time_scale,
        "webhook_url": ours.webhook_url,
    }
