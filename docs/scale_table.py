"""The table of a fleet's size: what 1 to 10,000 tenants ask for with all defaults, from the manifests themselves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from cronsim import CronSim

from aftersend.afterbuy.exchange import CALLS_PER_DAY
from aftersend.sendcloud.limits import WRITES
from aftersend.tenant.document import Tenant
from aftersend.tenant.quantities import memory_bytes, millicores
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.manifests.generated_secrets import secret_names
from aftersend_operator.model.naming import Manifest
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.collector import ASK_SECONDS

FLEETS: Final = (1, 10, 100, 1_000, 10_000)
_DAY: Final = datetime(2026, 6, 1, tzinfo=UTC)
_WORKLOADS: Final = ("Deployment", "StatefulSet")
_SETTINGS: Final = OperatorSettings(service_image="services", redis_image="redis")


def table() -> str:
    """Render both topologies, one column for each size of the fleet."""
    return "\n".join(map(_table_of, ("split", "compact")))


def _table_of(topology: str) -> str:
    sizes = " | ".join(f"{size:,}" for size in FLEETS)
    head = [f"| of the topology `{topology}` | source | {sizes} |", "|---|---|" + "---:|" * len(FLEETS)]
    return "\n".join([*head, *_rows(topology), ""])


def _rows(topology: str) -> list[str]:
    tenant = _tenant(topology)
    manifests = desired(tenant, uid="uid", settings=_SETTINGS, facts=ClusterFacts())
    pods = [each for each in manifests if each["kind"] in _WORKLOADS]
    services = [each for each in pods if each["kind"] == "Deployment"]
    return [
        _row("pods", "manifests", len(pods), _count),
        _row("cores, requested", "manifests", _asked(pods, "cpu", millicores), lambda milli: f"{milli / 1000:,g}"),
        _row("memory, requested", "manifests", _asked(pods, "memory", memory_bytes), _gibibytes),
        _row("volumes", "manifests", sum(each["kind"] == "PersistentVolumeClaim" for each in manifests), _count),
        _row("objects of the operator", "manifests", len(manifests) + len(secret_names(tenant)), _count),
        _row("Jobs a day", "`export.schedule`, `backup.schedule`", sum(map(_runs, manifests)), _count),
        _row("exports and backups a day", "the same", _starts(tenant, "export", "backup"), _count),
        _row("sweeps a day", "`sweep.schedule`", _starts(tenant, "sweep"), _count),
        _row("readings of status a minute", "operator", len(services) * 60 / ASK_SECONDS, _count),
        _row("Afterbuy calls a day at most", "Afterbuy's limit per account", CALLS_PER_DAY, _count),
        _row("Sendcloud writes a minute at most", "our bucket per account", WRITES.burst + 60 * WRITES.rate, _count),
    ]


def _row(what: str, source: str, one: float, show: Callable[[float], str]) -> str:
    return f"| {what} | {source} | " + " | ".join(show(one * size) for size in FLEETS) + " |"


def _count(number: float) -> str:
    return f"{round(number):,}"


def _gibibytes(size: float) -> str:
    return f"{size / 2**30:,.3g} Gi" if size < 1000 * 2**30 else f"{size / 2**30:,.0f} Gi"


def _tenant(topology: str) -> Tenant:
    document: dict[str, Any] = {
        "apiVersion": "aftersend.jj-ideenschmiede.de/v1",
        "kind": "AftersendTenant",
        "metadata": {"name": "shop", "namespace": "shops"},
        "spec": {
            "afterbuy": {"credentials": {"secretName": "afterbuy"}},
            "sendcloud": {"credentials": {"secretName": "sendcloud"}, "integration": "1"},
            "topology": topology,
        },
    }
    return msgspec.convert(document, Tenant)


def _asked(pods: list[Manifest], what: str, parse: Callable[[str], int]) -> int:
    containers = [container for pod in pods for container in pod["spec"]["template"]["spec"]["containers"]]
    return sum(parse(container["resources"]["requests"][what]) for container in containers)


def _runs(manifest: Manifest) -> int:
    return _fires(manifest["spec"]["schedule"]) if manifest["kind"] == "CronJob" else 0


def _starts(tenant: Tenant, *kinds: str) -> int:
    return sum(_fires(getattr(tenant.spec, kind).schedule) for kind in kinds)


def _fires(schedule: str) -> int:
    """Count how often a schedule fires on one day."""
    first = CronSim(schedule, _DAY - timedelta(seconds=1))
    count = 0
    while next(first) < _DAY + timedelta(days=1):
        count += 1
    return count
