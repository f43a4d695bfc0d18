"""The circuit breaker: when an upstream is down as a whole, stop calling it for every event.

    closed ── several Transient in a row within a minute, or credentials refused or missing once ──> open
    open ── a probe succeeds ──> closed

While it is open, the stream is not read; events wait there and no attempt is spent. One cheap call probes, with
exponential backoff: after 5 s at first, then ever later up to 5 min; every 10 min if our credentials were refused,
because each refused call is noise in the upstream's logs; and at once when a secret changes. If it opens again before
any call succeeded, the backoff goes on growing, so that an upstream which answers probes but fails at everything else
is left in peace, too.

``probe_failed`` separates an outage from bad luck: only after a probe has failed, or credentials were refused, the
upstream counts as down. Attempts during such an outage do not count (see ``retry``).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aftersend.backoff import Backoff
from aftersend.errors import AftersendError, CredentialsRefused, Later, Rejected, SecretMissing, Transient
from aftersend.loops import pause
from aftersend.observe.logs import get_logger

_PROBES: Final = Backoff(first=5.0, longest=360.0, jitter=0.2)
_REFUSED_PROBES: Final = Backoff(first=600.0, longest=720.0, jitter=0.2)


@dataclass(frozen=True, slots=True)
class CircuitBreakerTiming:
    """When it opens, and when it probes; seconds."""

    failures: int = 5
    """So many failures in a row open it …"""
    window: float = 60.0
    """… if they lie this close together."""
    probes: Backoff = _PROBES
    """Waits before probes: up to five minutes and a fifth of that."""
    refused: Backoff = _REFUSED_PROBES
    """The same while our credentials are refused or missing; always the first."""
    poll: float = 1.0
    """How often it looks for a changed secret."""


class CircuitState(Enum):
    """The state of the circuit, as metrics and status show it."""

    CLOSED = "ok"
    OPEN = "suspended"
    REFUSED = "refused"
    """Open because our credentials are refused or missing: waiting does not help."""


class CircuitBreaker:
    """Guards one upstream of one tenant; the result of ``secrets_version`` changes when a secret changes."""

    def __init__(
        self,
        upstream: str,
        probe: Callable[[], Awaitable[object]],
        *,
        secrets_version: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[CircuitState], None] = lambda state: None,  # noqa: ARG005 - the name is the explanation
        timing: CircuitBreakerTiming = CircuitBreakerTiming(),
    ) -> None:
        self.upstream = upstream
        self.is_open = False
        self.probe_failed = False
        """A probe failed, or credentials were refused, since it opened."""
        self._probe = probe
        self._secrets_version = secrets_version
        self._clock = clock
        self._on_change = on_change
        self._timing = timing
        self._failures: list[float] = []
        self._waits = 0
        """Waits before probes since a call succeeded while closed."""
        self._probe_at = 0.0
        self._probed_version: object = None
        self._reported = CircuitState.CLOSED
        self._log = get_logger(upstream=upstream)

    def record(self, error: Exception | None) -> None:
        """Record the result of a call; None = success. Errors of other upstreams, and ``Later``, do not count."""
        if error is None or (isinstance(error, Rejected) and error.upstream == self.upstream):
            self._failures.clear()
            self._waits = self._waits if self.is_open else 0
        elif (isinstance(error, CredentialsRefused) and error.upstream in ("", self.upstream)) or (
            isinstance(error, SecretMissing) and error.upstream == self.upstream
        ):
            self._open(error)
        elif isinstance(error, Transient) and not isinstance(error, Later) and error.upstream == self.upstream:
            self._count(error)

    async def wait_closed(self, stop: asyncio.Event) -> None:
        """Probe until the upstream is back or ``stop`` is set."""
        while self.is_open and not stop.is_set():
            if self._clock() >= self._probe_at or self._current_secrets_version() != self._probed_version:
                await self._try()
            else:
                await pause(stop, min(max(self._probe_at - self._clock(), 0.0), self._timing.poll))

    def _count(self, error: Transient) -> None:
        now = self._clock()
        self._failures = [at for at in self._failures if now - at <= self._timing.window] + [now]
        if len(self._failures) >= self._timing.failures:
            self._open(error)

    def _open(self, error: AftersendError) -> None:
        refused = _refused(error)
        self.probe_failed = self.probe_failed or refused
        if not self.is_open:
            self.is_open = True
            self._log.warning("circuit_opened", code=error.code, error=type(error).__name__)
            self._schedule(refused=refused)
        elif refused:
            self._schedule(refused=True)

    async def _try(self) -> None:
        self._probed_version = self._current_secrets_version()
        try:
            await self._probe()
        except Exception as error:  # noqa: BLE001 - whatever a probe raises, the upstream is not back
            self.probe_failed = True
            self._schedule(refused=_refused(error))
        else:
            self._close()

    def _close(self) -> None:
        self.is_open = self.probe_failed = False
        self._failures.clear()
        self._report(CircuitState.CLOSED)
        self._log.info("circuit_closed")

    def _report(self, state: CircuitState) -> None:
        if state is not self._reported:
            self._reported = state
            self._on_change(state)

    def _schedule(self, *, refused: bool) -> None:
        self._report(CircuitState.REFUSED if refused else CircuitState.OPEN)
        self._probed_version = self._current_secrets_version()
        self._waits += 1
        wait = self._timing.refused.delay(1) if refused else self._timing.probes.delay(self._waits)
        self._probe_at = self._clock() + wait

    def _current_secrets_version(self) -> object:
        try:
            return self._secrets_version()
        except AftersendError:
            return None


def _refused(error: Exception) -> bool:
    return isinstance(error, CredentialsRefused | SecretMissing)
