"""Rules that a field's own schema cannot express, each once for both validators.

Each rule stands here in two languages side by side: CEL for the API server, Python for files. Both give the same
message, which names what to change. A rule belongs to one section, the innermost that holds all it looks at.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from aftersend.tenant import cron, problem_tags, tax_numbers
from aftersend.tenant.document import (
    BackupPolicy,
    Customs,
    Export,
    Only,
    RedisStore,
    Spec,
    Sweep,
    Webhook,
    Window,
    WriteBack,
)
from aftersend.tenant.pods import Pods, Resources, Toleration
from aftersend.tenant.quantities import memory_bytes, millicores

_ONE_SIDED = "!has(self.requests) || !has(self.limits)"
_CONTROLS = (
    r"^([a-z0-9.-]+\.)?(kubernetes\.io|k8s\.io|openshift\.io|jj-ideenschmiede\.de|cncf\.io|multus-cni\.io|ovn\.org"
    r"|projectcalico\.org|cilium\.io|istio\.io|linkerd\.io|kuma\.io|hashicorp\.com|datadoghq\.com|dapr\.io"
    r"|amazonaws\.com|azure\.com|azure\.workload\.identity|gke\.io|cloud\.google\.com)/"
    r"|^(io\.kubernetes|io\.cilium|io\.katacontainers|org\.systemd|run\.oci)\.|^aadpodidbinding$"
)
"""Keys that runtimes, networks, meshes, injectors and clouds obey: AppArmor, seccomp, Multus, Istio, Vault and such.

The operator refuses what its own list does not allow; this holds where that list allows too much.
"""
_HARMLESS = "cluster-autoscaler.kubernetes.io/safe-to-evict"


@dataclass(frozen=True, slots=True)
class SectionRule:
    """A condition on the fields of one section."""

    section: type[msgspec.Struct]
    field: str
    """The field to change, as the document spells it."""
    cure: str
    """What to change."""
    cel: str
    """True for a good section; null and absent are the same to the API server."""
    holds: Callable[[Any], bool] | None
    """The same in Python; None if only a change can break the rule, which a file cannot know."""


def _obeyed_by_none(name: str, pods: Pods) -> bool:
    return not any(key != _HARMLESS and re.search(_CONTROLS, key) for key in getattr(pods, name))


def _memory_fits(resources: Resources) -> bool:
    asked, most = resources.requests.memory, resources.limits.memory
    return asked is None or most is None or memory_bytes(asked) <= memory_bytes(most)


def _cpu_fits(resources: Resources) -> bool:
    asked, most = resources.requests.cpu, resources.limits.cpu
    return asked is None or most is None or millicores(str(asked)) <= millicores(str(most))


RULES = (
    *(
        SectionRule(
            section,
            "schedule",
            cron.CURE,
            f"self.schedule.matches({json.dumps(cron.PATTERN)})",
            lambda section: cron.is_cron(section.schedule),
        )
        for section in (Export, Sweep, BackupPolicy)
    ),
    SectionRule(
        Webhook,
        "gateway",
        "set either gateway or ingressClassName",
        "!has(self.gateway) || !has(self.ingressClassName)",
        lambda webhook: not (webhook.gateway and webhook.ingress_class_name),
    ),
    SectionRule(
        Webhook,
        "host",
        "an Ingress or HTTPRoute needs webhook.host: name the public host, or leave out ingressClassName and gateway",
        "has(self.host) || (!has(self.gateway) && !has(self.ingressClassName))",
        lambda webhook: bool(webhook.host or not (webhook.gateway or webhook.ingress_class_name)),
    ),
    SectionRule(
        RedisStore,
        "urlSecretName",
        "an external Redis needs the secret that holds its url: set redis.urlSecretName, or use mode managed",
        "self.mode != 'external' || has(self.urlSecretName)",
        lambda redis: redis.mode != "external" or redis.url_secret_name is not None,
    ),
    SectionRule(
        RedisStore,
        "urlSecretName",
        "a managed Redis has no url of its own: leave out redis.urlSecretName, or use mode external",
        "self.mode != 'managed' || !has(self.urlSecretName)",
        lambda redis: redis.mode != "managed" or redis.url_secret_name is None,
    ),
    SectionRule(
        Window,
        "lookbackDays",
        "lookbackDays cannot exceed catchUpDays: set one of them so that a run never reaches back further",
        "self.lookbackDays <= self.catchUpDays",
        lambda window: window.lookback_days <= window.catch_up_days,
    ),
    *(
        SectionRule(
            Only,
            unwanted,
            f"a name cannot be wanted and unwanted: set it in {wanted} or in {unwanted}",
            f"!has(self.{wanted}) || !has(self.{unwanted}) || !self.{wanted}.exists(name, name in self.{unwanted})",
            holds,
        )
        for wanted, unwanted, holds in (
            ("tags", "notTags", lambda only: not set(only.tags) & set(only.not_tags)),
            (
                "shippingMethods",
                "notShippingMethods",
                lambda only: not set(only.shipping_methods) & set(only.not_shipping_methods),
            ),
        )
    ),
    SectionRule(
        Export,
        "only",
        "an order older than catchUpDays is not read any more: set only.minAgeMinutes lower, or catchUpDays higher",
        "self.only.minAgeMinutes < self.window.catchUpDays * 1440",
        lambda export: export.only.min_age_minutes < export.window.catch_up_days * 1440,
    ),
    SectionRule(
        WriteBack, "problemTags", problem_tags.CODES_CURE, problem_tags.CODES_CEL, problem_tags.has_known_codes
    ),
    *(
        SectionRule(
            WriteBack,
            field,
            problem_tags.SAME_CURE.format(field=field),
            problem_tags.same_cel(field),
            partial(problem_tags.is_other_tag, field),
        )
        for field in problem_tags.FIELDS
    ),
    *(
        SectionRule(
            Spec,
            "writeBack",
            problem_tags.HOLDS_CURE.format(field=field, wanted=wanted),
            problem_tags.holds_cel(field, wanted),
            partial(problem_tags.holds_no_order, field, wanted),
        )
        for field in problem_tags.FIELDS
        for wanted in problem_tags.LISTS
    ),
    SectionRule(
        tax_numbers.OwnTaxNumber,
        "number",
        tax_numbers.CURE,
        f"(self.name + ' ' + self.country + ' ' + self.number).matches({json.dumps(tax_numbers.PATTERN)})",
        lambda tax: re.match(tax_numbers.PATTERN, f"{tax.name} {tax.country} {tax.number}") is not None,
    ),
    SectionRule(
        Customs,
        "taxNumbers",
        "there is one number of a kind and a country: leave out the other",
        "!has(self.taxNumbers) || self.taxNumbers.all(one,"
        " self.taxNumbers.exists_one(other, other.name == one.name && other.country == one.country))",
        lambda customs: len({(tax.name, tax.country) for tax in customs.tax_numbers}) == len(customs.tax_numbers),
    ),
    SectionRule(
        Resources,
        "requests",
        "a request of memory cannot exceed its limit: set requests.memory lower, or limits.memory higher",
        f"{_ONE_SIDED} || !has(self.requests.memory) || !has(self.limits.memory)"
        " || quantity(self.requests.memory).compareTo(quantity(self.limits.memory)) <= 0",
        _memory_fits,
    ),
    SectionRule(
        Resources,
        "requests",
        "a request of cpu cannot exceed its limit: set requests.cpu lower, or limits.cpu higher",
        f"{_ONE_SIDED} || !has(self.requests.cpu) || !has(self.limits.cpu)"
        " || quantity(string(self.requests.cpu)).compareTo(quantity(string(self.limits.cpu))) <= 0",
        _cpu_fits,
    ),
    SectionRule(
        RedisStore,
        "mode",
        "redis.mode cannot change: make a new tenant with the other mode, or set it back",
        "self.mode == oldSelf.mode",
        None,
    ),
    SectionRule(
        Toleration,
        "value",
        "operator Exists takes no value: leave out value, or use operator Equal",
        "self.operator != 'Exists' || !has(self.value)",
        lambda toleration: toleration.operator != "Exists" or toleration.value is None,
    ),
    SectionRule(
        Toleration,
        "key",
        "operator Equal needs a key: set key, or use operator Exists for every taint",
        "self.operator == 'Exists' || has(self.key)",
        lambda toleration: toleration.operator == "Exists" or toleration.key is not None,
    ),
    SectionRule(
        Toleration,
        "tolerationSeconds",
        "tolerationSeconds needs effect NoExecute: set it, or leave out tolerationSeconds",
        "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        lambda toleration: toleration.toleration_seconds is None or toleration.effect == "NoExecute",
    ),
    *(
        SectionRule(
            Pods,
            name,
            f"{name} below app.kubernetes.io/ and aftersend.jj-ideenschmiede.de/ are the operator's, and those by which"
            " runtimes, networks, meshes and injectors change pods are refused: use other keys",
            f"!has(self.{name}) || self.{name}.all(key, key == {json.dumps(_HARMLESS)}"
            f" || !key.matches({json.dumps(_CONTROLS)}))",
            partial(_obeyed_by_none, name),
        )
        for name in ("labels", "annotations")
    ),
)


def broken_rules(section: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield (path of the field, cure) for every rule that ``section`` or a section within it breaks."""
    if isinstance(section, msgspec.Struct):
        for rule in RULES:
            if isinstance(section, rule.section) and rule.holds and not rule.holds(section):
                yield f"{path}.{rule.field}", rule.cure
        for name, encoded in zip(section.__struct_fields__, section.__struct_encode_fields__, strict=True):
            yield from broken_rules(getattr(section, name), f"{path}.{encoded}")
    elif isinstance(section, list):
        for index, item in enumerate(section):
            yield from broken_rules(item, f"{path}[{index}]")
