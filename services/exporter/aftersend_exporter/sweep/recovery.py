"""Noticing that the ledger may know too little: a lost cursor, a restored backup, a new tenant.

Every half minute somebody looks whether the tenant is recovering. If it is, a sweep is asked for at once, whatever
the schedule says. One that failed is asked for again at the next look, unless our credentials were refused: until it
gets through, nothing is written back. And after five minutes a sweep is asked for in any case if the writer has not
ended the recovery by then, because its marker may be lost, too.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aftersend.errors import AftersendError
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import pause
from aftersend.observe.logs import get_logger
from aftersend.runs import RunRequest, publish, result_of
from aftersend.stream.stream import Stream

CHECK_SECONDS: Final = 30.0
REPEAT_SECONDS: Final = 300.0


class RecoveryWatch:
    """Asks for recovery sweeps; ``clock`` returns seconds and never goes back."""

    def __init__(self, state: TenantState, runs: Stream, *, clock: Callable[[], float]) -> None:
        self._state = state
        self._runs = runs
        self._clock = clock
        self._asked: float | None = None
        self._run = ""
        self._log = get_logger()

    async def keep(self, stop: asyncio.Event, pulse: Callable[[], None]) -> None:
        """Look again and again, until ``stop``."""
        while True:
            pulse()
            try:
                await self.check()
            except AftersendError as error:
                self._log.warning("recovery_watch", code=error.code)
            if not await pause(stop, CHECK_SECONDS):
                return

    async def check(self) -> bool:
        """Ask for a sweep if one is due; True if it was."""
        if not await self._state.recovering():
            self._asked = None
            return False
        if self._asked is not None and self._clock() - self._asked < REPEAT_SECONDS and not await self._failed():
            return False
        self._run = await publish(self._runs, RunRequest(kind="sweep", recovery=True), source="system")
        self._asked = self._clock()
        self._log.info("recovery_sweep_requested")
        return True

    async def _failed(self) -> bool:
        """True if the sweep that was asked for is over, and another try may help."""
        summary = await result_of(self._runs.redis, tenant=self._runs.tenant, run=self._run)
        return summary is not None and summary.outcome == "failed" and summary.health.sendcloud != "refused"
