"""The chart ships the dashboards as ConfigMaps that Grafana's sidecar finds."""

import json
from pathlib import Path
from typing import Any

from tests.support.chart_kit import of_kind, render

FILES = Path(__file__).resolve().parents[2] / "charts/aftersend/files/dashboards"
NAMES = ["aftersend-fleet.json", "aftersend-tenant.json"]


def shipped(**monitoring: Any) -> list[dict[str, Any]]:
    """The ConfigMaps of dashboards."""
    wishes = {"monitoring": {"dashboards": {"enabled": True}, **monitoring}}
    maps = of_kind(render(wishes), "ConfigMap")
    return [each for each in maps if each["metadata"]["name"].endswith("-dashboard")]


def test_without_a_wish_there_are_none() -> None:
    assert shipped(dashboards={"enabled": False}) == []


def test_the_sidecar_finds_them_by_label() -> None:
    wish = {"enabled": True, "labels": {"team": "shops"}, "annotations": {"grafana_folder": "Aftersend"}}
    found = shipped(dashboards=wish)
    assert [name for each in found for name in each["data"]] == NAMES
    for each in found:
        assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert each["metadata"]["labels"]["team"] == "shops"
        assert each["metadata"]["annotations"] == {"grafana_folder": "Aftersend"}
        assert len(json.dumps(each)) < 1_000_000


def test_descriptions_link_to_the_runbooks_if_their_address_is_known() -> None:
    linked = shipped(alerts={"runbookUrl": "https://docs.example.com/runbooks/"})
    for each in linked:
        ((name, text),) = each["data"].items()
        assert text == (FILES / name).read_text().replace("RUNBOOKS_URL", "https://docs.example.com/runbooks")


def test_without_an_address_only_the_names_of_alerts_remain() -> None:
    for each in shipped():
        ((name, text),) = each["data"].items()
        assert "RUNBOOKS_URL" not in text
        assert "Alerts: AftersendExportLate" in text
        assert json.loads(text)["uid"] == name.removesuffix(".json")
