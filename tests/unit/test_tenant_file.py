"""Every refusal of a tenant document: what it says, where, and never with a value."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from aftersend.errors import Misconfigured
from aftersend.tenant_file import load_tenant, parse_tenant

LEAST = """
apiVersion: aftersend.jj-ideenschmiede.de/v1
kind: AftersendTenant
metadata: {name: mueller, namespace: tenant-mueller}
spec:
  afterbuy: {credentials: {secretName: mueller-afterbuy}}
  sendcloud: {credentials: {secretName: mueller-sendcloud}, integration: J&J Aftersend}
"""
FULL = """
apiVersion: aftersend.jj-ideenschmiede.de/v1
kind: AftersendTenant
metadata: {name: mueller, namespace: tenant-mueller, labels: {a: b}, uid: 4711}
spec:
  suspend: false
  deletionPolicy: Retain
  timeZone: Europe/Berlin
  afterbuy:
    url: https://api.afterbuy.de/afterbuy/ABInterface.aspx
    credentials: {secretName: mueller-afterbuy}
  sendcloud:
    url: https://panel.sendcloud.sc/api
    credentials: {secretName: mueller-sendcloud}
    integration: J&J Aftersend
  export:
    schedule: "0 * * * *"
    window: {lookbackDays: 1, catchUpDays: 14, dateField: AuctionEndDate, notBefore: null}
    only: {paid: false, platforms: []}
    weight: {unit: kg, default: 3, label: Kleinpaket}
    delivery: {optionCode: null, indicator: shippingMethod}
    customs: {shipmentType: commercial_goods, exportType: commercial_b2c, originCountry: DE, hsCode: null}
  writeBack:
    tag: Sendcloud abgeschlossen
    tracking: number
    linkField: null
    carriers: {}
    parcelLabels: false
    markShipped: never
  sweep: {schedule: "*/20 * * * *", overlapMinutes: 15}
  webhook: {host: null, path: /webhooks/sendcloud, ingressClassName: null, gateway: null, tlsSecretName: null}
  redis: {mode: managed, urlSecretName: null, storage: 1Gi}
  backup: {schedule: "10 * * * *", keepHours: 120, target: volume}
  topology: split
  pods: {}
status: {conditions: [], observedGeneration: 1, version: "", webhookUrl: ""}
"""


def _refusal(raw: bytes | str) -> str:
    with pytest.raises(Misconfigured) as caught:
        parse_tenant(raw.encode() if isinstance(raw, str) else raw)
    return str(caught.value)


def _with(path: str, value: object) -> str:
    """The full document with one field replaced (or added)."""
    document: dict[str, Any] = yaml.safe_load(FULL)
    *parents, last = path.split(".")
    place = document
    for name in parents:
        place = place[name]
    place[last] = value
    return yaml.safe_dump(document)


def test_the_defaults_are_those_of_the_documented_document() -> None:
    assert parse_tenant(LEAST.encode()).spec == parse_tenant(FULL.encode()).spec


def test_identity_is_the_name_with_its_namespace_if_there_is_one() -> None:
    assert parse_tenant(LEAST.encode()).identity == "tenant-mueller.mueller"
    assert parse_tenant(LEAST.replace(", namespace: tenant-mueller", "").encode()).identity == "mueller"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "m" * 30),
        ("spec.sendcloud.integration", 4711),
        ("spec.afterbuy.url", "http://127.0.0.1:8081/afterbuy"),
        ("spec.export.window.notBefore", "2026-01-01"),
        ("spec.export.weight.default", 0.5),
        ("spec.timeZone", "UTC"),
        ("spec.timeZone", "America/Argentina/Buenos_Aires"),
        ("spec.writeBack.tag", ""),
        ("spec.writeBack.carriers", {"dhl_de": "DHL"}),
        ("spec.webhook.host", "hooks.example"),
        ("spec.redis", {"mode": "external", "urlSecretName": "redis-url"}),
        ("spec.backup.target", "s3://bucket/prefix"),
        ("spec.pods", {"resources": {"limits": {"memory": "128Mi"}}}),
        ("spec.topology", "compact"),
    ],
)
def test_accepted(path: str, value: object) -> None:
    parse_tenant(_with(path, value).encode())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("apiVersion", "aftersend.jj-ideenschmiede.de/v2"),
        ("kind", "Tenant"),
        ("metadata.name", "m" * 31),
        ("metadata.name", "Mueller"),
        ("metadata.name", "1mueller"),
        ("metadata.name", "mueller-"),
        ("metadata.namespace", "Tenant_Mueller"),
        ("spec.suspend", "yes please"),
        ("spec.deletionPolicy", "Keep"),
        ("spec.timeZone", "Europe/Entenhausen"),
        ("spec.timeZone", "../../etc/passwd"),
        ("spec.afterbuy.url", "ftp://api.afterbuy.de"),
        ("spec.afterbuy.url", "https://api.afterbuy.de/?token=geheim"),
        ("spec.afterbuy.credentials.secretName", "Not_A_Name"),
        ("spec.afterbuy.token", "geheim"),
        ("spec.sendcloud.integration", None),
        ("spec.sendcloud.integration", 1.5),
        ("spec.export.schedule", "every hour"),
        ("spec.export.schedule", "61 * * * *"),
        ("spec.export.schedule", "0 0 31 2 *"),
        ("spec.export.schedule", "@hourly"),
        ("spec.sweep.schedule", "* * * * * *"),
        ("spec.backup.schedule", "0 25 * * *"),
        ("spec.export.window.lookbackDays", -1),
        ("spec.export.window.catchUpDays", 0),
        ("spec.export.window.dateField", "Tomorrow"),
        ("spec.export.window.notBefore", "2026-02-30"),
        ("spec.export.window.notBefore", "gestern"),
        ("spec.export.only.platforms", "ebay"),
        ("spec.export.weight.default", 0),
        ("spec.export.weight.unit", "tonnes"),
        ("spec.export.delivery.indicator", "tag"),
        ("spec.export.customs.originCountry", "Germany"),
        ("spec.export.customs.hsCode", "abc"),
        ("spec.writeBack.tracking", "both"),
        ("spec.writeBack.linkField", "VorgangsInfo4"),
        ("spec.writeBack.markShipped", "always"),
        ("spec.sweep.overlapMinutes", "15"),
        ("spec.webhook.path", "webhooks"),
        ("spec.webhook.path", "/web hooks"),
        ("spec.redis.mode", "none"),
        ("spec.redis.storage", "1GB"),
        ("spec.backup.target", "ftp://x"),
        ("spec.topology", "huge"),
    ],
)
def test_refused_with_its_path_and_without_its_value(path: str, value: object) -> None:
    text = _refusal(_with(path, value))
    assert path.rpartition(".")[0] in text
    if isinstance(value, str) and path not in ("apiVersion", "kind"):
        assert value not in text


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


def test_ingress_class_and_gateway_exclude_each_other() -> None:
    document = yaml.safe_load(FULL)
    document["spec"]["webhook"].update(ingressClassName="nginx", gateway="main")
    assert "spec.webhook.gateway" in _refusal(yaml.safe_dump(document))


def test_an_external_redis_needs_its_secret() -> None:
    assert "spec.redis.urlSecretName" in _refusal(_with("spec.redis.mode", "external"))


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
        (b"[" * 20_000, "is not YAML"),
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
