"""Which API lists parcels: v2, whose parcels are the webhook's own, or v3 once Sendcloud has closed v2.

    spec.sweep.api    what a sweep reads
    v2, v3            that one
    auto              v2; after three sweeps in a row that found it closed v3, and once a day v2 again

An API is closed if its first page is answered with 403, 404 or 410 while ``GET /v3/integrations`` works: else keys,
network or Sendcloud as a whole are the cause. A sweep that finds it closed fails, unless the other API may take over:
it never ends silently. The cursor stays where it was, so the other API goes on from there.

What was found is kept in Redis for each API (``closed.v2``, ``closed.v3``): sweeps in a row, and when the last was.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from aftersend.call_retries import once
from aftersend.errors import AftersendError, Misconfigured
from aftersend.ledger.tenant_state import StateField
from aftersend.sendcloud.client import ParcelPage
from aftersend.sendcloud.model import SENDCLOUD, ParcelEvent
from aftersend_exporter.context import ExportContext
from aftersend_exporter.integration import integration_id

Api = Literal["v2", "v3"]
CLOSED_AFTER: Final = 3
"""Sweeps in a row."""
AGAIN_MS: Final = 24 * 3_600_000
_CLOSED: Final = frozenset({"http_403", "http_404", "http_410"})
_FIELDS: Final[dict[Api, StateField]] = {"v2": "closed.v2", "v3": "closed.v3"}
_EVENTS_PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Closure:
    """How many sweeps in a row found an API closed, and when the last did (ms)."""

    sweeps: int = 0
    last: int = 0

    @classmethod
    def parse(cls, text: str | None) -> "Closure":
        """Read what ``str`` writes; anything else means open."""
        sweeps, _, last = (text or "").partition(" ")
        return cls(int(sweeps), int(last)) if sweeps.isdecimal() and last.isdecimal() else cls()

    def __str__(self) -> str:
        return f"{self.sweeps} {self.last}"

    @property
    def is_closed(self) -> bool:
        """Return whether enough sweeps found it closed."""
        return self.sweeps >= CLOSED_AFTER


def apis_to_try(setting: Literal["auto", "v2", "v3"], *, v2: Closure, v3: Closure, now: int) -> tuple[Api, ...]:
    """Return the APIs that a sweep tries one after the other; ``now`` in ms."""
    if setting != "auto":
        return (setting,)
    waits = v2.is_closed and not v3.is_closed and 0 <= now - v2.last < AGAIN_MS
    return ("v3",) if waits else ("v2", "v3")


async def sweep_parcels(context: ExportContext, since: datetime) -> AsyncIterator[ParcelPage]:
    """Read the changed parcels of a sweep; ``Misconfigured`` if the API is closed and no other takes over."""
    known = {api: await _closure(context, api) for api in _FIELDS}
    tried = apis_to_try(context.tenant.spec.sweep.api, v2=known["v2"], v3=known["v3"], now=context.now_ms())
    for api in tried:
        pages = 0
        try:
            async for page in read_parcels(_reader(context, known[api]), api, since):
                pages += 1
                yield page
        except AftersendError as error:
            found = await _found_closed(context, api, known[api], error) if not pages else None
            closed = (found or known[api]).is_closed
            if api == tried[-1] or not closed:
                raise _closed_error(api) if found else error from None
        else:
            if known[api].sweeps:
                await _record(context, api, Closure())
            return


async def read_parcels(context: ExportContext, api: Api, since: datetime) -> AsyncIterator[ParcelPage]:
    """Read the parcels that changed since then by one API; those of v3 with the oldest parcel first."""
    if api == "v2":
        async for page in context.sendcloud.parcels(since):
            yield page
        return
    integration = await _integration(context)
    for page in _oldest_first(
        [page async for page in context.sendcloud.shipped_parcels(since, integration=integration)]
    ):
        yield page


async def parcels_of(context: ExportContext, order_number: str) -> tuple[ParcelEvent, ...]:
    """Read all parcels with this order number by the API in use."""
    if await api_in_use(context) == "v2":
        return await context.sendcloud.parcels_of(order_number)
    return await context.sendcloud.shipped_parcels_of(order_number, integration=await _integration(context))


async def api_in_use(context: ExportContext) -> Api:
    """Return the API that the last sweeps found open."""
    setting = context.tenant.spec.sweep.api
    if setting != "auto":
        return setting
    return "v3" if (await _closure(context, "v2")).is_closed else "v2"


async def show_closed(context: ExportContext) -> None:
    """Show which API was found closed, of those that are in use."""
    setting = context.tenant.spec.sweep.api
    for api in _FIELDS:
        closed = setting in ("auto", api) and (await _closure(context, api)).is_closed
        context.metrics.api_closed.labels(context.tenant.identity, SENDCLOUD, api).set(closed)


def _reader(context: ExportContext, known: Closure) -> ExportContext:
    """Repeat no call of an API that the last sweep found closed: it would cost this one a minute."""
    return replace(context, sendcloud=context.sendcloud.repeating(once)) if known.sweeps else context


def _oldest_first(pages: list[ParcelPage]) -> list[ParcelPage]:
    """Sort by parcel id, which only grows: a return is younger than the parcel that it brings back."""
    events = sorted((event for page in pages for event in page.events), key=lambda event: int(event.parcel))
    first = replace(pages[0], events=(), unreadable=sum(page.unreadable for page in pages))
    starts = range(0, len(events), _EVENTS_PER_PAGE)
    rest = [replace(first, events=tuple(events[at : at + _EVENTS_PER_PAGE]), unreadable=0) for at in starts]
    return [first, *rest]


async def _found_closed(context: ExportContext, api: Api, known: Closure, error: AftersendError) -> Closure | None:
    """Count one more sweep that found the API closed; None if something else is the cause."""
    if error.upstream != SENDCLOUD or error.code not in _CLOSED:
        return None
    with suppress(AftersendError):
        await context.sendcloud.integrations()
        found = Closure(known.sweeps + 1, context.now_ms())
        await _record(context, api, found)
        context.log.warning("api_closed", upstream=SENDCLOUD, api=api, sweeps=found.sweeps, code=error.code)
        return found
    return None


def _closed_error(api: Api) -> Misconfigured:
    return Misconfigured(
        f"{api}_closed",
        upstream=SENDCLOUD,
        path="spec.sweep.api",
        cure="auto changes to v3 after three sweeps; v2 and v3 stay with what they name",
    )


async def _integration(context: ExportContext) -> int:
    wanted = context.tenant.spec.sendcloud.integration
    return await integration_id(wanted, sendcloud=context.sendcloud, state=context.state)


async def _closure(context: ExportContext, api: Api) -> Closure:
    return Closure.parse(await context.state.get(_FIELDS[api]))


async def _record(context: ExportContext, api: Api, closure: Closure) -> None:
    await context.state.set(_FIELDS[api], str(closure))
