"""Read the facts of a report: what is open now from the ledger, what happened from the daily counters."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import StateField, TenantState
from aftersend.report.merchant_report import MerchantReport, ReportedOrder, RunCounts, label_to_afterbuy, run_counts
from aftersend.report.period import ReportPeriod
from aftersend.report.words import Language, ListName, Words, words_in
from aftersend.stream.event import rfc3339
from aftersend.tenant.cron import due_between
from aftersend.tenant.document import Tenant

_LATE: Final = timedelta(minutes=15)
"""A run that is due may take so long before it counts as missed."""


async def collect(
    ledger: Ledger, state: TenantState, tenant: Tenant, period: ReportPeriod, *, language: Language
) -> MerchantReport:
    """Return the report of a tenant."""
    counts: Counter[str] = Counter()
    for day in (await ledger.days.read(period.days)).values():
        counts.update(day)
    words = words_in(language)
    open_orders = {entry.order: entry async for entry in _open_orders(ledger)}
    entries = sorted(open_orders.values(), key=lambda entry: (len(entry.order), entry.order))
    return MerchantReport(
        tenant=tenant.identity,
        first=period.first.isoformat(),
        last=period.now.date().isoformat(),
        language=language,
        suspended=tenant.spec.suspend,
        sent=counts["sent"],
        labelled=counts["labelled"],
        written_back=counts["written"],
        label_to_afterbuy=label_to_afterbuy(counts),
        problems=tuple(line for entry in entries for line in _problems(entry, words)),
        notices=tuple(line for entry in entries for line in _notices(entry, words)),
        held=tuple(line for entry in entries for line in _held(entry, words)),
        export=await _runs(counts, state, tenant, period.now, "success.export"),
        sweep=await _runs(counts, state, tenant, period.now, "success.sweep"),
    )


async def _open_orders(ledger: Ledger) -> AsyncIterator[Entry]:
    for orders in (ledger.problems(), ledger.noticed(), ledger.watched()):
        async for entry in ledger.entries(orders):
            yield entry


async def _runs(
    counts: Counter[str], state: TenantState, tenant: Tenant, now: datetime, success: StateField
) -> RunCounts:
    """Return the runs of one kind; those that are overdue now are missed, too."""
    kind, spec = success.removeprefix("success."), tenant.spec
    runs = run_counts(counts, kind)
    moments = [await state.moment(success), await state.moment("quiet")]
    since = max((moment for moment in moments if moment), default=None)
    if since is None or spec.suspend:
        return runs
    schedule = spec.export.schedule if kind == "export" else spec.sweep.schedule
    zone = now.tzinfo
    assert zone is not None  # noqa: S101 - for the type checker
    return replace(runs, missed=runs.missed + due_between(schedule, after=since, until=now - _LATE, zone=zone))


def _problems(entry: Entry, words: Words) -> list[ReportedOrder]:
    found = entry.problem
    return [_listed(words, "problems", entry, found.code, found.path, found.since)] if found else []


def _notices(entry: Entry, words: Words) -> list[ReportedOrder]:
    return [_listed(words, "notices", entry, found.code, found.path, found.since) for found in entry.notices]


def _held(entry: Entry, words: Words) -> list[ReportedOrder]:
    """Return why it waits; where there is a problem, that is what counts."""
    found = entry.held
    return [_listed(words, "held", entry, found.reason, "", found.since)] if found and not entry.problem else []


def _listed(words: Words, name: ListName, entry: Entry, code: str, path: str, since: int) -> ReportedOrder:
    advice = words.advice(name, code, path)
    return ReportedOrder(entry.order, code, path, rfc3339(since / 1000), advice.meaning, advice.cure)
