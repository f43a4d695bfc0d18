"""What a tenant stands on, on its dashboard: both upstreams, Redis and the processes."""

from typing import Final

from grafana_foundation_sdk.builders import dashboard

from aftersend_dashboards.blocks import WINDOW, Ask, Look, curves, figure, or_zero, row
from aftersend_dashboards.tenant_queries import OF, YES_IS_BAD, per_window, quantile

_DURABLE: Final = Look(bad=1, less=True, words={"0": "no", "1": "yes"})
_OF_ITS_PROCESSES: Final = (
    f"* on (cluster, job, instance) max by (cluster, job, instance) (aftersend_part_info{{{OF}}})"
)
"""In compact topology one process is several parts, so a part is no label here."""


def upstreams(of: dashboard.Dashboard) -> None:
    """Add the row of calls to both sides."""
    row(
        of,
        "Afterbuy and Sendcloud",
        [
            curves(
                "Calls",
                Ask(
                    per_window("aftersend_upstream_requests_total", "upstream", "outcome"), "{{upstream}}: {{outcome}}"
                ),
                normal="transient: may pass, tried again; credentials: refused; rejected: an order is wrong.",
                alerts=("AftersendUpstreamFailing",),
                stacked=True,
            ),
            curves(
                "Duration of calls",
                Ask(quantile("aftersend_upstream_request_seconds", "0.95", "upstream"), "{{upstream}}, 95 %"),
                normal="Normal: below 2 seconds.",
                look=Look(unit="s"),
            ),
            curves(
                "Between look and write",
                Ask(quantile("aftersend_write_race_seconds", "0.95"), "95 %"),
                normal="So long an edit of a person in Afterbuy could go unseen. Normal: below a second.",
                look=Look(unit="s"),
            ),
            curves(
                "Calls left",
                Ask(
                    f"min by (upstream) (aftersend_upstream_budget_remaining{{{OF}}}"
                    f" / aftersend_upstream_budget_limit{{{OF}}})",
                    "{{upstream}}",
                ),
                normal="Share of Afterbuy's day and of Sendcloud's minute, in the process that has least.",
                alerts=("AftersendCallBudgetLow",),
                look=Look(unit="percentunit", bad=0.1, less=True),
            ),
            figure(
                "Circuit open",
                f"max(aftersend_circuit_open{{{OF}}})",
                normal="Calls are suspended until the upstream answers a probe again. Normal: no.",
                alerts=("AftersendUpstreamFailing", "AftersendUpstreamDown"),
                look=YES_IS_BAD,
            ),
            figure(
                "Keys refused",
                f"max(aftersend_credentials_refused{{{OF}}})",
                normal="Afterbuy or Sendcloud refuses the credentials, or they are missing: the merchant must act.",
                alerts=("AftersendCredentialsRefused",),
                look=YES_IS_BAD,
            ),
            figure(
                "API closed",
                f"max(aftersend_api_closed{{{OF}}})",
                normal="Sendcloud no longer lists parcels by v2, and the sweep reads v3; or the other way round.",
                alerts=("AftersendApiClosed",),
                look=YES_IS_BAD,
            ),
            curves(
                "Difference of clocks",
                Ask(f"max by (upstream) (aftersend_clock_skew_seconds{{{OF}}})", "{{upstream}}"),
                normal="How far Sendcloud's clock is ahead of ours. Normal: seconds; sweeps go by the earlier one.",
                alerts=("AftersendClockSkew",),
                look=Look(unit="s"),
            ),
        ],
        height=8,
        across=3,
    )


def redis(of: dashboard.Dashboard) -> None:
    """Add the row of Redis, and of changes by people."""
    row(
        of,
        "Redis and access",
        [
            figure(
                "Keeps what it confirms",
                f"min(aftersend_redis_durable{{{OF}}})",
                normal="AOF and noeviction are on. no: a crash of Redis loses webhooks that we have confirmed.",
                alerts=("AftersendRedisNotDurable",),
                look=_DURABLE,
            ),
            curves(
                "Memory of Redis",
                Ask(f"max(aftersend_redis_memory_ratio{{{OF}}})", "in use"),
                normal="Share of maxmemory. From 80 % on webhooks are refused, until the writer has made room.",
                alerts=("AftersendRedisNearlyFull",),
                look=Look(unit="percentunit", warn=0.7, bad=0.8),
            ),
            curves(
                "Connections",
                Ask(f"max(aftersend_redis_clients{{{OF}}})", "connections"),
                normal="Normal: below 100. A burst opens them, and they stay.",
                alerts=("AftersendRedisClients",),
            ),
            curves(
                "Refused by Redis",
                Ask(
                    or_zero(f"max by (kind) (increase(aftersend_redis_denied_total{{{OF}}}[{WINDOW}]))", "kind"),
                    "{{kind}}",
                ),
                normal="Log-ins, commands and keys that Redis denied to any client. Normal: 0.",
                alerts=("AftersendRedisDenied",),
            ),
            curves(
                "Changes by people",
                Ask(
                    or_zero(f"max by (secret) (increase(aftersend_secret_changes_total{{{OF}}}[{WINDOW}]))", "secret"),
                    "secret {{secret}}",
                ),
                Ask(
                    or_zero(f"max(increase(aftersend_operator_tenant_changes_total{{{OF}}}[{WINDOW}]))"),
                    "tenant document",
                ),
                normal="Secrets that were replaced, and edits of the tenant. Each should have a known reason.",
                alerts=("AftersendSecretChanged", "AftersendTenantChanged"),
            ),
            figure(
                "Certificate of the webhook ends in",
                f"min(aftersend_webhook_certificate_expiry_timestamp_seconds{{{OF}}}) - time()",
                normal="No data: its address has no certificate of ours (spec.webhook.tlsSecretName).",
                alerts=("AftersendWebhookCertificateExpires",),
                look=Look(unit="s", warn=14 * 86400, bad=2 * 86400, less=True),
            ),
        ],
        height=8,
        across=3,
    )


def processes(of: dashboard.Dashboard) -> None:
    """Add the row of conditions and processes."""
    row(
        of,
        "Conditions and processes",
        [
            curves(
                "Conditions",
                Ask(
                    f"max by (condition, reason) (aftersend_tenant_condition{{{OF}}})",
                    "{{condition}}: {{reason}}",
                ),
                normal="What `kubectl get aftersendtenant` shows: 1 while the condition holds.",
                alerts=("AftersendTenantDegraded",),
            ),
            curves(
                "Parts",
                Ask(f"count by (part) (aftersend_part_info{{{OF}}})", "{{part}}"),
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
