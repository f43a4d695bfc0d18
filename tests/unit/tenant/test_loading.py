"""Every refusal of a tenant document: what it says, where, and never with a value."""

from pathlib import Path

import pytest
import yaml

from aftersend.errors import Misconfigured
from aftersend.tenant.loading import load_tenant, parse_tenant
from tests.support.tenant_kit import BAD, CONTRADICTIONS, FULL, GOOD, LATER, LEAST, with_field


def _refusal(raw: bytes | str) -> str:
    with pytest.raises(Misconfigured) as caught:
        parse_tenant(raw.encode() if isinstance(raw, str) else raw)
    return str(caught.value)


def _with(path: str, value: object) -> str:
    return yaml.safe_dump(with_field(path, value))


def test_the_defaults_are_those_of_the_documented_document() -> None:
    assert parse_tenant(LEAST.encode()).spec == parse_tenant(FULL.encode()).spec


def test_identity_is_the_name_with_its_namespace_if_there_is_one() -> None:
    assert parse_tenant(LEAST.encode()).identity == "tenant-mueller.mueller"
    assert parse_tenant(LEAST.replace(", namespace: tenant-mueller", "").encode()).identity == "mueller"


@pytest.mark.parametrize(("path", "value"), GOOD)
def test_accepted(path: str, value: object) -> None:
    parse_tenant(_with(path, value).encode())


@pytest.mark.parametrize(("path", "value"), BAD + LATER)
def test_refused_with_its_path_and_without_its_value(path: str, value: object) -> None:
    text = _refusal(_with(path, value))
    assert path.rpartition(".")[0] in text
    if isinstance(value, str) and value and path not in ("apiVersion", "kind"):
        assert value not in text


@pytest.mark.parametrize(("path", "value", "at"), CONTRADICTIONS)
def test_fields_that_contradict_each_other_are_named(path: str, value: object, at: str) -> None:
    assert f" at {at} – " in _refusal(_with(path, value))


def test_a_misspelt_field_is_named_with_what_is_meant() -> None:
    assert "`schedul`, is schedule meant?" in _refusal(_with("spec.export.schedul", "0 * * * *"))


@pytest.mark.parametrize("path", ["unknown", "spec.unknown", "spec.export.unknown", "spec.export.window.unknown"])
def test_an_unknown_field_is_named(path: str) -> None:
    text = _refusal(_with(path, 1))
    assert "unknown" in text
    assert path.rpartition(".")[0] in text


@pytest.mark.parametrize("path", ["apiVersion", "kind", "metadata", "spec"])
def test_a_missing_part_is_named(path: str) -> None:
    document = yaml.safe_load(FULL)
    del document[path]
    assert path in _refusal(yaml.safe_dump(document))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "Expected `object`"),
        (b"just text", "Expected `object`"),
        (b"- a\n- b", "Expected `object`"),
        (b"a: [1, 2", "is not YAML near line"),
        (b"a: b: c", "is not YAML near line 1"),
        (b"\xff\xfe\x00", "is not YAML"),
        (b"a: \x07", "is not YAML"),
        (b"a: &x [1]\nb: *x", "is not YAML"),
        (b"a: 1\na: 2", "is not YAML near line 1"),
        (b"a: !!python/object/apply:os.system ['true']", "is not YAML near line 1"),
        (b"? [a]\n: 1", "is not YAML near line 1"),
        (b"[" * 20_000, "is not YAML near line 1"),
        (b"- " * 20_000, "is not YAML"),
        (b"a: 1\n---\nb: 2", "is not YAML"),
        (b"x" * (1024 * 1024 + 1), "is over 1 MiB"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_document(raw: bytes, said: str) -> None:
    assert said in _refusal(raw)


def test_a_day_stays_text_and_needs_no_quotes() -> None:
    raw = FULL.replace("notBefore: null", "notBefore: 2026-01-01")
    assert parse_tenant(raw.encode()).spec.export.window.not_before == "2026-01-01"


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "tenant.yaml"
    path.write_text(FULL)
    assert load_tenant(path).metadata.name == "mueller"
    with pytest.raises(Misconfigured, match=r"cannot be read \(FileNotFoundError\)"):
        load_tenant(tmp_path / "missing.yaml")
    with pytest.raises(Misconfigured, match=r"cannot be read \(IsADirectoryError\)"):
        load_tenant(tmp_path)
    path.write_text("kind: Nonsense")
    with pytest.raises(Misconfigured, match=r"tenant\.yaml"):
        load_tenant(path)
