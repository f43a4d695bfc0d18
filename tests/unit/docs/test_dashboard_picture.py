"""The renderer of the dashboards' pictures: values and units as Grafana writes them, panels at their places."""

import re
from typing import Any

import pytest

from docs.images.dashboard_picture import Series, amount, colour, page, substituted


def test_variables_stand_bare_or_in_braces() -> None:
    known = {"tenant": "mueller", "cluster": ".*", "__rate_interval": "30s"}
    text = 'rate(x{cluster=~"$cluster", tenant="${tenant}", job=~"a.+$"}[$__rate_interval]) + $other'
    assert substituted(text, known) == 'rate(x{cluster=~".*", tenant="mueller", job=~"a.+$"}[30s]) + $other'


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "short", "0"), (7, "short", "7"), (100, "short", "100"), (1234, "short", "1.23 K"), (-0.5, "short", "-0.5"),
        (0, "s", "0 s"), (0.0042, "s", "4.2 ms"), (-23, "s", "-23 s"), (90, "s", "1.5 mins"), (7200, "s", "2 hours"),
        (172800, "s", "2 days"), (1, "percentunit", "100%"), (0.1234, "percentunit", "12.3%"), (0, "percentunit", "0%"),
        (3 * 2**20, "bytes", "3 MiB"), (0.25, "ops", "0.25 ops/s"), (12, "reqps", "12 req/s"),
    ],
)  # fmt: skip
def test_a_value_has_its_unit(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def panel(number: int, kind: str, *, x: int = 0, w: int = 6, **defaults: Any) -> dict[str, Any]:
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 10}]
    return {
        "id": number, "type": kind, "title": f"<{kind}>", "gridPos": {"x": x, "y": 1, "w": w, "h": 8},
        "fieldConfig": {"defaults": {"unit": "short", "thresholds": {"steps": steps}, **defaults}},
    }  # fmt: skip


@pytest.mark.parametrize(("value", "ink"), [(-1, "#73bf69"), (9.9, "#73bf69"), (10, "#f2495c"), (99, "#f2495c")])
def test_a_value_has_the_colour_of_the_highest_threshold_it_reached(value: float, ink: str) -> None:
    assert colour(value, panel(1, "stat")) == ink


def drawn(cell: dict[str, Any], *series: Series) -> str:
    return page({"title": "A & B", "panels": [cell]}, "", {cell["id"]: series})


def test_a_panel_stands_at_its_place_and_its_texts_are_escaped() -> None:
    text = drawn(panel(1, "stat", x=12))
    assert 'style="grid-area: 2 / 13 / span 8 / span 6"><h3>&lt;stat&gt;</h3>' in text
    assert "No data" in text
    assert "<h1>A &amp; B" in text


def test_a_stat_shows_its_last_value_or_the_word_for_it() -> None:
    series = Series({}, [(0, 12), (2, 1)])
    words = [{"type": "value", "options": {"1": {"text": "yes"}}}]
    assert ">1</div>" in drawn(panel(1, "stat"), series)
    assert ">yes</div>" in drawn(panel(1, "stat", mappings=words), series)


@pytest.mark.parametrize(("mode", "stacked"), [("none", False), ("normal", True)])
def test_stacked_lines_stand_on_each_other(mode: str, *, stacked: bool) -> None:
    custom = {"stacking": {"mode": mode}, "fillOpacity": 30, "thresholdsStyle": {"mode": "off"}}
    series = (Series({"kind": kind}, [(0, 4), (2, 4)], "{{kind}}: all") for kind in ("export", "sweep"))
    text = drawn(panel(1, "timeseries", custom=custom, min=0), *series)
    first, second = (found.split() for found in re.findall(r'polygon points="(.*?)"', text))
    assert re.findall(r"<li [^>]*>(.*?)</li>", text) == ["export: all", "sweep: all"]
    assert (first[:2] == second[2:][::-1]) is stacked


def test_a_limit_is_drawn_where_it_is_in_sight() -> None:
    custom = {"stacking": {"mode": "none"}, "fillOpacity": 8, "thresholdsStyle": {"mode": "line"}}
    cell = panel(1, "timeseries", custom=custom, min=0)
    assert "stroke-dasharray" not in drawn(cell, Series({}, [(0, 4), (2, 5)]))
    assert "stroke-dasharray" in drawn(cell, Series({}, [(0, 4), (2, 40)]))


def test_a_table_has_one_row_for_answers_of_the_same_labels() -> None:
    names = {"renameByName": {"Value #A": "late", "Value #B": "dead"}}
    cell = panel(1, "table") | {"transformations": [{"id": "organize", "options": names}]}
    text = drawn(cell, *(Series({"tenant": "mueller"}, [(0, value)], ref=ref) for ref, value in (("A", 3), ("B", 0))))
    assert "<tr><td>tenant<td>late<td>dead<tr><td>mueller<td>3<td>0</table>" in text
