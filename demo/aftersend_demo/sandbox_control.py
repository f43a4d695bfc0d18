"""HTTP client of the sandbox's control API: what people do in Afterbuy and in Sendcloud's panel, and the verdict."""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp

from aftersend.errors import Transient

TAG = "Sendcloud abgeschlossen"
FOREIGN_INTEGRATION = 4700
PICKED_UP, DELIVERED = 22, 11
_PAGE = 500
_COLLI = {0: 2, 1: 3}
"""Parcels per order by the last digit of its position: one of ten orders has two, one has three, the others one."""
_CARRIERS = ("dhl_de", "dpd", "gls_de", "hermes_de", "ups")


class SandboxControl:
    """Client of ``/control``; orders are named by their OrderID."""

    def __init__(self, session: aiohttp.ClientSession, *, url: str) -> None:
        self._session = session
        self._url = url
        self._printed = 0

    async def answers(self, url: str) -> bool:
        """Return whether a GET is answered with a status below 400."""
        try:
            async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=5)) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def incoming(self) -> list[str]:
        """List the OrderIDs of all incoming orders, oldest first."""
        found: list[str] = []
        while True:
            page = await self._get(f"incoming?offset={len(found)}&limit={_PAGE}")
            found += [order["order_id"].removeprefix("afterbuy-") for order in page["orders"]]
            if len(found) >= page["total"] or not page["orders"]:
                return found

    async def orders(self) -> list[dict[str, Any]]:
        """List all orders in Afterbuy."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._get(f"orders?offset={len(found)}&limit={_PAGE}")
            found += page["orders"]
            if len(found) >= page["total"] or not page["orders"]:
                return found

    async def parcels(self) -> list[dict[str, Any]]:
        """List all parcels in Sendcloud."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._get(f"parcels?offset={len(found)}&limit={_PAGE}")
            found += page["parcels"]
            if len(found) >= page["total"] or not page["parcels"]:
                return found

    async def settle(self) -> None:
        """Save all incoming orders that Sendcloud has accepted."""
        await self._post("advance", {"saves": True})

    async def correct_address(self, order: str) -> None:
        """Change the street of an order in Afterbuy."""
        await self._post(f"orders/{order}/address", {"street": "Neue Beispielstraße 1b"})

    async def show(self, order: str, *, seconds: float) -> None:
        """Let Afterbuy show an order only from so many seconds on, whatever its own date is."""
        await self._post(f"orders/{order}/appear", {"seconds": seconds})

    async def clear_number(self, order: str) -> None:
        """Clear the number field of an order in Afterbuy, which releases a held order."""
        await self._post(f"orders/{order}/number", {"number": ""})

    async def print_labels(self, orders: list[str]) -> None:
        """Print the labels of incoming orders, with different carriers and one to three parcels each."""
        for order in orders:
            count, carrier = _COLLI.get(self._printed % 10, 1), _CARRIERS[self._printed % len(_CARRIERS)]
            await self._post(f"incoming/afterbuy-{order}/labels", {"count": count, "carrier": carrier})
            self._printed += 1

    async def relabel(self, order: str) -> None:
        """Replace the label of an order."""
        await self._post(f"incoming/afterbuy-{order}/relabel", {"carrier": "dpd"})

    async def cancel(self, order: str) -> None:
        """Cancel all labels of an order."""
        await self._post(f"incoming/afterbuy-{order}/cancel", {})

    async def remove_tag(self, order: str) -> None:
        """Remove the tag of an order in Afterbuy."""
        await self._post(f"orders/{order}/tags", {"remove": TAG})

    async def edit_number(self, order: str) -> None:
        """Overwrite the number field of an order in Afterbuy."""
        await self._post(f"orders/{order}/number", {"number": "selbst abgeholt"})

    async def announce_return(self, order: str) -> None:
        """Announce a return parcel with the same order number."""
        await self._post(f"incoming/afterbuy-{order}/return", {"same_number": True})

    async def deliver(self, order: str) -> None:
        """Move the parcels of an order to picked up and then delivered."""
        await self._post(f"incoming/afterbuy-{order}/move", {"status": PICKED_UP})
        await self._post(f"incoming/afterbuy-{order}/move", {"status": DELIVERED})

    async def create_foreign_parcels(self) -> None:
        """Create parcels of another integration; some order numbers look like ours."""
        for number in ("", "4711", "S00068"):
            await self._post("parcels", {"order_number": number, "integration": FOREIGN_INTEGRATION})

    async def arm_webhook_faults(self, faults: Mapping[str, float]) -> None:
        """Replace the webhook faults by these, each with its probability."""
        await self._request("DELETE", "faults?upstream=webhook")
        for kind, probability in faults.items():
            await self._post("faults", {"upstream": "webhook", "kind": kind, "probability": probability})

    async def drain_webhooks(self) -> None:
        """Send all pending webhooks and wait until none is in flight."""
        await self._post("advance", {"webhooks": True})
        while (await self._get("state"))["webhooks_under_way"]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)

    async def counts(self) -> dict[str, int]:
        """Fetch the counts that the display shows."""
        state = await self._get("state")
        return {
            "orders in Afterbuy": state["orders"],
            "orders in Sendcloud": state["incoming"],
            "labels printed": state["parcels_live"],
            "webhooks received": state["webhooks"].get("delivered", 0),
            "webhooks lost": state["webhooks"].get("lost", 0),
            "numbers in Afterbuy": state["with_number"],
            "writes to Afterbuy": state["updates"],
        }

    async def verdict(self) -> list[dict[str, Any]]:
        """Fetch the merchant's rules with their counts, judged by the sandbox."""
        rules: list[dict[str, Any]] = (await self._get("verdict"))["rules"]
        return rules

    async def _get(self, path: str) -> Any:  # noqa: ANN401 - JSON - JSON of the sandbox
        return await self._request("GET", path)

    async def _post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON - JSON of the sandbox
        return await self._request("POST", path, body)

    async def _request(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        try:
            async with self._session.request(method, f"{self._url}/control/{path}", json=body) as response:
                if not response.ok:
                    raise Transient(f"http_{response.status}", upstream="sandbox", path=path.partition("?")[0])
                return await response.json()
        except aiohttp.ClientError:
            raise Transient("unreachable", upstream="sandbox") from None
