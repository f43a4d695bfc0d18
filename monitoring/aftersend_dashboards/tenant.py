"""The dashboard of one tenant: the path of an order from left to right, and what may block it."""

from grafana_foundation_sdk.builders import dashboard

from aftersend_dashboards.blocks import SOURCE, Look, figure, in_cluster, or_zero, page, row
from aftersend_dashboards.budgets import budgets
from aftersend_dashboards.tenant_flow import numbers_back, orders_out
from aftersend_dashboards.tenant_ground import processes, redis, upstreams
from aftersend_dashboards.tenant_queries import OF, YES_IS_BAD


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
    budgets(of, OF)
    orders_out(of)
    numbers_back(of)
    upstreams(of)
    redis(of)
    processes(of)
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
                f'time() - max(aftersend_last_success_timestamp_seconds{{{OF}, kind="writeback"}})',
                normal="Since an order was last brought up to date in Afterbuy; grows while no labels are printed.",
                look=seconds,
            ),
            figure(
                "Oldest event",
                f'max(aftersend_event_age_seconds{{{OF}, stream="parcels"}})',
                normal="Age of the oldest unhandled parcel event. Normal: seconds.",
                alerts=("AftersendWriteBackLate",),
                look=Look(unit="s", warn=300, bad=900),
            ),
            figure(
                "Dead letters",
                f"sum(max by (stream) (aftersend_dead_letters{{{OF}}}))",
                normal="Events that wait for a person: `aftersend dead list`. Normal: 0.",
                alerts=("AftersendDeadLetters",),
                look=Look(warn=1),
            ),
            figure(
                "Orders to look at",
                or_zero(f"sum(max by (code) (aftersend_problems{{{OF}}}))"),
                normal="Orders with a problem, for the merchant: `aftersend orders --problems`.",
                look=Look(warn=1),
            ),
            figure(
                "Suspended",
                f"max(aftersend_suspended{{{OF}}})",
                normal="The merchant's own switch: no export, no write-back, webhooks are stored, alerts are silent.",
                look=YES_IS_BAD,
            ),
        ],
        height=4,
        across=8,
    )


def _late(kind: str) -> str:
    return f'time() - max(aftersend_next_due_timestamp_seconds{{{OF}, kind="{kind}"}})'
