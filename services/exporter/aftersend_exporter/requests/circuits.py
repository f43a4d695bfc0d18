"""Circuit breakers of both upstreams: while one is open, scheduled runs wait; requested runs are tried.

A run that failed because of an upstream opens its circuit, as do keys that are refused when they are new: one cheap
call tries them after the start and after each change, for a suspended tenant, too. From then on one cheap call probes
the upstream at growing intervals, and at once when a secret changes or a requested run succeeds; the first success
closes the circuit.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from aftersend.afterbuy.client import AfterbuyClient
from aftersend.circuit_breaker import CircuitBreaker, CircuitBreakerTiming, CircuitState, keep_credentials_checked
from aftersend.observe.meters import CircuitMeter
from aftersend.observe.metrics import Metrics
from aftersend.runs import RunKind, RunOutcome
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.client import SendcloudClient
from aftersend_exporter.run_stats import RunStats

_FIRST_FAILURE_OPENS: Final = CircuitBreakerTiming(failures=1)
_NEEDS: Final[dict[RunKind, tuple[str, ...]]] = {"export": ("afterbuy", "sendcloud"), "sweep": ("sendcloud",)}


class Circuits:
    """One circuit breaker per upstream."""

    def __init__(  # noqa: PLR0913 - everything that both breakers depend on, by name
        self,
        *,
        afterbuy: AfterbuyClient,
        sendcloud: SendcloudClient,
        secrets: Callable[[str], SecretFiles],
        metrics: Metrics,
        tenant: str,
        timing: CircuitBreakerTiming = _FIRST_FAILURE_OPENS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known: dict[str, str] = {}
        self._gauges = {upstream: CircuitMeter(metrics, tenant, upstream) for upstream in ("afterbuy", "sendcloud")}
        probes = {"afterbuy": afterbuy.clock, "sendcloud": sendcloud.integrations}
        self._breakers = {
            upstream: CircuitBreaker(
                upstream,
                probe,
                secrets_version=partial(_secrets_version, secrets(upstream)),
                on_change=partial(self._changed, upstream),
                timing=timing,
                clock=clock,
            )
            for upstream, probe in probes.items()
        }

    def closed_for(self, kind: RunKind) -> bool:
        """Return whether the circuits of all upstreams that a run of that kind needs are closed."""
        return not any(self._breakers[upstream].is_open for upstream in _NEEDS[kind])

    def states(self) -> dict[str, str]:
        """Return the states of the circuits; without those that no call has tried yet, for they prove nothing."""
        return dict(self._known)

    def record(self, stats: RunStats, *, outcome: RunOutcome) -> None:
        """Open or close circuits after a run."""
        for upstream in _NEEDS[stats.kind]:
            error = stats.errors.get(upstream)
            if error is not None and outcome == "failed":
                self._breakers[upstream].record(error)
            elif error is None and outcome != "failed":
                self._breakers[upstream].record(None)
                if self._breakers[upstream].is_open:
                    self._breakers[upstream].probe_now()
                else:
                    self._know(upstream, CircuitState.CLOSED)

    async def keep(self, stop: asyncio.Event) -> None:
        """Probe upstreams whose circuit is open, and try secrets that are new, until ``stop``."""
        async with asyncio.TaskGroup() as group:
            for upstream, breaker in self._breakers.items():
                group.create_task(breaker.keep_probing(stop))
                accepted = partial(self._know, upstream, CircuitState.CLOSED)
                group.create_task(keep_credentials_checked(breaker, stop, on_accepted=accepted))

    def _changed(self, upstream: str, state: CircuitState) -> None:
        is_refused = state is CircuitState.REFUSED
        self._gauges[upstream].show(is_open=state is not CircuitState.CLOSED, refused=is_refused)
        self._know(upstream, state)

    def _know(self, upstream: str, state: CircuitState) -> None:
        """Remember the state of an upstream from the first call on."""
        self._known[upstream] = state.value


def _secrets_version(files: SecretFiles) -> object:
    """Return a value that changes with the secrets."""
    return [(name, hash(files.optional(name))) for name in files.names()]
