"""Values of the chart with their defaults."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from tests.contracts.product import ROOT
from tests.support.snapshots import Compare, lines


def leaves(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from leaves(below, f"{path}.{name}".lstrip("."))
    else:
        yield f"{path}: {json.dumps(value)}"


def test_paths_and_defaults(contract: Compare) -> None:
    values = yaml.safe_load((ROOT / "charts/aftersend/values.yaml").read_text())
    contract("chart_values.txt", lines(leaves(values, "")))
