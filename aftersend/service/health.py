"""Liveness and readiness of one tenant in one process.

*Liveness* (``/healthz``): our own loops make progress. A loop is registered with its longest allowed silence and calls
``heartbeat`` in every round, also while it waits for Redis or an upstream: restarting this process would not bring
those back. *Readiness* (``/readyz``): the registered checks run at that moment, each with a short timeout.

A process that serves several tenants has one ``Health`` per tenant.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aftersend.errors import AftersendError
from aftersend.service.on_demand import OnDemand

ReadyCheck = Callable[[], Awaitable[object]]
_CHECK_TIMEOUT = 3.0


@dataclass(slots=True)
class _Loop:
    max_silence: float
    last: float


@dataclass(slots=True)
class Health:
    """The loops and checks of one tenant in one process."""

    clock: Callable[[], float] = time.monotonic
    _loops: dict[str, _Loop] = field(default_factory=dict)
    _checks: dict[str, ReadyCheck] = field(default_factory=dict)
    _facts: dict[str, object] = field(default_factory=dict)
    _readings: list[OnDemand] = field(default_factory=list)

    def register_loop(self, loop: str, max_silence: float) -> None:
        """Expect a heartbeat of ``loop`` at least every ``max_silence`` seconds from now on."""
        self._loops[loop] = _Loop(max_silence, self.clock())

    def heartbeat(self, loop: str) -> None:
        """Record a heartbeat of ``loop``; unknown names are ignored."""
        if loop in self._loops:
            self._loops[loop].last = self.clock()

    def unregister_loop(self, loop: str) -> None:
        """Expect no more heartbeats of ``loop``, which ended as planned."""
        self._loops.pop(loop, None)

    def clear(self) -> None:
        """Drop all loops, checks, facts and readings: the part ended, and registers them again when it restarts."""
        self._loops.clear()
        self._checks.clear()
        self._facts.clear()
        for reading in self._readings:
            reading.cancel()
        self._readings.clear()

    def add_ready_check(self, name: str, check: ReadyCheck) -> None:
        """Require that ``check`` returns for the service to be ready; an error is shown by type and code."""
        self._checks[name] = check

    def set_fact(self, name: str, fact: object) -> None:
        """Show a fact (JSON, no personal data) in ``/readyz?verbose``; a function is called whenever it is shown."""
        self._facts[name] = fact

    def add_reading(self, read: Callable[[], Awaitable[object]]) -> None:
        """Let ``read`` set metrics and facts before they are shown."""
        self._readings.append(OnDemand(read, clock=self.clock))

    async def refresh(self) -> None:
        """Read what is to be shown, unless that was done just now."""
        await asyncio.gather(*(reading() for reading in self._readings))

    @property
    def facts(self) -> dict[str, object]:
        """All facts by name, as of now."""
        return {name: fact() if callable(fact) else fact for name, fact in self._facts.items()}

    def stalled(self) -> dict[str, float]:
        """Return the loops without a heartbeat for too long, with their silence in seconds."""
        now = self.clock()
        silence = {name: now - loop.last for name, loop in self._loops.items()}
        return {name: round(age, 1) for name, age in silence.items() if age > self._loops[name].max_silence}

    async def ready(self) -> dict[str, str]:
        """Run all checks; by name, an empty text if it passed, else what is wrong."""
        names = list(self._checks)
        return dict(zip(names, await asyncio.gather(*(_outcome(self._checks[name]) for name in names)), strict=True))


async def _outcome(check: ReadyCheck) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT):
            await check()
    except AftersendError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a probe has to answer; the text of a foreign error may quote anything
        return type(error).__name__
    return ""
