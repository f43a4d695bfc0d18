"""Good and bad tenant documents: both readers, files and the API server, must say the same of each."""

from typing import Any

import yaml

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
    only:
      {paid: false, platforms: [], tags: [], notTags: [], shippingMethods: [], notShippingMethods: [], minAgeMinutes: 0}
    weight: {unit: kg, default: 3, label: Kleinpaket, missing: default}
    delivery: {optionCode: null, indicator: shippingMethod}
    customs:
      {shipmentType: commercial_goods, exportType: commercial_b2c, originCountry: DE, hsCode: null, taxNumbers: []}
  writeBack:
    tag: Sendcloud abgeschlossen
    tracking: number
    linkField: null
    problemTag: ""
    problemTags: {}
    carriers: {}
    parcelLabels: false
    markShipped: never
  sweep: {schedule: "*/20 * * * *", overlapMinutes: 15, api: auto}
  webhook: {host: null, path: /webhooks/sendcloud, ingressClassName: null, gateway: null, tlsSecretName: null}
  redis: {mode: managed, urlSecretName: null, storage: 1Gi}
  backup: {schedule: "10 * * * *", keepHours: 120, target: volume}
  topology: split
  pods: {}
status: {conditions: [], observedGeneration: 1, version: "", webhookUrl: ""}
"""

GOOD: list[tuple[str, Any]] = [
    ("metadata.name", "m" * 30),
    ("spec.sendcloud.integration", 4711),
    ("spec.sendcloud.integration", 4711.0),
    ("spec.sendcloud.integration", "Müller & Söhne"),
    ("spec.afterbuy.url", "http://127.0.0.1:8081/afterbuy"),
    ("spec.afterbuy.url", "http://[::1]:8081/afterbuy"),
    ("spec.afterbuy.url", "http://sandbox.demo.svc:8080"),
    ("spec.afterbuy.url", "https://api.afterbuy.de:65535/a"),
    ("spec.afterbuy.url", "https://[2001:db8::1]:443/a"),
    ("spec.afterbuy.url", "http://[::1]"),
    ("spec.afterbuy.url", "http://[::]/"),
    ("spec.sendcloud.url", "http://under_score.sand-box.example.:1/x"),
    ("spec.export.schedule", "1,2,3-5/2 0-23/2 1 JAN,jul mon-fri"),
    ("spec.export.schedule", "5/15 00 * * 0"),
    ("spec.export.window.notBefore", "2026-01-01"),
    ("spec.export.window.notBefore", "2024-02-29"),
    ("spec.export.window.lookbackDays", 2.0),
    ("spec.export.weight.default", 0.5),
    ("spec.export.weight", None),
    ("spec.export.only.platforms", ["eBay", "Amazon"]),
    ("spec.export.only.tags", ["Versand", " Lager Süd "]),
    ("spec.export.only.notTags", ["x" * 100] * 50),
    ("spec.export.only.shippingMethods", ["DHL Paket (national)"]),
    ("spec.export.only.notShippingMethods", ["ü" * 255]),
    ("spec.export.only.minAgeMinutes", 10080),
    ("spec.export.only.minAgeMinutes", 30.0),
    ("spec.export.only", {"tags": ["Versand"], "notTags": ["Abholung"], "minAgeMinutes": 60}),
    ("spec.export.weight.missing", "hold"),
    *(
        ("spec.export.customs.taxNumbers", [{"name": name, "country": country, "number": number}])
        for name, country, number in (
            ("EORI", "DE", "DE1234567"),
            ("EORI", "AT", "ATEOS1000012345"),
            ("EORI", "GB", "GB123456789000"),
            ("IOSS", "DE", "IM2760000742"),
            ("IOSS", "AT", "IM0400000742"),
            ("VOEC", "NO", "2012345"),
            ("VAT", "DE", "DE123456789"),
            ("VAT", "AT", "ATU12345678"),
            ("VAT", "GR", "EL123456789"),
            ("VAT", "CH", "CHE123456789MWST"),
            ("VAT", "GB", "GB123456789"),
            ("VAT", "NO", "123456789MVA"),
            ("GST", "AU", "123456789012"),
            ("UKIMS", "GB", "XIUKIM47699357400020231115081800"),
        )
    ),
    (
        "spec.export.customs",
        {
            "taxNumbers": [
                {"name": "EORI", "country": "DE", "number": "DE1234567"},
                {"name": "EORI", "country": "GB", "number": "GB123456789000"},
            ]
        },
    ),
    ("spec.export", {"only": {"minAgeMinutes": 60}}),
    ("spec.export", None),
    ("spec.suspend", None),
    ("spec.timeZone", "UTC"),
    ("spec.timeZone", "Etc/GMT+5"),
    ("spec.timeZone", "America/Argentina/Buenos_Aires"),
    ("spec.writeBack.tag", ""),
    ("spec.writeBack.linkField", "VorgangsInfo2"),
    ("spec.writeBack.carriers", {"dhl_de": "DHL"}),
    ("spec.writeBack.problemTag", "Bitte ansehen"),
    ("spec.writeBack", {"tag": "", "problemTag": "", "problemTags": {"withdrawn": "Storniert", "conflict": ""}}),
    ("spec.webhook.host", "hooks.example"),
    ("spec.webhook", {"host": "hooks.example", "ingressClassName": "nginx", "tlsSecretName": "hooks-tls"}),
    ("spec.webhook", {"host": "hooks.example", "gateway": "infra/main", "ingressClassName": None}),
    ("spec.redis", {"mode": "external", "urlSecretName": "redis-url"}),
    ("spec.backup.target", "s3://bucket/prefix"),
    ("spec.backup", {"target": "s3://my.bucket", "credentialsSecretName": "backup-s3"}),
    ("spec.topology", "compact"),
    ("spec.pods", None),
    ("spec.pods", {"resources": {"limits": {"memory": "128Mi"}}}),
    ("spec.pods", {"resources": {"requests": {"cpu": 1}}, "resourcesOf": {"redis": {"limits": {"cpu": "0.5"}}}}),
    ("spec.pods", {"nodeSelector": {"kubernetes.io/os": "linux"}, "storageClass": "fast.ssd"}),
    ("spec.pods", {"imagePullSecrets": [{"name": "registry"}]}),
    ("spec.pods", {"tolerations": [{"operator": "Exists"}, {"key": "a", "value": "b", "effect": "NoSchedule"}]}),
    ("spec.pods", {"tolerations": [{"key": "a", "effect": "NoExecute", "tolerationSeconds": 60}]}),
    ("spec.pods", {"labels": {"team": "shop"}, "annotations": {"example.com/x": "any text: {}"}}),
    (
        "spec.pods",
        {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true", "prometheus.io/port": "1"}},
    ),
]
"""Accepted: the full document with this field replaced."""

BAD: list[tuple[str, Any]] = [
    ("apiVersion", "aftersend.jj-ideenschmiede.de/v2"),
    ("kind", "Tenant"),
    ("metadata.name", "m" * 31),
    ("metadata.name", "Mueller"),
    ("metadata.name", "1mueller"),
    ("metadata.name", "mueller-"),
    ("metadata.namespace", "Tenant_Mueller"),
    ("spec.suspend", "yes please"),
    ("spec.deletionPolicy", "Keep"),
    ("spec.timeZone", "../../etc/passwd"),
    ("spec.afterbuy.url", "ftp://api.afterbuy.de"),
    ("spec.afterbuy.url", "https://api.afterbuy.de:99999/a"),
    ("spec.afterbuy.url", "https://api.afterbuy.de:65536"),
    ("spec.afterbuy.url", "https://api.afterbuy.de:0"),
    ("spec.afterbuy.url", "https://[:::::]/a"),
    ("spec.afterbuy.url", "https://[1:2:3:4:5:6:7:8:9]"),
    ("spec.afterbuy.url", "https://[1::2::3]"),
    ("spec.afterbuy.url", "https://[12345::]"),
    ("spec.sendcloud.url", "https://a..b"),
    ("spec.sendcloud.url", "https://-a.example"),
    ("spec.sendcloud.url", "https://" + "a" * 64 + ".example"),
    ("spec.afterbuy.url", "https://api.afterbuy.de/?token=geheim"),
    ("spec.afterbuy.credentials.secretName", "Not_A_Name"),
    ("spec.afterbuy.token", "geheim"),
    ("spec.sendcloud.integration", None),
    ("spec.sendcloud.integration", 1.5),
    ("spec.export.schedule", "every hour"),
    ("spec.export.schedule", "61 * * * *"),
    ("spec.export.schedule", "@hourly"),
    ("spec.sweep.schedule", "* * * * * *"),
    ("spec.backup.schedule", "0 25 * * *"),
    ("spec.export.window.lookbackDays", -1),
    ("spec.export.window.catchUpDays", 0),
    ("spec.export.window.dateField", "Tomorrow"),
    ("spec.export.window.notBefore", "2026-02-30"),
    ("spec.export.window.notBefore", "gestern"),
    ("spec.export.only.platforms", "ebay"),
    ("spec.export.only.tags", ["x" * 300]),
    ("spec.export.only.tags", ["x" * 101]),
    ("spec.export.only.tags", [""]),
    ("spec.export.only.tags", ["   "]),
    ("spec.export.only.tags", ["a\tb"]),
    ("spec.export.only.tags", [4711]),
    ("spec.export.only.tags", "Versand"),
    ("spec.export.only.notTags", ["\u00a0"]),
    ("spec.export.only.notTags", ["Abholung"] * 51),
    ("spec.export.only.shippingMethods", ["x" * 256]),
    ("spec.export.only.notShippingMethods", [" "]),
    ("spec.export.only.shippingMethod", ["DHL"]),
    ("spec.export.only.minAgeMinutes", -1),
    ("spec.export.only.minAgeMinutes", 10081),
    ("spec.export.only.minAgeMinutes", 1.5),
    ("spec.export.only.minAgeMinutes", "60"),
    ("spec.export.weight.missing", "skip"),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "country": "DE"}]),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "number": "DE1234567"}]),
    ("spec.export.customs.taxNumbers", [{"name": "Steuernummer", "country": "DE", "number": "DE1234567"}]),
    ("spec.export.customs.taxNumbers", [{"name": "eori", "country": "DE", "number": "DE1234567"}]),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "country": "Germany", "number": "DE1234567"}]),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "country": "DE", "number": "DE 123 4567"}]),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "country": "DE", "number": "de1234567"}]),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "country": "DE", "number": 1234567}]),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "country": "DE", "number": "DE" + "1" * 34}]),
    ("spec.export.customs.taxNumbers", [{"name": "EORI", "country": "DE", "number": "DE1", "value": "DE1"}]),
    ("spec.export.customs.taxNumbers", {"EORI": "DE1234567"}),
    (
        "spec.export.customs.taxNumbers",
        [{"name": "EORI", "country": "DE", "number": f"DE{last}"} for last in range(10, 31)],
    ),
    ("spec.export.weight.default", 0),
    ("spec.export.weight.unit", "tonnes"),
    ("spec.export.delivery.indicator", "tag"),
    ("spec.export.customs.originCountry", "Germany"),
    ("spec.export.customs.hsCode", "abc"),
    ("spec.writeBack.tracking", "both"),
    ("spec.writeBack.linkField", "VorgangsInfo4"),
    ("spec.writeBack.markShipped", "always"),
    ("spec.sweep.overlapMinutes", "15"),
    ("spec.sweep.api", "v4"),
    ("spec.webhook.path", "webhooks"),
    ("spec.webhook.path", "/web hooks"),
    ("spec.redis.mode", "none"),
    ("spec.redis.storage", "1GB"),
    ("spec.backup.target", "ftp://x"),
    ("spec.topology", "huge"),
    ("metadata.name", "mueller\n"),
    ("metadata.name", ""),
    ("spec.timeZone", ""),
    ("spec.timeZone", "/etc"),
    ("spec.timeZone", "Europe/Berlin\n"),
    ("spec.afterbuy.url", "https://name:geheim@api.afterbuy.de"),
    ("spec.afterbuy.url", "https://api.afterbuy.de/\u00a0x"),
    ("spec.sendcloud.integration", ""),
    ("spec.sendcloud.integration", 0),
    ("spec.sendcloud.integration", 10**17),
    ("spec.sendcloud.integration", True),
    ("spec.sendcloud.credentials", None),
    ("spec.sendcloud", None),
    ("spec.export.schedule", "0 0 * * 7"),
    ("spec.export.schedule", "0 0 L * *"),
    ("spec.export.schedule", "*/0 * * * *"),
    ("spec.export.schedule", "0  * * * *"),
    ("spec.export.window.notBefore", "2026-1-1"),
    ("spec.export.window.notBefore", "2026-02-29"),
    ("spec.export.window.notBefore", 20260101),
    ("spec.export.window.lookbackDays", 1.5),
    ("spec.export.only.platforms", ["eBay"] * 51),
    ("spec.export.only.platforms", [None]),
    ("spec.export.weight.default", "3"),
    ("spec.writeBack.tag", "x" * 101),
    ("spec.writeBack.tag", "a\tb"),
    ("spec.writeBack.carriers", {"dhl_de": ""}),
    ("spec.writeBack.carriers", {"": "DHL"}),
    ("spec.writeBack.carriers", {f"carrier-{number}": "DHL" for number in range(101)}),
    ("spec.webhook.host", "Hooks.Example"),
    ("spec.webhook.host", ""),
    ("spec.webhook.gateway", "a/b/c"),
    ("spec.redis.storage", "0Gi"),
    ("spec.backup.target", "s3://Bucket"),
    ("spec.backup.keepHours", 0),
    ("spec.pods.resources", {"limits": {"memory": "128"}}),
    ("spec.pods.resources", {"limits": {"memory": 134217728}}),
    ("spec.pods.resources", {"requests": {"cpu": 0.5}}),
    ("spec.pods.resources", {"requests": {"cpu": "half"}}),
    ("spec.pods.imagePullSecrets", ["registry"]),
    ("spec.pods.labels", {"team": "the shop"}),
    ("spec.pods.tolerations", [{"operator": "Never"}]),
]
"""Refused, with the section named and the value not repeated."""

CONTRADICTIONS: list[tuple[str, Any, str]] = [
    ("spec.export.schedule", "61 * * * *", "spec.export.schedule"),
    ("spec.webhook", {"host": "a.example", "ingressClassName": "nginx", "gateway": "main"}, "spec.webhook.gateway"),
    ("spec.webhook", {"gateway": "main"}, "spec.webhook.host"),
    ("spec.redis.mode", "external", "spec.redis.urlSecretName"),
    ("spec.redis.urlSecretName", "redis", "spec.redis.urlSecretName"),
    ("spec.export.window.lookbackDays", 15, "spec.export.window.lookbackDays"),
    ("spec.export.only", {"tags": ["Versand", "eilig"], "notTags": ["eilig"]}, "spec.export.only.notTags"),
    *(
        (
            "spec.export.customs.taxNumbers",
            [{"name": name, "country": country, "number": number}],
            "spec.export.customs.taxNumbers[0].number",
        )
        for name, country, number in (
            ("EORI", "DE", "AT1234567"),
            ("EORI", "AT", "DE1234567"),
            ("EORI", "CH", "CH1234567"),
            ("EORI", "DE", "DE" + "1" * 16),
            ("IOSS", "DE", "IM3720000742"),
            ("IOSS", "DE", "IM276000074"),
            ("IOSS", "NO", "IM2760000742"),
            ("VOEC", "DE", "2012345"),
            ("VOEC", "NO", "NO2012345"),
            ("VAT", "DE", "DE12345678"),
            ("VAT", "DE", "ATU12345678"),
            ("VAT", "GR", "GR123456789"),
            ("VAT", "US", "US123456789"),
            ("VAT", "CH", "CHE12345678"),
            ("GST", "DE", "DE123456789"),
            ("UKIMS", "GB", "GB123456789"),
        )
    ),
    (
        "spec.export.customs.taxNumbers",
        [{"name": "EORI", "country": "DE", "number": f"DE{last}"} for last in (1, 2)],
        "spec.export.customs.taxNumbers",
    ),
    (
        "spec.export.only",
        {"shippingMethods": ["DHL"], "notShippingMethods": ["DHL"]},
        "spec.export.only.notShippingMethods",
    ),
    ("spec.writeBack.problemTags", {"unreadable": "x"}, "spec.writeBack.problemTags"),
    ("spec.writeBack.problemTags", {"tagrefused": "x"}, "spec.writeBack.problemTags"),
    ("spec.writeBack.problemTag", " sendcloud Abgeschlossen", "spec.writeBack.problemTag"),
    ("spec.writeBack", {"tag": "x", "problemTags": {"conflict": "X "}}, "spec.writeBack.problemTags"),
    *(
        (
            "spec",
            {
                **yaml.safe_load(LEAST)["spec"],
                "export": {"only": {listed: ["Versand", "bitte ansehen"]}},
                "writeBack": {field: tags},
            },
            "spec.writeBack",
        )
        for listed in ("tags", "notTags")
        for field, tags in (("problemTag", " Bitte ansehen"), ("problemTags", {"conflict": "BITTE ANSEHEN"}))
    ),
    ("spec.export", {"only": {"minAgeMinutes": 1440}, "window": {"catchUpDays": 1}}, "spec.export.only"),
    (
        "spec.pods.resources",
        {"requests": {"memory": "1Gi"}, "limits": {"memory": "1023Mi"}},
        "spec.pods.resources.requests",
    ),
    (
        "spec.pods.resourcesOf",
        {"writer": {"requests": {"cpu": 1}, "limits": {"cpu": "500m"}}},
        "spec.pods.resourcesOf.writer.requests",
    ),
    ("spec.pods.tolerations", [{"operator": "Exists", "value": "x"}], "spec.pods.tolerations[0].value"),
    ("spec.pods.tolerations", [{"operator": "Exists"}, {"value": "x"}], "spec.pods.tolerations[1].key"),
    ("spec.pods.tolerations", [{"key": "a", "tolerationSeconds": 1}], "spec.pods.tolerations[0].tolerationSeconds"),
    ("spec.pods.labels", {"app.kubernetes.io/name": "other"}, "spec.pods.labels"),
    ("spec.pods.annotations", {"aftersend.jj-ideenschmiede.de/x": "y"}, "spec.pods.annotations"),
    *(
        ("spec.pods.annotations", {"team.example/x": "y", key: "z"}, "spec.pods.annotations")
        for key in (
            "container.apparmor.security.beta.kubernetes.io/writer",
            "container.seccomp.security.alpha.kubernetes.io/writer",
            "seccomp.security.alpha.kubernetes.io/pod",
            "kubernetes.io/config.mirror",
            "k8s.v1.cni.cncf.io/networks",
            "v1.multus-cni.io/default-network",
            "cni.projectcalico.org/ipAddrs",
            "sidecar.istio.io/inject",
            "inject.istio.io/templates",
            "vault.hashicorp.com/agent-inject",
            "config.linkerd.io/skip-outbound-ports",
            "iam.amazonaws.com/role",
            "io.kubernetes.cri-o.Devices",
            "io.katacontainers.config.hypervisor.path",
            "org.systemd.property.DeviceAllow",
            "run.oci.hooks.stdin",
            "openshift.io/scc",
        )
    ),
    *(
        ("spec.pods.labels", {key: "true"}, "spec.pods.labels")
        for key in ("azure.workload.identity/use", "aadpodidbinding", "sidecar.istio.io/inject", "k8s.io/x")
    ),
]
"""Refused by a rule over several fields: the field to change."""

LATER: list[tuple[str, Any]] = [
    ("spec.timeZone", "Europe/Entenhausen"),
    ("spec.export.schedule", "0 0 31 2 *"),
    ("spec.export.schedule", "0 0 * * 5-1"),
]
"""Refused in files at once; a cluster accepts them, and the operator says so in a condition."""


def with_field(path: str, value: object) -> dict[str, Any]:
    """The full document with one field replaced (or added)."""
    document: dict[str, Any] = yaml.safe_load(FULL)
    *parents, last = path.split(".")
    place = document
    for name in parents:
        place = place[name]
    place[last] = value
    return document
