"""Recovery sweeps: requested as soon as the ledger may know too little (lost cursor, restored backup, new tenant).

Every half minute the exporter checks whether the tenant is recovering. If it is, it requests a sweep at once, whatever
the schedule says. A failed one is requested again at the next check, unless the credentials were refused: until one
succeeds, nothing is written back. After five minutes a sweep is requested in any case if the writer has not ended the
recovery by then, because the marker may be lost, too.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aftersend.errors import AftersendError
from aftersend.ledger.tenant_state import TenantState
from aftersend.loops import every
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
        self._requested: float | None = None
        self._run = ""
        self._log = get_logger()

    async def keep(self, stop: asyncio.Event, heartbeat: Callable[[], None]) -> None:
        """Check every ``CHECK_SECONDS`` until ``stop``."""
        await every(CHECK_SECONDS, self._check_or_log, stop, heartbeat=heartbeat)

    async def check(self) -> bool:
        """Request a sweep if one is due; return whether it was."""
        if not await self._state.recovering():
            self._requested = None
            return False
        if (
            self._requested is not None
            and self._clock() - self._requested < REPEAT_SECONDS
            and not await self._failed()
        ):
            return False
        self._run = await publish(self._runs, RunRequest(kind="sweep", recovery=True), source="system")
        self._requested = self._clock()
        self._log.info("recovery_sweep_requested")
        return True

    async def _check_or_log(self) -> None:
        try:
            await self.check()
        except AftersendError as error:
            self._log.warning("recovery_watch", code=error.code)

    async def _failed(self) -> bool:
        """Return whether the requested sweep is over and another one may help."""
        summary = await result_of(self._runs.redis, tenant=self._runs.tenant, run=self._run)
        return summary is not None and summary.outcome == "failed" and summary.health.sendcloud != "refused"
