"""The dashboard of the fleet: which tenants are late, one or all of them."""

from grafana_foundation_sdk.builders import dashboard

from aftersend_dashboards.blocks import WINDOW, Ask, Look, curves, figure, or_zero, page, ranking, row, tenants
from aftersend_dashboards.budgets import budgets

_LATE = 'time() - max by (cluster, tenant) (aftersend_next_due_timestamp_seconds{kind="%s"})'
_OLDEST = 'max by (cluster, tenant) (aftersend_event_age_seconds{stream="parcels"})'
_DEAD = "sum by (cluster, tenant) (max by (cluster, tenant, stream) (aftersend_dead_letters))"
_USED = (
    'sum by (cluster, tenant) (aftersend_upstream_budget_limit{upstream="afterbuy"}'
    ' - aftersend_upstream_budget_remaining{upstream="afterbuy"})'
    ' / max by (cluster, tenant) (aftersend_upstream_budget_limit{upstream="afterbuy"})'
)
_SLOW = (
    "sum by (cluster, tenant) (rate(aftersend_writeback_seconds_count[%s]))"
    ' - sum by (cluster, tenant) (rate(aftersend_writeback_seconds_bucket{le="300.0"}[%s]))'
)
_FAULTS = 'outcome=~"not_stored|failed|no_key|busy"'
_SIGNED = 'outcome!~"wrong_.*|too_.*|broken_off"'


def fleet() -> dashboard.Dashboard:
    """Build the dashboard of all tenants."""
    of = page("Aftersend fleet", "aftersend-fleet", "Which merchants are late, and whether it is one or all of them.")
    _now(of)
    _late(of)
    budgets(of)
    _objectives(of)
    _upstreams(of)
    _operator(of)
    return of


def _now(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Now",
        [
            figure(
                "Tenants",
                "count(max by (cluster, tenant) (aftersend_part_info))",
                normal="Tenants whose parts are scraped.",
            ),
            figure(
                "Exports late",
                f"count({_LATE % 'export'} > 1800) or on () vector(0)",
                normal="Tenants whose export is more than 30 minutes behind its own schedule. Normal: 0.",
                alerts=("AftersendExportLate",),
                look=Look(bad=1),
            ),
            figure(
                "Write-backs late",
                f"count({_OLDEST} > 900) or on () vector(0)",
                normal="Tenants with an unhandled event older than 15 minutes. Normal: 0.",
                alerts=("AftersendWriteBackLate",),
                look=Look(bad=1),
            ),
            figure(
                "Dead letters",
                or_zero(f"sum({_DEAD})"),
                normal="Events that were given up and wait for a person. Normal: 0.",
                alerts=("AftersendDeadLetters",),
                look=Look(warn=1),
            ),
            figure(
                "Refused keys",
                or_zero("sum(max by (cluster, tenant, upstream) (aftersend_credentials_refused))"),
                normal="Accounts whose credentials are refused or missing; only the merchant can cure that. Normal: 0.",
                alerts=("AftersendCredentialsRefused",),
                look=Look(warn=1),
            ),
            figure(
                "Parts missing",
                or_zero('count(up{job=~".*aftersend.*"} == 0)'),
                normal="Targets that do not answer. Normal: 0, but for a minute during an upgrade.",
                alerts=("AftersendPartMissing",),
                look=Look(bad=1),
            ),
        ],
        height=4,
        across=6,
    )


def _late(of: dashboard.Dashboard) -> None:
    columns = {
        "export late": f"{_LATE % 'export'}",
        "sweep late": f"{_LATE % 'sweep'}",
        "oldest event": _OLDEST,
        "dead letters": _DEAD,
        "problems": "sum by (cluster, tenant) (max by (cluster, tenant, code) (aftersend_problems))",
        "backup late": f"{_LATE % 'backup'}",
        "suspended": "max by (cluster, tenant) (aftersend_suspended)",
    }
    row(
        of,
        "Who is late",
        [
            ranking(
                "Exports, the latest first",
                Ask(f"topk(10, clamp_min({_LATE % 'export'}, 0))", "{{tenant}}"),
                normal="Seconds behind the tenant's own schedule. Normal: minutes at most. A click opens the tenant.",
                alerts=("AftersendExportLate",),
                look=Look(unit="s", warn=900, bad=1800),
            ),
            ranking(
                "Oldest unhandled events",
                Ask(f"topk(10, {_OLDEST})", "{{tenant}}"),
                normal="Age of the oldest parcel event that is not in Afterbuy yet. Normal: seconds.",
                alerts=("AftersendWriteBackLate",),
                look=Look(unit="s", warn=300, bad=900),
            ),
            tenants("All tenants", columns, normal="Negative lateness: that long until the next run is due."),
        ],
        height=9,
        across=3,
    )


def _objectives(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Objectives",
        [
            curves(
                "Slow write-backs by tenant",
                Ask(f"topk(5, {_SLOW % (WINDOW, WINDOW)})", "{{tenant}}"),
                normal="Write-backs per second that took more than 5 minutes. Normal: 0.",
                alerts=("AftersendWriteBackSlow",),
                look=Look(unit="ops"),
            ),
            curves(
                "Label to Afterbuy, the whole fleet",
                Ask(_quantile("0.5"), "half"),
                Ask(_quantile("0.99"), "99 %"),
                normal="From the parcel's change at Sendcloud until Afterbuy shows it. Normal: half within seconds.",
                alerts=("AftersendWriteBackSlow",),
                look=Look(unit="s", bad=300),
            ),
            curves(
                "Webhooks answered with an error of ours",
                Ask(
                    or_zero(
                        f"sum(rate(aftersend_webhooks_total{{{_FAULTS}}}[{WINDOW}]))"
                        f" / (sum(rate(aftersend_webhooks_total{{{_SIGNED}}}[{WINDOW}])) > 0)"
                    ),
                    "share",
                ),
                normal="Share of 5xx among signed webhooks; Sendcloud tries those again. Objective: below 0.1 %.",
                alerts=("AftersendWebhookFailing",),
                look=Look(unit="percentunit", bad=0.001),
            ),
        ],
        height=8,
        across=3,
    )


def _quantile(share: str) -> str:
    buckets = f"sum by (le) (rate(aftersend_writeback_seconds_bucket[{WINDOW}]))"
    return or_zero(f"histogram_quantile({share}, {buckets}) >= 0")


def _upstreams(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Queues and upstreams",
        [
            curves(
                "Events waiting",
                Ask("sum by (stream) (max by (cluster, tenant, stream) (aftersend_stream_length))", "{{stream}}"),
                Ask(
                    "sum by (stream) (max by (cluster, tenant, stream) (aftersend_events_delayed))",
                    "{{stream}}, delayed",
                ),
                normal="Events not handled yet, and those that wait for their next try. Normal: close to 0.",
                alerts=("AftersendWriteBackLate",),
            ),
            curves(
                "Circuits open",
                Ask("sum by (upstream) (max by (cluster, tenant, upstream) (aftersend_circuit_open))", "{{upstream}}"),
                normal="Tenants that have stopped calling. Many at once: the upstream is down. Normal: 0.",
                alerts=("AftersendUpstreamDown", "AftersendUpstreamFailing"),
                look=Look(bad=3),
            ),
            curves(
                "Calls that fail",
                Ask(
                    "sum by (upstream, outcome) (rate("
                    f'aftersend_upstream_requests_total{{outcome!~"ok|cancelled"}}[{WINDOW}]))'
                    ' or on () label_replace(vector(0), "outcome", "none", "", "")',
                    "{{upstream}}: {{outcome}}",
                ),
                normal="transient: they were tried again; rejected: a problem of one order. Normal: a few per hour.",
                alerts=("AftersendUpstreamDown",),
                look=Look(unit="reqps"),
            ),
            ranking(
                "Afterbuy's calls of today, used",
                Ask(f"topk(10, {_USED})", "{{tenant}}"),
                normal="Share of the 50,000 calls per day and account, over writer and exporter. Normal: below half.",
                alerts=("AftersendCallBudgetLow",),
                look=Look(unit="percentunit", warn=0.7, bad=0.9),
            ),
        ],
        height=8,
        across=4,
    )


def _operator(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Operator and processes",
        [
            curves(
                "Tenants by condition",
                Ask(
                    "sum by (condition) (max by (cluster, tenant, condition) (aftersend_tenant_condition))",
                    "{{condition}}",
                ),
                Ask("sum(max by (cluster) (aftersend_operator_tenants))", "served"),
                normal="Ready should equal served; Progressing only while something changes.",
                alerts=("AftersendTenantDegraded",),
            ),
            curves(
                "Reconciliations",
                Ask(f"sum by (outcome) (rate(aftersend_operator_reconciles_total[{WINDOW}]))", "{{outcome}}"),
                normal="Reconciliations of tenants by outcome. Normal: done; failed only now and then.",
                alerts=("AftersendOperatorStalled",),
                look=Look(unit="ops"),
            ),
            curves(
                "Duration of a reconciliation",
                Ask(
                    "histogram_quantile(0.95, sum by (le)"
                    f" (rate(aftersend_operator_reconcile_seconds_bucket[{WINDOW}]))) >= 0 or on () vector(0)",
                    "95 %",
                ),
                Ask("max(aftersend_operator_queue_depth)", "tenants in the queue"),
                normal="Normal: below a second, and an empty queue; longer right after an upgrade.",
                alerts=("AftersendOperatorStalled",),
            ),
            curves(
                "Calls to the API server",
                Ask(
                    f"sum by (verb, outcome) (rate(aftersend_operator_api_requests_total[{WINDOW}]))",
                    "{{verb}}: {{outcome}}",
                ),
                normal="Normal: ok, and conflict now and then.",
                look=Look(unit="reqps"),
            ),
            figure(
                "Operator stalled",
                or_zero("max(aftersend_operator_stalled)"),
                normal="1 while a watch or the queue makes no progress. Orders flow without it.",
                alerts=("AftersendOperatorStalled",),
                look=Look(warn=1, words={"0": "no", "1": "yes"}),
            ),
            figure(
                "Tenants not scraped",
                or_zero("sum(max by (cluster) (aftersend_operator_unscraped_tenants))"),
                normal="Normal: 0. Their own panels and alerts lack what nothing reads.",
                alerts=("AftersendTenantsUnscraped",),
                look=Look(warn=1),
            ),
            figure(
                "Upgrade stopped",
                or_zero("max(aftersend_operator_wave_stopped)"),
                normal="1 while an upgrade rolls no more, because merchants that were ready did not come up again.",
                alerts=("AftersendWaveStopped",),
                look=Look(warn=1, words={"0": "no", "1": "yes"}),
            ),
            curves(
                "Versions",
                Ask("count by (version) (aftersend_build_info)", "services {{version}}"),
                Ask("count by (version) (aftersend_operator_build_info)", "operator {{version}}"),
                normal="Processes by version. Several only during an upgrade.",
            ),
        ],
        height=8,
        across=3,
    )
