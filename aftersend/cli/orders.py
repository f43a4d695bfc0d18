"""``aftersend orders``: the ledger by OrderID; parcel numbers and names of people are never shown."""

from collections.abc import AsyncIterator
from pathlib import Path

from aftersend.cli.exit_codes import FAILED, OK, print_error
from aftersend.cli.output import show_json, show_table
from aftersend.cli.tenant_context import tenant_session
from aftersend.ledger.entry import Entry, Notice, Problem
from aftersend.ledger.store import Ledger
from aftersend.stream.event import rfc3339


async def list_orders(file: Path | None, data_dir: Path, order: str | None, *, problems: bool, as_json: bool) -> int:
    """Print all orders, those with problems or notices, or one; ``FAILED`` if that one is not in the ledger."""
    async with tenant_session(file, data_dir) as tenant:
        ledger = Ledger(tenant.redis, tenant=tenant.identity, keyring=tenant.keyring)
        entries = [entry async for entry in _entries(ledger, order, problems=problems)]
    if order and not entries:
        return unknown_order(order, as_json=as_json)
    shown = {entry.order: entry for entry in entries if entry.problem or entry.notices or not problems}
    found = sorted(shown.values(), key=lambda entry: (entry.since, entry.order))
    show_json([order_line(entry) for entry in found]) if as_json else _show(
        found, empty="no problems" if problems else "no orders"
    )
    return OK


def unknown_order(order: str, *, as_json: bool) -> int:
    """Point to a dry run, which names the reason of an order that is skipped for good: it has no entry."""
    if as_json:
        show_json([])
    hint = f"`aftersend trigger export --order {order} --dry-run` says what would happen"
    print_error(f"order {order} is unknown to the ledger; {hint}")
    return FAILED


async def _entries(ledger: Ledger, order: str | None, *, problems: bool) -> AsyncIterator[Entry]:
    if order:
        found = await ledger.get(order)
        if found is not None:
            yield found
    else:
        for names in (ledger.problems(), ledger.noticed()) if problems else (ledger.orders(),):
            async for entry in ledger.entries(names):
                yield entry


def order_line(entry: Entry) -> dict[str, object]:
    """Return what ``orders --json`` prints of an entry."""
    held = entry.held
    return {
        "order": entry.order,
        "state": entry.state,
        "since": _since(entry),
        "parcels": [
            {"id": name, "class": parcel.klass, "time": moment(parcel.time), "return": parcel.is_return}
            for name, parcel in entry.parcels.items()
        ],
        "held": {"reason": held.reason, "since": moment(held.since)} if held else None,
        "problem": _gravest(entry),
        "notices": [_plain(notice) for notice in entry.notices],
    }


def _gravest(entry: Entry) -> dict[str, object] | None:
    """Return the problem, else the gravest notice."""
    if entry.problem:
        return _plain(entry.problem) | {"level": "problem"}
    return _plain(entry.notices[0]) | {"level": "notice"} if entry.notices else None


def _plain(found: Problem | Notice) -> dict[str, object]:
    return {"code": found.code, "path": found.path, "since": moment(found.since)}


def _since(entry: Entry) -> str | None:
    """Time when the state was reached, or since when an order that was never sent is watched."""
    return moment(entry.since or entry.watched)


def moment(ms: int) -> str | None:
    """Return a time in ms as text; None if there is none."""
    return rfc3339(ms / 1000) if ms > 0 else None


def _show(entries: list[Entry], *, empty: str) -> None:
    rows = [
        (
            entry.order,
            entry.state,
            _since(entry),
            " ".join(f"{name}:{parcel.klass}" for name, parcel in entry.parcels.items()),
            f"{entry.held.reason} since {moment(entry.held.since)}" if entry.held else "",
            _named(entry.problem) if entry.problem else "",
            ", ".join(map(_named, entry.notices)),
        )
        for entry in entries
    ]
    show_table(("order", "state", "since", "parcels", "held", "problem", "notices"), rows, empty=empty)


def _named(found: Problem | Notice) -> str:
    return f"{found.code} {found.path}".strip()
