"""The circuit breaker: when the other side is down as a whole, stop asking it with every event.

    closed ── several Transient in a row within a minute, or credentials refused or missing once ──> open
    open ── a probe succeeds ──> closed

While it is open nobody reads the stream; events wait there and no attempt is spent. One cheap call probes: after 5 s
at first, then ever later up to 5 min; every 10 min if our credentials were refused, because each refused call is
noise in the other side's logs; and at once when a secret changes. If it opens again before anything succeeded, the
waits go on growing, so that a side which answers probes but fails at everything else is left in peace, too.

``confirmed`` tells an outage from bad luck: only after a probe has failed, or credentials were refused, is the other
side really down. Attempts during a confirmed outage do not count (see ``retry``).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from aftersend.errors import AftersendError, CredentialsRefused, Later, Rejected, SecretMissing, Transient
from aftersend.observe.logs import get_logger


@dataclass(frozen=True, slots=True)
class CircuitBreakerTiming:
    """When it opens, and how patiently it probes; seconds."""

    failures: int = 5
    """So many failures in a row open it …"""
    window: float = 60.0
    """… if they lie this close together."""
    first: float = 5.0
    longest: float = 300.0
    refused: float = 600.0
    poll: float = 1.0
    """How often it looks for a changed secret."""
    jitter: float = 0.2


class CircuitState(Enum):
    """What a person would say about the other side."""

    CLOSED = "ok"
    OPEN = "suspended"
    REFUSED = "refused"
    """Open because our credentials are refused or missing: waiting does not help."""


class CircuitBreaker:
    """Guards one upstream of one tenant; ``secrets_version`` returns something that changes when a secret changes."""

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
        self._delay = timing.first
        self._probe_at = 0.0
        self._probed_version: object = None
        self._reported = CircuitState.CLOSED
        self._log = get_logger(upstream=upstream)

    def record(self, error: Exception | None) -> None:
        """How a call went; None = success. Errors of other upstreams, and ``Later``, say nothing about this one."""
        if error is None or (isinstance(error, Rejected) and error.upstream == self.upstream):
            self._failures.clear()
            self._delay = self._delay if self.is_open else self._timing.first
        elif (isinstance(error, CredentialsRefused) and error.upstream in ("", self.upstream)) or (
            isinstance(error, SecretMissing) and error.upstream == self.upstream
        ):
            self._open(error)
        elif isinstance(error, Transient) and not isinstance(error, Later) and error.upstream == self.upstream:
            self._count(error)

    async def wait_closed(self, stop: asyncio.Event) -> None:
        """Probe until the other side is back or ``stop`` is set."""
        while self.is_open and not stop.is_set():
            if self._clock() >= self._probe_at or self._current_secrets_version() != self._probed_version:
                await self._try()
            else:
                await self._rest(stop)

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
        except Exception as error:  # noqa: BLE001 - whatever a probe raises, the other side is not back
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
        wait = self._timing.refused if refused else self._delay
        self._delay = min(self._delay * 2, self._timing.longest)
        self._probe_at = self._clock() + wait * (1 + self._timing.jitter * random.random())  # noqa: S311 - no secret

    def _current_secrets_version(self) -> object:
        try:
            return self._secrets_version()
        except AftersendError:
            return None

    async def _rest(self, stop: asyncio.Event) -> None:
        seconds = min(max(self._probe_at - self._clock(), 0.0), self._timing.poll)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()


def _refused(error: Exception) -> bool:
    return isinstance(error, CredentialsRefused | SecretMissing)
