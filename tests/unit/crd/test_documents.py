"""One document, two readers: what files refuse, the CRD's schema and rules refuse, and the other way round.

Here a JSON schema validator stands for the API server, and each rule's Python half for its CEL. The cluster tests run
the same documents through a real API server.
"""

import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aftersend.crd.definition import definition
from aftersend.errors import Misconfigured
from aftersend.tenant.document import Spec
from aftersend.tenant.loading import tenant_of
from aftersend.tenant.rules import broken_rules
from tests.support.tenant_kit import BAD, CONTRADICTIONS, FULL, GOOD, LATER, LEAST, with_field

DOCUMENT = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
OURS = {"apiVersion", "kind", "metadata.name", "metadata.namespace"}
"""Kubernetes checks these itself, by rules that no schema holds."""


def as_json_schema(node: dict[str, Any]) -> dict[str, Any]:
    """Kubernetes' dialect in words of JSON Schema: int-or-string, nullable, and no field that is not named."""
    inner = {**node}
    if inner.pop("x-kubernetes-int-or-string", False):
        inner["type"] = ["integer", "string"]
    if inner.pop("nullable", False):
        inner["type"] = [*([inner["type"]] if isinstance(inner["type"], str) else inner["type"]), "null"]
    if "pattern" in inner:
        inner["pattern"] = inner["pattern"].removesuffix("$") + r"\Z"
    if "properties" in inner:
        inner["properties"] = {name: as_json_schema(child) for name, child in inner["properties"].items()}
        inner["additionalProperties"] = False
    for word in ("items", "additionalProperties"):
        if isinstance(inner.get(word), dict):
            inner[word] = as_json_schema(inner[word])
    return inner


SPEC = jsonschema.Draft202012Validator(
    as_json_schema(DOCUMENT["properties"]["spec"]), format_checker=jsonschema.FormatChecker(["date"])
)


def pruned(value: Any) -> Any:
    """Nulls in maps go before validation, as in the API server."""
    if isinstance(value, dict):
        return {key: pruned(item) for key, item in value.items() if item is not None}
    return [pruned(item) for item in value] if isinstance(value, list) else value


def keys_fit(schema: dict[str, Any], value: Any) -> bool:
    """The one rule of maps: the length of keys."""
    if isinstance(value, dict):
        named, inner = schema.get("properties", {}), schema.get("additionalProperties", {})
        rule = schema["x-kubernetes-validations"][0]["rule"] if inner else ">= 0 <= 999"
        least, most = map(int, re.findall(r"= (\d+)", rule))
        fit = all(least <= len(key) <= most for key in value)
        return fit and all(keys_fit(named.get(key, inner), item) for key, item in value.items())
    return all(keys_fit(schema["items"], item) for item in value) if isinstance(value, list) else True


def schema_takes(document: dict[str, Any]) -> bool:
    spec = pruned(document["spec"])
    return SPEC.is_valid(spec) and keys_fit(DOCUMENT["properties"]["spec"], spec)


def rules_take(document: dict[str, Any]) -> bool:
    try:
        return not list(broken_rules(msgspec.convert(pruned(document["spec"]), Spec), "spec"))
    except msgspec.ValidationError:
        return True


def file_takes(document: dict[str, Any]) -> bool:
    try:
        tenant_of(document)
    except Misconfigured:
        return False
    return True


@pytest.mark.parametrize(("path", "value"), GOOD)
def test_schema_and_rules_take_what_files_take(path: str, value: object) -> None:
    document = with_field(path, value)
    assert schema_takes(document)
    assert rules_take(document)


@pytest.mark.parametrize(("path", "value"), [case for case in BAD if case[0] not in OURS])
def test_schema_and_rules_refuse_what_files_refuse(path: str, value: object) -> None:
    document = with_field(path, value)
    assert not (schema_takes(document) and rules_take(document))


@pytest.mark.parametrize(
    "path", ["spec.unknown", "spec.export.unknown", "spec.pods.unknown", "spec.pods.resources.cpu"]
)
def test_both_refuse_unknown_fields(path: str) -> None:
    document = with_field("spec.pods", {"resources": {}})
    place = document["spec"]
    *parents, last = path.split(".")[1:]
    for name in parents:
        place = place[name]
    place[last] = "1"
    assert not schema_takes(document)
    assert not file_takes(document)


@pytest.mark.parametrize(("path", "value"), LATER + [(path, value) for path, value, _ in CONTRADICTIONS])
def test_what_rules_and_time_refuse_is_no_matter_of_the_schema(path: str, value: object) -> None:
    assert schema_takes(with_field(path, value))
    assert not file_takes(with_field(path, value))


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, value, _ in CONTRADICTIONS])
def test_contradictions_break_a_rule(path: str, value: object) -> None:
    assert not rules_take(with_field(path, value))


def test_both_take_the_documents_of_the_guides() -> None:
    guides = [page.read_text() for page in sorted(Path("docs/guides").glob("*.md"))]
    ours = r"```yaml\n(apiVersion: aftersend\.jj-ideenschmiede\.de/.*?)```"
    shown = [block for text in guides for block in re.findall(ours, text, re.DOTALL)]
    assert len(shown) >= 3
    for text in (FULL, LEAST, *shown):
        assert schema_takes(yaml.safe_load(text))
        assert file_takes(yaml.safe_load(text))


LEAVES = [
    "spec.suspend",
    "spec.timeZone",
    "spec.afterbuy.url",
    "spec.sendcloud.integration",
    "spec.export.window.lookbackDays",
    "spec.export.window.dateField",
    "spec.export.weight.default",
    "spec.export.weight.label",
    "spec.export.only.platforms",
    "spec.export.customs.hsCode",
    "spec.writeBack.linkField",
    "spec.writeBack.carriers",
    "spec.webhook.path",
    "spec.webhook.host",
    "spec.redis.storage",
    "spec.backup.target",
    "spec.pods.nodeSelector",
    "spec.pods.tolerations",
]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
    | st.sampled_from(["a", "kg", "/a", "1Gi", "volume", "VorgangsInfo1", "a.b", "https://a", "UTC", "Equal"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=200)
@given(st.sampled_from(LEAVES), VALUES)
def test_whatever_stands_in_a_field_both_say_the_same(path: str, value: Any) -> None:
    document = with_field(path, value)
    later = path == "spec.timeZone"
    taken = file_takes(document)
    assert (schema_takes(document) and rules_take(document)) == taken or (later and not taken)
