"""The circuits of both upstreams: while one is open, runs of our own schedule wait; requests of people are tried.

A run that failed because of an upstream opens its circuit. From then on one cheap call probes now and then, and at
once when a secret changes or a requested run got through; the first success closes it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.circuit_breaker import CircuitBreaker, CircuitBreakerTiming, CircuitState
from aftersend.loops import pause
from aftersend.observe.meters import CircuitMeter
from aftersend.observe.metrics import Metrics
from aftersend.runs import RunKind, RunOutcome
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.client import SendcloudClient
from aftersend_exporter.run_stats import RunStats

_FIRST_FAILURE_OPENS: Final = CircuitBreakerTiming(failures=1)
_NEEDS: Final[dict[RunKind, tuple[str, ...]]] = {"export": ("afterbuy", "sendcloud"), "sweep": ("sendcloud",)}


class Circuits:
    """One breaker per upstream."""

    def __init__(
        self,
        *,
        afterbuy: AfterbuyClient,
        sendcloud: SendcloudClient,
        secrets: Callable[[str], SecretFiles],
        metrics: Metrics,
        tenant: str,
        timing: CircuitBreakerTiming = _FIRST_FAILURE_OPENS,
    ) -> None:
        self._got_through = dict.fromkeys(("afterbuy", "sendcloud"), 0)
        probes = {"afterbuy": afterbuy.clock, "sendcloud": sendcloud.integrations}
        self._breakers = {
            upstream: CircuitBreaker(
                upstream,
                probe,
                secrets_version=self._secrets_version(upstream, secrets(upstream)),
                on_change=_shown(metrics, tenant, upstream),
                timing=timing,
            )
            for upstream, probe in probes.items()
        }

    def closed_for(self, kind: RunKind) -> bool:
        """True if nothing speaks against a run of that kind."""
        return not any(self._breakers[upstream].is_open for upstream in _NEEDS[kind])

    def record(self, stats: RunStats, *, outcome: RunOutcome) -> None:
        """What a run learnt about the upstreams that it needed."""
        for upstream in _NEEDS[stats.kind]:
            error = stats.errors.get(upstream)
            if error is not None and outcome == "failed":
                self._breakers[upstream].record(error)
            elif error is None and outcome != "failed":
                self._got_through[upstream] += 1
                self._breakers[upstream].record(None)

    async def keep(self, stop: asyncio.Event) -> None:
        """Probe whatever is open, until ``stop``."""
        async with asyncio.TaskGroup() as group:
            for breaker in self._breakers.values():
                group.create_task(_keep(breaker, stop))

    def _secrets_version(self, upstream: str, files: SecretFiles) -> Callable[[], object]:
        """Changes with the secrets, and when a run got through."""
        return lambda: (self._got_through[upstream], [(name, hash(files.optional(name))) for name in files.names()])


async def _keep(breaker: CircuitBreaker, stop: asyncio.Event) -> None:
    while await pause(stop, 1.0):
        await breaker.wait_closed(stop)


def _shown(metrics: Metrics, tenant: str, upstream: str) -> Callable[[CircuitState], None]:
    meter = CircuitMeter(metrics, tenant, upstream)
    return lambda state: meter.show(is_open=state is not CircuitState.CLOSED, refused=state is CircuitState.REFUSED)
