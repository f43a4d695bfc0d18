"""Types of panels: figures, curves and tables with the same units, colours and sources everywhere.

Every panel says in its description what is normal, and names the alerts that watch the same. ``alerts`` become links to
the runbooks: ``RUNBOOKS_URL`` is replaced (or the link undone) by the chart.

Counters that have no series before their first event would leave a panel without data. ``or_zero`` shows 0 then.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
TENANT_PAGE: Final = (
    "/d/aftersend-tenant?var-tenant=${__data.fields.tenant}&${cluster:queryparam}&${datasource:queryparam}"
    "&${__url_time_range}"
)
WINDOW: Final = "$__rate_interval"


_METRIC: Final = re.compile(r"\b((?:aftersend|process)_\w+|up)\b(\{)?")


@dataclass(frozen=True)
class Ask:
    """One query of a panel."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Look:
    """Unit and thresholds of a panel: yellow from ``warn`` on, red from ``bad`` on; ``less`` inverts them."""

    unit: str = "short"
    warn: float | None = None
    bad: float | None = None
    less: bool = False
    decimals: int | None = None
    words: dict[str, str] = field(default_factory=dict)
    """Value -> the text shown instead."""


PLAIN: Final = Look()


def in_cluster(expr: str) -> str:
    """Restrict every metric of a query to the chosen clusters; All also matches series without that label."""
    named = _METRIC.sub(lambda found: f'{found[1]}{{cluster=~"$cluster"' + (", " if found[2] else "}"), expr)
    return named.replace(", }", "}")


def or_zero(expr: str, label: str = "", value: str = "none") -> str:
    """Add 0 to a query without series; with ``label`` under that value of it."""
    nothing = f'label_replace(vector(0), "{label}", "{value}", "", "")' if label else "vector(0)"
    return f"{expr} or on () {nothing}"


def figure(title: str, expr: str, *, normal: str, alerts: tuple[str, ...] = (), look: Look = PLAIN) -> stat.Panel:
    """Build a panel of one number, coloured by its thresholds, with a small curve behind."""
    panel = (
        stat.Panel()
        .title(title)
        .description(_described(normal, alerts))
        .datasource(SOURCE)
        .with_target(_asked(Ask(expr), 0))
        .unit(look.unit)
        .thresholds(_limits(look))
        .mappings(_words(look))
        .graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return panel if look.decimals is None else panel.decimals(look.decimals)


def curves(
    title: str,
    *asks: Ask,
    normal: str,
    alerts: tuple[str, ...] = (),
    look: Look = PLAIN,
    stacked: bool = False,
) -> timeseries.Panel:
    """Build a panel of values over time, one line per series; ``stacked`` for parts of a whole."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(_described(normal, alerts))
        .datasource(SOURCE)
        .unit(look.unit)
        .thresholds(_limits(look))
        .thresholds_style(
            common.GraphThresholdsStyleConfig().mode(
                GraphTresholdsStyleMode.LINE if look.bad is not None else GraphTresholdsStyleMode.OFF
            )
        )
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .fill_opacity(30 if stacked else 8)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL if stacked else StackingMode.NONE))
        .min(0)
    )
    for number, ask in enumerate(asks):
        panel = panel.with_target(_asked(ask, number))
    return panel


def ranking(title: str, ask: Ask, *, normal: str, alerts: tuple[str, ...] = (), look: Look = PLAIN) -> bargauge.Panel:
    """Build a panel of the worst tenants as bars; a click opens the tenant."""
    return (
        bargauge.Panel()
        .title(title)
        .description(_described(normal, alerts))
        .datasource(SOURCE)
        .with_target(_asked(ask, 0).instant())
        .unit(look.unit)
        .min(0)
        .thresholds(_limits(look))
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .data_links([dashboard.DashboardLink("Tenant ${__field.labels.tenant}").url(_BY_LABEL)])
    )


def tenants(title: str, columns: dict[str, str], *, normal: str) -> table.Panel:
    """Build a table of one row per tenant, one column per query; a click opens the tenant."""
    panel = (
        table.Panel()
        .title(title)
        .description(normal)
        .datasource(SOURCE)
        .with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(_renamed(columns))
        .override_by_name("tenant", [model.DynamicConfigValue("links", [_LINK])])
    )
    for number, expr in enumerate(columns.values()):
        panel = panel.with_target(_asked(Ask(expr), number).instant().format(PromQueryFormat.TABLE))
    return panel


def page(title: str, uid: str, about: str) -> dashboard.Dashboard:
    """Build an empty dashboard with a variable for the data source."""
    source = dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    return (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["aftersend"])
        .refresh("1m")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(source)
        .with_variable(_cluster())
        .link(
            dashboard.DashboardLink("Aftersend")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags(["aftersend"])
            .keep_time(keep_time=True)
            .include_vars(include_vars=True)
        )
    )


def _cluster() -> dashboard.QueryVariable:
    every = model.VariableOption(selected=True, text="All", value="$__all")
    return (
        dashboard.QueryVariable("cluster")
        .label("Cluster")
        .datasource(SOURCE)
        .query("label_values(aftersend_build_info, cluster)")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .include_all(include_all=True)
        .all_value(".*")
        .current(every)
    )


def row(of: dashboard.Dashboard, title: str, panels: list[Builder[model.Panel]], *, height: int, across: int) -> None:
    """Add a titled row of panels, ``across`` side by side."""
    first = len(of.build().panels or []) + 1
    of.with_row(dashboard.Row(title).id(first))
    for number, panel in enumerate(panels, first + 1):
        of.with_panel(panel.id(number).height(height).span(24 // across))  # type: ignore[attr-defined]  # every panel has both


_BY_LABEL: Final = TENANT_PAGE.replace("${__data.fields.tenant}", "${__field.labels.tenant}")
_LINK: Final = {"title": "Open", "url": TENANT_PAGE}


def _asked(ask: Ask, number: int) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(in_cluster(ask.expr)).ref_id(chr(ord("A") + number)).datasource(SOURCE)
    return query.legend_format(ask.legend) if ask.legend else query


def _described(normal: str, alerts: tuple[str, ...]) -> str:
    links = ", ".join(f"[{alert}](RUNBOOKS_URL/{alert}.md)" for alert in alerts)
    return f"{normal}\n\nAlerts: {links}" if links else normal


def _limits(look: Look) -> dashboard.ThresholdsConfig:
    """Order the colours: green first; with ``less`` red first, because less is worse."""
    colours = [("green", None), ("yellow", look.warn), ("red", look.bad)]
    if look.less:
        colours = [("red", None), ("yellow", look.bad), ("green", look.warn if look.warn is not None else look.bad)]
    steps = [
        model.Threshold(color=colour, value=at) for colour, at in colours if at is not None or colour == colours[0][0]
    ]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _words(look: Look) -> list[model.ValueMapping]:
    if not look.words:
        return []
    options = {value: model.ValueMappingResult(text=text) for value, text in look.words.items()}
    return [model.ValueMap(options=options)]


def _renamed(columns: dict[str, str]) -> model.DataTransformerConfig:
    names = {f"Value #{chr(ord('A') + number)}": name for number, name in enumerate(columns)}
    options = {"excludeByName": {"Time": True}, "renameByName": names}
    return model.DataTransformerConfig(id_val="organize", options=options)
