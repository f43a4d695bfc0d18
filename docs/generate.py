"""Write the generated parts of the docs: ``python docs/generate.py``, or ``--check`` to fail on drift.

A page holds markers ``<!-- generated: name -->`` and ``<!-- end -->``; what stands between them is made from the code:
the tables of the tenant document and of the metrics from their definitions, the list of assumptions from the sandbox's
switches. Whole files that are made from the code are written (and checked) with them.
"""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import alert_catalogue
import benchmark_table
import chart_files
import command_catalogue
import floors
import metric_catalogue
import msgspec
import outage_table
import retention
import scale_table
import soak_table
import upgrade_table
import walk_table
from msgspec import inspect as types

from aftersend.crd.meanings import meanings
from aftersend.crd.rendering import as_template
from aftersend.tenant import document

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "monitoring"))
CHART = ROOT / "charts" / "aftersend"
PAGES = [ROOT / "README.md", CHART / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MARKER = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def tenant_table() -> str:
    """Render all fields of ``spec`` with type, default and meaning."""
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    rows += [
        f"| `{path}` | {kind} | {default} | {meaning} |" for path, kind, default, meaning in _fields(document.Spec)
    ]
    return "\n".join(rows) + "\n"


def _fields(struct: type[msgspec.Struct], path: str = "spec") -> Iterator[tuple[str, str, str, str]]:
    texts = meanings(struct)
    for field in types.type_info(struct).fields:  # type: ignore[attr-defined]
        here = f"{path}.{field.encode_name}"
        if isinstance(field.type, types.StructType):
            yield from _fields(field.type.cls, here)
        else:
            yield here, _kind(field.type), _default(field), texts.get(field.name, "")


def _kind(kind: Any) -> str:  # noqa: ANN401 - msgspec's type descriptions have no common base worth naming
    if isinstance(kind, types.Metadata):
        return _kind(kind.type)
    if isinstance(kind, types.LiteralType):
        return " \\| ".join(f"`{value}`" for value in kind.values)
    if isinstance(kind, types.UnionType):
        return " or ".join(_kind(part) for part in kind.types)
    names = {
        types.StrType: "text",
        types.BoolType: "true or false",
        types.IntType: "whole number",
        types.FloatType: "number",
        types.NoneType: "null",
        types.ListType: "list",
        types.DictType: "map",
    }
    return names[type(kind)] + _limits(kind)


def _limits(kind: Any) -> str:  # noqa: ANN401 - see _kind
    low, high = getattr(kind, "ge", None), getattr(kind, "le", None)
    return f" {low}–{high}" if low is not None and high is not None else ""


def _default(field: types.Field) -> str:
    if field.required:
        return "**required**"
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return f"`{msgspec.json.encode(value).decode()}`"


def assumptions() -> str:
    """Render the open points of both APIs: the sandbox has a switch for each, and plays every outcome."""
    from aftersend_sandbox.switches import TABLE  # noqa: PLC0415 - only this part needs the sandbox

    rows = ["| side | open point | switch | outcomes played (the first is the default) |", "|---|---|---|---|"]
    rows += [f"| {switch.side} | {switch.means} | `{switch.name}` | {', '.join(switch.values)} |" for switch in TABLE]
    return "\n".join(rows) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "tenant-table": tenant_table,
    "assumptions": assumptions,
    "metrics": metric_catalogue.tables,
    "command-line": command_catalogue.sections,
    "alerts": alert_catalogue.sections,
    "alert-thresholds": alert_catalogue.thresholds,
    "recorded-series": alert_catalogue.recordings,
    "chart-values": chart_files.values_table,
    "floors": floors.table,
    "outages": outage_table.table,
    "scale": scale_table.table,
    "benchmarks": benchmark_table.table,
    "benchmark-circumstances": benchmark_table.circumstances,
    "benchmark-misses": benchmark_table.misses,
    "benchmark-costs": benchmark_table.costs,
    "soak": soak_table.table,
    "walk": walk_table.table,
    "upgrade": upgrade_table.table,
    "retention": retention.privacy,
    "deletion-concept": retention.deletion_concept,
}


def renewed(text: str) -> str:
    """Replace all generated parts of a page."""
    return MARKER.sub(lambda match: match[1] + PARTS[match["name"]]() + match[3], text)


def files() -> Iterator[tuple[Path, str]]:
    """Yield every file with something generated in it, and its text; pages last, they read the dashboards."""
    from aftersend_dashboards import rendering  # noqa: PLC0415 - found by way of the path above

    for name, text in rendering.files().items():
        yield CHART / "files/dashboards" / name, text
    for page in PAGES:
        yield page, renewed(page.read_text())
    yield CHART / "templates/crd.yaml", as_template()
    yield CHART / "values.yaml", chart_files.values_yaml()
    yield CHART / "values.schema.json", chart_files.values_schema()


def main(arguments: list[str]) -> int:
    """Write the files, or only print which would change."""
    stale = False
    for file, text in files():
        if not file.exists() or file.read_text() != text:
            print(f"{'stale' if arguments else 'written'}: {file.relative_to(ROOT)}")
            stale = True
            if not arguments:
                file.write_text(text)
    if arguments and stale:
        print("run: make docs")
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
