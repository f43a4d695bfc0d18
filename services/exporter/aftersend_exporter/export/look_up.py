"""Looking in Sendcloud before an order is pushed again: it may have a label, or have been deleted there."""

from dataclasses import dataclass
from functools import partial

from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend.order_ids import incoming_order_id
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.existing_labels import has_label
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.export.watch import put_off
from aftersend_exporter.rules import outcomes, transitions


def calls_before_push(entry: Entry | None) -> int:
    """Return the number of calls that ``may_push`` makes for an order with this entry."""
    if entry is None or not _may_be_there(entry):
        return 0
    return 2 if transitions.was_confirmed(entry) else 1


def _may_be_there(entry: Entry) -> bool:
    """Return whether Sendcloud may have it; what it refused before is taken as absent: resends have few calls."""
    return entry.pushed > 0 or (entry.state == "pushing" and not entry.refusals)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Looks up the orders of one run."""

    context: ExportContext
    recorder: RunRecorder
    integration: int

    async def may_push(self, order: str, entry: Entry | None) -> bool:
        """Return False if Sendcloud shows a label unknown to the ledger, or if a person deleted the order there."""
        if entry is None or not calls_before_push(entry):
            return True
        try:
            allowed = not await has_label(self.context, order)
            if allowed and transitions.was_confirmed(entry):
                allowed = await self._is_still_there(order)
        except AftersendError as error:
            await put_off(self.recorder, order, error)
            return False
        if not allowed:
            self.recorder.record(outcomes.unchanged(order))
        return allowed

    async def is_there(self, order: str) -> bool:
        """Return whether Sendcloud has the order."""
        return await self.context.sendcloud.has_order(incoming_order_id(order), self.integration)

    async def _is_still_there(self, order: str) -> bool:
        """Return whether Sendcloud still has a confirmed order; if not, a person deleted it: that is a problem."""
        if await self.is_there(order):
            return True
        await self.context.ledger.change(order, partial(transitions.deleted, now=self.context.now_ms()))
        return False
