"""The event reader: ask Kubernetes' events why an object waits.

Only claims without a volume say nothing in their status, and StatefulSets whose pods are refused; so events are listed
for those alone, by the uid of the object, and not watched. An answer stands for a while: shorter if it is a fault,
because its end should show soon, and of a StatefulSet, whose pod should be there in a moment.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from aftersend.errors import AftersendError
from aftersend.observe.logs import get_logger
from aftersend_operator.api.client import Api
from aftersend_operator.model.object_events import reason_to_wait
from aftersend_operator.model.records import ChildRecord, Key

ASK_SECONDS: Final = 50.0
ASK_AGAIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class _ReadEvents:
    until: float
    words: str


@dataclass(frozen=True, slots=True)
class EventReader:
    """Read why objects wait, in Kubernetes' own words."""

    api: Api
    clock: Callable[[], float] = time.monotonic
    _answers: dict[Key, dict[str, _ReadEvents]] = field(default_factory=dict)
    """By tenant and uid."""

    async def read(self, tenant: Key, waiting: Sequence[tuple[ChildRecord, float]]) -> dict[str, str]:
        """Return the words by uid, for objects and how long they have waited; an object without words is left out."""
        known = self._answers.pop(tenant, {})
        if not waiting:
            return {}
        now = self.clock()
        self._answers[tenant] = answers = {
            child.uid: found if (found := known.get(child.uid)) and now < found.until else await self._ask(child, age)
            for child, age in waiting
        }
        return {uid: answer.words for uid, answer in answers.items() if answer.words}

    def forget(self, tenant: Key) -> None:
        """Drop what is kept of a deleted tenant."""
        self._answers.pop(tenant, None)

    async def _ask(self, child: ChildRecord, age: float) -> _ReadEvents:
        try:
            events = await self.api.events_about(child.key[0], child.uid)
        except AftersendError as error:
            get_logger().info("events_not_read", exc_info=error)
            events = []
        words = reason_to_wait(events, age=age)
        return _ReadEvents(self.clock() + (ASK_AGAIN_SECONDS if words or child.rollout else ASK_SECONDS), words)
