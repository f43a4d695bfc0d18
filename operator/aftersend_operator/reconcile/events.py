"""Kubernetes events about tenants; one that cannot be posted stops nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from aftersend.errors import AftersendError
from aftersend.observe.logs import get_logger
from aftersend.tenant.status import Condition
from aftersend_operator.api.client import Api
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import TenantRecord
from aftersend_operator.status.status import event, event_of


@dataclass(frozen=True, slots=True)
class EventRecorder:
    """Post events about tenants."""

    api: Api
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def time(self) -> str:
        """Return the present time as Kubernetes writes it."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    async def post(self, record: TenantRecord, reason: str, message: str, *, is_bad: bool) -> None:
        """Post one event."""
        await self._post(event(record, reason, message, is_bad=is_bad, now=self.time, serial=token_hex(8)))

    async def post_transition(self, record: TenantRecord, condition: Condition) -> None:
        """Post the event of a condition that changed."""
        await self._post(event_of(record, condition, now=self.time, serial=token_hex(8)))

    async def _post(self, manifest: Manifest) -> None:
        try:
            await self.api.post_event(manifest)
        except AftersendError as error:
            get_logger().info("event_not_posted", exc_info=error)
