"""The status collector: reports of the last jobs, and of every service pod.

Each pod is asked once in ``ASK_SECONDS``, and at once when it turns ready or unready; a pod that reported a failed
check, missing keys, or nothing, is asked again after ``ASK_AGAIN_SECONDS``. Between that its last answer stands, so
that a tenant whose objects change often costs no more calls. A ready pod that misses one answer is asked once more
after ``ASK_AGAIN_SECONDS``, else the one before would become two minutes old; one that stays silent costs a timeout a
minute. Jitter brings passes early, by a quarter at most: from ``EARLIEST`` of its period on an answer is renewed by any
pass, or each reading would take several.

A refusal of credentials that the last export saw is stale once their secret has changed: it is dropped until the next
run reports again. So a corrected key clears the condition at once.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

import msgspec

from aftersend_operator.informer.cache import Cache
from aftersend_operator.model.certificates import certificate_end
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.model.records import Key, TenantRecord
from aftersend_operator.model.references import referenced_secrets
from aftersend_operator.status.newest import newest_state
from aftersend_operator.status.readyz_client import ReadyzClient
from aftersend_operator.status.reports import ReportedState, state_from_jobs, upstream_faults
from aftersend_operator.status.scrapes import is_unscraped
from aftersend_operator.status.service_reports import (
    PodReport,
    ServiceReport,
    parse_report,
    state_from_services,
)
from aftersend_operator.status.startup_grace import Grace

ASK_SECONDS: Final = 55.0
ASK_AGAIN_SECONDS: Final = 10.0
EARLIEST: Final = 0.75
_SERVICES: Final = frozenset({"all", "exporter", "webhook", "writer"})


@dataclass(frozen=True, slots=True)
class _Answer:
    """The last answer of a pod."""

    ready: bool
    at: float
    report: ServiceReport | None
    is_missed: bool = False
    """The answer before was one."""

    def stands(self, pod: PodRecord, now: float) -> bool:
        report = self.report
        is_well = report is not None and not any(report.checks.values()) and not report.missing_keys
        return self.ready == pod.ready and now - self.at < EARLIEST * (ASK_SECONDS if is_well else ASK_AGAIN_SECONDS)

    def due_in(self, now: float) -> float:
        """Return the seconds until the pod is to be asked without another cause; a silent one costs a timeout."""
        is_unwell = self.is_missed if self.report is None else any(self.report.checks.values())
        return (ASK_AGAIN_SECONDS if is_unwell else ASK_SECONDS) - (now - self.at)


@dataclass(frozen=True, slots=True)
class StatusCollector:
    """Collect the reports of a tenant's jobs and services."""

    cache: Cache
    readyz_client: ReadyzClient
    clock: Callable[[], float] = time.monotonic
    unscraped: set[Key] = field(default_factory=set)
    """Tenants with a pod that nothing scrapes."""
    _answers: dict[Key, dict[str, _Answer]] = field(default_factory=dict)
    """By tenant and address: a new pod has a new one."""
    _secrets: dict[Key, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    """Versions of the merchant's secrets, and the last export run before they changed."""

    async def collect(self, record: TenantRecord, grace: Grace) -> ReportedState:
        """Return the newest reports."""
        pods = self.cache.pods(record.key)
        reports = await self._ask(record, [pod for pod in pods if _serves(pod)])
        (self.unscraped.add if is_unscraped(reports, now=grace.now) else self.unscraped.discard)(record.key)
        found = newest_state(record.status, state_from_jobs(pods), state_from_services(reports, grace))
        return self._with_upstreams(record, found)

    def certificate_end(self, record: TenantRecord) -> float:
        """Return the Unix time when the webhook's certificate expires, as its pods last saw it; 0 if none is known."""
        reports = (answer.report for answer in self._answers.get(record.key, {}).values())
        return max((certificate_end(report.certificate) for report in reports if report), default=0.0)

    def due_in(self, tenant: Key) -> float:
        """Return the seconds until a pod of the tenant is to be asked again; 0 if there is none."""
        now = self.clock()
        return min((answer.due_in(now) for answer in self._answers.get(tenant, {}).values()), default=0.0)

    def forget(self, tenant: Key) -> None:
        """Drop what is kept of a deleted tenant."""
        self._secrets.pop(tenant, None)
        self._answers.pop(tenant, None)
        self.unscraped.discard(tenant)

    async def _ask(self, record: TenantRecord, pods: Collection[PodRecord]) -> list[PodReport]:
        known = self._answers.get(record.key, {})
        answers = await asyncio.gather(*(self._answer(record, pod, known.get(pod.address)) for pod in pods))
        self._answers[record.key] = {pod.address: answer for pod, answer in zip(pods, answers, strict=True)}
        return [PodReport(pod, answer.report) for pod, answer in zip(pods, answers, strict=True)]

    async def _answer(self, record: TenantRecord, pod: PodRecord, known: _Answer | None) -> _Answer:
        now = self.clock()
        if known is not None and known.stands(pod, now):
            return known
        report = parse_report(await self.readyz_client.fetch(pod.address), record.identity)
        is_missed = report is None and pod.ready and known is not None and known.report is not None
        return _Answer(pod.ready, now, report, is_missed)

    def _with_upstreams(self, record: TenantRecord, reported: ReportedState) -> ReportedState:
        """Add the faults of the upstreams, but for refused credentials that were changed after the run that saw it."""
        run = (reported.last_export and reported.last_export.run) or ""
        versions = self._versions(record)
        known, stale_run = self._secrets.get(record.key, (versions, ""))
        stale_run = stale_run if versions == known else run
        self._secrets[record.key] = (versions, stale_run)
        is_stale = bool(run) and run == stale_run
        seen = {side: state for side, state in reported.seen_by_run.items() if not is_stale or state != "refused"}
        faults = upstream_faults({**seen, **reported.circuits}, record.tenant) if record.tenant else ()
        return msgspec.structs.replace(reported, faults=(*faults, *reported.faults))

    def _versions(self, record: TenantRecord) -> tuple[int, ...]:
        names = referenced_secrets(record.tenant) if record.tenant else ()
        return tuple(self.cache.secrets.get((record.key[0], name), 0) for name in names)


def _serves(pod: PodRecord) -> bool:
    """Return True for the pod of a service that can be asked."""
    return pod.part in _SERVICES and bool(pod.address) and not (pod.ended or pod.waiting or pod.failed or pod.deleting)
