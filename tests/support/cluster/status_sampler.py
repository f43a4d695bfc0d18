"""The status sampler: once a second, what every tenant's status says beside what is.

It reads the API server, and is given what the other side sees (``saw``). Time in which the operator is not ready, or
the API server does not answer, does not count: the status can only stand still then, as the guide says. Nor does the
time between two looks that a busy machine let lie too far apart: what was in between is not known.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from tests.support.cluster.kube_client import ApiRefusedError, KubeClient
from tests.support.cluster.spells import SpellLog
from tests.support.cluster.truth import Facts, began, parts_of, said_by, untruths

PERIOD: Final = 1.0
APART: Final = 5.0
"""Seconds between two looks that say nothing of the time in between: half of the shortest limit."""
_OURS: Final = "app.kubernetes.io/managed-by=aftersend-operator"
_KEPT: Final = 300.0
"""Seconds for which a moment that the other side saw is compared: longer than any limit."""
_PARTS: Final = {"compact": ("all", "redis"), "split": ("exporter", "webhook", "writer", "redis")}


@dataclass
class StatusSampler:
    """Compares until it is stopped; ``namespace`` is the operator's."""

    kube: KubeClient
    namespace: str
    log: SpellLog = field(default_factory=SpellLog)
    looks: int = 0
    blind: int = 0
    """Looks that the API server did not answer, or that came too late."""
    away: int = 0
    """Looks that found no operator that is ready."""
    longest_gap: float = 0.0
    """Seconds between two looks, at worst: lengths are known no better."""
    _exports: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _write_backs: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _looked: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def saw(self, tenant: str, since: float, *, exported: bool, written_back: bool) -> None:
        """Take what the other side of a tenant (by namespace) has seen after the moment of the last look at it."""
        if exported:
            self._exports[tenant].append(since)
        if written_back:
            self._write_backs[tenant].append(since)

    def run(self) -> None:
        """Look once a second."""
        last = time.monotonic()
        while not self._stop.wait(max(0.0, last + PERIOD - time.monotonic())):
            self.longest_gap = max(self.longest_gap, time.monotonic() - last) if self.looks else 0.0
            last = time.monotonic()
            self.look()

    def stop(self) -> None:
        """End ``run``."""
        self._stop.set()

    def look(self) -> None:
        """Compare once."""
        self.looks += 1
        try:
            (operator,) = self.kube.list("deployment", self.namespace) or ({},)
            tenants, pods = self.kube.list("ast"), self.kube.list("pod", labels=_OURS)
            workloads = [each for kind in ("deployment", "statefulset") for each in self.kube.list(kind, labels=_OURS)]
        except (ApiRefusedError, OSError, ValueError):
            self.blind += 1
            self.log.pass_over(time.monotonic())
            return
        is_there, now = _is_ready(operator), time.monotonic()
        is_late, self._looked = now - self._looked > APART, now
        self.away += not is_there
        self.blind += is_there and is_late
        environ = _environment(operator)
        found = {
            tenant["metadata"]["namespace"]: untruths(
                said_by(tenant), self._facts(tenant, _of(tenant, workloads), _of(tenant, pods), environ)
            )
            for tenant in tenants
        }
        self.log.record(now, found, counts=is_there and not is_late)

    def _facts(
        self,
        tenant: dict[str, Any],
        workloads: list[dict[str, Any]],
        pods: list[dict[str, Any]],
        environ: dict[str, str],
    ) -> Facts:
        now, namespace, spec = time.time(), tenant["metadata"]["namespace"], tenant["spec"]
        urls = (spec[side].get("url", "https:") for side in ("afterbuy", "sendcloud"))
        return Facts(
            parts_of(_PARTS[spec["topology"]], workloads, pods, now=now),
            image=environ.get("AFTERSEND_SERVICE_IMAGE", ""),
            acceptable=environ.get("AFTERSEND_ALLOW_HTTP") == "1" or all(url.startswith("https:") for url in urls),
            exports=_since(self._exports[namespace], max(now - _KEPT, began(pods, ("all", "exporter")))),
            write_backs=_since(self._write_backs[namespace], max(now - _KEPT, began(pods, ("all", "writer")))),
        )


def _since(moments: list[float], start: float) -> list[float]:
    return [moment for moment in moments if moment > start]


def _of(tenant: dict[str, Any], things: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in things if each["metadata"]["namespace"] == tenant["metadata"]["namespace"]]


def _is_ready(operator: dict[str, Any]) -> bool:
    """Whether the pod that the deployment asks for now is ready."""
    status = operator.get("status", {})
    is_seen = status.get("observedGeneration") == operator.get("metadata", {}).get("generation")
    return is_seen and bool(status.get("updatedReplicas")) and bool(status.get("readyReplicas"))


def _environment(operator: dict[str, Any]) -> dict[str, str]:
    containers = operator.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ())
    return {each["name"]: each.get("value", "") for container in containers for each in container.get("env", ())}


@contextmanager
def sampling(sampler: StatusSampler) -> Iterator[StatusSampler]:
    """Sample as long as the block runs."""
    thread = threading.Thread(target=sampler.run)
    thread.start()
    try:
        yield sampler
    finally:
        sampler.stop()
        thread.join()
