"""A dashboard of Grafana as a page, from its JSON and answers of Prometheus; only what our own panels use."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from string import Template
from time import localtime, strftime
from typing import Any

WIDTH, _AXIS = 1500, 66
_COLOURS = {"green": "#73bf69", "yellow": "#fade2a", "red": "#f2495c"}
_INKS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#37872d", "#fa6400", "#a352cc")
_UNITS: Mapping[str, Sequence[tuple[float, str]]] = {
    "short": ((1, ""), (1e3, " K"), (1e6, " Mil")),
    "s": ((1e-3, " ms"), (1, " s"), (60, " mins"), (3600, " hours"), (86400, " days")),
    "bytes": ((1, " B"), (2**10, " KiB"), (2**20, " MiB"), (2**30, " GiB")),
    "percentunit": ((0.01, "%"),), "ops": ((1, " ops/s"),), "reqps": ((1, " req/s"),),
}  # fmt: skip
_STYLE = """
body { margin: 0; padding: 12px 16px; background: #111217; color: #ccccdc; font: 12px Inter, "DejaVu Sans", sans-serif }
h1 { font-size: 18px; margin: 0 0 10px } h1 span { font-size: 12px; font-weight: 400; margin-left: 24px }
main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 26px; gap: 8px }
section { background: #181b1f; border: 1px solid #24272e; border-radius: 2px; overflow: hidden; padding: 0 8px }
h2 { font-size: 15px; margin: 8px 0 0; font-weight: 500 } h3 { font-size: 13px; font-weight: 500; margin: 8px 0 5px }
section { display: flex; flex-direction: column; position: relative } h3 { white-space: nowrap }
ul { list-style: none; margin: 4px 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 14px }
li::before { content: "━ "; color: var(--ink) } text { fill: #ccccdc; font-size: 11px }
svg { flex: none; shape-rendering: crispEdges } .empty { margin: auto; font-size: 16px }
.stat { margin: auto; font-size: 32px; z-index: 1 } .spark { position: absolute; left: 0; bottom: 0 }
.bar { display: flex; gap: 8px; align-items: center; margin: 5px 0 } .bar * { width: 70px } .bar p { margin: 0 }
.bar div { flex: 1; background: #22252b; height: 26px } .bar div div { height: 100%; opacity: .75 }
table { border-collapse: collapse } td { padding: 7px 6px; border-bottom: 1px solid #2c3235 }
tr:first-child { color: #6e9fff }
"""

Panel = Mapping[str, Any]
Points = Sequence[tuple[float, float]]
Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """Points of time and value, what Grafana calls them, and the query that they answer."""

    labels: Mapping[str, str]
    points: Points
    legend: str = ""
    ref: str = "A"

    @property
    def name(self) -> str:
        """The legend with its labels filled in; one that the series has not is empty."""
        return re.sub(r"{{(.*?)}}", lambda found: self.labels.get(found[1], ""), self.legend)


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with values for ``$name`` and ``${name}``."""
    return Template(text).safe_substitute(variables)


def amount(value: float, unit: str = "short") -> str:
    """Return the value with its unit, with three digits."""
    size, word = _scale(value, unit)
    scaled = value / size
    digits = max(0, 2 - math.floor(math.log10(abs(scaled)))) if scaled else 0
    text = f"{scaled:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + word


def _scale(value: float, unit: str) -> tuple[float, str]:
    smallest, *larger = _UNITS[unit]
    if not value:
        return 1, _UNITS[unit][unit == "s"][1]
    return next((each for each in reversed(larger) if abs(value) >= each[0]), smallest)


def colour(value: float, panel: Panel) -> str:
    """Return the colour of the highest threshold that the value has reached."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return _COLOURS[[each["color"] for each in steps if each["value"] is None or value >= each["value"]][-1]]


def page(board: Panel, shown: str, answers: Mapping[int, Sequence[Series]]) -> str:
    """Return the dashboard as a page; ``answers`` has the series by the panel's id."""
    cells = "".join(_cell(panel, answers.get(panel["id"], ())) for panel in board["panels"])
    head = f"<h1>{escape(board['title'])}<span>{escape(shown)}</span></h1>"
    return f'<!doctype html><meta charset="utf-8"><style>{_STYLE}</style>{head}<main>{cells}</main>'


def _cell(panel: Panel, series: Sequence[Series]) -> str:
    at, title = panel["gridPos"], escape(panel["title"])
    style = f'style="grid-area: {at["y"] + 1} / {at["x"] + 1} / span {at["h"]} / span {at["w"]}"'
    if panel["type"] == "row":
        return f"<h2 {style}>{title}</h2>"
    body = _DRAWN[panel["type"]](panel, series) if series else '<div class="empty">No data</div>'
    return f"<section {style}><h3>{title}</h3>{body}</section>"


def _worded(value: float, panel: Panel) -> str:
    field = panel["fieldConfig"]["defaults"]
    words = {key: each["text"] for mapping in field.get("mappings", ()) for key, each in mapping["options"].items()}
    return escape(words.get(f"{value:g}") or amount(value, field.get("unit", "short")))


def _size(panel: Panel) -> tuple[float, float]:
    """Width inside a panel and its height, in pixels; a cell of the grid is 26 high and 8 from the next."""
    return panel["gridPos"]["w"] * (WIDTH - 24) / 24 - 26, panel["gridPos"]["h"] * 34 - 8


def _stat(panel: Panel, series: Sequence[Series]) -> str:
    points, (wide, high) = series[0].points, _size(panel)
    ink, low = colour(points[-1][1], panel), min(value for _, value in points)
    place = _placing((0, 2, wide + 18, high / 4), points, (low, max(value for _, value in points)))
    area = _area(points, [(at, low) for at, _ in points], place, ink, 0.15)
    spark = f'<svg class="spark" width="{wide + 18:.0f}" height="{high / 4 + 3:.0f}">{area}</svg>'
    return f'{spark}<div class="stat" style="color: {ink}">{_worded(points[-1][1], panel)}</div>'


def _timeseries(panel: Panel, series: Sequence[Series]) -> str:
    field, (wide, high) = panel["fieldConfig"]["defaults"], _size(panel)
    edges = list(_edges(series, stacked=field["custom"]["stacking"]["mode"] == "normal"))
    values = [value for top, _ in edges for _, value in top]
    ticks = _ticks(min([*values, field.get("min", math.inf)]), max(values), field["unit"])
    times = sorted(point for each in series for point in each.points)
    place = _placing((_AXIS, 6, wide - _AXIS - 6, high - 116), times, (ticks[0], ticks[-1]))
    drawn = _axes(place, times, ticks, field["unit"])
    inks = [_INKS[number % len(_INKS)] for number in range(len(series))]
    for (top, base), ink in zip(edges, inks, strict=True):
        drawn += _area(top, base, place, ink, field["custom"]["fillOpacity"] / 100)
    for step in field["thresholds"]["steps"][1:] if field["custom"]["thresholdsStyle"]["mode"] == "line" else ():
        if step["value"] <= ticks[-1]:
            drawn += _rule(place, times, step["value"], f'{_COLOURS[step["color"]]}" stroke-dasharray="8 6')
    names = (f'<li style="--ink: {ink}">{escape(each.name)}</li>' for each, ink in zip(series, inks, strict=True))
    return f'<svg width="{wide:.0f}" height="{high - 92:.0f}">{drawn}</svg><ul>{"".join(names)}</ul>'


def _edges(series: Sequence[Series], *, stacked: bool) -> Iterator[tuple[Points, Points]]:
    """Yield the upper and the lower edge of each series."""
    height: dict[float, float] = {}
    for each in series:
        base = [(at, height.get(at, 0.0)) for at, _ in each.points]
        top = [(at, value + below) for (at, value), (_, below) in zip(each.points, base, strict=True)]
        height.update(top if stacked else ())
        yield top, base


def _ticks(least: float, most: float, unit: str) -> list[float]:
    """Round values that enclose the range, up to seven."""
    size = (most - least) or 1.0
    word = _scale(size, unit)[0]
    power = 10 ** math.floor(math.log10(size / word / 4)) * word
    step = next(power * each for each in (1, 2, 5, 10) if size / (power * each) <= 5)  # noqa: PLR2004 - as many fit
    return [each * step for each in range(math.floor(least / step), math.ceil((least + size) / step) + 1)]


def _placing(box: Sequence[float], times: Points, scale: tuple[float, float]) -> Place:
    (left, top, wide, high), (least, most) = box, scale
    begin, span = times[0][0], (times[-1][0] - times[0][0]) or 1

    def place(at: float, value: float) -> tuple[float, float]:
        share = (min(max(value, least), most) - least) / ((most - least) or 1)
        return left + (at - begin) / span * wide, top + high - share * high

    return place


def _area(top: Points, base: Points, place: Place, ink: str, opacity: float) -> str:
    upper, lower = (" ".join("{:.1f},{:.1f}".format(*place(*point)) for point in edge) for edge in (top, base[::-1]))
    line = f'<polyline points="{upper}" fill="none" stroke="{ink}" stroke-width="1.4"/>'
    return f'<polygon points="{upper} {lower}" fill="{ink}" opacity="{opacity}"/>{line}'


def _rule(place: Place, times: Points, value: float, stroke: str) -> str:
    (left, y), (right, _) = (place(times[end][0], value) for end in (0, -1))
    return f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="{stroke}"/>'


def _axes(place: Place, times: Points, ticks: Sequence[float], unit: str) -> str:
    drawn, (begin, end) = "", (times[0][0], times[-1][0])
    for tick in ticks:
        words = f'text-anchor="end">{amount(tick, unit)}'
        drawn += _rule(place, times, tick, "#2a2d33")
        drawn += f'<text x="{_AXIS - 6}" y="{place(begin, tick)[1] + 4:.1f}" {words}</text>'
    for at in (begin + (end - begin) * quarter / 4 for quarter in (1, 2, 3)):
        x, y = place(at, ticks[0])
        drawn += f'<text x="{x:.1f}" y="{y + 16:.1f}" text-anchor="middle">{strftime("%H:%M:%S", localtime(at))}</text>'
    return drawn


def _bargauge(panel: Panel, series: Sequence[Series]) -> str:
    drawn, most = "", max(each.points[-1][1] for each in series) or 1
    for each in series:
        value = each.points[-1][1]
        bar = f'<div><div style="width: {value / most:.0%}; background: {colour(value, panel)}"></div></div>'
        drawn += f'<div class="bar"><p>{escape(each.name)}</p>{bar}<p>{_worded(value, panel)}</p></div>'
    return drawn


def _table(panel: Panel, series: Sequence[Series]) -> str:
    """The answers of all queries, those of the same labels in one row."""
    names = next(each["options"]["renameByName"] for each in panel["transformations"] if each["id"] == "organize")
    rows: dict[str, dict[str, str]] = {}
    for each in series:
        row = rows.setdefault(str(sorted(each.labels.items())), dict(each.labels))
        row[names[f"Value #{each.ref}"]] = _worded(each.points[-1][1], panel)
    columns = [*series[0].labels, *names.values()]
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows.values())]
    return f"<table>{''.join('<tr><td>' + '<td>'.join(map(escape, line)) for line in lines)}</table>"


_DRAWN: Mapping[str, Callable[[Panel, Sequence[Series]], str]]
_DRAWN = {"stat": _stat, "timeseries": _timeseries, "bargauge": _bargauge, "table": _table}
