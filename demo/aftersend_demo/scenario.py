"""The scenario of the demo: what merchant, packers, customers and faults do, in order.

    morning    export: every open order goes to Sendcloud
    noon       the merchant corrects addresses and releases an order, others are shown days after their own date; a
               second export brings only these
    afternoon  packers print labels; webhooks are lost, doubled and shuffled; writer and webhook are killed meanwhile
    evening    labels are replaced and cancelled, people edit by hand, parcels leave; a sweep finds what was lost

Of the bridge itself only the stream length and lagging orders are read, to wait for its end. The verdict comes from the
sandbox.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aftersend import runs
from aftersend.errors import Transient
from aftersend.ledger.store import Ledger
from aftersend.stream.stream import Stream
from aftersend_demo.display import Display
from aftersend_demo.environment import PARTS, TENANT, DemoEnvironment
from aftersend_demo.sandbox_control import SandboxControl

READY_SECONDS = 30.0
QUIET_SECONDS = 60.0
RUN_SECONDS = 120.0
LABELS_AT_ONCE = 25
LATE_ORDERS = 3
DAY_SECONDS = 86_400.0
FAULTS = {"lost": 0.08, "doubled": 0.12, "reordered": 0.12}
"""Webhook faults of the afternoon, by probability."""


@dataclass(slots=True)
class DemoScenario:
    """One run of the scenario in a started environment."""

    environment: DemoEnvironment
    control: SandboxControl
    stream: Stream
    requests: Stream
    ledger: Ledger
    display: Display
    late: list[str] = field(default_factory=list)
    """OrderIDs that Afterbuy shows only at noon."""

    async def run(self) -> list[dict[str, Any]]:
        """Run morning to evening; return the rules with their counts."""
        updates = asyncio.create_task(self._update_display())
        try:
            await self._until_ready()
            await self._morning()
            await self._noon()
            await self._afternoon()
            await self._evening()
            await self._show()
        finally:
            updates.cancel()
        return await self.control.verdict()

    async def _morning(self) -> None:
        self.late = [str(order["order_id"]) for order in await self.control.orders() if _is_recent(order)][:LATE_ORDERS]
        for order in self.late:
            await self.control.show(order, seconds=DAY_SECONDS)
        summary = await self._complete_run("export")
        skipped = ", ".join(f"{count} {reason}" for reason, count in sorted(summary.skipped.items()))
        self.display.event(f"export: {summary.sent} orders to Sendcloud; left out: {skipped or 'none'}")
        await self.control.settle()

    async def _noon(self) -> None:
        orders = await self.control.orders()
        sent = set(await self.control.incoming())
        ordinary = [o for o in orders if o["scenario"] in ("shop", "ebay") and str(o["order_id"]) in sent]
        for order in ordinary[:5]:
            await self.control.correct_address(str(order["order_id"]))
        held = next(o for o in orders if o["scenario"] == "number_in_additional_info")
        await self.control.clear_number(str(held["order_id"]))
        self.display.event("the merchant corrects 5 addresses and releases an order that was held back")
        for late in self.late:
            await self.control.show(late, seconds=0)
        self.display.event(f"shown days after their own date: {len(self.late)}")
        summary = await self._complete_run("export")
        self.display.event(f"export again: {summary.sent} sent, {summary.unchanged} unchanged")
        await self.control.settle()

    async def _afternoon(self) -> None:
        """Print all labels: half of them with the writer killed, so a backlog grows, some with the webhook killed."""
        await self.control.arm_webhook_faults(FAULTS)
        orders = await self.control.incoming()
        half = len(orders) // 2
        self._kill("writer")
        await self._print(orders[:half])
        self._start("writer")
        await self._print(orders[half : half + LABELS_AT_ONCE])
        self._kill("webhook")
        await self._print(orders[half + LABELS_AT_ONCE : half + 2 * LABELS_AT_ONCE])
        self._start("webhook")
        await self._print(orders[half + 2 * LABELS_AT_ONCE :])
        await self._until_quiet()

    async def _print(self, orders: list[str]) -> None:
        self.display.event(f"packers print labels for {len(orders)} orders")
        for start in range(0, len(orders), LABELS_AT_ONCE):
            await self.control.print_labels(orders[start : start + LABELS_AT_ONCE])

    def _kill(self, part: str) -> None:
        self.environment.children[part].kill()
        self.display.event(f"kill -9: the {part} is gone")

    def _start(self, part: str) -> None:
        self.environment.children[part].start()
        self.display.event(f"a new {part} takes over")

    async def _evening(self) -> None:
        await self._edit_by_hand(await self._finished())
        await self._until_quiet()
        await self.control.arm_webhook_faults({})
        summary = await self._complete_run("sweep")
        self.display.event(f"sweep: {summary.read} parcels read, {summary.sent} observations published again")
        await self._until_quiet()
        await self._complete_run("sweep")
        await self._until_quiet()

    async def _finished(self) -> list[str]:
        """List orders with a number in Afterbuy."""
        sent = set(await self.control.incoming())
        return [
            str(order["order_id"])
            for order in await self.control.orders()
            if order["additional_info"] and str(order["order_id"]) in sent
        ]

    async def _edit_by_hand(self, orders: list[str]) -> None:
        """Change labels and orders as people do; each group of orders in its own way."""
        acts: tuple[tuple[str, list[str], Callable[[str], Awaitable[None]]], ...] = (
            ("labels replaced", orders[10:20], self.control.relabel),
            ("last labels cancelled", orders[20:24], self.control.cancel),
            ("tags removed by hand", orders[24:28], self.control.remove_tag),
            ("numbers edited by hand", orders[28:32], self.control.edit_number),
            ("returns announced", orders[32:38], self.control.announce_return),
            ("parcels picked up and delivered", orders[24:60], self.control.deliver),
        )
        for text, group, act in acts:
            for order in group:
                await act(order)
            self.display.event(f"{len(group)} {text}")
        await self.control.create_foreign_parcels()
        self.display.event("foreign parcels appear, one with a number like ours")

    async def _complete_run(self, kind: runs.RunKind) -> runs.RunSummary:
        name = await runs.publish(self.requests, runs.RunRequest(kind=kind), source="cli")
        summary = await runs.wait_for(self.requests.redis, tenant=TENANT, run=name, timeout=RUN_SECONDS)
        if summary is None or summary.outcome == "failed":
            raise Transient(f"{kind}_failed", upstream="exporter")
        return summary

    async def _until_ready(self) -> None:
        await _until(self._all_ready, READY_SECONDS, "services_not_ready")
        self.display.event("exporter, webhook and writer are ready")

    async def _all_ready(self) -> bool:
        answers = await asyncio.gather(*(self.control.answers(self.environment.ready_url(part)) for part in PARTS))
        return all(answers) and await self.control.answers(self.environment.sandbox_url)

    async def _until_quiet(self) -> None:
        await self.control.drain_webhooks()
        await _until(self._is_quiet, QUIET_SECONDS, "events_left")

    async def _is_quiet(self) -> bool:
        """Return whether the stream is empty and Afterbuy shows what was observed of every order."""
        if await self.stream.length():
            return False
        return not [order async for order in self.ledger.lagging(0)]

    async def _update_display(self) -> None:
        while True:
            await asyncio.sleep(0.3)
            await self._show()

    async def _show(self) -> None:
        self.display.counts(**await self.control.counts())


def _is_recent(order: dict[str, Any]) -> bool:
    """Return whether an order is older than the window, but not too old to be sent when it is shown late."""
    ordered = datetime.fromisoformat(order["ordered_at"])
    return order["scenario"] == "older" and ordered > datetime.now(UTC) - timedelta(days=12)


async def _until(condition: Callable[[], Awaitable[bool]], seconds: float, code: str) -> None:
    """Wait for a condition; raise ``Transient(code)`` if it does not hold in time."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - the condition lies in another process
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Transient(code, upstream="demo") from None
