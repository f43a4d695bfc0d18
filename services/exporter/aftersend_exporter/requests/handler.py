"""The handler of requests on the stream ``runs``.

    has a result already ──> done
    lease is held by another run ──> defer it: it is delivered again in a second
    lease is ours ──> run under the id of the newest equal request ──> result for all equal ones ──> done
                                                                    └── failed: it comes back (see ``repeats``)

Export and sweep have leases of their own and do not wait for each other. An error of Afterbuy or Sendcloud is part of
the result, which goes to all who wait for it. Only an error of our own Redis has the request delivered again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from aftersend.errors import Later, Rejected
from aftersend.runs import RunHealth, RunRequest, RunSummary, result_of, store_result
from aftersend.stream.event import Event
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.run import export
from aftersend_exporter.requests.circuits import Circuits
from aftersend_exporter.requests.coalescing import RequestCoalescer
from aftersend_exporter.requests.repeats import RunRepeats
from aftersend_exporter.run_stats import RunStats
from aftersend_exporter.sweep.run import sweep

_KINDS: Final = {"export.requested": "export", "sweep.requested": "sweep"}
_SUSPENDED: Final = "the tenant is suspended (spec.suspend)"
Run = Callable[..., Awaitable[tuple[RunStats, RunSummary]]]
_RUNS: Final[dict[str, Run]] = {"export": export, "sweep": sweep}


@dataclass(frozen=True, slots=True)
class RunHandler:
    """Handles the requests of one tenant, one run of each kind at a time."""

    context: ExportContext
    coalescer: RequestCoalescer
    circuits: Circuits
    repeats: RunRepeats
    on_finished: Callable[[RunSummary], None] = lambda summary: None  # noqa: ARG005 - the name says what it is
    """Called with the summary of every run that was no dry run."""

    async def __call__(self, event: Event) -> None:
        """Serve one request, or raise ``Later`` while another run holds the lease."""
        request = event.read(RunRequest)
        if _KINDS.get(event.type) != request.kind:
            raise Rejected("malformed_data", path="kind")
        if await self._result(event.id) is not None:
            return
        if self.context.tenant.spec.suspend and not request.dry_run:
            await self.repeats.end(request.kind)
            await self._store(_refusal(request, run=event.id, message=_SUSPENDED), [event.id])
            return
        await self._run_under_lease(request, run=event.id)

    async def _run_under_lease(self, request: RunRequest, *, run: str) -> None:
        try:
            async with self.context.state.lease(request.kind) as lease:
                if await self._result(run) is None:
                    await self._serve(replace(self.context, lease=lease), request, run=run)
        except Later:
            await self.coalescer.defer(request, run=run)
            raise

    async def _serve(self, context: ExportContext, request: RunRequest, *, run: str) -> None:
        equal = await self.coalescer.equal_to(request, run=run)
        stats, summary = await _RUNS[request.kind](context, request, run=equal[-1])
        self.circuits.record(stats, outcome=summary.outcome)
        await self.repeats.run_ended(request, summary)
        await self._store(summary, equal)
        await self.coalescer.served(request, runs=equal)
        if not request.dry_run:
            self.on_finished(summary)

    async def _result(self, run: str) -> RunSummary | None:
        return await result_of(self.context.parcels.redis, tenant=self.context.tenant.identity, run=run)

    async def _store(self, summary: RunSummary, runs: list[str]) -> None:
        for run in runs:
            await store_result(
                self.context.parcels.redis, tenant=self.context.tenant.identity, run=run, summary=summary
            )


def _refusal(request: RunRequest, *, run: str, message: str) -> RunSummary:
    return RunSummary(run=run, kind=request.kind, outcome="failed", health=RunHealth(message=message))
