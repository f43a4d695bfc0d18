"""``aftersend report``: what a merchant wants to know of the last days, as text, page or JSON."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from aftersend.cli.exit_codes import OK
from aftersend.cli.output import show_json, show_text
from aftersend.cli.tenant_context import locate, session_at
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.report.as_html import as_html
from aftersend.report.as_text import as_text
from aftersend.report.collect import collect
from aftersend.report.merchant_report import MerchantReport
from aftersend.report.period import ReportPeriod, days_of
from aftersend.report.words import Language, words_in

Format = Literal["text", "html", "json"]


async def report(file: Path | None, data_dir: Path, since: str, language: Language, form: Format) -> int:
    """Print the report; an order to look at is no failure of the command."""
    days = days_of(since)
    location = locate(file, data_dir)
    now = datetime.now(UTC).astimezone(ZoneInfo(location.tenant.spec.time_zone))
    async with session_at(location) as tenant:
        ledger = Ledger(tenant.redis, tenant=tenant.identity, keyring=tenant.keyring)
        state = TenantState(tenant.redis, tenant=tenant.identity)
        found = await collect(ledger, state, location.tenant, ReportPeriod(now, days), language=language)
    _show(found, language, form)
    return OK


def _show(found: MerchantReport, language: Language, form: Format) -> None:
    match form:
        case "json":
            show_json(found)
        case "html":
            sys.stdout.write(as_html(found, words_in(language)))
        case "text":
            show_text(as_text(found, words_in(language)))
