"""The way of an order on the dashboard of one tenant: out to Sendcloud, and its numbers back."""

from grafana_foundation_sdk.builders import dashboard

from aftersend_dashboards.blocks import WINDOW, Ask, Look, curves, or_zero, row
from aftersend_dashboards.tenant_queries import OF, per_window, quantile


def orders_out(of: dashboard.Dashboard) -> None:
    """Add the row of exports: what left Afterbuy, and what stayed and why."""
    row(
        of,
        "Orders out: Afterbuy to Sendcloud",
        [
            curves(
                "Decisions of exports",
                Ask(per_window("aftersend_orders_total", "outcome"), "{{outcome}}"),
                normal="What runs decided about orders. Normal: sent, unchanged; rejected: a problem of that order.",
                stacked=True,
            ),
            curves(
                "Left out, by reason",
                Ask(
                    or_zero(
                        f'sum by (reason) (increase(aftersend_orders_total{{{OF}, reason!=""}}[{WINDOW}]))', "reason"
                    ),
                    "{{reason}}",
                ),
                normal="has_parcel_number: shipped, or held back by the merchant. The others: docs/guides/tenant.md.",
                stacked=True,
            ),
            curves(
                "Runs",
                Ask(per_window("aftersend_runs_total", "kind", "outcome"), "{{kind}}: {{outcome}}"),
                normal="Normal: done, or partial (an order was rejected). failed: nothing could be read or sent.",
                alerts=("AftersendExportLate", "AftersendSweepLate"),
                stacked=True,
            ),
            curves(
                "Duration of the last run",
                Ask(f"max by (kind) (aftersend_run_duration_seconds{{{OF}}})", "{{kind}}"),
                normal="Normal: seconds to a few minutes.",
                look=Look(unit="s"),
            ),
            curves(
                "Problems, by code",
                Ask(or_zero(f"max by (code) (aftersend_problems{{{OF}}})", "code"), "{{code}}"),
                normal="Orders that a person must look at, as the ledger has them.",
                stacked=True,
            ),
            curves(
                "Notices, by code",
                Ask(or_zero(f"max by (code) (aftersend_notices{{{OF}}})", "code"), "{{code}}"),
                normal="Orders sent without data that may be missed; they stop nothing and end by themselves.",
                stacked=True,
            ),
            curves(
                "Since the last success",
                Ask(f"time() - max by (kind) (aftersend_last_success_timestamp_seconds{{{OF}}})", "{{kind}}"),
                normal="Normal: a saw, as high as the distance of the runs.",
                look=Look(unit="s"),
            ),
        ],
        height=8,
        across=3,
    )


def numbers_back(of: dashboard.Dashboard) -> None:
    """Add the row of webhooks, queues and write-backs."""
    row(
        of,
        "Numbers back: Sendcloud to Afterbuy",
        [
            curves(
                "Webhooks, by answer",
                Ask(or_zero(per_window("aftersend_webhooks_total", "outcome"), "outcome"), "{{outcome}}"),
                normal="stored and ignored_… are fine; not_stored, failed, no_key and busy are ours; wrong_signature: a"
                " stranger, or the keys differ; too_old: recorded and sent again.",
                alerts=("AftersendWebhookFailing", "AftersendSignaturesRefused", "AftersendEventsTooOld"),
                stacked=True,
            ),
            curves(
                "Answer to a webhook",
                Ask(quantile("aftersend_webhook_seconds", "0.5"), "half"),
                Ask(quantile("aftersend_webhook_seconds", "0.99"), "99 %"),
                normal="From the arrival of a signed webhook to its answer. Normal: below 50 ms.",
                alerts=("AftersendWebhookFailing",),
                look=Look(unit="s"),
            ),
            curves(
                "Label to Afterbuy",
                Ask(quantile("aftersend_writeback_seconds", "0.5"), "half"),
                Ask(quantile("aftersend_writeback_seconds", "0.99"), "99 %"),
                normal="From the parcel's change at Sendcloud until Afterbuy shows it. Normal: seconds; objective: 99 %"
                " within 5 minutes.",
                alerts=("AftersendWriteBackSlow",),
                look=Look(unit="s", bad=300),
            ),
            curves(
                "Age of the oldest event",
                Ask(f"max by (stream) (aftersend_event_age_seconds{{{OF}}})", "{{stream}}"),
                normal="Normal: seconds; a growing line means that they are not handled.",
                alerts=("AftersendWriteBackLate",),
                look=Look(unit="s", bad=900),
            ),
            curves(
                "Queues",
                Ask(f"max by (stream) (aftersend_stream_length{{{OF}}})", "{{stream}}"),
                Ask(f"max by (stream) (aftersend_stream_pending{{{OF}}})", "{{stream}}, in hand"),
                Ask(f"max by (stream) (aftersend_events_delayed{{{OF}}})", "{{stream}}, delayed"),
                Ask(f"max by (stream) (aftersend_dead_letters{{{OF}}})", "{{stream}}, dead"),
                normal="Delayed ones failed for a reason that may pass and are tried again for over a day.",
                alerts=("AftersendDeadLetters",),
            ),
            curves(
                "Events handled",
                Ask(
                    or_zero(per_window("aftersend_events_handled_total", "stream", "outcome"), "outcome"),
                    "{{stream}}: {{outcome}}",
                ),
                Ask(f"sum by (stream) (increase(aftersend_events_lost_total{{{OF}}}[{WINDOW}]))", "{{stream}}: lost"),
                Ask(
                    f"sum by (stream) (increase(aftersend_streams_replaced_total{{{OF}}}[{WINDOW}]))",
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
