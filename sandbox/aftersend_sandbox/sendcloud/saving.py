"""Asynchronous saving of incoming orders: 201 says "accepted", the order appears later, or never (fault ``not_saved``).

There is no background task: every read of the orders calls ``settle`` first, which saves everything that is due by
the world's clock. Upsert key is (integration, order_id). What a push does to an order that has a label is a switch.
"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from aftersend_sandbox.world.journal import JournalEntry
from aftersend_sandbox.world.sendcloud_account import OrderKey, PendingSave, SendcloudOrder
from aftersend_sandbox.world.world import World


def key_of(body: dict[str, Any]) -> OrderKey:
    """Return the upsert key of a pushed order."""
    return body["order_details"]["integration"]["id"], body["order_id"]


def accept(body: dict[str, Any], world: World) -> int:
    """Accept a valid order for saving; returns Sendcloud's id."""
    sendcloud, key = world.sendcloud, key_of(body)
    known = sendcloud.orders.get(key)
    reopens = known is not None and known.labelled and world.switches.labelled_order == "reopened"
    if known is None or reopens:
        number, sendcloud.next_order = sendcloud.next_order, sendcloud.next_order + 1
    else:
        number = known.id
    world.journal.pushes[body["order_id"]] += 1
    if world.faults.strikes("sendcloud", "not_saved", "POST /orders"):
        return number
    seconds = sendcloud.save_seconds
    due = None if seconds is None else world.clock.now() + timedelta(seconds=seconds)
    sendcloud.pending[key] = PendingSave(number, body, due)
    return number


def settle(world: World, *, everything: bool = False) -> int:
    """Save what is due (or all that waits); returns how many were saved."""
    pending, now = world.sendcloud.pending, world.clock.now()
    due = [key for key, each in pending.items() if everything or (each.due is not None and each.due <= now)]
    for key in due:
        _save(key, pending.pop(key), world)
    return len(due)


def _save(key: OrderKey, saved: PendingSave, world: World) -> None:
    sendcloud, switches, now = world.sendcloud, world.switches, world.clock.now()
    known = sendcloud.orders.get(key)
    body = {name: value for name, value in saved.body.items() if name != "id"}
    if known is None or known.id != saved.id:
        order = SendcloudOrder(saved.id, key[1], key[0], body, now, now, shipment_uuid=str(uuid4()))
        sendcloud.orders[key] = sendcloud.by_id[order.id] = order
        _note(world, order, "order saved")
    elif known.labelled and switches.labelled_order != "updated":
        _note(world, known, "labelled order left alone")
    elif switches.updated_at_gates == "yes" and _updated(body) == _updated(known.body):
        _note(world, known, "update without newer order_updated_at left alone")
    else:
        known.body, known.updated_at = body, now
        _note(world, known, "order updated")


def _updated(body: dict[str, Any]) -> object:
    return body["order_details"].get("order_updated_at")


def _note(world: World, order: SendcloudOrder, what: str) -> None:
    world.journal.note(JournalEntry(world.clock.now(), "sendcloud", what, order.order_id))
