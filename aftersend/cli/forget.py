"""``aftersend forget``: erase an order, or a tenant, from Redis, and say what stays elsewhere, and until when."""

import time
from pathlib import Path
from typing import Final

import msgspec

from aftersend.cli.confirm import confirmed
from aftersend.cli.exit_codes import FAILED, OK, print_error
from aftersend.cli.held_in_backups import HeldInBackups, held_in_backups
from aftersend.cli.output import show_json, show_text
from aftersend.cli.tenant_context import TenantSession, locate, session_at
from aftersend.erasure import Erasure, OrderEvents
from aftersend.ledger.entry import Entry
from aftersend.redis.keys import Keys
from aftersend.redis.rewrite import rewrite_if_permitted
from aftersend.service.heartbeat import GONE_AFTER, Heartbeat
from aftersend.tenant_erasure import TenantErasure

_NOT_OURS: Final = "Afterbuy and Sendcloud keep what they have"


class Forgotten(msgspec.Struct, kw_only=True):
    """What was erased, as ``forget --json`` prints it."""

    order: str | None
    """None: the whole tenant."""
    ledger: int
    """Entries of the ledger."""
    events: int
    """Events that were waiting, being handled or delayed."""
    dead: int
    """Dead letters."""
    backups: int | None
    """Backups that may hold it; None: no place of backups is known here."""
    backups_end: str | None
    """When the last of them ends; None: there is none, or no later backup will remove it."""


async def forget_order(file: Path | None, data_dir: Path, target: str, order: str, *, as_json: bool) -> int:
    """Erase one order; ``FAILED`` if nothing is held of it."""
    location = locate(file, data_dir)
    async with session_at(location) as tenant:
        await tenant.record("forget.order")
        erasure = Erasure.of(tenant.redis, tenant=tenant.identity, keyring=tenant.keyring)
        erased = await erasure.erase(order)
        left = await erasure.ledger.readable(order) if erased else None
        await rewrite_if_permitted(tenant.redis, location.secrets("redis"))
    held = await held_in_backups(location, target, until=left.since if left else time.time() * 1000)
    entry, events = erased or (None, OrderEvents())
    answer = Forgotten(
        order=order,
        ledger=int(entry is not None and bool(entry.revision) and not entry.is_forgotten),
        events=events.alive,
        dead=events.counts["dead"],
        backups=held.backups,
        backups_end=held.end,
    )
    show_json(answer) if as_json else _show(answer, entry)
    if events.unreadable:
        print_error(f"{len(events.unreadable)} events cannot be opened: whether they are of this order is not known")
    if erased is None:
        print_error(f"order {order} is unknown: neither the ledger nor any event holds it")
    return OK if erased else FAILED


def _show(answer: Forgotten, entry: Entry | None) -> None:
    if entry is not None:
        was_there = "was forgotten before" if entry.is_forgotten else "forgotten"
        show_text(
            f"order {answer.order} {was_there}: {answer.ledger} entries, {answer.events} events and {answer.dead} dead "
            "letters erased; OrderID, ids of its parcels and the time stay for 90 days, so that nothing comes back"
        )
        show_text(_NOT_OURS)
    _show_backups(answer.backups, answer.backups_end)


def _show_backups(backups: int | None, end: str | None) -> None:
    if end is None:
        return
    count = "backups made elsewhere" if backups is None else f"{backups} backups"
    show_text(
        f"{count} may hold it; the last of them ends with the first backup after {end}. A restore leaves the order out "
        "if it finds a newer backup, or Redis as it is now; without both it brings the order back: then forget it again"
    )


async def forget_tenant(file: Path | None, data_dir: Path, target: str, *, yes: bool, as_json: bool) -> int:
    """Erase all keys of a tenant; ``FAILED`` while services of it run."""
    location = locate(file, data_dir)
    async with session_at(location) as tenant:
        if not await _is_at_rest(tenant):
            return FAILED
        if not confirmed(f"Erase all that Redis holds of {tenant.identity}?", yes=yes):
            return FAILED
        await tenant.record("forget.tenant")
        erased = await TenantErasure(tenant.redis, Keys(tenant.identity)).erase()
        await rewrite_if_permitted(tenant.redis, location.secrets("redis"))
    held = await held_in_backups(location, target, until=None)
    answer = Forgotten(
        order=None,
        ledger=erased.orders,
        events=erased.events,
        dead=erased.dead,
        backups=held.backups,
        backups_end=held.end,
    )
    show_json(answer) if as_json else _show_tenant(tenant.identity, answer, held)
    return OK


async def _is_at_rest(tenant: TenantSession) -> bool:
    running = await Heartbeat(tenant.redis, tenant=tenant.identity).names()
    if running:
        print_error(
            f"{', '.join(running)} run or were there {GONE_AFTER} s ago – stop them and the webhook, and wait half a "
            "minute if they were killed"
        )
    return not running


def _show_tenant(identity: str, answer: Forgotten, held: HeldInBackups) -> None:
    show_text(
        f"{identity} forgotten: {answer.ledger} entries, {answer.events} events and {answer.dead} dead letters erased, "
        "and all else that Redis held of it; a service that is started again begins as for a new tenant"
    )
    if held.backups != 0:
        count = "backups made elsewhere" if held.backups is None else f"{held.backups} backups"
        show_text(f"{count} stay, and no later one will remove them: delete them, or the data keys that open them")
    show_text(_NOT_OURS)
