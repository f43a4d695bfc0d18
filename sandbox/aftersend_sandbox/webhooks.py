"""Webhooks of the simulated Sendcloud: one HTTP POST per change of a parcel, signed over the very bytes that are sent.

The body is fixed when the parcel changes, so a retry carries the old state, as in reality. Deliveries are independent
of each other and hence unordered. What is not answered with success is tried ten times: after 5 minutes, then twice
that, at most an hour apart; ``time_scale`` compresses these waits. Each failure goes into the log of the integration.
Due is what is due by the clock of the world, so ``SandboxClock.advance`` moves retries, too.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp import web

from aftersend_sandbox.sendcloud.parcels import parcel_body
from aftersend_sandbox.world.journal import JournalEntry
from aftersend_sandbox.world.sendcloud_account import FailedWebhook, SendcloudIntegration, SendcloudParcel
from aftersend_sandbox.world.world import World

TRIES: Final = 10
FIRST_WAIT: Final = 300.0
LONGEST_WAIT: Final = 3600.0
GARBAGE: Final = b'{"action": "parcel_status_changed", "timestamp": 17'
_LOOK: Final = 0.05
"""Seconds between two looks at the clock while something waits."""
UNSCANNED: Final = frozenset({999, 1001, 1002, 1000, 1, 13, 15})
"""Status ids before the carrier has seen the parcel."""
_AT_ONCE: Final = 64


@dataclass(slots=True)
class WebhookDelivery:
    """One body on its way to one integration."""

    integration: SendcloudIntegration
    body: bytes
    action: str
    due: float
    key: str = ""
    attempt: int = 0
    bad_signature: bool = False


class WebhookSender:
    """Make, hold and deliver webhooks; ``session`` lives as long as the server."""

    def __init__(self, world: World, *, time_scale: float = 1.0) -> None:
        self._world = world
        self.time_scale = time_scale
        self.waiting: list[WebhookDelivery] = []
        self._held: dict[int, list[WebhookDelivery]] = {}
        self._flying = 0
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def parcel_changed(self, parcel: SendcloudParcel) -> None:
        """Report a changed parcel to its integration."""
        if self._holds_back(parcel):
            self._count("held_by_feedback_type")
            return
        body = {"action": "parcel_status_changed", "timestamp": self._stamp(parcel)}
        body |= {"carrier_status_change_timestamp": None, "parcel": parcel_body(parcel)}
        self.send(parcel.integration, body, key=str(parcel.id))
        if self._world.switches.extra_actions == "on":
            names = ("return_delivered", "refund_requested") if parcel.is_return else ("parcel_created",)
            for name in names:
                self.send(parcel.integration, {**body, "action": name}, key=str(parcel.id))

    def _holds_back(self, parcel: SendcloudParcel) -> bool:
        """Return whether the integration's feedback_type lets nothing out, or nothing before the carrier's scan."""
        kind = self._world.sendcloud.integrations[parcel.integration].feedback_type
        is_early = kind == "delayed" and parcel.status in UNSCANNED
        return self._world.switches.feedback_holds == "yes" and (kind == "none" or is_early)

    def _stamp(self, parcel: SendcloudParcel) -> int:
        seconds = parcel.updated_at.timestamp()
        return int(seconds * 1000) if self._world.switches.webhook_timestamp == "ms" else int(seconds)

    def send(self, integration_id: int, body: dict[str, Any], *, key: str = "") -> None:
        """Send any body to an integration, subject to the armed faults."""
        integration = self._world.sendcloud.integrations[integration_id]
        if not (integration.webhook_active and integration.webhook_url):
            self._count("inactive")
            return
        self._count("made")
        delivery = WebhookDelivery(integration, self._bytes(body), body["action"], self._world.clock.seconds(), key)
        self._post(delivery)

    def _bytes(self, body: dict[str, Any]) -> bytes:
        if self._world.switches.webhook_json == "python":
            return json.dumps(body).encode()
        return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()

    def _post(self, delivery: WebhookDelivery) -> None:
        if self._strikes("lost"):
            return
        if fault := self._world.faults.strikes("webhook", "reordered", delivery.action):
            self._count("reordered")
            delivery.due += fault.seconds
            self._held.setdefault(delivery.integration.id, []).append(delivery)
            return
        if delayed := self._world.faults.strikes("webhook", "delayed", delivery.action):
            self._count("delayed")
            delivery.due += delayed.seconds
        self.waiting.append(delivery)
        if self._strikes("doubled"):
            self.waiting.append(self._copy(delivery))
        if self._strikes("garbage"):
            self.waiting.append(self._copy(delivery, body=GARBAGE))
        if self._strikes("bad_signature"):
            self.waiting.append(self._copy(delivery, bad_signature=True))
        self._release(delivery.integration.id)
        self._wake.set()

    def _strikes(self, kind: str) -> bool:
        struck = self._world.faults.strikes("webhook", kind) is not None
        if struck:
            self._count(kind)
        return struck

    @staticmethod
    def _copy(delivery: WebhookDelivery, *, body: bytes | None = None, bad_signature: bool = False) -> WebhookDelivery:
        content = delivery.body if body is None else body
        return WebhookDelivery(
            delivery.integration, content, delivery.action, delivery.due, delivery.key, bad_signature=bad_signature
        )

    def _release(self, integration_id: int) -> None:
        """Release the webhook that was held back, now behind the younger one."""
        for held in self._held.pop(integration_id, ()):
            held.due = max(held.due, self._world.clock.seconds() + 2 * _LOOK)
            self.waiting.append(held)

    def release_all(self, *, now: bool = False) -> None:
        """Release what is held back; with ``now`` everything that waits is due at once."""
        for integration_id in list(self._held):
            self._release(integration_id)
        if now:
            for each in self.waiting:
                each.due = self._world.clock.seconds()
        self._wake.set()

    @property
    def unfinished(self) -> int:
        """Webhooks that wait, are held back or under way; retries included."""
        return len(self.waiting) + sum(map(len, self._held.values())) + self._flying

    @property
    def under_way(self) -> int:
        """Those that are due or being sent at this moment."""
        now = self._world.clock.seconds()
        return self._flying + sum(each.due <= now for each in self.waiting)

    async def work(self, _app: web.Application) -> AsyncIterator[None]:
        """Run the worker as a clean-up context of the server."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            worker = asyncio.create_task(self._run(session))
            yield
            tasks = [worker, *self._tasks]
            for each in tasks:
                each.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, session: aiohttp.ClientSession) -> None:
        slots = asyncio.Semaphore(_AT_ONCE)
        while True:
            if not self.waiting:
                self._wake.clear()
                await self._wake.wait()
            due = self._take_due()
            for each in due:
                await slots.acquire()
                task = asyncio.create_task(self._deliver(each, session))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                task.add_done_callback(lambda _: slots.release())
            await asyncio.sleep(0 if due else _LOOK)

    def _take_due(self) -> list[WebhookDelivery]:
        now = self._world.clock.seconds()
        due = [each for each in self.waiting if each.due <= now]
        self.waiting = [each for each in self.waiting if each.due > now]
        self._flying += len(due)
        return due

    async def _deliver(self, delivery: WebhookDelivery, session: aiohttp.ClientSession) -> None:
        try:
            delivery.attempt += 1
            status = await self._send(delivery, session)
            self._note(delivery, status)
            self._after(delivery, status)
        finally:
            self._flying -= 1

    async def _send(self, delivery: WebhookDelivery, session: aiohttp.ClientSession) -> int:
        """Send one webhook; returns the HTTP status, 0 if there was no answer."""
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Sendcloud",
            "Sendcloud-Signature": self._signature(delivery),
        }
        timeout = aiohttp.ClientTimeout(total=float(self._world.switches.webhook_timeout))
        try:
            url = delivery.integration.webhook_url
            async with session.post(url, data=delivery.body, headers=headers, timeout=timeout) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return 0

    def _signature(self, delivery: WebhookDelivery) -> str:
        own = delivery.integration.signature_key
        key = own if own and self._world.switches.webhook_key == "signature_key" else self._world.credentials.secret_key
        key = "wrong" if delivery.bad_signature else key
        return hmac.new(key.encode(), delivery.body, hashlib.sha256).hexdigest()

    def _after(self, delivery: WebhookDelivery, status: int) -> None:
        """Record the result: done, the next try, or the end of all tries."""
        integration, now = delivery.integration, self._world.clock.now()
        good = status == web.HTTPOk.status_code
        if good or (self._world.switches.webhook_success == "2xx" and status // 100 == 2):  # noqa: PLR2004 - HTTP
            self._count("delivered")
            integration.failing_since = None
            return
        integration.failed.append(FailedWebhook(now, delivery.attempt, status, delivery.action))
        integration.failing_since = integration.failing_since or now
        if delivery.attempt >= TRIES or delivery.body == GARBAGE or delivery.bad_signature:
            self._count("given_up")
            return
        self._count("retried")
        wait = min(FIRST_WAIT * 2 ** (delivery.attempt - 1), LONGEST_WAIT) * self.time_scale
        delivery.due = self._world.clock.seconds() + wait
        self.waiting.append(delivery)
        self._wake.set()

    def _note(self, delivery: WebhookDelivery, status: int) -> None:
        detail = {"attempt": delivery.attempt}
        entry = JournalEntry(self._world.clock.now(), "webhook", delivery.action, delivery.key, str(status), detail)
        self._world.journal.call(entry)

    def _count(self, outcome: str) -> None:
        self._world.journal.webhooks[outcome] += 1
