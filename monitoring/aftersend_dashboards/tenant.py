"""The dashboard of one tenant: the path of an order from left to right, and what may block it."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard

from aftersend_dashboards.blocks import SOURCE, WINDOW, Ask, Look, curves, figure, in_cluster, or_zero, page, row
from aftersend_dashboards.budgets import budgets

_OF: Final = 'tenant="$tenant"'
_DURABLE: Final = Look(bad=1, less=True, words={"0": "no", "1": "yes"})
_YES_IS_BAD: Final = Look(warn=1, words={"0": "no", "1": "yes"})
_OF_ITS_PROCESSES: Final = (
    f"* on (cluster, job, instance) max by (cluster, job, instance) (aftersend_part_info{{{_OF}}})"
)
"""In compact topology one process is several parts, so a part is no label here."""


def tenant() -> dashboard.Dashboard:
    """Build the dashboard of the selected tenant."""
    of = page("Aftersend tenant", "aftersend-tenant", "One merchant: orders out, numbers back, and what is in the way.")
    of.with_variable(
        dashboard.QueryVariable("tenant")
        .label("Tenant")
        .datasource(SOURCE)
        .query(in_cluster("label_values(aftersend_part_info, tenant)"))
        .refresh(2)  # type: ignore[arg-type]  # whenever the time range changes
    )
    _now(of)
    budgets(of, _OF)
    _out(of)
    _back(of)
    _upstreams(of)
    _redis(of)
    _processes(of)
    return of


def _now(of: dashboard.Dashboard) -> None:
    seconds = Look(unit="s")
    row(
        of,
        "Now",
        [
            figure(
                "Export late",
                _late("export"),
                normal="Seconds behind the tenant's own schedule; negative: not due yet. No data: suspended.",
                alerts=("AftersendExportLate",),
                look=Look(unit="s", warn=900, bad=1800),
            ),
            figure(
                "Sweep late",
                _late("sweep"),
                normal="The same for the sweep, which finds what webhooks missed.",
                alerts=("AftersendSweepLate",),
                look=Look(unit="s", warn=1200, bad=2700),
            ),
            figure(
                "Backup late",
                _late("backup"),
                normal="The same for the backup; only verified ones count.",
                alerts=("AftersendBackupLate",),
                look=Look(unit="s", warn=7200, bad=86400),
            ),
            figure(
                "Last write-back",
                f'time() - max(aftersend_last_success_timestamp_seconds{{{_OF}, kind="writeback"}})',
                normal="Since an order was last brought up to date in Afterbuy; grows while no labels are printed.",
                look=seconds,
            ),
            figure(
                "Oldest event",
                f'max(aftersend_event_age_seconds{{{_OF}, stream="parcels"}})',
                normal="Age of the oldest unhandled parcel event. Normal: seconds.",
                alerts=("AftersendWriteBackLate",),
                look=Look(unit="s", warn=300, bad=900),
            ),
            figure(
                "Dead letters",
                f"sum(max by (stream) (aftersend_dead_letters{{{_OF}}}))",
                normal="Events that wait for a person: `aftersend dead list`. Normal: 0.",
                alerts=("AftersendDeadLetters",),
                look=Look(warn=1),
            ),
            figure(
                "Orders to look at",
                or_zero(f"sum(max by (code) (aftersend_problems{{{_OF}}}))"),
                normal="Orders with a problem, for the merchant: `aftersend orders --problems`.",
                look=Look(warn=1),
            ),
            figure(
                "Suspended",
                f"max(aftersend_suspended{{{_OF}}})",
                normal="The merchant's own switch: no export, no write-back, webhooks are stored, alerts are silent.",
                look=_YES_IS_BAD,
            ),
        ],
        height=4,
        across=8,
    )


def _late(kind: str) -> str:
    return f'time() - max(aftersend_next_due_timestamp_seconds{{{_OF}, kind="{kind}"}})'


def _out(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Orders out: Afterbuy to Sendcloud",
        [
            curves(
                "Decisions of exports",
                Ask(_per_window("aftersend_orders_total", "outcome"), "{{outcome}}"),
                normal="What runs decided about orders. Normal: sent, unchanged; rejected: a problem of that order.",
                stacked=True,
            ),
            curves(
                "Left out, by reason",
                Ask(
                    or_zero(
                        f'sum by (reason) (increase(aftersend_orders_total{{{_OF}, reason!=""}}[{WINDOW}]))', "reason"
                    ),
                    "{{reason}}",
                ),
                normal="has_parcel_number: shipped, or held back by the merchant. The others: docs/guides/tenant.md.",
                stacked=True,
            ),
            curves(
                "Runs",
                Ask(_per_window("aftersend_runs_total", "kind", "outcome"), "{{kind}}: {{outcome}}"),
                normal="Normal: done, or partial (an order was rejected). failed: nothing could be read or sent.",
                alerts=("AftersendExportLate", "AftersendSweepLate"),
                stacked=True,
            ),
            curves(
                "Duration of the last run",
                Ask(f"max by (kind) (aftersend_run_duration_seconds{{{_OF}}})", "{{kind}}"),
                normal="Normal: seconds to a few minutes.",
                look=Look(unit="s"),
            ),
            curves(
                "Problems, by code",
                Ask(or_zero(f"max by (code) (aftersend_problems{{{_OF}}})", "code"), "{{code}}"),
                normal="Orders that a person must look at, as the ledger has them.",
                stacked=True,
            ),
            curves(
                "Notices, by code",
                Ask(or_zero(f"max by (code) (aftersend_notices{{{_OF}}})", "code"), "{{code}}"),
                normal="Orders sent without data that may be missed; they stop nothing and end by themselves.",
                stacked=True,
            ),
            curves(
                "Since the last success",
                Ask(f"time() - max by (kind) (aftersend_last_success_timestamp_seconds{{{_OF}}})", "{{kind}}"),
                normal="Normal: a saw, as high as the distance of the runs.",
                look=Look(unit="s"),
            ),
        ],
        height=8,
        across=3,
    )


def _back(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Numbers back: Sendcloud to Afterbuy",
        [
            curves(
                "Webhooks, by answer",
                Ask(or_zero(_per_window("aftersend_webhooks_total", "outcome"), "outcome"), "{{outcome}}"),
                normal="stored and ignored_… are fine; not_stored, failed, no_key and busy are ours; wrong_signature: a"
                " stranger, or the keys differ; too_old: recorded and sent again.",
                alerts=("AftersendWebhookFailing", "AftersendSignaturesRefused", "AftersendEventsTooOld"),
                stacked=True,
            ),
            curves(
                "Answer to a webhook",
                Ask(_quantile("aftersend_webhook_seconds", "0.5"), "half"),
                Ask(_quantile("aftersend_webhook_seconds", "0.99"), "99 %"),
                normal="From the arrival of a signed webhook to its answer. Normal: below 50 ms.",
                alerts=("AftersendWebhookFailing",),
                look=Look(unit="s"),
            ),
            curves(
                "Label to Afterbuy",
                Ask(_quantile("aftersend_writeback_seconds", "0.5"), "half"),
                Ask(_quantile("aftersend_writeback_seconds", "0.99"), "99 %"),
                normal="From the parcel's change at Sendcloud until Afterbuy shows it. Normal: seconds; objective: 99 %"
                " within 5 minutes.",
                alerts=("AftersendWriteBackSlow",),
                look=Look(unit="s", bad=300),
            ),
            curves(
                "Age of the oldest event",
                Ask(f"max by (stream) (aftersend_event_age_seconds{{{_OF}}})", "{{stream}}"),
                normal="Normal: seconds; a growing line means that they are not handled.",
                alerts=("AftersendWriteBackLate",),
                look=Look(unit="s", bad=900),
            ),
            curves(
                "Queues",
                Ask(f"max by (stream) (aftersend_stream_length{{{_OF}}})", "{{stream}}"),
                Ask(f"max by (stream) (aftersend_stream_pending{{{_OF}}})", "{{stream}}, in hand"),
                Ask(f"max by (stream) (aftersend_events_delayed{{{_OF}}})", "{{stream}}, delayed"),
                Ask(f"max by (stream) (aftersend_dead_letters{{{_OF}}})", "{{stream}}, dead"),
                normal="Delayed ones failed for a reason that may pass and are tried again for over a day.",
                alerts=("AftersendDeadLetters",),
            ),
            curves(
                "Events handled",
                Ask(
                    or_zero(_per_window("aftersend_events_handled_total", "stream", "outcome"), "outcome"),
                    "{{stream}}: {{outcome}}",
                ),
                Ask(f"sum by (stream) (increase(aftersend_events_lost_total{{{_OF}}}[{WINDOW}]))", "{{stream}}: lost"),
                Ask(
                    f"sum by (stream) (increase(aftersend_streams_replaced_total{{{_OF}}}[{WINDOW}]))",
                    "{{stream}}: blocked on purpose",
                ),
                normal="Normal: done; later: not its time yet; retried: an upstream was away; lost must never be.",
                alerts=("AftersendEventsLost", "AftersendStreamReplaced", "AftersendDeadLetters"),
                stacked=True,
            ),
        ],
        height=8,
        across=3,
    )


def _upstreams(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Afterbuy and Sendcloud",
        [
            curves(
                "Calls",
                Ask(
                    _per_window("aftersend_upstream_requests_total", "upstream", "outcome"), "{{upstream}}: {{outcome}}"
                ),
                normal="transient: may pass, tried again; credentials: refused; rejected: an order is wrong.",
                alerts=("AftersendUpstreamFailing",),
                stacked=True,
            ),
            curves(
                "Duration of calls",
                Ask(_quantile("aftersend_upstream_request_seconds", "0.95", "upstream"), "{{upstream}}, 95 %"),
                normal="Normal: below 2 seconds.",
                look=Look(unit="s"),
            ),
            curves(
                "Between look and write",
                Ask(_quantile("aftersend_write_race_seconds", "0.95"), "95 %"),
                normal="So long an edit of a person in Afterbuy could go unseen. Normal: below a second.",
                look=Look(unit="s"),
            ),
            curves(
                "Calls left",
                Ask(
                    f"min by (upstream) (aftersend_upstream_budget_remaining{{{_OF}}}"
                    f" / aftersend_upstream_budget_limit{{{_OF}}})",
                    "{{upstream}}",
                ),
                normal="Share of Afterbuy's day and of Sendcloud's minute, in the process that has least.",
                alerts=("AftersendCallBudgetLow",),
                look=Look(unit="percentunit", bad=0.1, less=True),
            ),
            figure(
                "Circuit open",
                f"max(aftersend_circuit_open{{{_OF}}})",
                normal="Calls are suspended until the upstream answers a probe again. Normal: no.",
                alerts=("AftersendUpstreamFailing", "AftersendUpstreamDown"),
                look=_YES_IS_BAD,
            ),
            figure(
                "Keys refused",
                f"max(aftersend_credentials_refused{{{_OF}}})",
                normal="Afterbuy or Sendcloud refuses the credentials, or they are missing: the merchant must act.",
                alerts=("AftersendCredentialsRefused",),
                look=_YES_IS_BAD,
            ),
            figure(
                "API closed",
                f"max(aftersend_api_closed{{{_OF}}})",
                normal="Sendcloud no longer lists parcels by v2, and the sweep reads v3; or the other way round.",
                alerts=("AftersendApiClosed",),
                look=_YES_IS_BAD,
            ),
            curves(
                "Difference of clocks",
                Ask(f"max by (upstream) (aftersend_clock_skew_seconds{{{_OF}}})", "{{upstream}}"),
                normal="How far Sendcloud's clock is ahead of ours. Normal: seconds; sweeps go by the earlier one.",
                alerts=("AftersendClockSkew",),
                look=Look(unit="s"),
            ),
        ],
        height=8,
        across=3,
    )


def _redis(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Redis and access",
        [
            figure(
                "Keeps what it confirms",
                f"min(aftersend_redis_durable{{{_OF}}})",
                normal="AOF and noeviction are on. no: a crash of Redis loses webhooks that we have confirmed.",
                alerts=("AftersendRedisNotDurable",),
                look=_DURABLE,
            ),
            curves(
                "Memory of Redis",
                Ask(f"max(aftersend_redis_memory_ratio{{{_OF}}})", "in use"),
                normal="Share of maxmemory. From 80 % on webhooks are refused, until the writer has made room.",
                alerts=("AftersendRedisNearlyFull",),
                look=Look(unit="percentunit", warn=0.7, bad=0.8),
            ),
            curves(
                "Connections",
                Ask(f"max(aftersend_redis_clients{{{_OF}}})", "connections"),
                normal="Normal: below 100. A burst opens them, and they stay.",
                alerts=("AftersendRedisClients",),
            ),
            curves(
                "Refused by Redis",
                Ask(
                    or_zero(f"max by (kind) (increase(aftersend_redis_denied_total{{{_OF}}}[{WINDOW}]))", "kind"),
                    "{{kind}}",
                ),
                normal="Log-ins, commands and keys that Redis denied to any client. Normal: 0.",
                alerts=("AftersendRedisDenied",),
            ),
            curves(
                "Changes by people",
                Ask(
                    or_zero(f"max by (secret) (increase(aftersend_secret_changes_total{{{_OF}}}[{WINDOW}]))", "secret"),
                    "secret {{secret}}",
                ),
                Ask(
                    or_zero(f"max(increase(aftersend_operator_tenant_changes_total{{{_OF}}}[{WINDOW}]))"),
                    "tenant document",
                ),
                normal="Secrets that were replaced, and edits of the tenant. Each should have a known reason.",
                alerts=("AftersendSecretChanged", "AftersendTenantChanged"),
            ),
            figure(
                "Certificate of the webhook ends in",
                f"min(aftersend_webhook_certificate_expiry_timestamp_seconds{{{_OF}}}) - time()",
                normal="No data: its address has no certificate of ours (spec.webhook.tlsSecretName).",
                alerts=("AftersendWebhookCertificateExpires",),
                look=Look(unit="s", warn=14 * 86400, bad=2 * 86400, less=True),
            ),
        ],
        height=8,
        across=3,
    )


def _processes(of: dashboard.Dashboard) -> None:
    row(
        of,
        "Conditions and processes",
        [
            curves(
                "Conditions",
                Ask(
                    f"max by (condition, reason) (aftersend_tenant_condition{{{_OF}}})",
                    "{{condition}}: {{reason}}",
                ),
                normal="What `kubectl get aftersendtenant` shows: 1 while the condition holds.",
                alerts=("AftersendTenantDegraded",),
            ),
            curves(
                "Parts",
                Ask(f"count by (part) (aftersend_part_info{{{_OF}}})", "{{part}}"),
                normal="Normal: at least one exporter, webhook and writer.",
                alerts=("AftersendPartMissing",),
            ),
            curves(
                "Memory of the parts",
                Ask(f"process_resident_memory_bytes {_OF_ITS_PROCESSES}", "{{pod}} {{instance}}"),
                normal="Normal: below 150 MB each.",
                look=Look(unit="bytes"),
            ),
            curves(
                "Processor",
                Ask(f"rate(process_cpu_seconds_total[{WINDOW}]) {_OF_ITS_PROCESSES}", "{{pod}} {{instance}}"),
                normal="Share of one core. Normal: below 5 %, more during runs.",
                look=Look(unit="percentunit"),
            ),
        ],
        height=8,
        across=4,
    )


def _per_window(metric: str, *labels: str) -> str:
    return f"sum by ({', '.join(labels)}) (increase({metric}{{{_OF}}}[{WINDOW}]))"


def _quantile(metric: str, share: str, *labels: str) -> str:
    by = ", ".join(("le", *labels))
    return or_zero(
        f"histogram_quantile({share}, sum by ({by}) (rate({metric}_bucket{{{_OF}}}[{WINDOW}]))) >= 0", *labels
    )
