"""Confirming that Sendcloud has what it accepted: a 201 only means "accepted"; it saves later, or not at all.

At the start of a run, orders that were accepted at least ten minutes ago and orders that were confirmed before are
looked up: first in the integration's list, newest first, as far as that saves calls; then one by one.

    there      accepted ──> confirmed
    not there  a parcel shows its number     a label was made: nothing to do, the sweep reads it
               accepted                      pushed again, three times in all, then the problem not_saved
               confirmed                     a person deleted it: the problem deleted_in_sendcloud

Only ids are kept while it runs.
"""

from functools import partial

from aftersend.errors import AftersendError
from aftersend.ledger.changes import Change
from aftersend.ledger.entry import Entry
from aftersend.order_ids import incoming_order_id, order_id_of
from aftersend_exporter.context import ExportContext, gather_limited
from aftersend_exporter.export.existing_labels import has_label
from aftersend_exporter.rules import transitions
from aftersend_exporter.run_stats import RunStats

SAVED_AFTER_MS = 10 * 60 * 1000
_CHUNK = 250
_ORDERS_PER_PAGE = 100
_SPARE_PAGES = 3


async def confirm(context: ExportContext, stats: RunStats, *, integration: int) -> None:
    """Look up every open order in Sendcloud; an error of Sendcloud leaves the rest for the next run."""
    entries = context.ledger.entries(context.ledger.open())
    due = {int(entry.order) async for entry in entries if _is_due(entry, now=context.now_ms())}
    try:
        await _confirm_from_list(context, due, integration=integration)
        while due:
            some = [due.pop() for _ in range(min(len(due), _CHUNK))]
            await gather_limited(some, partial(_confirm_one, context, integration=integration))
    except AftersendError as error:
        stats.record_error(error)


def _is_due(entry: Entry, *, now: int) -> bool:
    if entry.state == "accepted":
        return now - entry.pushed >= SAVED_AFTER_MS
    given_up = entry.problem is not None and entry.problem.code == "given_up"
    return entry.state == "confirmed" and not given_up


async def _confirm_from_list(context: ExportContext, due: set[int], *, integration: int) -> None:
    """Confirm the orders that the list shows; stop where single look-ups become cheaper."""
    pages = 2 * len(due) // _ORDERS_PER_PAGE + _SPARE_PAGES
    if not due:
        return
    async for names in context.sendcloud.order_ids(integration):
        found = {number for name in names if (number := int(order_id_of(name) or 0)) in due}
        await context.ledger.change_many({str(order): _confirmed(context) for order in found})
        due -= found
        pages -= 1
        if not due or not pages:
            return


async def _confirm_one(context: ExportContext, order: int, *, integration: int) -> None:
    if await context.sendcloud.has_order(incoming_order_id(order), integration):
        await context.ledger.change(str(order), _confirmed(context))
    elif not await has_label(context, str(order)):
        await context.ledger.change(str(order), partial(_missing, now=context.now_ms()))


def _confirmed(context: ExportContext) -> Change:
    return partial(transitions.confirmed, now=context.now_ms())


def _missing(entry: Entry, *, now: int) -> Entry:
    return transitions.absent(entry, now=now) if entry.state == "accepted" else transitions.deleted(entry, now=now)
