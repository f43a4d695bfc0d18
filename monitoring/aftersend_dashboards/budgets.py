"""What is left of the error budgets of 30 days, for all tenants or one: the same figures on both dashboards."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard

from aftersend_dashboards.blocks import Look, figure, row

_LEFT: Final = Look(unit="percentunit", warn=0.5, bad=0.1, less=True)
_EXPORT: Final = 'kind="export"'
_FAULTS: Final = 'outcome=~"not_stored|failed|no_key|busy"'
_ANSWERED: Final = 'outcome=~"stored|ignored_.+|too_old|malformed|not_stored|failed|no_key|busy"'


def budgets(of: dashboard.Dashboard, matcher: str = "") -> None:
    """Add the row; ``matcher`` chooses a tenant. 100 %: all was good; 0 %: the budget is used up; below: overdrawn."""
    row(
        of,
        "Error budgets, 30 days",
        [
            figure(
                "Error budget of the exports, 30 days",
                _left(_late(matcher), "0.01"),
                normal="99 % of the time an export is at most 10 minutes behind its schedule. 100 %: it always was.",
                alerts=("AftersendExportOftenLate", "AftersendExportLate"),
                look=_LEFT,
            ),
            figure(
                "Error budget of the write-back, 30 days",
                _left(_slow(matcher), "0.01"),
                normal="99 % of labels show in Afterbuy within 5 minutes. 100 %: none was slow; 0 %: all is used up.",
                alerts=("AftersendWriteBackSlow",),
                look=_LEFT,
            ),
            figure(
                "Error budget of the webhook answers, 30 days",
                _left(_failing(matcher), "0.001"),
                normal="99.9 % of signed webhooks are answered without an error of ours. 100 %: all of them were.",
                alerts=("AftersendWebhookFailing",),
                look=_LEFT,
            ),
        ],
        height=4,
        across=3,
    )


def _left(bad: str, allowed: str) -> str:
    return f"1 - ({bad}) / {allowed} or on () vector(1)"


def _late(matcher: str) -> str:
    due = f"max by (cluster, tenant) (aftersend_next_due_timestamp_seconds{{{_joined(_EXPORT, matcher)}}})"
    return f"avg(avg_over_time((time() - {due} > bool 600)[30d:10m]))"


def _slow(matcher: str) -> str:
    good = _joined('le="300.0"', matcher)
    return (
        f"1 - sum(increase(aftersend_writeback_seconds_bucket{{{good}}}[30d]))"
        f" / (sum(increase(aftersend_writeback_seconds_count{{{matcher}}}[30d])) > 0)"
    )


def _failing(matcher: str) -> str:
    return (
        f"(sum(increase(aftersend_webhooks_total{{{_joined(_FAULTS, matcher)}}}[30d])) or vector(0))"
        f" / (sum(increase(aftersend_webhooks_total{{{_joined(_ANSWERED, matcher)}}}[30d])) > 0)"
    )


def _joined(*matchers: str) -> str:
    return ", ".join(filter(None, matchers))
