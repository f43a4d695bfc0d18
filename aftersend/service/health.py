"""Alive and ready: two different questions with two different answers.

*Alive* (``/healthz``) asks whether our own loops make progress. A loop is watched with the longest silence it may keep
and says ``pulse`` each time it comes round, also while it waits for Redis or an upstream: restarting us would not bring
those back. *Ready* (``/readyz``) runs the registered checks at the same moment, each with little time.

A process that serves several tenants has one ``Health`` per tenant.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aftersend.errors import AftersendError

ReadyCheck = Callable[[], Awaitable[object]]
_PATIENCE = 3.0


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

    def watch(self, loop: str, max_silence: float) -> None:
        """From now on ``loop`` must pulse at least every ``max_silence`` seconds."""
        self._loops[loop] = _Loop(max_silence, self.clock())

    def pulse(self, loop: str) -> None:
        """``loop`` came round; unknown names are ignored."""
        if loop in self._loops:
            self._loops[loop].last = self.clock()

    def forget(self, loop: str) -> None:
        """``loop`` ended as planned."""
        self._loops.pop(loop, None)

    def clear(self) -> None:
        """Whoever was watched here is gone and will come again; checks and facts, too."""
        self._loops.clear()
        self._checks.clear()
        self._facts.clear()

    def ready_check(self, name: str, check: ReadyCheck) -> None:
        """``check`` must return for the service to be ready; what it raises is shown by type and code."""
        self._checks[name] = check

    def tell(self, name: str, fact: object) -> None:
        """Show a fact (JSON, no personal data) in ``/readyz?verbose``, such as an open circuit."""
        self._facts[name] = fact

    @property
    def facts(self) -> dict[str, object]:
        """What was told."""
        return dict(self._facts)

    def stalled(self) -> dict[str, float]:
        """Loops that are silent for too long, with their silence in seconds."""
        now = self.clock()
        silence = {name: now - loop.last for name, loop in self._loops.items()}
        return {name: round(age, 1) for name, age in silence.items() if age > self._loops[name].max_silence}

    async def ready(self) -> dict[str, str]:
        """Every check by name: an empty text if it passed, else what is wrong."""
        names = list(self._checks)
        return dict(zip(names, await asyncio.gather(*(_outcome(self._checks[name]) for name in names)), strict=True))


async def _outcome(check: ReadyCheck) -> str:
    try:
        async with asyncio.timeout(_PATIENCE):
            await check()
    except AftersendError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a probe answers, whatever happens; the text may quote anything
        return type(error).__name__
    return ""
