"""The CustomResourceDefinition as the command prints it: fields, types, defaults, rules; no sentences."""

import json
from collections.abc import Iterator
from typing import Any

from tests.support.part_kit import call_main
from tests.support.snapshots import Compare, as_yaml, lines

SENTENCES = ("description", "message")
_STRUCTURE = ("properties", "items", "additionalProperties", "x-kubernetes-validations", *SENTENCES)


def definition() -> dict[str, Any]:
    code, out, _ = call_main(("crd", "--json"), {})
    assert code == 0
    crd: dict[str, Any] = json.loads(out)
    return crd


def fields(schema: dict[str, Any], path: str) -> Iterator[str]:
    """A row per field, with everything that decides what it may hold, and a row per rule."""
    yield f"{path}: {facts(schema)}"
    for rule in schema.get("x-kubernetes-validations", ()):
        yield f"{path} rule: {json.dumps({key: rule[key] for key in sorted(rule) if key not in SENTENCES})}"
    for name, below in schema.get("properties", {}).items():
        yield from fields(below, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if isinstance(schema.get(key), dict):
            yield from fields(schema[key], path + mark)


def facts(schema: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {json.dumps(schema[key], sort_keys=True)}" for key in sorted(schema) if key not in _STRUCTURE
    )


def test_fields(contract: Compare) -> None:
    rows = [
        row
        for version in definition()["spec"]["versions"]
        for row in fields(version["schema"]["openAPIV3Schema"], version["name"])
    ]
    contract("custom_resource_fields.txt", lines(rows))


def test_names_versions_and_columns(contract: Compare) -> None:
    spec = definition()["spec"]
    for version in spec["versions"]:
        del version["schema"]
        for column in version.get("additionalPrinterColumns", ()):
            column.pop("description", None)
    contract("custom_resource.yaml", as_yaml(spec))
