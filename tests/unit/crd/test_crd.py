"""The CustomResourceDefinition: structural, described, limited, and the same as in the chart."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import yaml
from msgspec import Meta
from msgspec import inspect as types

from aftersend.crd.definition import definition
from aftersend.crd.meanings import meanings
from aftersend.crd.schema import kind, structure
from aftersend.tenant.document import Spec, Tenant
from aftersend.tenant.fields import Section
from aftersend.tenant.loading import parse_tenant
from aftersend.tenant.rules import RULES
from tests.support.part_kit import call_main
from tests.support.tenant_kit import LEAST

VERSION = definition()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within, with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from nodes(inner, f"{path}.{name}")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from nodes(schema[word], f"{path}[]")


NODES = dict(nodes(SCHEMA))


def at(path: str) -> dict[str, Any]:
    return NODES[path]


def test_every_field_is_described_by_a_whole_sentence() -> None:
    silent = [path for path, node in NODES.items() if not path.endswith("[]") and not node.get("description")]
    assert silent == [".metadata"]
    assert [path for path, node in NODES.items() if not node.get("description", ".").endswith(".")] == []


def test_every_text_list_and_map_has_a_limit() -> None:
    for path, node in NODES.items():
        if node.get("type") == "string" and "enum" not in node and path not in (".apiVersion", ".kind"):
            assert node["maxLength"] <= 4096, path
        if node.get("type") == "array":
            assert node["maxItems"] <= 50, path
        if "additionalProperties" in node:
            assert node["maxProperties"] <= 100, path
        if node.get("type") in ("integer", "number"):
            assert {"minimum", "maximum"} <= set(node), path


def test_the_schema_is_structural() -> None:
    for path, node in NODES.items():
        assert "$ref" not in node
        assert ("type" in node) != node.get("x-kubernetes-int-or-string", False), path
        assert not ("properties" in node and "additionalProperties" in node), path


def test_patterns_are_read_alike_by_python_and_go() -> None:
    for path, node in NODES.items():
        pattern = node.get("pattern", "")
        assert not re.search(r"\\[sSdDwWbBzZ]|\(\?", pattern), path
        assert not pattern or (pattern[0] == "^" and pattern[-1] == "$"), path


def test_what_a_pattern_refuses_is_refused_in_a_sentence_with_an_example_too() -> None:
    spec = {path: node for path, node in NODES.items() if path.startswith(".spec")}
    cron = {path for path in spec if path.endswith(".schedule")}  # their sections have a rule that says more
    for path in {path for path, node in spec.items() if "pattern" in node and "format" not in node} - cron:
        (rule,) = spec[path]["x-kubernetes-validations"]
        assert rule["message"].startswith("use "), path
        assert " such as " in rule["message"], path
        assert json.dumps(spec[path]["pattern"]) in rule["rule"], path
        example = rule["message"].rpartition(" such as ")[2].partition(", ")[0]
        assert re.search(spec[path]["pattern"], example), path


def test_each_field_of_the_spec_says_its_default() -> None:
    assert at(".spec.redis.storage")["description"].endswith('Default: "1Gi".')
    assert at(".spec.export.window.lookbackDays")["description"].endswith("Default: 1.")
    assert at(".spec.suspend")["description"].endswith("Default: false.")
    assert at(".spec.webhook.host")["description"].endswith("Not set by default.")
    assert at(".spec.export.only.platforms")["description"].endswith("Empty by default.")
    for path, node in NODES.items():
        if path.startswith(".spec") and "default" in node and node["type"] != "object":
            assert node["description"].endswith(f"Default: {json.dumps(node['default'], ensure_ascii=False)}."), path
        assert ".status" not in path or "efault" not in node.get("description", "")


def test_the_defaults_of_the_schema_are_those_of_the_model() -> None:
    def filled(schema: dict[str, Any], value: Any) -> Any:
        if schema.get("type") != "object" or "properties" not in schema:
            return value
        value = dict(value)
        for name, inner in schema["properties"].items():
            if "default" in inner:
                value.setdefault(name, inner["default"])
            if name in value:
                value[name] = filled(inner, value[name])
        return value

    document = yaml.safe_load(LEAST)
    document["spec"] = filled(at(".spec"), document["spec"])
    assert document["spec"]["export"]["window"]["catchUpDays"] == 14
    assert parse_tenant(yaml.safe_dump(document).encode()) == parse_tenant(LEAST.encode())


def test_every_section_and_field_of_the_model_is_in_it() -> None:
    assert set(at(".spec")["properties"]) == set(Spec.__struct_encode_fields__)
    assert set(SCHEMA["properties"]) == set(Tenant.__struct_encode_fields__)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.section.__name__}.{rule.field}")
def test_every_rule_stands_at_its_section_and_names_a_field_of_it(rule: Any) -> None:
    assert rule.field in rule.section.__struct_encode_fields__
    rules = structure(rule.section)["x-kubernetes-validations"]
    assert {"rule": rule.cel, "message": rule.cure, "fieldPath": f".{rule.field}"} in rules


def test_null_is_allowed_exactly_where_the_model_allows_it() -> None:
    assert at(".spec.webhook.host")["nullable"]
    assert "nullable" not in at(".spec.webhook.path")
    assert "nullable" not in at(".spec.writeBack.linkField"), "kubectl cannot read a null in an enum"


def test_names_columns_and_status() -> None:
    names = definition()["spec"]["names"]
    assert (names["shortNames"], names["categories"]) == (["ast"], ["aftersend"])
    columns = VERSION["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Ready", "Reason", "Degraded", "Last export", "Suspended", "Age",
    ]  # fmt: skip
    assert [column["name"] for column in columns if column.get("priority")] == [
        "Message", "Progressing", "Last write-back", "Version",
    ]  # fmt: skip
    assert VERSION["subresources"] == {"status": {}}
    conditions = at(".status.conditions")
    assert (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"]) == ("map", ["type"])
    assert "observedGeneration" in conditions["items"]["properties"]
    for column in columns:
        path = re.sub(r"\[\?.*?\]", "[]", column["jsonPath"])
        assert path in NODES or path == ".metadata.creationTimestamp", column["name"]


def test_the_command_prints_it_as_yaml_and_as_json() -> None:
    code, out, _ = call_main(("crd",), {})
    assert (code, yaml.safe_load(out)) == (0, definition())
    code, out, _ = call_main(("crd", "--json"), {})
    assert (code, json.loads(out)) == (0, definition())


class Documented(Section, frozen=True):
    """A section."""

    first: int
    """One text
    over two lines."""
    second: int = 1
    third: int = 2
    """Another."""


def test_meanings_are_read_from_below_the_fields() -> None:
    assert meanings(Documented) == {"first": "One text over two lines.", "third": "Another."}


@pytest.mark.parametrize(
    "wanted",
    [
        str,
        int,
        list[bool],
        dict[str, bool],
        dict[Annotated[str, Meta(pattern="^a$", max_length=1)], bool],
        bytes,
        Annotated[int, Meta(ge=1)],
        bool | Annotated[str, Meta(max_length=1)],
    ],
    ids=repr,
)
def test_what_kubernetes_cannot_hold_is_an_error_here(wanted: Any) -> None:
    class _Section(msgspec.Struct):
        field: wanted  # type: ignore[valid-type]

    (field,) = types.type_info(_Section).fields  # type: ignore[attr-defined]
    with pytest.raises(TypeError):
        kind(field.type)


def test_the_template_of_the_chart_is_fresh() -> None:
    text = (Path(__file__).resolve().parents[3] / "charts/aftersend/templates/crd.yaml").read_text()
    plain = re.sub(r"(?m)^ *\{\{.*\}\}$\n|^  (labels|annotations):\n|^    helm\.sh.*\n", "", text)
    assert yaml.safe_load(plain) == definition()
