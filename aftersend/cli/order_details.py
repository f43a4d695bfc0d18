"""``aftersend orders ID --all``: all that is held of one order, by kind and date; never a value of it."""

from collections.abc import AsyncIterator
from pathlib import Path

from aftersend.cli.exit_codes import OK
from aftersend.cli.held_in_backups import HeldInBackups, held_in_backups
from aftersend.cli.orders import moment, order_line, unknown_order
from aftersend.cli.output import show_json, show_table
from aftersend.cli.tenant_context import locate, session_at
from aftersend.erasure import Erasure, OrderEvents
from aftersend.ledger.entry import Entry
from aftersend.ledger.saved_order import SavedOrder
from aftersend.ledger.store import ENTRY_LIFE_MS


async def show(file: Path | None, data_dir: Path, target: str, order: str, *, as_json: bool) -> int:
    """Print what is held; ``FAILED`` if that is nothing."""
    location = locate(file, data_dir)
    async with session_at(location) as tenant:
        erasure = Erasure.of(tenant.redis, tenant=tenant.identity, keyring=tenant.keyring)
        saved = [each async for each in erasure.ledger.saved(_one(order))]
        events = await erasure.events(order)
    if not saved and not events.counts.total():
        return unknown_order(order, as_json=as_json)
    found = saved[0] if saved else None
    until = found.entry.since if found and found.entry.is_forgotten else None
    held = await held_in_backups(location, target, until=until)
    details = _details(order, found, events, held)
    show_json([details]) if as_json else show_table(("what", "held"), _rows(details), empty="")
    return OK


async def _one(order: str) -> AsyncIterator[str]:
    yield order


def _details(order: str, saved: SavedOrder | None, events: OrderEvents, held: HeldInBackups) -> dict[str, object]:
    entry = saved.entry if saved else Entry(order=order)
    marks = [parcel for parcel in entry.parcels.values() if parcel.mark or parcel.link_mark]
    return {
        **order_line(entry),
        "state": entry.state if saved else None,
        "changed": moment(entry.touched),
        "sent": moment(entry.pushed),
        "kept_until": moment(entry.touched + ENTRY_LIFE_MS) if saved else None,
        "fingerprint": bool(entry.fingerprint),
        "marks": {"parcels": len(marks), "fields": sorted(entry.written)},
        "sealed": _sealed(saved) if saved and (saved.sealed_until or saved.unreadable) else None,
        "events": {
            "waiting": events.counts["stream"],
            "delayed": events.counts["delayed"],
            "dead": events.counts["dead"],
            "unreadable": len(events.unreadable),
        },
        "backups": held.backups,
        "backups_end": held.end,
        "forgotten": moment(entry.since) if entry.is_forgotten else None,
    }


def _sealed(saved: SavedOrder) -> dict[str, object]:
    """Return which fields the sealed part holds, of whichever parcel, and until when."""
    details = saved.entry.details.values()
    fields = [name for name in ("number", "url", "carrier") if any(getattr(each, name).value for each in details)]
    return {"fields": fields, "readable": not saved.unreadable, "until": moment(saved.sealed_until)}


def _rows(details: dict[str, object]) -> list[tuple[str, object]]:
    return [(name, _text(value)) for name, value in details.items()]


def _text(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{name}: {_text(each)}" for name, each in value.items())
        case list():
            return "; ".join(map(_text, value))
        case bool():
            return "yes" if value else "no"
        case None:
            return ""
        case _:
            return str(value)
