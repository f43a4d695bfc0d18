"""The circuit breaker: when an upstream is down as a whole, stop calling it for every event.

    closed ── several Transient in a row within a minute, or credentials refused or missing once ──> open
    closed ── a check before a long wait fails, or new secrets are refused ──> open
    open ── a probe succeeds ──> closed

While it is open, the stream is not read; events wait there and no attempt is spent. One cheap call probes: every five
seconds during the first two minutes, so that a short outage ends with its cause, then at growing distances of up to 40
seconds; every 10 min if our credentials were refused, because each refused call is noise in the upstream's logs; and at
once when a secret changes. A probe may take as long as the wait before it. If it opens again before any call succeeded,
the two minutes go on, so that an upstream which answers probes but fails at everything else is left in peace, too.

Secrets that are new, at the start or changed later, are tried by one probe (``check_credentials``), which opens the
circuit only if they are refused: a wrong key shows within a minute, and not in an hour when the next run needs it.

``probe_failed`` separates an outage from bad luck: only after a probe has failed, or credentials were refused, the
upstream counts as down. Attempts during such an outage do not count (see ``retry``). ``openings`` and ``proven`` say
when events that wait for the upstream may be tried early (see ``stream.wake_up``).
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aftersend.backoff import Backoff
from aftersend.errors import AftersendError, Bug, CredentialsRefused, Later, Rejected, SecretMissing, Transient
from aftersend.loops import first, pause
from aftersend.observe.logs import get_logger

_PROBES: Final = Backoff(first=4.0, longest=40.0, jitter=0.25)
_REFUSED_PROBES: Final = Backoff(first=600.0, longest=720.0, jitter=0.2)
_PROBE_SECONDS: Final = 5.0
"""How long a probe may take at least."""
_CREDENTIALS_SECONDS: Final = 10.0
"""How often, at random moments, it is looked whether secrets are new."""


@dataclass(frozen=True, slots=True)
class CircuitBreakerTiming:
    """When it opens, and when it probes; seconds."""

    failures: int = 5
    """So many failures in a row open it …"""
    window: float = 60.0
    """… if they lie this close together."""
    probes: Backoff = _PROBES
    """Waits before probes: the first one during ``short``, then growing."""
    short: float = 120.0
    """How long an outage counts as short; also how long after closing a new failure belongs to the same outage."""
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
        self.openings = 0
        """How often it has opened."""
        self.proven = False
        """A call, not only a probe, has succeeded since it last closed."""
        self._probe = probe
        self._secrets_version = secrets_version
        self._clock = clock
        self._on_change = on_change
        self._timing = timing
        self._failures: list[float] = []
        self._down_since = 0.0
        """When it opened first without a success since."""
        self._closed_at = float("-inf")
        self._waits = 0
        """Growing waits since ``_down_since``."""
        self._wait = 0.0
        self._probe_at = 0.0
        self._checked_at = float("-inf")
        self._check_lock = asyncio.Lock()
        self._opened = asyncio.Event()
        self._probed_version: object = None
        self._reported = CircuitState.CLOSED
        self._log = get_logger(upstream=upstream)

    def record(self, error: Exception | None) -> None:
        """Record the result of a call; None = success. Errors of other upstreams, and ``Later``, do not count."""
        if error is None or (isinstance(error, Rejected) and error.upstream == self.upstream):
            self._failures.clear()
            self.proven = not self.is_open
        elif (isinstance(error, CredentialsRefused) and error.upstream in ("", self.upstream)) or (
            isinstance(error, SecretMissing) and error.upstream == self.upstream
        ):
            self._open(error)
        elif isinstance(error, Transient) and not isinstance(error, Later) and error.upstream == self.upstream:
            self._count(error)

    async def check(self) -> None:
        """Probe a closed circuit, unless that was done just now; open it if the probe fails.

        For a call that failed and is not repeated soon: an outage that few calls meet has no failures in a row.
        """
        async with self._check_lock:
            if self.is_open or self._clock() - self._checked_at < self._timing.probes.first:
                return
            error = await self._probed(_PROBE_SECONDS)
            self._checked_at = self._clock()
            if error is not None and not isinstance(error, Rejected | Bug):  # those are answers
                self.probe_failed = True
                self._open(error)

    async def check_credentials(self) -> bool:
        """Probe a closed circuit once with secrets that no probe has used yet; open it if they are refused.

        Returns:
            True if the upstream accepted them; False also if there was nothing to check, or no answer.
        """
        async with self._check_lock:
            if self.is_open or self._current_secrets_version() == self._probed_version:
                return False
            error = await self._probed(_PROBE_SECONDS)
            if error is not None and _refused(error):
                self._open(error)
        return error is None

    def probe_now(self) -> None:
        """Probe an open circuit at once: a call that did not ask it has succeeded."""
        self._probe_at = self._clock()

    async def keep_probing(self, stop: asyncio.Event) -> None:
        """Probe whenever it is open, until ``stop`` is set."""
        while await first(self._opened, stop):
            await self.wait_closed(stop)

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

    def _open(self, error: Exception) -> None:
        refused = _refused(error)
        self.probe_failed = self.probe_failed or refused
        self._probed_version = self._current_secrets_version()
        if not self.is_open:
            now = self._clock()
            if self.proven or now - self._closed_at > self._timing.short:
                self._down_since, self._waits = now, 0
            self.is_open, self.proven = True, False
            self._opened.set()
            self.openings += 1
            self._log.warning("circuit_opened", code=getattr(error, "code", ""), error=type(error).__name__)
            self._schedule(now, refused=refused)
        elif refused:
            self._schedule(self._clock(), refused=True)

    async def _try(self) -> None:
        began = self._clock()
        error = await self._probed(max(self._wait, _PROBE_SECONDS))
        if error is None:
            self._close()
        else:
            self.probe_failed = True
            self._schedule(began, refused=_refused(error))

    async def _probed(self, seconds: float) -> Exception | None:
        """Return what a probe raised: whatever it is, the upstream is not back."""
        self._probed_version = self._current_secrets_version()
        try:
            async with asyncio.timeout(seconds):
                await self._probe()
        except Exception as error:  # noqa: BLE001 - see above
            return error
        return None

    def _close(self) -> None:
        self.is_open = self.probe_failed = False
        self._opened.clear()
        self._closed_at = self._clock()
        self._failures.clear()
        self._report(CircuitState.CLOSED)
        self._log.info("circuit_closed")

    def _report(self, state: CircuitState) -> None:
        if state is not self._reported:
            self._reported = state
            self._on_change(state)

    def _schedule(self, began: float, *, refused: bool) -> None:
        """Plan the next probe, counted from the beginning of the last one."""
        self._report(CircuitState.REFUSED if refused else CircuitState.OPEN)
        self._wait = self._timing.refused.delay(1) if refused else self._next_wait()
        self._probe_at = began + self._wait

    def _next_wait(self) -> float:
        if self._clock() - self._down_since >= self._timing.short:
            self._waits += 1
        return self._timing.probes.delay(1 + self._waits)

    def _current_secrets_version(self) -> object:
        try:
            return self._secrets_version()
        except AftersendError:
            return None


async def keep_credentials_checked(
    breaker: CircuitBreaker,
    stop: asyncio.Event,
    *,
    on_accepted: Callable[[], None] = lambda: None,
    wait: Callable[[asyncio.Event, float], Awaitable[bool]] = pause,
    chance: Callable[[], float] = random.random,
) -> None:
    """Try secrets once, seconds after the start and after each change; a random delay spreads many tenants."""
    while await wait(stop, _CREDENTIALS_SECONDS * (0.2 + chance())):
        if await breaker.check_credentials():
            on_accepted()


def _refused(error: Exception) -> bool:
    return isinstance(error, CredentialsRefused | SecretMissing)
